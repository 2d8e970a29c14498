"""Optimisers follow the rules of their authors; and minibatches, decoded sample by sample."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcollapse.training.gradient import cross_entropy_gradient, without_rounding
from jaxcollapse.training.optimizers import OPTIMIZERS
from tests.reference.generation import trajectory
from tests.reference.optimizers import RULES
from tests.support.engines import unoptimised
from tests.support.statistics import assert_mean
from tests.support.sweeps import run, values

pytestmark = pytest.mark.optimised  # some run long

INF = float("inf")
P0 = np.array([0.4, 0.25, 0.2, 0.1, 0.05, 0.0])  # the last token never was there
TEMPERATURE, STEPS, GENERATIONS = 0.8, 2, 6


SWEPT = {
    "learning_rate": [0.05, 0.3],
    "momentum": [0.0, 0.5, 0.95],
    "b1": [0.0, 0.8],
    "b2": [0.7, 0.99],
    "eps": [1e-6, 0.1],
    "weight_decay": [0.0, 0.2],
    "decay": [0.0, 0.5, 0.99],
}


def trained(optimizer: str, constants: dict[str, float], state: str) -> np.ndarray:
    """Logits [generation, token] of full-batch descent on infinitely many samples at temperature T."""
    process = {"optimizer": optimizer, "optimizer_state": state, "temperature": TEMPERATURE, "steps": STEPS}
    return trajectory(P0, {**process, **constants}, GENERATIONS)[:, :-1]


def test_every_optimiser_has_its_rule_in_the_reference() -> None:
    assert set(RULES) == set(OPTIMIZERS)
    assert {name for part in OPTIMIZERS.values() for name in part.arguments} == set(SWEPT)


@pytest.mark.parametrize("optimizer", RULES)
def test_an_optimiser_follows_its_rule_for_all_its_constants(optimizer: str) -> None:
    """Its constants swept, its state carried or fresh, in double precision to ten digits."""
    constants = list(OPTIMIZERS[optimizer].arguments)
    process = {"temperature": TEMPERATURE, "optimizer": optimizer, "batch_size": INF, "steps": STEPS}
    with unoptimised():
        data = run(
            {"initial": values(P0), **process},
            {"optimizer_state": ["carried", "fresh"], **{name: SWEPT[name] for name in constants}},
            generations=GENERATIONS,
            replicates=1,
            record={"every": 1, "logits": True},
            precision="float64",
        )
    logits = data.logits.isel(replicate=0)
    assert np.isneginf(logits.isel(token=-1)).all()
    cells = logits.isel(token=slice(0, -1)).stack(cell=["optimizer_state", *constants]).transpose("cell", ...)
    for cell in cells:
        chosen = {name: float(cell[name]) for name in constants}
        expected = trained(optimizer, chosen, str(cell.optimizer_state.values))
        np.testing.assert_allclose(cell.values, expected, rtol=1e-10, atol=1e-10, err_msg=f"{chosen}")


@pytest.mark.parametrize("optimizer", RULES)
def test_only_what_an_optimiser_remembers_makes_carried_and_fresh_differ(optimizer: str) -> None:
    """No difference in the first generation; later one for every optimiser with moments, by the rules above."""
    constants = {name: SWEPT[name][-1] for name in OPTIMIZERS[optimizer].arguments}
    carried, fresh = (trained(optimizer, constants, state) for state in ("carried", "fresh"))
    np.testing.assert_array_equal(carried[:2], fresh[:2])
    assert np.array_equal(carried, fresh) == (optimizer in ("sgd", "sign_sgd"))


SAMPLES = 24
FEW = np.array([0.4, 0.25, 0.2, 0.1, 0.04, 0.01])

Minibatches = tuple[np.ndarray, np.ndarray]
Shuffled = tuple[int, np.ndarray, np.ndarray]
All = dict[tuple[int, bool], Minibatches]
STUDIED = [(4, False), (5, False), (7, False), (4, True)]


@pytest.fixture(scope="module")
def minibatches() -> All:
    """(B, replacement) → a corpus of `SAMPLES` samples [replicate, token] and twelve minibatches [step, …] of it.

    They are found exactly, from what steps so small that p stays where it is do. A run of k steps sees the first k
    minibatches of a run of more, so the difference of the two is the kth. All runs are cells of one sweep.
    """
    rate, steps = 1e-6, 12
    cells = [(INF, 1, False), *((size, k + 1, replaced) for size, replaced in STUDIED for k in range(steps))]
    names = ("batch_size", "steps", "replacement")
    data = run(
        {"initial": values(FEW), "samples": SAMPLES, "corpus": "accumulate", "learning_rate": rate},
        {"kind": {"zip": {name: [cell[place] for cell in cells] for place, name in enumerate(names)}}},
        generations=1,
        replicates=1000,
        record={"every": 1, "logits": True},
        precision="float64",
        common_random_numbers=["kind"],
    )
    # Σ over steps of (frequency of tokens in the minibatch − p).
    seen = np.diff(data.logits.values, axis=-2)[..., 0, :] / rate
    corpus = whole(SAMPLES * (seen[0] + FEW))
    by_steps = seen[1:].reshape(len(STUDIED), steps, *corpus.shape)
    return {
        (size, replaced): (corpus, whole(size * (np.diff(sums, axis=0, prepend=0) + FEW)))
        for (size, replaced), sums in zip(STUDIED, by_steps, strict=True)
    }


def whole(counts: np.ndarray) -> np.ndarray:
    """Counts, which must be whole numbers but for rounding."""
    np.testing.assert_allclose(counts, np.round(counts), atol=2e-3)
    return np.round(counts)


@pytest.fixture(params=[4, 5, 7], ids="B = {}".format)
def shuffled(request: pytest.FixtureRequest, minibatches: All) -> Shuffled:
    """B, a corpus, and its minibatches without replacement."""
    return (request.param, *minibatches[request.param, False])


def test_a_minibatch_has_its_size_and_comes_from_the_corpus(shuffled: Shuffled) -> None:
    size, corpus, batches = shuffled
    assert (corpus.sum(axis=-1) == SAMPLES).all()
    assert (batches.sum(axis=-1) == size).all()
    assert (batches >= 0).all()
    assert (batches <= corpus).all()


def test_an_epoch_uses_no_sample_twice(shuffled: Shuffled) -> None:
    """⌊N/B⌋ minibatches to an epoch: together they are within the corpus, and are all of it if B divides N."""
    size, corpus, batches = shuffled
    an_epoch = SAMPLES // size
    for first in range(0, len(batches) - an_epoch + 1, an_epoch):
        used = batches[first : first + an_epoch].sum(axis=0)
        assert (used <= corpus).all()
        assert (used == corpus).all() == (SAMPLES % size == 0)
    over_the_end = batches[1 : 1 + an_epoch].sum(axis=0)
    assert (over_the_end > corpus).any()  # the second epoch begins a new shuffle


def test_each_epoch_is_shuffled_anew(shuffled: Shuffled) -> None:
    size, _, batches = shuffled
    an_epoch = SAMPLES // size
    assert (batches[0] != batches[an_epoch]).any(axis=-1).mean() > 0.5


def test_every_minibatch_of_an_epoch_is_a_fair_sample_of_the_corpus(shuffled: Shuffled) -> None:
    """Its expectation is B/N of the corpus, its variance hypergeometric, for the first and the last alike."""
    size, corpus, batches = shuffled
    share = corpus / SAMPLES
    variance = size * share * (1 - share) * (SAMPLES - size) / (SAMPLES - 1)
    for batch in (batches[0], batches[SAMPLES // size - 1]):
        assert_mean(batch - size * share, np.zeros(len(FEW)))
        assert_mean((batch - size * share) ** 2 - variance, np.zeros(len(FEW)))


def test_with_replacement_an_epoch_misses_some_samples_and_repeats_others(minibatches: All) -> None:
    """Independent minibatches of the stored corpus: binomial variance, whatever came before."""
    corpus, batches = minibatches[4, True]
    assert (batches[:6].sum(axis=0) > corpus).any(axis=-1).mean() > 0.9
    assert ((batches > 0) <= (corpus > 0)).all()
    share = corpus / SAMPLES
    for batch in (batches[0], batches[-1]):
        assert_mean(batch - 4 * share, np.zeros(len(FEW)))
        assert_mean((batch - 4 * share) ** 2 - 4 * share * (1 - share), np.zeros(len(FEW)))
    assert_mean((batches[0] - 4 * share) * (batches[1] - 4 * share), np.zeros(len(FEW)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [1, 2])
def test_the_sign_of_a_gradient_is_zero_where_frequencies_are_probabilities(dtype: str, rows: int) -> None:
    """In single and in double precision; where p only comes close to a frequency of 1, the sign stays."""
    with jax.enable_x64(True):
        p = np.array([0.5, 0.3, 0.15, 0.05, 0.0])
        logits = jnp.asarray(np.log(np.tile(p, (rows, 1)), where=p > 0, out=np.full((rows, 5), -np.inf)), dtype)
        for counts, signs in (([50, 30, 15, 5, 0], [0, 0, 0, 0, 0]), ([50, 31, 14, 5, 0], [0, -1, 1, 0, 0])):
            frequencies = jnp.asarray(np.tile(counts, (rows, 1)) / (100 * rows), dtype)
            gradient = without_rounding(cross_entropy_gradient(logits, frequencies), frequencies)
            np.testing.assert_array_equal(np.sign(gradient), [signs] * rows)
        close, all_of_it = jnp.asarray([[0.0, -15.0]], dtype), jnp.asarray([[1.0, 0.0]], dtype)
        gradient = without_rounding(cross_entropy_gradient(close, all_of_it), all_of_it)
        np.testing.assert_array_equal(np.sign(gradient), [[-1, 1]])
