"""Traces of networks against the law of each whole trace, by going through all of them."""

from collections import Counter
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import special

from tests.reference import networks
from tests.reference.generation import truncated
from tests.support.sequences import Generation, small, text, weights
from tests.support.statistics import assert_counts

INF = float("inf")
NUMBER = 20_000  # traces
Trace = tuple[int, ...]
TRANSFORMER = partial(networks.transformer, heads=2, rotary=False)


def _sampled(logits: np.ndarray, process: dict[str, Any]) -> np.ndarray:
    """The law of a token."""
    temperature = process.get("temperature", 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        heat = np.where(logits == logits.max(), 0, (logits - logits.max()) / temperature)
    return truncated(special.softmax(heat), process)


def _cut(trace: Trace, prompt: int, end: int) -> Trace:
    """A trace with −1 after its end token, which has no effect in the prompt."""
    over = next((place for place in range(prompt, len(trace)) if trace[place] == end), len(trace))
    return tuple(token if place <= over else -1 for place, token in enumerate(trace))


def _law(
    forward: networks.Forward, start: Any, texts: list[np.ndarray], places: int, process: dict[str, Any]
) -> dict[Trace, float]:
    """The probability of each trace."""
    prompt, end, real = process.get("prompt_length", 0), process.get("end", -1), process.get("fresh_fraction", 0.0)
    windows = [tuple(text[begin:][:places].tolist()) for text in texts for begin in range(len(text) - places + 1)]
    prompts = Counter(window[:prompt] for window in windows)
    every = np.array(list(product(range(3), repeat=places)))
    law = dict[Trace, float]()
    for trace, logits in zip(every.tolist(), forward(start, every), strict=True):
        cut, chance = _cut(tuple(trace), prompt, end), prompts[tuple(trace[:prompt])] / len(windows)
        for place in range(prompt, places):
            chance *= _sampled(logits[place], process)[cut[place]] if cut[place] >= 0 else 1
        law[cut] = (1 - real) * chance
    for window in windows:
        law[_cut(window, prompt, end)] += real / len(windows)
    assert sum(law.values()) == pytest.approx(1)
    return law


def _assert_law(traces: np.ndarray, law: dict[Trace, float]) -> None:
    assert len(traces) == NUMBER
    counts = Counter(map(tuple, traces.tolist()))
    assert set(counts) <= {trace for trace, chance in law.items() if chance > 0}
    assert_counts(np.array([counts[trace] for trace in law]), len(traces) * np.array(list(law.values())))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return text(tmp_path_factory.mktemp("text") / "text.txt")


def _many(*paths: Path, **fields: Any) -> Generation:
    """A generation of many traces."""
    return Generation("float32", **small(*paths, batch_size=NUMBER, **fields))


@pytest.fixture(scope="module")
def plain(path: Path) -> Generation:
    return _many(path, context_length=3)


@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.0, 1.6, INF])
def test_traces_have_their_law_at_each_temperature(plain: Generation, temperature: float) -> None:
    start = weights(plain.network, 3)
    _, (traces,) = plain.of(start, temperature=temperature)
    _assert_law(traces, _law(TRANSFORMER, start, [plain.text], 3, {"temperature": temperature}))


@pytest.fixture(scope="module")
def cut(path: Path) -> Generation:
    return _many(path, context_length=3, top_k=2, top_p=0.9, min_p=0.1)


@pytest.mark.parametrize(
    "process",
    [
        {"top_k": 1, "top_p": 1.0, "min_p": 0.0},
        {"top_k": 2, "top_p": 1.0, "min_p": 0.0, "temperature": 1.5},
        {"top_k": 3, "top_p": 0.6, "min_p": 0.0},
        {"top_k": 3, "top_p": 1.0, "min_p": 0.4, "temperature": 0.7},
        {"top_k": 2, "top_p": 0.9, "min_p": 0.2},
    ],
    ids=str,
)
def test_traces_have_their_law_if_it_is_truncated(cut: Generation, process: dict[str, Any]) -> None:
    start = weights(cut.network, 3)
    _, (traces,) = cut.of(start, **{"temperature": 1.0, **process})
    law = _law(TRANSFORMER, start, [cut.text], 3, process)
    assert min(law.values()) == 0
    _assert_law(traces, law)


@pytest.fixture(scope="module")
def prompted(path: Path) -> Generation:
    return _many(path, prompt_length=2, end_token="b", fresh_fraction=0.5)


@pytest.mark.parametrize("fresh_fraction", [0.0, 0.3, 1.0])
def test_traces_begin_with_prompts_and_end_with_their_end_token(prompted: Generation, fresh_fraction: float) -> None:
    """And a share of them, in their place, are windows of the text; an end token in a prompt ends nothing."""
    start, process = weights(prompted.network, 4), {"prompt_length": 2, "fresh_fraction": fresh_fraction}
    _, (traces,) = prompted.of(start, fresh_fraction=fresh_fraction)
    _assert_law(traces, _law(TRANSFORMER, start, [prompted.text], 4, {**process, "end": prompted.end_token}))


@pytest.mark.parametrize(
    ("fields", "forward"),
    [
        ({"parameters": "gru", "end_token": "c"}, networks.gru),
        ({"positions": "rotary", "end_token": "c"}, partial(networks.transformer, heads=2, rotary=True)),
    ],
    ids=["GRU", "rotary"],
)
def test_other_networks_have_their_law(path: Path, fields: dict[str, Any], forward: networks.Forward) -> None:
    made = _many(path, **fields)
    start = weights(made.network, 4)
    _, (traces,) = made.of(start)
    _assert_law(traces, _law(forward, start, [made.text], 4, {"end": made.end_token}))


def test_windows_lie_within_one_text(tmp_path: Path) -> None:
    """All windows of all texts are equally likely; none begins in one and ends in the next."""
    first, second = tmp_path / "one.txt", tmp_path / "two.txt"
    first.write_text("ab" * 20)
    second.write_text("c" * 70 + "a" * 10)
    made = _many(first, second, fresh_fraction=1.0)
    _, (traces,) = made.of(weights(made.network, 4))
    texts = [np.array([1, 2] * 18), np.array([0] * 70 + [1] * 2)]  # the most frequent letter is the first token
    np.testing.assert_array_equal(made.text, np.concatenate(texts))
    _assert_law(traces, _law(TRANSFORMER, weights(made.network, 4), texts, 4, {"fresh_fraction": 1.0}))
