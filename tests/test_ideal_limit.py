"""Infinitely many samples: what is exactly true of self-training when nothing is random."""

from typing import Any

import numpy as np
import pytest

from tests.oracles import softmax, tempered
from tests.sweeps import probabilities, run, values

INF = float("inf")
SKEWED = [0.4, 0.25, 0.2, 0.1, 0.04, 0.01]

INITIALS: dict[str, dict[str, Any]] = {
    "uniform": {"initial": {"kind": "uniform"}, "vocab_size": 7},
    "zipf": {"initial": {"kind": "zipf", "exponent": 1.2}, "vocab_size": 50},
    "zipf_mandelbrot": {"initial": {"kind": "zipf_mandelbrot", "exponent": 2.0, "shift": 5.0}, "vocab_size": 33},
    "dirichlet": {"initial": {"kind": "dirichlet", "concentration": 0.5}, "vocab_size": 20},
    "dirichlet, shared": {"initial": {"kind": "dirichlet", "concentration": 2.0, "shared": True}, "vocab_size": 20},
    "values": {"initial": values([*SKEWED, 0.0])},
    "file": {
        "initial": {
            "kind": "file",
            "path": "sweeps/data/smollm2_next_token.nc",
            "variable": "logits",
            "select": {"prompt": "coin"},
            "top": 100,
        }
    },
    "words": {"initial": {"kind": "words", "languages": ["en", "vi"]}, "vocab_size": 300},
}


@pytest.mark.usefixtures("in_root")
@pytest.mark.parametrize("kind", INITIALS)
def test_refit_raises_p0_to_the_power_one_over_t_to_the_g(kind: str) -> None:
    """p_g ∝ p0^{T^−g}; the effective temperature is T^g; re-tempering brings p0 back."""
    data = run(
        {**INITIALS[kind], "update": "refit", "samples": INF},
        {"temperature": [0.5, 0.9, 1.0, 1.3]},
        generations=12,
        replicates=2,
        record={"every": 3, "logits": True},
        observables=["tempering", "kl_to_initial"],
    )
    p = probabilities(data)
    p0 = p[:, :, :1]
    power = data.temperature.values[:, None] ** -data.generation.values.astype(float)
    with np.errstate(divide="ignore"):
        expected = softmax(np.log(p0) * power[:, None, :, None])
    np.testing.assert_allclose(p, expected, rtol=2e-3, atol=1e-12)
    np.testing.assert_allclose(data.recovery_gap, 0, atol=1e-5)
    np.testing.assert_allclose(data.tempering_gap, 0, atol=1e-5)
    effective, recovery = data.effective_temperature.values, data.recovery_temperature.values
    if kind == "uniform":
        assert np.isnan(effective).all()
        return
    np.testing.assert_allclose(effective, np.broadcast_to((1 / power)[:, None], effective.shape), rtol=3e-4)
    np.testing.assert_allclose(recovery, np.broadcast_to(power[:, None], recovery.shape), rtol=3e-4)


def test_effective_temperature_follows_over_eighty_decades_of_odds() -> None:
    """T = 0.5 for 30 generations: T_eff = 2^-30, odds of e^{-10^8}, still with relative precision."""
    data = run(
        {"initial": values(SKEWED), "update": "refit", "samples": INF, "temperature": 0.5},
        generations=30,
        replicates=1,
        record={"every": 5},
        observables=["tempering"],
    )
    expected = 0.5 ** data.generation.values.astype(float)
    np.testing.assert_allclose(data.effective_temperature.values[0], expected, rtol=1e-4)
    np.testing.assert_allclose(data.recovery_temperature.values[0], 1 / expected, rtol=1e-4)
    np.testing.assert_allclose(data.recovery_gap, 0, atol=1e-5)


OPTIMIZERS = ["sgd", "momentum", "nesterov", "adam", "rmsprop", "sign_sgd"]


# A gradient that is not zero to the last bit moves Adam and sign-SGD by about the learning rate, however small it is:
# so where others train on the same, these two and plain SGD, which has code of its own, stand for them.
SENSITIVE = ["sgd", "adam", "sign_sgd"]


