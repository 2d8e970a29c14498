"""Policy gradient: groups, rewards and advantages against enumeration; where nothing is to be learned; refusals."""

from itertools import product
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import softmax

import jaxcollapse as jc
from jaxcollapse.errors import InputError
from jaxcollapse.sampling.correct import correct_set
from jaxcollapse.training.advantages import Baseline
from jaxcollapse.training.rewards.majority import majority
from tests.reference.advantages import advantages
from tests.support.statistics import assert_mean
from tests.support.sweeps import probabilities, run, values

INF = float("inf")
P0 = np.array([0.3, 0.15, 0.05, 0.3, 0.2])
RIGHT = np.array([1, 1, 1, 0, 0], bool)
TRAINED: dict[str, Any] = {
    "update": "policy_gradient",
    "initial": values(P0),
    "correct": "listed",
    "correct_tokens": [0, 1, 2],
    "learning_rate": 0.5,
}
ONCE: dict[str, Any] = {"generations": 1, "record": {"every": 1, "logits": True}}


def moved(process: dict[str, Any], **more: Any) -> np.ndarray:
    """The change of the logits in the first generation [replicate, token]."""
    logits = run({**TRAINED, **process}, **{**ONCE, "replicates": 1, **more}).logits.values.astype(float)
    with np.errstate(invalid="ignore"):  # of impossible tokens
        change: np.ndarray = logits[:, 1] - logits[:, 0]
    return change


def mean_step(rate: np.ndarray, size: int, kind: str, normalise: str, log_slope: np.ndarray) -> np.ndarray:
    """η E Σ A ∇ln p / G over all groups of so many traces, by enumeration of their tokens and rewards.

    log_slope: gradient of each token's log-probability, [token, logit].
    """
    total = np.zeros(len(P0))
    for tokens in product(range(len(P0)), repeat=size):
        for won in product((0.0, 1.0), repeat=size):
            each = list(tokens)
            chance = np.prod(P0[each] * np.where(won, rate[each], 1 - rate[each]))
            if chance > 0:
                total += chance * advantages(np.array(won), kind, normalise) @ log_slope[each] / size
    return 0.5 * total


@pytest.mark.parametrize("normalise", ["std", "none"])
@pytest.mark.parametrize("kind", ["mean", "leave_one_out", "none"])
def test_the_mean_step_is_the_sum_over_all_groups(kind: str, normalise: str) -> None:
    """Exactly for infinitely many groups; for two groups of three within standard errors."""
    rate = np.where(RIGHT, 0.9, 0.3)
    verifier = {"true_positive_rate": 0.9, "false_positive_rate": 0.3, "baseline": kind, "normalise": normalise}
    expected = mean_step(rate, 3, kind, normalise, np.eye(5) - P0)
    exact = moved({**verifier, "group_size": 3, "batch_size": INF})[0]
    np.testing.assert_allclose(exact, expected, rtol=2e-5, atol=2e-7)
    assert_mean(moved({**verifier, "group_size": 3, "batch_size": 6}, replicates=20_000), expected, resolves=0.4)


@pytest.mark.parametrize("kind", ["mean", "leave_one_out", "none"])
def test_advantages_are_what_their_definition_says(kind: Any) -> None:
    rewards = np.random.default_rng(1).normal(size=(4, 6)).astype(np.float32)
    rewards[0] = 0.3  # nothing to compare
    for normalise in ("std", "none"):
        found = Baseline(kind, normalise).advantages(jnp.asarray(rewards))  # type: ignore[arg-type]
        told = np.stack([advantages(row.astype(float), kind, normalise) for row in rewards])
        told[0] = 0 if kind != "none" or normalise == "std" else 0.3
        np.testing.assert_allclose(found, told, rtol=1e-4, atol=1e-6)


