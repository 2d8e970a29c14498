"""Remedies: penalties of the loss, smoothing, clipping, resets, a frozen generator and bursts of real data."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcollapse as jc
from jaxcollapse.errors import InputError
from jaxcollapse.planning.cells import resolve
from jaxcollapse.sweep.process_fields import fields
from jaxcollapse.training.batch import Batch
from jaxcollapse.training.loss_terms import LOSS_TERMS, in_order, with_terms
from tests.support.statistics import assert_mean
from tests.support.sweeps import probabilities, run, values

INF = float("inf")
P0 = np.array([0.4, 0.25, 0.2, 0.1, 0.05, 0.0])  # the last token never was there
HELD = P0[:-1]
RATE, TEMPERATURE, GENERATIONS = 0.7, 0.8, 6
LOSS = {"label_smoothing": 0.3, "entropy_bonus": 0.2, "forward_kl": 0.5, "reverse_kl": 0.4}


def loss(logits: jax.Array, start: jax.Array, target: jax.Array, weights: dict[str, float]) -> jax.Array:
    """The whole loss, as the documentation states it."""
    p, p0 = jax.nn.softmax(logits), jax.nn.softmax(start)
    log_p, log_p0 = jax.nn.log_softmax(logits), jax.nn.log_softmax(start)
    share = weights.get("label_smoothing", 0.0)
    aim = (1 - share) * target + share / len(logits)
    total = -jnp.sum(aim * log_p) + weights.get("entropy_bonus", 0.0) * jnp.sum(p * log_p)
    total += weights.get("forward_kl", 0.0) * jnp.sum(p0 * (log_p0 - log_p))
    return total + weights.get("reverse_kl", 0.0) * jnp.sum(p * (log_p - log_p0))


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("used", [*([name] for name in LOSS), list(LOSS)], ids=str)
def test_gradients_are_those_of_the_loss_that_is_documented(used: list[str], rows: int) -> None:
    """Of several rows each counts as often as traces visit it; in KL(p0 ‖ p) as often as traces of p0 do."""
    with jax.enable_x64(True):
        random = np.random.default_rng(3)
        logits, start = jnp.asarray(random.normal(size=(2, rows, 7)))
        target = jax.nn.softmax(jnp.asarray(random.normal(size=(rows, 7))))
        shares, original = jnp.asarray(random.dirichlet(np.ones(rows), 2))
        weights = {name: LOSS[name] for name in used}
        visited = {name: weight for name, weight in weights.items() if name != "forward_kl"}
        given = {"label_smoothing": 0.0, "forward_kl": weights.get("forward_kl", 0.0)}

        def whole(logits: jax.Array) -> jax.Array:
            return sum(
                shares[row] * loss(logits[row], start[row], target[row], visited)
                + original[row] * loss(logits[row], start[row], jnp.zeros(7), given)
                for row in range(rows)
            )

        settings = {name: jnp.asarray(weight) for name, weight in weights.items()}
        plain = shares[:, None] * (jax.nn.softmax(logits) - target)
        found = with_terms(plain, Batch(logits, start, shares, original), settings, in_order(used))
        np.testing.assert_allclose(found, jax.grad(whole)(logits), atol=1e-14)


def test_the_forward_divergence_pulls_on_rows_that_no_trace_visits() -> None:
    """The first step of a collapsed start: of Σ_r w_r KL(p0_r ‖ p_r), w_r the share of row r in p0's traces.

    So does a persona that has died out come back in its own words. The other terms are of rows that are visited.
    """
    rate, share, length, weights = 0.5, 0.9, 3, [0.5, 2.0]
    masses, rows = np.array([0.5, 0.3, 0.2]), np.array([[0.6, 0.3, 0.1], [0.2, 0.3, 0.5], [0.1, 0.8, 0.1]])
    data = run(
        {
            "model": "persona",
            "initial": {"kind": "table", "probabilities": rows.tolist(), "weights": masses.tolist()},
            "trace_length": length,
            "batch_size": 1,
            "learning_rate": rate,
            "collapsed_start": share,
        },
        {"forward_kl": weights},
        generations=1,
        replicates=20,
        record={"every": 1, "logits": True},
        common_random_numbers=["forward_kl"],
    )
    table, visits = np.vstack([masses, rows]), np.append(1, length * masses)
    p = (1 - share) * table + share * np.eye(3)[table.argmax(axis=1)]
    step = -rate * (visits / visits.sum())[:, None] * (p - table)
    less, more = np.diff(data.logits.values.astype(float), axis=2)[:, :, 0]
    np.testing.assert_allclose(more - less, np.broadcast_to((weights[1] - weights[0]) * step, less.shape), atol=2e-6)
    unvisited = np.isclose(less, weights[0] * step, atol=2e-6).all(axis=-1)
    assert (unvisited[:, 1:].sum(axis=-1) == 2).all()  # a trace is of one persona


def test_remedies_can_be_swept_and_zero_is_none() -> None:
    """A weight of zero gives the bits of the process without it, with native counts and in the same grid."""
    common: dict[str, Any] = {"initial": values(P0), "temperature": 0.9, "batch_size": 8, "optimizer": "adam"}
    settings: dict[str, Any] = {"generations": 12, "replicates": 4, "record": {"every": 4, "logits": True}}
    plain = run(common, **settings).logits
    for name, weight in LOSS.items():
        swept = run(common, {name: [0.0, weight]}, common_random_numbers=[name], **settings).logits
        np.testing.assert_array_equal(swept.sel({name: 0.0}).values, plain.values)
        assert (swept.sel({name: weight}).values[:, 1:, :-1] != plain.values[:, 1:, :-1]).any()


def test_a_reset_forgets_moments_too() -> None:
    """Adam's first step after a reset is its first step: of the size of the learning rate in every coordinate."""
    data = run(
        {
            "initial": values(P0),
            "optimizer": "adam",
            "learning_rate": 0.1,
            "batch_size": INF,
            "temperature": 0.8,
            "reset_every": 5,
        },
        generations=10,
        replicates=1,
        record={"every": 1, "logits": True},
        precision="float64",
    )
    moved = np.abs(data.logits.values[0, :, :-1] - np.log(HELD))
    np.testing.assert_allclose(moved[[1, 5, 10]], 0.1, rtol=1e-4)
    assert moved[4].max() > 0.3


