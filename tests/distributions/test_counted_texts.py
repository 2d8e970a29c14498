"""Real texts as p0: what is a token, what is counted, what is refused, and what identifies a text."""

from collections import Counter
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import special

import jaxcollapse as jc
from jaxcollapse.distributions import Distribution
from jaxcollapse.planning.library import Entry, Library
from jaxcollapse.walks.stationary import stationary
from tests.support.sweeps import run

SHAKESPEARE = Path(__file__).parents[2] / "sweeps" / "data" / "shakespeare.txt"


def entry(path: Path, process: dict[str, Any] | None = None, texts: Any = None, **keys: Any) -> Entry:
    initial = {"kind": "text", "path": texts or path.name, **keys}
    sweep = jc.Sweep.from_dict({"process": {"initial": initial, **(process or {})}}, folder=path.parent)
    return Library(sweep.grid, sweep.seed).entries[0]


def made(path: Path, process: dict[str, Any] | None = None, **keys: Any) -> Distribution:
    return entry(path, process, **keys).given


def counted(path: Path, **keys: Any) -> dict[str, float]:
    """Shares of the tokens, in their order."""
    found = made(path, **keys)
    assert found.labels is not None
    return dict(zip(found.labels.tolist(), special.softmax(found.logits).tolist(), strict=True))


def text(folder: Path, content: str | bytes, name: str = "p0.txt") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(path: Path, process: dict[str, Any] | None = None, **keys: Any) -> str:
    with pytest.raises(jc.InputError) as caught:
        made(path, process, **keys)
    return str(caught.value)


def test_shares_of_characters_are_those_of_a_counter() -> None:
    content = SHAKESPEARE.read_text()
    found, number = counted(SHAKESPEARE), Counter(content)
    assert found.keys() == number.keys()
    np.testing.assert_allclose(list(found.values()), [number[each] / len(content) for each in found], rtol=1e-12)
    assert list(found.values()) == sorted(found.values(), reverse=True)


@pytest.mark.parametrize(
    ("tokenizer", "content", "tokens"),
    [
        ("characters", "aé\n👍é", ["é", "\n", "a", "👍"]),
        ("characters", b"\xef\xbb\xbfa\r\nb\ra", ["\n", "a", "b"]),
        (
            "words",
            "Don't stop, don’t!\tA-b x_1 «é»",
            ["!", ",", "-", "A", "Don't", "b", "don’t", "stop", "x_1", "«", "»", "é"],
        ),
        ("words", "हिन्दी e\u0301t", ["e\u0301t", "हिन्दी"]),
        ("bytes", b"a\r\n\xff\xffa\x00", ["\\xff", "a", "\\x00", "\\x0a", "\\x0d"]),
    ],
    ids=["characters", "byte order mark and line ends", "words", "marks of letters", "bytes"],
)
def test_tokens_are_what_the_tokenizer_says(
    tokenizer: str, content: str | bytes, tokens: list[str], tmp_path: Path
) -> None:
    """More frequent ones first; equally frequent ones in the order of their names."""
    found = counted(text(tmp_path, content), tokenizer=tokenizer)
    assert list(found) == tokens


def test_letters_are_made_lower_case_if_asked(tmp_path: Path) -> None:
    path = text(tmp_path, "AaÉé")
    assert counted(path, lowercase=True) == {"a": 0.5, "é": 0.5}
    assert len(counted(path)) == 4


def test_tokens_beyond_the_top_are_one_token_or_none(tmp_path: Path) -> None:
    path = text(tmp_path, "aaaabbbccd")
    assert counted(path, top=2) == pytest.approx({"a": 0.4, "b": 0.3, "(other)": 0.3})
    assert counted(path, top=2, others="dropped") == pytest.approx({"a": 4 / 7, "b": 3 / 7})
    assert counted(path, top=4) == pytest.approx({"a": 0.4, "b": 0.3, "c": 0.2, "d": 0.1})
    assert "5 is more than the 4 different tokens of the text" in refusal(path, top=5)


def test_smoothing_adds_to_each_count(tmp_path: Path) -> None:
    path = text(tmp_path, "aab")
    assert counted(path, smoothing=0.5) == pytest.approx({"a": 2.5 / 4, "b": 1.5 / 4})
    rows = special.softmax(made(path, {"model": "markov"}, smoothing=0.5).logits, axis=1)
    np.testing.assert_allclose(rows, [[2.5 / 4, 1.5 / 4], [1.5 / 3, 1.5 / 3], [1.5 / 2, 0.5 / 2]], rtol=1e-12)