def test_scores_without_normalisation_have_a_closed_form() -> None:
    scores = np.array([0.3, -0.2, 0.9, 0.0, 0.5])
    common = {"reward": "score", "scores": scores.tolist(), "normalise": "none", "group_size": 4}
    exact = moved({**common, "batch_size": INF})[0]
    np.testing.assert_allclose(exact, 0.5 * 0.75 * P0 * (scores - P0 @ scores), rtol=1e-5)
    assert_mean(moved({**common, "batch_size": 4}, replicates=20_000), exact, resolves=0.1)


def test_the_majority_of_a_group_is_rewarded_and_of_several_the_first() -> None:
    told = majority(jnp.array([[3, 1, 1, 2], [2, 5, 5, 2], [4, 4, 4, 4], [0, 1, 2, 3]]))
    assert told.astype(int).tolist() == [[0, 1, 1, 0], [1, 0, 0, 1], [1, 1, 1, 1], [1, 0, 0, 0]]
    step = moved({"reward": "majority", "group_size": 8, "batch_size": 8}, replicates=2000)
    assert abs(step.sum(axis=1)).max() < 1e-6
    assert step.mean(axis=0)[0] > 0.02 > -0.01 > step.mean(axis=0)[2]


LOPSIDED = {"initial": values([0.4, 0.15, 0.05, 0.3, 0.1])}
NOTHING: dict[str, dict[str, Any]] = {
    "all are correct": {"correct_tokens": [0, 1, 2, 3, 4]},
    "none is correct": {"initial": values(np.array([0.0, 0.0, 0.0, 0.4, 0.6]))},
    "groups of one": {"group_size": 1},
    "argmax sampling": {**LOPSIDED, "temperature": 0.0},
    "argmax sampling, a coin": {**LOPSIDED, "temperature": 0.0, "reward": "coin"},
    "one token": {**LOPSIDED, "top_k": 1},
    "equal scores": {"reward": "score", "scores": [0.7] * 5},
}


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("case", NOTHING)
def test_equal_rewards_move_nothing_by_one_bit(case: str, optimizer: str) -> None:
    step = moved({"group_size": 4, "batch_size": 8, "optimizer": optimizer, **NOTHING[case]}, replicates=20)
    possible = np.isfinite(step)
    assert possible.any()
    assert (step[possible] == 0).all()


@pytest.mark.parametrize("rates", [(1.0, 0.0), (0.5, 0.5), (0.0, 1.0)])
def test_infinitely_many_groups_learn_drift_or_unlearn(rates: tuple[float, float]) -> None:
    verifier = {"true_positive_rate": rates[0], "false_positive_rate": rates[1]}
    data = run(
        {**TRAINED, **verifier, "batch_size": INF, "optimizer": "adam", "learning_rate": 0.05},
        generations=100,
        observables=["accuracy", "correct_entropy", "correct_support"],
    )
    before, after = data.accuracy.values[0, 0], data.accuracy.values[0, -1]
    assert before == pytest.approx(0.5)
    if rates[0] == rates[1]:
        assert after == before
    else:
        assert (after > 0.9) == (rates[0] > rates[1])
        assert (after < 0.1) == (rates[0] < rates[1])


def test_several_steps_follow_ratios_and_stop_at_their_bounds() -> None:
    """Against the same steps in NumPy: Σ A · min(ρ, bound) of the expected groups."""
    rate, size, steps = np.where(RIGHT, 1.0, 0.0), 3, 12
    common = {"group_size": size, "batch_size": INF, "steps": steps}
    unit = mean_step(rate, size, "mean", "std", np.eye(5)) / 0.5  # E Σ A of each token
    for bounds in ({}, {"clip_low": 0.2, "clip_high": 0.1}):
        logits = np.log(P0)
        for _ in range(steps):
            p = softmax(logits)
            ratio = p / P0
            high, low = 1 + bounds.get("clip_high", INF), 1 - bounds.get("clip_low", INF)
            counts = np.where(unit > 0, ratio <= high, ratio >= low)
            pull = unit * ratio * counts
            logits = logits + 0.5 * (pull - p * pull.sum())
        step = moved({**common, **bounds})[0]
        np.testing.assert_allclose(step - step[4], logits - np.log(P0) - (logits - np.log(P0))[4], atol=2e-5)
    assert softmax(np.log(P0) + step)[:3].sum() < 0.65, "the bounds hold it back"


