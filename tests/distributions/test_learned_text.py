"""Texts that networks learn: what is for training, what is held out, and which windows there are."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import jaxcollapse as jc
from jaxcollapse.distributions.learned_text import LearnedText, begins_of
from jaxcollapse.planning.library import Library
from tests.support.sequences import small
from tests.support.statistics import assert_counts

LONG, SHORT = np.arange(95), 100 + np.arange(40)
BOTH = LearnedText([LONG, SHORT], 200)


def test_the_last_tenth_of_each_text_is_held_out() -> None:
    assert BOTH.lengths == (86, 36)
    np.testing.assert_array_equal(BOTH.train, [*range(86), *range(100, 136)])
    held_out = {*range(86, 95), *range(136, 140)}
    windows = BOTH.held_out_windows(50, 3)
    assert set(windows.ravel().tolist()) == held_out, "all of it is seen"
    assert len(BOTH.held_out_windows(0, 3)) == 0


def test_held_out_windows_take_turns_and_are_evenly_spaced() -> None:
    """From the first to the last of each text."""
    windows = BOTH.held_out_windows(5, 3)
    np.testing.assert_array_equal(windows[:, 0], [86, 136, 89, 137, 92])
    np.testing.assert_array_equal(windows, windows[:, :1] + np.arange(3))


def test_windows_lie_within_a_text_and_are_equally_likely() -> None:
    places = 5
    begins = begins_of(BOTH.lengths, places)
    np.testing.assert_array_equal(begins, [*range(86 - 4), *range(86, 86 + 36 - 4)])
    windows = BOTH.windows(np.random.default_rng(0), (300, 100), places)
    assert windows.shape == (300, 100, places)
    counts = Counter(map(tuple, windows.reshape(-1, places).tolist()))
    assert set(counts) <= {tuple(BOTH.train[begin:][:places].tolist()) for begin in begins}
    assert_counts(np.array(list(counts.values())), np.full(len(counts), 30_000 / len(begins)))
    assert len(counts) == len(begins)


def test_a_digest_follows_from_the_tokens_and_the_borders_of_texts() -> None:
    texts = [BOTH.texts, [SHORT, LONG], [np.concatenate([LONG, SHORT])], [LONG[:-1], np.append(LONG[-1], SHORT)]]
    assert len({LearnedText(each, 200).digest for each in texts}) == len(texts)
    assert LearnedText([each.astype(np.int64) for each in BOTH.texts], 200).digest == BOTH.digest


def _made(*paths: Path, **fields: Any) -> Any:
    sweep = jc.Sweep.from_dict({"process": small(*paths, **fields)})
    return Library(sweep.grid, sweep.seed).entries[0]


def test_probes_are_named_by_the_text_before_them(tmp_path: Path) -> None:
    """A row for each place of a held-out window where a trace draws a token."""
    path = tmp_path / "text.txt"
    path.write_text("abcd" * 25)
    made = _made(path, probes=5)
    assert made.walk.names(made.given).tolist() == ["(start)", "c", "cd", "cda", "(start) (2)"]
    prompted = _made(path, probes=3, prompt_length=2)
    assert prompted.walk.names(prompted.given).tolist() == ["cd", "cda", "ab"]
    path.write_text("to be or not to be " * 20)
    words = _made(path, probes=3, initial={"kind": "text", "path": str(path), "tokenizer": "words"})
    assert [len(name.split()) for name in words.walk.names(words.given)] == [1, 1, 2]
    assert words.walk.names(words.given)[2] in "to be or not to be to be or not to be"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (
            {"context_length": 11},
            "process.context_length: the text has 100 tokens; a tenth is held out, .* at least 110",
        ),
        ({"prompt_length": 4}, "process.prompt_length: 4: must be less than context_length = 4"),
        ({"initial": {"kind": "zipf"}}, "process.initial: has no text for a sequence model to learn"),
        ({"end_token": "z"}, "process.end_token: 'z' is not a token of p0"),
    ],
)
def test_what_does_not_fit_is_refused(fields: dict[str, Any], told: str, tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("abcd" * 25)
    with pytest.raises(jc.InputError, match=told):
        _made(path, **fields)
    path.write_text("abcdefghijk" * 10)
    assert len(_made(path, context_length=11).given.text.held_out_windows(1, 11)) == 1
