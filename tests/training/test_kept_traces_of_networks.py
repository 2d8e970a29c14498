"""Traces of a network that are kept for a window of generations: which of them each step sees, and how they resume."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import jaxcollapse as jc
from jaxcollapse.process.sequences import Drawing, Lesson
from jaxcollapse.sampling import bits
from tests.support.listed_traces import SMALL, made, over_keys, written

WINDOW, SAMPLES, GENERATIONS = 3, 5, 5


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return written(tmp_path_factory.mktemp("letters"))


@pytest.mark.parametrize(("batch_size", "replacement"), [(4, False), (4, True), (float("inf"), False)])
def test_steps_see_the_traces_of_the_last_generations(
    batch_size: float, replacement: bool, text: dict[str, Any]
) -> None:
    """Each once in an epoch, or as many of them as there are, and no empty place; the oldest ones make room."""
    fields = {"initial": text, "corpus": "window", "window": WINDOW, "samples": SAMPLES, "batch_size": batch_size}
    process, _ = made({**fields, **({"replacement": True} if replacement else {}), "steps": 3, "learning_rate": 1.0})

    def generations(key: Any) -> Any:
        own = process(key)
        state, kept = own.init(), []
        for generation in range(GENERATIONS):
            step = bits.fold_in(key, generation)
            drawn = own._lesson(Drawing(own, state.parameters, None), step, state).drawn[:SAMPLES]
            state = own.step(step, state)
            lesson = own._lesson(
                Drawing(own, state.parameters, None), step, state._replace(generation=state.generation - 1)
            )
            seen, rest = [], Lesson(**{**vars(lesson), "kept": state.corpus}).first
            for _ in range(3):
                rest = lesson._reordered(bits.fold_in(step, 7), rest) if batch_size == 4 else rest
                slots = jax.numpy.arange(4 if batch_size == 4 else WINDOW * SAMPLES, dtype=jax.numpy.int32)
                seen.append(lesson._traces(bits.fold_in(step, 8), slots, rest))
                rest = rest._replace(used=rest.used + (4 if batch_size == 4 else 0))
            kept.append((drawn, jax.numpy.stack(seen), rest.number))
        return kept

    found = over_keys(generations, 4)
    for key in range(4):
        for generation, (_, seen, number) in enumerate(found):
            first = max(0, generation + 1 - WINDOW)
            corpus = np.concatenate([drawn[key] for drawn, *_ in found[first : generation + 1]])
            assert number[key] == len(corpus)
            stored = sorted(map(tuple, corpus.tolist()))
            for batch in seen[key]:
                shown = list(map(tuple, batch[: len(corpus)].tolist()))
                assert set(shown) <= set(stored)
                if np.isinf(batch_size):
                    assert sorted(shown) == stored
                elif not replacement:
                    assert all(shown.count(trace) <= stored.count(trace) for trace in shown)


def test_a_study_goes_on_bit_for_bit(tmp_path: Path, text: dict[str, Any]) -> None:
    """Five generations, and five more, are ten."""
    process = {**SMALL, "initial": text, "corpus": "window", "window": WINDOW, "samples": 8, "steps": 3}
    sweep = {"process": process, "record": {"every": 5, "logits": True, "state": True}, "observables": ["entropy"]}

    def found(generations: int, folder: str) -> np.ndarray:
        made = jc.Sweep.from_dict({**sweep, "generations": generations})
        data = jc.run(made, progress=False, directory=tmp_path / folder, devices=jax.local_devices()[:1])
        return np.asarray(data.logits.values)

    found(5, "one")
    np.testing.assert_array_equal(found(10, "one"), found(10, "other"))


@pytest.mark.parametrize(
    ("process", "told"),
    [
        (
            {"corpus": "accumulate"},
            "corpus: 'accumulate' with model = 'sequence': keeps counts of all generations, but",
        ),
        ({"corpus": "window", "window": 10**6, "samples": 64}, "window: 1000000 generations with traces of 3 tokens"),
    ],
)
def test_what_does_not_fit_is_refused(process: dict[str, Any], told: str, text: dict[str, Any]) -> None:
    with pytest.raises(jc.InputError, match=told):
        jc.Sweep.from_dict({"process": {**SMALL, "initial": text, **process}})