def test_corrections_of_the_sampling_temperature() -> None:
    """At T = 0.7: of the model, of the tempered model, and of the model by importance."""
    t = 0.7
    q = P0 ** (1 / t) / (P0 ** (1 / t)).sum()
    good = q[RIGHT].sum()
    pull = q * np.where(RIGHT, 1 - good, -good)  # E A of each token, not normalised, of large groups
    common = {"temperature": t, "batch_size": INF, "normalise": "none", "group_size": 4}
    for correction, expected in {
        "none": pull,
        "tempered": pull / t,
        "importance": pull * P0 / q - P0 * np.sum(pull * P0 / q),
    }.items():
        step = moved({**common, "sampling_correction": correction})[0]
        np.testing.assert_allclose(step, 0.5 * 0.75 * expected, rtol=2e-5, atol=1e-6)


def test_how_many_are_drawn_at_once_and_beside_which_cells_changes_no_bit() -> None:
    one = run({**TRAINED, "group_size": 4, "batch_size": 64}, **ONCE, replicates=3, axes={"temperature": [1.0]})
    two = run({**TRAINED, "group_size": 4, "batch_size": 64}, **ONCE, replicates=5, axes={"temperature": [0.8, 1.0]})
    np.testing.assert_array_equal(one.logits.values[0], two.logits.values[1, :3])


def test_each_model_of_an_ensemble_has_groups_of_its_own() -> None:
    process = {"model": "ensemble", "models": 2, "exchange": 0.0, "group_size": 4, "batch_size": 4}
    data = run({**TRAINED, **process}, **ONCE, replicates=20_000)
    step = data.logits.values[:, 1].astype(float) - data.logits.values[:, 0]
    told = moved({"group_size": 4, "batch_size": INF})[0]
    assert_mean(step[:, 0], told, resolves=0.2)
    assert_mean(step[:, 1], told, resolves=0.2)
    assert_mean((step[:, 0, :1] - told[0]) * (step[:, 1, :1] - told[0]), np.zeros(1))


def test_a_default_that_depends_on_the_rule_is_told_of_each_cell() -> None:
    """Curation judges by the likelihood and a policy gradient by a verifier, unless something else is asked for."""
    axes = {"update": ["policy_gradient", "gradient"]}
    data = run({"initial": values(P0), "curation": "none", "batch_size": 16, "false_positive_rate": 0.0}, axes)
    assert dict(zip(data["update"].values.tolist(), data["reward"].values.tolist(), strict=True)) == {
        "policy_gradient": "verifier",
        "gradient": "likelihood",
    }


def test_correct_sets() -> None:
    logits, key = jnp.log(jnp.asarray(P0))[jnp.newaxis], jnp.array([1, 2], jnp.uint32)
    listed = jnp.asarray(RIGHT, jnp.float32)

    def found(kind: str, share: float, key: Any = key) -> list[bool]:
        return np.asarray(correct_set(kind, logits, jnp.float32(share), key, listed))[0].tolist()

    assert found("head", 0.7) == [True, False, False, True, True]
    assert found("tail", 0.3) == [False, True, True, False, False]
    assert found("tail", 1.0) == [True] * 5
    assert found("listed", 0.5) == RIGHT.tolist()
    assert sum(found("random", 0.4)) == 2
    assert sum(found("random", 0.01)) == 1
    sets = [found("random", 0.4, jnp.array([0, seed], jnp.uint32)) for seed in range(200)]
    assert_mean(np.array(sets, float), np.full(5, 0.4), variance=np.full(5, 0.24), resolves=0.5)