# Refits.


def test_bursts_of_real_data_follow_the_moments() -> None:
    """E F_g = 1/N + (1 − 1/N) [(1−m)² E F_{g−1} + (1 − (1−m)²) F_0], with m in every third generation and else 0."""
    samples, share, generations = 15, 0.5, 14
    data = run(
        {"initial": values(HELD), "update": "refit", "samples": samples, "fresh_fraction": share, "fresh_every": 3},
        generations=generations,
        replicates=8000,
        record={"every": 1},
        observables=["collision_probability"],
    )
    start = float((HELD**2).sum())
    expected = [start]
    for number in range(1, generations + 1):
        kept = (1 - share) ** 2 if number % 3 == 0 else 1.0
        expected.append(1 / samples + (1 - 1 / samples) * (kept * expected[-1] + (1 - kept) * start))
    assert_mean(data.collision_probability.values, np.array(expected), resolves=0.02)


def test_stratified_real_data_follow_the_moments() -> None:
    """R = mN real samples exactly, ŷ, beside x̂ of the model: E F = Σ E[((1−m) x̂ + m ŷ)²]."""
    samples, share, generations = 20, 0.3, 10
    data = run(
        {
            "initial": values(HELD),
            "update": "refit",
            "samples": samples,
            "fresh_fraction": share,
            "fresh_sampling": "stratified",
        },
        generations=generations,
        replicates=8000,
        record={"every": 1},
        observables=["collision_probability"],
    )
    start, real = float((HELD**2).sum()), share * samples
    expected = [start]
    for _ in range(generations):
        own = 1 / (samples - real) + (1 - 1 / (samples - real)) * expected[-1]
        given = 1 / real + (1 - 1 / real) * start
        expected.append((1 - share) ** 2 * own + 2 * share * (1 - share) * start + share**2 * given)
    assert_mean(data.collision_probability.values, np.array(expected), resolves=0.02)