def test_a_chain_has_the_bigrams_of_the_text_read_as_a_circle() -> None:
    content = SHAKESPEARE.read_text()
    found = entry(SHAKESPEARE, {"model": "markov"})
    labels = found.given.labels
    assert labels is not None
    place = {label: number for number, label in enumerate(labels.tolist())}
    pairs = np.zeros((len(place), len(place)))
    for (one, other), number in Counter(pairwise(content + content[0])).items():
        pairs[place[one], place[other]] = number
    rows = special.softmax(found.table, axis=1)
    np.testing.assert_allclose(rows[1:], pairs / pairs.sum(axis=1, keepdims=True), rtol=1e-12)
    np.testing.assert_allclose(rows[0], pairs.sum(axis=1) / len(content), rtol=1e-12)
    np.testing.assert_allclose(rows[0], stationary(rows[1:]), rtol=1e-9)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("order", [2, 3])
def test_a_chain_of_higher_order_has_the_n_grams_of_the_text(order: int, smoothing: float, tmp_path: Path) -> None:
    """Windows of 0 to k tokens, in order of their length; those that the text lacks have uniform rows."""
    content = "abcabbaacbca"
    found = entry(text(tmp_path, content), {"model": "markov", "order": order}, smoothing=smoothing)
    labels = found.given.labels
    assert labels is not None
    windows = ["".join(each) for length in range(order + 1) for each in product(labels.tolist(), repeat=length)]
    rows, circle = special.softmax(found.table, axis=1), content * 2
    assert len(rows) == len(windows)
    for row, window in zip(rows, windows, strict=True):
        counts = (
            np.array(
                [sum(circle.startswith(f"{window}{token}", place) for place in range(len(content))) for token in labels]
            )
            + smoothing
        )
        weights = counts if counts.any() else np.ones(len(labels))
        np.testing.assert_allclose(row, weights / weights.sum(), rtol=1e-12, err_msg=window)
    names = found.walk.names(found.given)
    assert names is not None
    assert names.tolist() == ["(start)", *windows[1:]]


def test_a_chain_that_does_not_fit_or_a_short_text_is_refused(tmp_path: Path) -> None:
    told = refusal(SHAKESPEARE, {"model": "markov", "order": 3})
    assert "process.initial.top: order = 3 with 59 tokens makes 208920 rows" in told
    assert made(SHAKESPEARE, {"model": "markov", "order": 3}, top=18).size == 19
    told = refusal(text(tmp_path, "abc"), {"model": "markov", "order": 3})
    assert "a text of 3 tokens is too short for windows of 3 and a next token; it needs at least 4" in told


def test_several_texts_are_personas_with_common_tokens(tmp_path: Path) -> None:
    text(tmp_path, "aab", "one.txt")
    path = text(tmp_path, "abcccccc", "two.txt")
    found = made(path, {"model": "persona"}, texts=["one.txt", "two.txt"])
    assert found.rows is not None
    assert found.labels is not None
    assert found.rows.tolist() == ["one", "two"]
    assert found.labels.tolist() == ["a", "c", "b"]
    np.testing.assert_allclose(special.softmax(found.logits, axis=1), [[2 / 3, 0, 1 / 3], [1 / 8, 6 / 8, 1 / 8]])
    mixture = counted(path, texts=["one.txt", "two.txt"])
    assert mixture == pytest.approx({"a": (2 / 3 + 1 / 8) / 2, "c": 3 / 8, "b": (1 / 3 + 1 / 8) / 2})
    text(tmp_path, "cc", "two.txt")
    told = refusal(path, {"model": "persona"}, texts=["one.txt", "two.txt"], top=1, others="dropped")
    assert "process.initial.top: 1: 'one.txt' has none of these tokens" in told