def test_labels_name_correct_tokens() -> None:
    initial = {"kind": "values", "probabilities": [0.5, 0.3, 0.2], "tokens": ["a", "b", "c"]}
    data = run({"initial": initial, "correct": "listed", "correct_tokens": ["c", 1]}, observables=["accuracy"])
    assert float(data.accuracy.isel(generation=0).mean()) == pytest.approx(0.5)
    with pytest.raises(InputError, match="correct_tokens: 'd' is not a token of p0"):
        run({"initial": initial, "correct": "listed", "correct_tokens": ["d"]})


def test_observables_of_the_correct() -> None:
    data = run(
        {**TRAINED, "group_size": 4, "batch_size": 8, "learning_rate": 3.0},
        generations=60,
        replicates=4,
        record={"every": 20, "logits": True},
        observables=["correct"],
        support_threshold=0.01,
    )
    p = probabilities(data)
    np.testing.assert_allclose(data.accuracy, p[..., RIGHT].sum(axis=-1), rtol=1e-5)
    y = p[..., RIGHT] / p[..., RIGHT].sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(data.correct_entropy, -(y * np.log(y)).sum(axis=-1), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(data.correct_support, (p[..., RIGHT] > 0.01).sum(axis=-1))
    lost = p <= 0.01
    np.testing.assert_allclose(data.lost_mass, (lost * P0).sum(axis=-1), atol=1e-6)
    np.testing.assert_allclose(data.lost_correct_mass, (lost * P0)[..., RIGHT].sum(axis=-1) / 0.5, atol=1e-6)
    assert lost[..., RIGHT].any()


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no whole groups": ({"batch_size": 10}, r"batch_size: 10 traces; .* needs a multiple of group_size = 4"),
    "samples": ({"samples": 100}, "samples: has no effect: it is used unless update = 'policy_gradient'"),
    "accumulation": ({"corpus": "accumulate"}, "corpus: 'accumulate': a policy gradient learns from fresh traces"),
    "real data": ({"fresh_fraction": 0.1}, "fresh_fraction: 0.1: .* real data have no reward"),
    "curation": ({"curation": "argmax", "reward": "likelihood"}, "curation: 'argmax': .* use curation = 'none'"),
    "alone": ({"baseline": "leave_one_out", "group_size": 1}, "group_size: 1: baseline = 'leave_one_out'"),
    "endless steps": ({"steps": INF, "batch_size": INF}, "steps: inf: steps of a policy gradient"),
    "argmax corrected": ({"temperature": 0.0, "sampling_correction": "tempered"}, "temperature: 0.0: .* divides"),
    "smoothed labels": ({"label_smoothing": 0.1}, "label_smoothing: 0.1: changes what tokens"),
    "expected majority": ({"reward": "majority", "batch_size": INF}, "batch_size: inf: the majority of a group"),
    "expected scores": (
        {"reward": "score", "scores": [1.0] * 5, "batch_size": INF},
        "normalise: std: the mean over infinitely many groups with reward = 'score' has no closed form",
    ),
    "curation by a coin": (
        {"update": "gradient", "curation": "argmax", "reward": "coin", "batch_size": 8},
        "reward: 'coin' is for update = 'policy_gradient'; curation needs a number for each token",
    ),
    "no list": ({"correct_tokens": None}, "correct_tokens: is missing; with correct = 'listed' it is needed"),
    "no such token": ({"correct_tokens": [7]}, "correct_tokens: 7: tokens are numbered from 0 to 4"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_meaning_is_refused_with_the_reason(case: str) -> None:
    changed, told = REFUSED[case]
    process = {"group_size": 4, "batch_size": 8, **TRAINED, **changed}
    if process["update"] == "gradient":
        del process["group_size"]
    with pytest.raises(InputError, match=told):
        jc.plan({"generations": 2, "replicates": 1, "process": {k: v for k, v in process.items() if v is not None}})