@pytest.mark.optimised
def test_replayed_real_data_are_one_recorded_set() -> None:
    """A refit to real data alone: E p_g·p_h = 1/R + (1 − 1/R) F_0 for g ≠ h, since both are draws from one set of R."""
    samples, recorded = 30, [5, 200, INF]
    data = run(
        {"initial": values(HELD), "update": "refit", "samples": samples, "fresh_fraction": 1.0},
        {"real_samples": recorded},
        generations=2,
        replicates=6000,
        record={"every": 1, "logits": True},
        observables=["collision_probability"],
    )
    start, p = float((HELD**2).sum()), probabilities(data)
    for place, number in enumerate(recorded):
        shared = 1 / number + (1 - 1 / number) * start
        assert_mean((p[place, :, 1] * p[place, :, 2]).sum(axis=-1), shared)
        for generation in (1, 2):
            assert_mean((p[place, :, generation] ** 2).sum(axis=-1), 1 / samples + (1 - 1 / samples) * shared)


@pytest.mark.parametrize("batch_size", [4, 400])
def test_stratified_minibatches_hold_exactly_their_share(batch_size: int) -> None:
    """A model at T = 0 emits the mode and nothing else: half of a minibatch is that, and half is drawn from p0."""
    data = run(
        {
            "initial": values([0.6, 0.4]),
            "temperature": 0.0,
            "batch_size": batch_size,
            "fresh_fraction": 0.5,
            "fresh_sampling": "stratified",
            "learning_rate": 1.0,
        },
        generations=1,
        replicates=400,
        record={"every": 1, "logits": True},
        precision="float64",
    )
    seen = batch_size * (np.diff(data.logits.values, axis=1)[:, 0] + np.array([0.6, 0.4]))
    np.testing.assert_allclose(seen, np.round(seen), atol=1e-6)
    np.testing.assert_allclose(seen.sum(axis=-1), batch_size)
    assert (np.round(seen[:, 1]) <= batch_size / 2).all()
    assert_mean(seen[:, 1], batch_size / 2 * 0.4, variance=batch_size / 2 * 0.24)


FIRST_IS_REAL = {  # the model's own traces are of the second token, those of p0 of the first
    "initial": values([1 - 1e-9, 1e-9]),
    "curation": "argmax",
    "candidates": INF,
    "reward": "score",
    "scores": [0.0, 1.0],
    "fresh_sampling": "stratified",
}


@pytest.mark.parametrize(
    "process",
    [
        {"batch_size": 1, "steps": 3, "fresh_fraction": 0.4, "learning_rate": 0.1},
        {"update": "refit", "samples": 3, "fresh_fraction": 0.2, "fresh_every": 2},
    ],
    ids=["minibatches", "bursts"],
)
def test_what_is_left_of_a_real_trace_is_carried_over(process: dict[str, Any]) -> None:
    """After k draws of B traces with real data ⌊k m B + ½⌋ have been real: 4 of 10 of single traces with m = 0.4."""
    generations = 20
    data = run(
        {**FIRST_IS_REAL, **process},
        generations=generations,
        replicates=1,
        record={"every": 1, "logits": True},
    )
    steps, size = process.get("steps", 1), process.get("samples", process.get("batch_size"))
    draws = np.arange(generations + 1) // process.get("fresh_every", 1) * steps
    expected = np.diff(np.floor(draws * process["fresh_fraction"] * size + 0.5))
    if steps > 1:  # p stays at the first token, so that each trace of the second one moves its logit by the rate
        real = steps - np.diff(data.logits.values[0, :, 1]) / process["learning_rate"]
    else:
        real = size * probabilities(data)[0, 1:, 0]
    assert len(set(expected)) == 2
    np.testing.assert_allclose(real, expected, atol=1e-3)


