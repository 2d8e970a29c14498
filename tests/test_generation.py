"""A generation of the engine is that of `tests.reference.generation`: what samples are drawn from, and what they teach.

With infinitely many samples nothing is random, and whole trajectories are compared. Of finitely many the counts that
were drawn are found from the logits before and after. Both are asked of native code and of XLA alone.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

from tests.reference.generation import INF, State, generation, kept, law, trajectory
from tests.reference.laws import softmax
from tests.support.engines import xla_alone
from tests.support.statistics import assert_mean
from tests.support.sweeps import run, together, values

P0 = np.array([0.4, 0.25, 0.2, 0.1, 0.05, 0.0])  # the last token never was there
SCORED = {"scores": [0.3, -0.2, 0.9, 0.0, 0.5, 0.7]}
SCORES = {"reward": "score"}

REFITS: list[dict[str, Any]] = [
    {},
    {"corpus": "accumulate"},
    {"mixing": 0.3},
    {"fresh_fraction": 0.2},
    {"fresh_fraction": 0.2, "corpus": "accumulate", "mixing": 0.5},
    {"top_k": 4},
    {"top_p": 0.93},
    {"min_p": 0.05},
    {"temperature": 1.5, "top_k": 4, "top_p": 0.95, "min_p": 0.06},
    {"temperature": 1.5, "top_k": 4, "fresh_fraction": 0.1, "fresh_every": 2},
    {"generator": "initial", "mixing": 0.4, "reset_every": 3},
    {"curation": "bradley_terry", "candidates": 3, **SCORES},
    {"curation": "argmax", "candidates": 2, "reward_scale": 0.5, "fresh_fraction": 0.3},
    {"curation": "bradley_terry", "reward": "original_likelihood", "top_p": 0.93},
    {"generator": "initial", "mixing": 0.5, "curation": "bradley_terry", "reward_scale": 3.0},
    {"true_positive_rate": 0.9, "false_positive_rate": 0.6, "correct_share": 0.8, "fresh_fraction": 0.1},
]
LOSS = {"label_smoothing": 0.3, "entropy_bonus": 0.2, "forward_kl": 0.5, "reverse_kl": 0.4}
DESCENTS: list[dict[str, Any]] = [
    {"steps": 3},
    {"corpus": "accumulate", "top_k": 4, "steps": 2},
    {**LOSS, "steps": 3},
    {"clip_norm": 0.03, "entropy_bonus": 0.3, "steps": 2},
    {"generator": "initial", "steps": 2},
    {"reset_every": 2, "steps": 3},
    {"optimizer": "adam", "reset_every": 3},
    {"fresh_fraction": 0.4, "fresh_sampling": "stratified"},
    *({"schedule": name, "schedule_time": 3.5} for name in ("linear", "cosine", "exponential", "inverse")),
    {"schedule": "inverse", "schedule_time": 2.0, "steps": 2, "clip_norm": 0.05},
    {"fresh_fraction": 0.4, "fresh_every": 2, "generator": "initial", "reset_every": 3, "label_smoothing": 0.1},
]
MOMENTS = {"momentum": 0.9, "b1": 0.9, "b2": 0.999, "eps": 1e-8, "decay": 0.9, "weight_decay": 1e-4}


@pytest.fixture(params=["native", "xla"])
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    with xla_alone() if request.param == "xla" else nullcontext():
        yield request.param


def followed(processes: list[dict[str, Any]], generations: int, replicates: int, precision: str) -> np.ndarray:
    """Logits [process, replicate, generation, token]."""
    settings = {"generations": generations, "replicates": replicates, "record": {"every": 1, "logits": True}}
    common = {"initial": values(P0)} | (SCORED if any("reward" in process for process in processes) else {})
    return run(common, {"process": together(processes)}, precision=precision, **settings).logits.values.astype(float)


IDEAL: dict[str, Any] = {"samples": INF, "temperature": 0.8}
DESCENT: dict[str, Any] = {"batch_size": INF, "learning_rate": 0.7}


@pytest.mark.parametrize("update", ["refit", "gradient"])
def test_infinitely_many_samples_lead_where_the_reference_leads(update: str) -> None:
    """In double precision, to eight digits; to six where samples are curated, by an integral."""
    common = {"update": update, **IDEAL, **({} if update == "refit" else DESCENT)}
    processes = [{**common, **process} for process in (REFITS if update == "refit" else DESCENTS)]
    for found, process in zip(followed(processes, 6, 1, "float64")[:, 0], processes, strict=True):
        assert np.isneginf(found[:, -1]).all()
        expected = trajectory(P0, {**MOMENTS, **SCORED, **process}, 6)
        rtol = 1e-6 if "curation" in process else 1e-8
        np.testing.assert_allclose(softmax(found), softmax(expected), rtol=rtol, atol=1e-12, err_msg=str(process))
        if update == "gradient":
            np.testing.assert_allclose(found[:, :-1], expected[:, :-1], atol=1e-8, err_msg=str(process))


def test_single_precision_leads_there_too(engine: str) -> None:
    """Where native code trains, and where samples of several generations are mixed."""
    refit, moments = {"update": "refit"}, {"optimizer": "adam", "eps": 1e-3}
    window = {"corpus": "window", "window": 3, "fresh_fraction": 0.1}
    descents = [{**DESCENT, **each} for each in ({"steps": 3}, {**moments, **window})]
    processes = [{**IDEAL, **each} for each in (refit, {**refit, **window}, *descents)]
    for found, process in zip(followed(processes, 8, 1, "float32")[:, 0], processes, strict=True):
        expected = trajectory(P0, {**MOMENTS, **process}, 8)
        np.testing.assert_allclose(softmax(found), softmax(expected), rtol=2e-4, atol=1e-9, err_msg=str(process))


N = 24
VERIFIER = {"true_positive_rate": 0.5, "false_positive_rate": 0.3, "correct_share": 0.8}
FINITE: dict[str, dict[str, Any]] = {
    "a refit": {"update": "refit", "samples": N},
    "a refit to one sample": {"update": "refit", "samples": 1},
    "a refit to many samples": {"update": "refit", "samples": 3000, "temperature": 1.2},
    "a refit to more and more samples": {"update": "refit", "samples": N, "sample_growth": 1.0},
    "a refit to all so far": {"update": "refit", "samples": N, "corpus": "accumulate", "mixing": 0.5, "top_k": 4},
    "a refit to two generations": {"update": "refit", "samples": N, "corpus": "window", "window": 2, "smoothing": 0.5},
    "a refit to real data, too": {"update": "refit", "samples": N, "fresh_fraction": 0.3, "min_p": 0.1},
    "a refit to what was selected": {"update": "refit", "samples": N, "curation": "argmax", **SCORES, **VERIFIER},
    "single traces": {"batch_size": 1, "temperature": 0.7},
    "minibatches": {"batch_size": 400, "temperature": 1.3, "fresh_fraction": 0.2},
    "minibatches that were selected": {"batch_size": 4, "curation": "bradley_terry", "reward_scale": 2.0},
    "minibatches with momentum": {"batch_size": 5, "optimizer": "momentum", "momentum": 0.6, "temperature": 1.0},
    "the whole corpus": {"samples": N, "batch_size": INF, "corpus": "accumulate"},
}
COMMON = {"temperature": 0.8, "learning_rate": 0.8}
PROCESSES = {name: {**COMMON, **process} for name, process in FINITE.items()}
REPLICATES, GENERATIONS = 500, 3


@pytest.fixture
def recorded(engine: str) -> np.ndarray:
    """Logits [process, replicate, generation, token]."""
    return followed(list(PROCESSES.values()), GENERATIONS, REPLICATES, "float32")


def size_of(process: dict[str, Any], number: int) -> int:
    """How many samples are drawn in a generation, or in its only minibatch."""
    return round(process.get("samples", process.get("batch_size")) * number ** process.get("sample_growth", 0.0))


def drawn(state: State, after: np.ndarray, process: dict[str, Any]) -> np.ndarray:
    """The counts of a generation's samples, which took a model from one state to these logits."""
    p, possible = softmax(state.z), P0 > 0
    size, smoothing = size_of(process, len(state.samples) + 1), process.get("smoothing", 0.0) * possible
    if process.get("update") == "refit":
        a = process.get("mixing", 1.0)
        share = (softmax(after) - (1 - a) * p) / a
    else:
        slope = np.subtract(state.z, after, where=possible, out=np.zeros(len(P0))) / process["learning_rate"]
        share = p - slope + process.get("momentum", 0.0) * (state.memory or {}).get("velocity", 0.0)
    if "samples" not in process:
        return size * share
    earlier = kept((*state.samples, np.zeros(len(P0))), process)
    return share * (size * len(earlier) + smoothing.sum()) - smoothing - np.sum(earlier, axis=0)