@pytest.mark.parametrize(
    ("corpus", "vocab_size", "optimizers"),
    [
        *[("replace", 1, SENSITIVE), ("replace", 48, SENSITIVE), ("replace", 300, OPTIMIZERS)],
        *[("accumulate", 17, SENSITIVE), ("window", 17, OPTIMIZERS)],
    ],
)
def test_at_temperature_one_the_logits_do_not_move_by_one_bit(
    corpus: str, vocab_size: int, optimizers: list[str]
) -> None:
    """Under any optimiser, with one step or several, moments carried or fresh, and for a refit."""
    common = {"temperature": 1.0, "samples": INF, "corpus": corpus, "vocab_size": vocab_size}
    common["initial"] = {"kind": "dirichlet", "concentration": 0.3}
    settings = {"generations": 9, "replicates": 5, "record": {"every": 1, "logits": True}}
    trained = [
        run({**common, "batch_size": INF, "steps": 3}, {"optimizer": optimizers}, **settings),
        run({**common, "batch_size": INF, "optimizer": "adam", "optimizer_state": "fresh"}, **settings),
        run({**common, "update": "refit", "mixing": 0.7}, **settings),
    ]
    if optimizers == OPTIMIZERS:
        trained.append(run({**common, "batch_size": INF, "optimizer": "adamw", "weight_decay": 0.0}, **settings))
    for data in trained:
        logits = data.logits.values
        np.testing.assert_array_equal(logits, np.broadcast_to(logits[..., :1, :], logits.shape))


def test_weight_decay_alone_shrinks_the_logits() -> None:
    """AdamW's default decay is the one thing that moves a model at T = 1: z_g = z_0 (1 − ηλ)^g."""
    data = run(
        {"initial": values(SKEWED), "optimizer": "adamw", "weight_decay": 0.1, "learning_rate": 0.5, "batch_size": INF},
        generations=10,
        replicates=1,
        record={"every": 1, "logits": True},
    )
    z = data.logits.values[0]
    np.testing.assert_allclose(z, z[0] * 0.95 ** np.arange(11)[:, None], rtol=1e-5)


@pytest.mark.parametrize("samples", [INF, 50])
def test_temperature_zero_keeps_the_mode_and_ties_share(samples: float) -> None:
    data = run(
        {"initial": values([0.1, 0.3, 0.3, 0.2, 0.1]), "update": "refit", "samples": samples, "temperature": 0.0},
        generations=12,
        replicates=20,
        record={"every": 1, "logits": True},
    )
    p = probabilities(data)[:, 1:]
    np.testing.assert_allclose(p[..., [0, 3, 4]], 0)
    if samples == INF:
        np.testing.assert_allclose(p[..., 1:3], 0.5)
    else:
        # The argmax of unequal counts breaks the tie; equal ones share again.
        before, after = p[:, :-1, 1], p[:, 1:, 1]
        np.testing.assert_allclose(after[before != 0.5], (before > 0.5)[before != 0.5])
        assert set(np.round(p[:, -1, 1], 6)) == {0.0, 1.0}


def test_infinite_temperature_is_uniform_over_what_is_possible() -> None:
    data = run(
        {"initial": values([0.7, 0.2, 0.1, 0.0]), "update": "refit", "samples": INF, "temperature": INF},
        generations=2,
        replicates=1,
        record={"every": 1, "logits": True},
    )
    np.testing.assert_allclose(probabilities(data)[0, 1:], [[1 / 3, 1 / 3, 1 / 3, 0]] * 2, rtol=1e-6)


def _reference(p0: np.ndarray, process: dict[str, Any], generations: int) -> np.ndarray:
    """The ideal refit in NumPy, straight from the definition."""
    p, kept, history = p0, [], [p0]
    for _ in range(generations):
        q = tempered(p, process.get("temperature", 1.0))
        order = np.sort(q)[::-1]
        if "top_k" in process:
            q = np.where(q >= order[process["top_k"] - 1], q, 0) / q[q >= order[process["top_k"] - 1]].sum()
        if "top_p" in process:
            order = np.sort(q)[::-1]
            edge = order[np.searchsorted(np.cumsum(order), process["top_p"] - 1e-9)]
            q = np.where(q >= edge, q, 0) / q[q >= edge].sum()
        if "min_p" in process:
            keep = q >= process["min_p"] * q.max()
            q = np.where(keep, q, 0) / q[keep].sum()
        share = process.get("fresh_fraction", 0.0)
        kept.append((1 - share) * q + share * p0)
        rule = process.get("corpus", "replace")
        used = {"replace": kept[-1:], "accumulate": kept, "window": kept[-process.get("window", 4) :]}[rule]
        a = process.get("mixing", 1.0)
        p = (1 - a) * p + a * np.mean(used, axis=0)
        history.append(p)
    return np.array(history)


