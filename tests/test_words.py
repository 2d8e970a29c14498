"""Docstrings say what is returned or done: none is a single word, or leans on the docstring before it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "jaxcollapse"
LEAST_WORDS = 3
EMPTY = re.compile(
    r"""(yes|no)\b\W                                        # an answer without its question
    |   the[ ]same([.,:;]|[ ](as|at|but|for|in|of|with|without)\b)  # as what?
    |   those[ ](as|for|in|of|with|without)\b
    |   (as|of|with|without)\b                               # a sentence without its beginning
    |   (it|they)[ ](is|are|does|do|keeps?|has|have)\b[^.]{0,12}\.$
    """,
    re.IGNORECASE | re.VERBOSE,
)
# These docstrings are descriptions, which pages, datasets and --help show next to a name.
DESCRIBED = re.compile(r"(\w+\.)*(observable|event|oracle|adds|command|callback)$")


def _is_described(node: ast.AST) -> bool:
    decorators = getattr(node, "decorator_list", [])
    names = [ast.unparse(each.func if isinstance(each, ast.Call) else each) for each in decorators]
    return any(DESCRIBED.match(name) for name in names)


def empty_docstrings(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of each docstring of a module, its classes and its functions that has no meaning by itself."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        text = ast.get_docstring(node)
        if text is None or _is_described(node):
            continue
        if len(re.findall(r"\w+", text)) < LEAST_WORDS or EMPTY.match(text):
            yield node.body[0].lineno, text


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_docstring_is_empty_of_meaning(path: Path) -> None:
    assert list(empty_docstrings(path.read_text(encoding="utf-8"))) == []


EMPTY_ONES = ("Yes.", "No.", "One.", "Themselves.", "Numbers.", "A file.", "They are.", "It keeps nothing.", "ln p.")
EMPTY_ONES += (
    "The same of p0.",
    "The same as `p`.",
    "Those of the model.",
    "As JSON has it.",
    "No: as many as values.",
)
MEANINGFUL = (
    "The table of logits.",
    "False: as many tokens as values.",
    "The same walk without padding.",
    "S = −Σ p ln p.",
)
PLACES = (
    '"""{}"""',
    'class A:\n    """{}"""',
    'class A:\n    def f(self):\n        """{}"""',
    'async def f():\n    """{}"""',
)


@pytest.mark.parametrize("place", PLACES, ids=("module", "class", "method", "coroutine"))
@pytest.mark.parametrize("text", EMPTY_ONES)
def test_an_empty_docstring_is_seen_wherever_it_is(text: str, place: str) -> None:
    source = place.format(text)
    assert list(empty_docstrings(source)) == [(source.count("\n") + 1, text)]


@pytest.mark.parametrize("place", PLACES, ids=("module", "class", "method", "coroutine"))
@pytest.mark.parametrize("text", MEANINGFUL)
def test_a_docstring_with_a_meaning_passes(text: str, place: str) -> None:
    assert list(empty_docstrings(place.format(text))) == []


@pytest.mark.parametrize(
    "decorator", ["observable('entropy', 'nat')", "OPTIMIZERS.adds(converges=True)", "app.command()"]
)
def test_a_description_may_be_as_short_as_its_formula(decorator: str) -> None:
    source = 'def f():\n    """ln p."""'
    assert list(empty_docstrings(source))
    assert not list(empty_docstrings(f"@{decorator}\n{source}"))


# Words that readers had to decode, in messages, descriptions, help and docstrings.
OBSCURE = re.compile(
    r"""\b(
        (is|are)[ ]told | told[ ]of | tells? | stands? | whoever | mends? | thereof | anew | for[ ]ever | of[ ]which
    |   (?<![Tt]here[ ])(is|are)[ ]no(ne)?    # "5/4 is none": is not a valid share
    |   as[ ]it[ ]comes
    )\b(?!\s*\()""",
    re.VERBOSE,
)


def texts(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of each string of a module that has words, placeholders left out."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, " ".join(node.value.split())


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_text_has_an_obscure_word(path: Path) -> None:
    assert [found for found in texts(path.read_text(encoding="utf-8")) if OBSCURE.search(found[1])] == []


@pytest.mark.parametrize(
    "text",
    [
        "5/4 is none; allowed: 0/4 to 3/4",
        "the end token is no token of p0",
        "what is told of those that have it",
        "a study tells what it lacks",
        "10 chunks, of which 3 are missing",
    ],
)
def test_an_obscure_word_is_seen(text: str) -> None:
    assert OBSCURE.search(text)


@pytest.mark.parametrize(
    "text", ["the axis of colours; None if there is none", "there is no such file", "it is not None"]
)
def test_a_plain_sentence_has_no_obscure_word(text: str) -> None:
    assert not OBSCURE.search(text)


def literal(node: ast.AST) -> str:
    """The text of a string, with `{}` for what an f-string fills in; empty for anything else."""
    if isinstance(node, ast.JoinedStr):
        return "".join(literal(part) or "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def ill_formed_messages(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of each raised message in the form of a sentence, although it follows a path and a key."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            for text in filter(None, map(literal, node.exc.args)):
                if " " in text and (text.rstrip().endswith(".") or re.match(r"(?!None)[A-Z][a-z]+ ", text)):
                    yield node.lineno, text


def ill_formed_help(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of each help text, or description of a field, that is no sentence: a capital, and a full stop."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.keyword) and node.arg in ("help", "description"):
            text = literal(node.value).split("\n\n")[0]
            if re.search(r"[a-z] ", text) and not re.fullmatch(r"([A-Z]|netCDF:|iid:).*\.", text):
                yield node.value.lineno, text


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_messages_are_clauses_and_help_is_sentences(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert [*ill_formed_messages(source), *ill_formed_help(source)] == []


@pytest.mark.parametrize("text", ["The file is missing", "the file is missing."])
def test_a_message_in_the_form_of_a_sentence_is_seen(text: str) -> None:
    assert list(ill_formed_messages(f"raise InputError('path', f'{text}')")) == [(1, text)]


@pytest.mark.parametrize("text", ["the file to read.", "The file to read"])
def test_a_help_text_without_the_form_of_a_sentence_is_seen(text: str) -> None:
    assert list(ill_formed_help(f"typer.Option(help='{text}')")) == [(1, text)]
