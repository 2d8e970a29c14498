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