@pytest.mark.parametrize(
    "process",
    [
        {"temperature": 0.8, "corpus": "accumulate"},
        {"temperature": 1.2, "corpus": "window", "window": 3},
        {"temperature": 0.8, "mixing": 0.3},
        {"temperature": 0.7, "fresh_fraction": 0.2},
        {"temperature": 0.7, "fresh_fraction": 0.2, "corpus": "accumulate", "mixing": 0.5},
        {"top_k": 4},
        {"temperature": 1.1, "top_p": 0.93},
        {"min_p": 0.05, "temperature": 1.3},
        {"temperature": 1.5, "top_k": 5, "top_p": 0.95, "min_p": 0.06},
        {"temperature": 1.5, "top_k": 5, "fresh_fraction": 0.1},
    ],
    ids=str,
)
def test_ideal_refit_follows_its_definition(process: dict[str, Any]) -> None:
    data = run(
        {**process, "initial": values(SKEWED), "update": "refit", "samples": INF},
        generations=8,
        replicates=1,
        record={"every": 1, "logits": True},
    )
    np.testing.assert_allclose(probabilities(data)[0], _reference(np.array(SKEWED), process, 8), rtol=2e-4, atol=1e-9)


@pytest.mark.parametrize("state", ["carried", "fresh"])
@pytest.mark.parametrize("optimizer", [*OPTIMIZERS, "adamw"])
def test_optimisers_are_those_of_optax(optimizer: str, state: str) -> None:
    """Three full-batch steps a generation at T = 0.8, against a plain loop over optax."""
    import jax
    import jax.numpy as jnp
    import optax

    constants = {"momentum": {"momentum": 0.8}, "nesterov": {"momentum": 0.8}, "rmsprop": {"decay": 0.8, "eps": 1e-3}}
    constants |= {"adam": {"b1": 0.8, "b2": 0.95, "eps": 1e-3}, "sgd": {}, "sign_sgd": {}}
    constants["adamw"] = {**constants["adam"], "weight_decay": 0.01}
    given = constants[optimizer]
    data = run(
        {
            "initial": values(SKEWED),
            "temperature": 0.8,
            "optimizer": optimizer,
            "optimizer_state": state,
            "learning_rate": 0.1,
            "batch_size": INF,
            "steps": 3,
            **given,
        },
        generations=5,
        replicates=1,
        record={"every": 1, "logits": True},
    )
    build = {
        "momentum": lambda: optax.sgd(0.1, **given),
        "nesterov": lambda: optax.sgd(0.1, nesterov=True, **given),
    }.get(optimizer, lambda: getattr(optax, optimizer)(0.1, **given))
    transformation = build()
    z = jnp.log(jnp.array(SKEWED))
    memory = transformation.init(z)
    history = [np.asarray(z)]
    for _ in range(5):
        target = softmax(np.asarray(z, float) / 0.8)
        if state == "fresh":
            memory = transformation.init(z)
        for _ in range(3):
            gradient = jnp.asarray(softmax(np.asarray(z, float)) - target, jnp.float32)
            with jax.numpy_dtype_promotion("standard"):
                updates, memory = transformation.update(gradient, memory, z)
            z = optax.apply_updates(z, updates)
        history.append(np.asarray(z))
    np.testing.assert_allclose(data.logits.values[0], np.array(history), rtol=2e-4, atol=2e-5)


def test_gradient_steps_to_convergence_are_the_refit() -> None:
    common = {"initial": values(SKEWED), "temperature": 0.9, "samples": INF}
    settings = {"generations": 4, "replicates": 1, "record": {"every": 1, "logits": True}}
    endless = run({**common, "steps": INF, "batch_size": INF}, **settings)
    many = run({**common, "steps": 20_000, "batch_size": INF, "learning_rate": 1.0}, **settings)
    refit = run({**common, "update": "refit"}, **settings)
    np.testing.assert_array_equal(endless.logits, refit.logits)
    np.testing.assert_allclose(probabilities(many), probabilities(refit), rtol=1e-3)


def test_gradient_flow_leaves_the_tempered_family() -> None:
    """C3 is not exact for logit gradient flow: the head sharpens while the tail flattens, and a gap stays."""
    data = run(
        {"temperature": 0.9, "batch_size": INF, "learning_rate": 0.5, "vocab_size": 64},
        generations=400,
        replicates=1,
        observables=["tempering"],
    )
    assert float(data.recovery_gap.values[0, -1]) > 0.05
    assert float(data.tempering_gap.values[0, 0]) == pytest.approx(0, abs=1e-6)


def test_one_token_alone_stays_alone() -> None:
    """V = 1: nothing can happen, and nothing is NaN that need not be."""
    data = run({"vocab_size": 1, "batch_size": 1, "temperature": 0.5}, generations=5, replicates=3, observables=["all"])
    assert (data.entropy == 0).all()
    assert (data.modal_probability == 1).all()
    assert (data.recovery_gap == 0).all()
    assert (data.collapse_time == 0).all()
    assert np.isnan(data.half_life).all()
    assert np.isnan(data.effective_temperature).all()