def test_a_learning_rate_that_falls_stops_the_drift() -> None:
    """SGD at T = 1 from uniform: what E S falls by is in proportion to Σ rate², so 1/(1 + t/τ) keeps the most of it."""
    data = run(
        {"vocab_size": 8, "initial": {"kind": "uniform"}, "batch_size": 4, "learning_rate": 0.2, "schedule_time": 20.0},
        {"schedule": ["constant", "inverse"]},
        generations=200,
        replicates=2000,
        record={"points": 2},
    )
    lost = np.log(8) - data.entropy.values[..., -1]
    total = (1 / (1 + np.arange(200) / 20) ** 2).sum()
    # (η²/2B)(V − 1)/V² for each unit of Σ rate²: a small-step law, to a few per cent.
    law = 0.2**2 / 8 * 7 / 64
    np.testing.assert_allclose(lost[1].mean(), law * total, rtol=0.06)
    np.testing.assert_allclose(lost[0].mean(), law * 200, rtol=0.15)


# What plans and messages say.


def test_remedies_are_compiled_where_they_are_used_and_nowhere_else() -> None:
    sweep = jc.Sweep.from_dict(
        {"process": {"vocab_size": 16}, "axes": {"entropy_bonus": [0.0, 0.1, 0.2], "clip_norm": [1.0, INF]}}
    )
    remedies = [program.structure.is_on for program in resolve(sweep, "cpu").programs]
    assert sorted(remedies) == [(), ("clip_norm",), ("entropy_bonus",), ("entropy_bonus", "clip_norm")]
    assert "entropy_bonus, clip_norm" in repr(jc.plan(sweep))


def test_remedies_are_off_by_default() -> None:
    (program,) = resolve(jc.Sweep.from_dict({"process": {}}), "cpu").programs
    assert program.structure.is_on == program.structure.terms == ()
    assert set(LOSS_TERMS) <= {name for name, field in fields().items() if field.is_switch} - set(
        program.structure.is_on
    )


@pytest.mark.parametrize(
    ("process", "key", "problem"),
    [
        ({"smoothing": 1.0}, "process.smoothing", "has no effect: it is used with update = 'refit' and finite samples"),
        ({"fresh_every": 3}, "process.fresh_every", "has no effect: it is used with fresh_fraction above 0"),
        ({"update": "refit", "samples": 5, "entropy_bonus": 1.0}, "process.entropy_bonus", "has no effect"),
        ({"update": "refit", "samples": 5, "reset_every": 2}, "process.reset_every", "a refit with mixing below 1"),
        ({"schedule_time": 5.0}, "process.schedule_time", "with schedule = 'linear' or 'cosine'"),
        ({"fresh_sampling": "stratified"}, "process.fresh_sampling", "with fresh_fraction above 0"),
        ({"entropy_bonus": -1.0}, "process.entropy_bonus", "-1.0"),
        ({"reset_every": 0}, "process.reset_every", "must be a whole number from 1"),
        ({"generator": "p0"}, "process.generator", "did you mean 'initial'?"),
        ({"generator": "nobody"}, "process.generator", "allowed: current, initial"),
        ({"batch_size": INF, "steps": INF, "forward_kl": 0.1}, "process.forward_kl", "inf steps are the fit"),
        ({"batch_size": INF, "steps": INF, "schedule": "linear"}, "process.schedule", "inf steps are the limit"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(process: dict[str, Any], key: str, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        jc.Sweep.from_dict({"process": process})
    assert caught.value.key == key
    assert problem in str(caught.value)