def test_finitely_many_samples_have_the_law_of_the_reference_and_teach_what_it_says(recorded: np.ndarray) -> None:
    """Counts are whole numbers of the right sum; given the model, all means and covariances are multinomial.

    From these counts the reference makes the logits that the engine made.
    """
    for logits, (name, chosen) in zip(recorded, PROCESSES.items(), strict=True):
        process = {**SCORED, **chosen}
        residuals, variances = [], []
        for replicate in logits:
            state = State(replicate[0])
            for number, after in enumerate(replicate[1:], start=1):
                q, size, found = (
                    law(state.z, P0, process, number),
                    size_of(process, number),
                    drawn(state, after, process),
                )
                counts = np.round(found)
                np.testing.assert_allclose(found, counts, atol=0.02, err_msg=name)
                assert counts.sum() == size, name
                assert (counts >= 0).all(), name
                assert (counts[q == 0] == 0).all(), name
                following = generation(state, P0, process, counts if "samples" in process else counts[np.newaxis])
                np.testing.assert_allclose(softmax(following.z), softmax(after), atol=2e-6, err_msg=name)
                state = following._replace(z=after)
                residuals.append((counts - size * q) / np.sqrt(size))
                variances.append(np.diag(q) - np.outer(q, q))
        residual, variance = np.array(residuals), np.array(variances)
        assert_mean(residual, np.zeros(len(P0)))
        assert_mean(residual[:, :, np.newaxis] * residual[:, np.newaxis] - variance, np.zeros_like(variance[0]))
        spread = np.trace(variance, axis1=1, axis2=2)
        moves = spread > 1e-6
        assert_mean((residual**2).sum(axis=1)[moves] / spread[moves], 1.0, resolves=0.25)


def test_two_billion_samples_are_all_but_infinitely_many() -> None:
    logits = followed([{"update": "refit", "samples": 2_000_000_000}], 1, 5000, "float32")[0, :, -1]
    off = softmax(logits) - P0
    np.testing.assert_allclose(off, 0, atol=1e-4)
    assert_mean(off * np.sqrt(2e9), np.zeros(len(P0)))