def test_a_text_that_cannot_be_counted_is_refused_in_a_line(tmp_path: Path) -> None:
    path = text(tmp_path, "é".encode("latin-1"))
    assert "is not UTF-8 (byte 0xe9 at place 0, counted from 0)" in refusal(path)
    assert counted(path, tokenizer="bytes") == {"\\xe9": 1.0}
    assert "is not UTF-8 (byte 0xff at place 0" in refusal(text(tmp_path, "a".encode("utf-16")))
    assert "is empty" in refusal(text(tmp_path, ""))
    assert "has no characters" in refusal(text(tmp_path, b"\xef\xbb\xbf"))
    assert "has no words" in refusal(text(tmp_path, " \n\t"), tokenizer="words")
    assert "no such file" in refusal(tmp_path / "missing.txt")
    assert "leads out of" in refusal(path, texts="../p0.txt")
    assert "is too short for windows of 1 and a next token" in refusal(text(tmp_path, "a"), {"model": "markov"})
    assert "lowercase has no effect on bytes" in refusal(path, tokenizer="bytes", lowercase=True)
    assert "others has no effect without top" in refusal(path, others="dropped")
    assert "a text is named twice" in refusal(path, texts=["p0.txt", "p0.txt"])
    assert "a chain is counted from one text" in refusal(path, {"model": "markov"}, texts=["p0.txt"])
    assert "did you mean 'words'" in refusal(path, tokenizer="word")


def test_a_text_may_not_be_larger_than_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jaxcollapse.distributions.tokenizers.MOST_TEXT_BYTES", 3)
    assert counted(text(tmp_path, "aab"))
    assert "has 4 bytes; a text may have at most 3: cut it" in refusal(text(tmp_path, "aabb"))


def test_too_many_rows_of_a_chain_are_refused_before_they_are_counted(tmp_path: Path) -> None:
    path = text(tmp_path, " ".join(f"w{number}" for number in range(9000)))
    told = refusal(path, {"model": "markov"}, tokenizer="words")
    assert "process.initial.top: order = 1 with 9000 tokens makes 9001 rows" in told
    assert made(path, {"model": "markov"}, tokenizer="words", top=20).size == 21


def _identity(folder: Path, **keys: Any) -> int:
    initial = {"kind": "text", **keys}
    return int(jc.plan(jc.Sweep.from_dict({"process": {"initial": initial}}, folder=folder)).identities[0])


def test_a_text_counts_by_its_content(tmp_path: Path) -> None:
    text(tmp_path, "aab", "one.txt")
    text(tmp_path, "aab", "same.txt")
    text(tmp_path, "aabb", "other.txt")
    known = _identity(tmp_path, path="one.txt")
    assert _identity(tmp_path, path="same.txt") == known
    assert _identity(tmp_path, path="one.txt", tokenizer="characters", smoothing=0.0) == known
    assert _identity(tmp_path, path="one.txt", smoothing=1.0) != known
    assert _identity(tmp_path, path="other.txt") != known
    several = _identity(tmp_path, path=["one.txt", "other.txt"])
    assert several == _identity(tmp_path, path=["same.txt", "other.txt"])
    assert len({several, known, _identity(tmp_path, path=["other.txt", "one.txt"])}) == 3


def test_a_study_has_copies_of_its_texts(tmp_path: Path) -> None:
    """It goes on where the texts are gone, also where an axis names them, one by one or as lists."""
    folder, study = tmp_path / "sweep", tmp_path / "study"
    folder.mkdir()
    for name, content in {"one.txt": "aab", "two.txt": "abcc"}.items():
        text(folder, content, name)
    data = {
        "generations": 1,
        "replicates": 1,
        "process": {"initial": {"kind": "text"}},
        "axes": {"initial.path": ["one.txt", "two.txt", ["one.txt", "two.txt"]]},
    }
    ds = jc.run(jc.Sweep.from_dict(data, folder=folder), study, progress=False)
    for path in folder.iterdir():
        path.unlink()
    assert sorted(path.name for path in (study / "inputs").rglob("*.txt")) == ["one.txt", "two.txt"]
    again = jc.run(jc.Sweep.from_toml(study / "sweep.toml", folder=study / "inputs"), study, progress=False)
    assert again.entropy.equals(ds.entropy)
    entropies = ds.entropy.isel(generation=0, replicate=0).values
    p = np.array([2 / 3 + 1 / 4, 1 / 3 + 1 / 4, 1 / 2]) / 2
    np.testing.assert_allclose(entropies[2], -(p * np.log(p)).sum(), rtol=1e-6)


def test_generation_0_has_the_labels_of_the_text(tmp_path: Path) -> None:
    text(tmp_path, "the cat the mat")
    initial = {"kind": "text", "path": str(tmp_path / "p0.txt"), "tokenizer": "words"}
    data = run({"initial": initial}, generations=0, replicates=1, record={"logits": True})
    assert data.token.values.tolist() == ["the", "cat", "mat"]
