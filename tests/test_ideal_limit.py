"""Infinitely many samples: what is exactly true of self-training when nothing is random."""

from typing import Any

import numpy as np
import pytest

from tests.reference.laws import softmax
from tests.support.sweeps import probabilities, run, together, values

INF = float("inf")
SKEWED = [0.4, 0.25, 0.2, 0.1, 0.04, 0.01]

# Sizes of one width, one number of records: so nearly all of these processes share their programs.
EXACT: dict[str, Any] = {"generations": 8, "record": {"every": 1, "logits": True}}

INITIALS: dict[str, dict[str, Any]] = {
    "uniform": {"initial": {"kind": "uniform"}, "vocab_size": 17},
    "zipf": {"initial": {"kind": "zipf", "exponent": 1.2}, "vocab_size": 32},
    "zipf_mandelbrot": {"initial": {"kind": "zipf_mandelbrot", "exponent": 2.0, "shift": 5.0}, "vocab_size": 31},
    "dirichlet": {"initial": {"kind": "dirichlet", "concentration": 0.5}, "vocab_size": 20},
    "dirichlet, shared": {"initial": {"kind": "dirichlet", "concentration": 2.0, "shared": True}, "vocab_size": 20},
    "values": {"initial": values([*SKEWED, 0.0] * 3)},
    "file": {
        "initial": {
            "kind": "file",
            "path": "sweeps/data/smollm2_next_token.nc",
            "variable": "logits",
            "select": {"prompt": "coin"},
            "top": 30,
        }
    },
    "words": {"initial": {"kind": "words", "languages": ["en", "vi"]}, "vocab_size": 30},
}
TEMPERING: dict[str, Any] = {"replicates": 2, "observables": ["tempering", "kl_to_initial"]}


@pytest.mark.usefixtures("in_root")
@pytest.mark.parametrize("kind", INITIALS)
def test_refit_raises_p0_to_the_power_one_over_t_to_the_g(kind: str) -> None:
    """p_g ∝ p0^{T^−g}; the effective temperature is T^g; re-tempering brings p0 back."""
    data = run(
        {**INITIALS[kind], "update": "refit", "samples": INF},
        {"temperature": [0.5, 0.9, 1.0, 1.3]},
        generations=12,
        record={"every": 3, "logits": True},
        **TEMPERING,
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
    """T = 0.5 for 28 generations: T_eff = 2^-28, odds of e^{-10^8}, still with relative precision."""
    data = run(
        {**INITIALS["values"], "update": "refit", "samples": INF, "temperature": 0.5},
        generations=28,
        record={"every": 7, "logits": True},
        **TEMPERING,
    )
    expected = 0.5 ** data.generation.values.astype(float)
    np.testing.assert_allclose(data.effective_temperature.values[0], expected, rtol=1e-4)
    np.testing.assert_allclose(data.recovery_temperature.values[0], 1 / expected, rtol=1e-4)
    np.testing.assert_allclose(data.recovery_gap, 0, atol=1e-5)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_four_hundred_generations_only_cool_or_heat(precision: str) -> None:
    """log-odds of 2^±400: p is the mode or uniform, to every digit, and a temperature still brings p0 back."""
    temperatures = np.array([0.5, 0.8, 1.25, 2.0])
    data = run(
        {"update": "refit", "samples": INF},
        {
            "initial": [values(SKEWED), {"kind": "values", "logits": [30.0, 29.5, 27.0, 20.0, -INF]}],
            "temperature": temperatures.tolist(),
        },
        generations=400,
        replicates=1,
        record={"every": 100},
        precision=precision,
        observables=["tempering", "modal_probability"],
    ).squeeze("replicate")
    assert (data.status == 1).all()
    np.testing.assert_allclose(data.recovery_gap, 0, atol=1e-9)
    np.testing.assert_allclose(data.tempering_gap, 0, atol=1e-9)
    exact = np.clip(temperatures[:, None] ** -data.generation.values.astype(float), 0, np.finfo(precision).max)
    exact[exact < np.finfo(precision).tiny] = 0
    found = data.recovery_temperature.transpose(..., "temperature", "generation").values
    np.testing.assert_allclose(found, np.broadcast_to(exact, found.shape), rtol=1e-4)
    last = data.modal_probability.isel(generation=-1).values
    np.testing.assert_allclose(last, [[1, 1, 1 / 6, 1 / 6], [1, 1, 1 / 4, 1 / 4]], rtol=1e-6)


@pytest.mark.parametrize("model", ["persona", "ensemble"])
def test_all_rows_only_cool_or_heat(model: str) -> None:
    data = run(
        {"update": "refit", "samples": INF, "model": model, "vocab_size": 5},
        {"temperature": [0.5, 0.8, 1.25, 2.0]},
        generations=400,
        replicates=1,
        precision="float64",
        observables=["shared_recovery_gap", "shared_recovery_temperature"],
    )
    np.testing.assert_allclose(data.shared_recovery_gap, 0, atol=1e-9)
    exact = data.temperature.values**-400.0
    np.testing.assert_allclose(data.shared_recovery_temperature.isel(generation=-1, replicate=0), exact, rtol=1e-4)


def test_a_refit_that_leaves_the_range_or_the_resolution_of_numbers_is_marked() -> None:
    """Where more than a temperature is at work; but what a truncation cuts, or T = 0 or ∞ make of a model, counts."""
    processes: dict[str, dict[str, Any]] = {
        "too cold": {"temperature": 0.5, "corpus": "window", "window": 2},
        "too hot": {"temperature": 2.0, "corpus": "window", "window": 2},
        "right": {"temperature": 1.0, "corpus": "window", "window": 2},
        "the mode": {"temperature": 0.0, "corpus": "window", "window": 2},
        "uniform": {"temperature": INF, "corpus": "window", "window": 2},
        "cut": {"temperature": 0.5, "top_k": 3},
    }
    common = {"initial": values(SKEWED), "update": "refit", "samples": INF}
    data = run(common, {"process": together(list(processes.values()))}, generations=400, replicates=1)
    assert dict(zip(processes, data.status.values[:, 0].tolist(), strict=True)) == {
        name: 2 if name.startswith("too") else 1 for name in processes
    }


OPTIMIZERS = ["sgd", "momentum", "nesterov", "adam", "rmsprop", "sign_sgd"]


# A gradient that is not zero to the last bit moves sign-SGD by the learning rate, however small it is: so where others
# train on the same, it stands for them all, but for plain SGD, which has code of its own.
@pytest.mark.parametrize(
    ("corpus", "vocab_sizes", "optimizers"),
    [
        pytest.param("replace", [1, 16], ["sgd", "sign_sgd"], marks=pytest.mark.optimised),
        ("replace", [300], OPTIMIZERS),
        ("accumulate", [17], ["sign_sgd"]),
        ("window", [17], ["sign_sgd"]),
    ],
)
def test_at_temperature_one_the_logits_do_not_move_by_one_bit(
    corpus: str, vocab_sizes: list[int], optimizers: list[str]
) -> None:
    """Under any optimiser, with one step or several, moments carried or fresh, and for a refit."""
    common = {"temperature": 1.0, "samples": INF, "corpus": corpus}
    common["initial"] = {"kind": "dirichlet", "concentration": 0.3}
    ways: list[dict[str, Any]] = [{"update": "refit", "mixing": 0.7}]
    ways += [{"batch_size": INF, "steps": 3, "optimizer": optimizer} for optimizer in optimizers]
    if optimizers == OPTIMIZERS:
        ways.append({"batch_size": INF, "optimizer": "adam", "optimizer_state": "fresh"})
        ways.append({"batch_size": INF, "optimizer": "adamw", "weight_decay": 0.0})
    data = run(common, {"vocab_size": vocab_sizes, "way": together(ways)}, replicates=5, **EXACT)
    logits = data.logits.values
    assert np.isfinite(logits).any(axis=-1).all()
    np.testing.assert_array_equal(logits, np.broadcast_to(logits[..., :1, :], logits.shape))


# A share of the mode, rewards of equal tokens, or a penalty for what the model is already, change nothing either.
NEUTRAL: list[dict[str, Any]] = [
    {"curation": "bradley_terry", "candidates": 1},
    {"curation": "argmax", "candidates": 3, "reward_scale": 0.0},
    {"true_positive_rate": 0.3, "false_positive_rate": 0.3},
    {"true_positive_rate": 0.3, "correct_share": 1.0},
    {"forward_kl": 0.3},
    {"reverse_kl": 0.3},
    {"model": "ensemble", "exchange": 0.3, "fresh_fraction": 0.4},
    {"initial": {"kind": "uniform"}, "entropy_bonus": 0.3, "curation": "bradley_terry"},
]


def test_controls_that_do_nothing_do_not_move_the_logits_by_one_bit() -> None:
    common = {"initial": {"kind": "zipf"}, "vocab_size": 16, "samples": INF, "batch_size": INF, "optimizer": "sign_sgd"}
    ways = [{**common, **way} for way in NEUTRAL]
    logits = run({}, {"way": together(ways)}, replicates=1, **EXACT).logits.values
    np.testing.assert_array_equal(logits, np.broadcast_to(logits[:, :, :1], logits.shape))


def test_weight_decay_alone_shrinks_the_logits() -> None:
    """AdamW's default decay is the one thing that moves a model at T = 1: z_g = z_0 (1 − ηλ)^g."""
    process = {"initial": values(SKEWED), "optimizer": "adamw", "weight_decay": 0.1, "learning_rate": 0.5}
    z = run({**process, "batch_size": INF}, replicates=1, **EXACT).logits.values[0]
    np.testing.assert_allclose(z, z[0] * 0.95 ** np.arange(9)[:, None], rtol=1e-5)


@pytest.mark.parametrize("samples", [INF, 50])
def test_temperature_zero_keeps_the_mode_and_ties_share(samples: float) -> None:
    data = run(
        {"initial": values([0.1, 0.3, 0.3, 0.2, 0.1]), "update": "refit", "samples": samples, "temperature": 0.0},
        replicates=20,
        **EXACT,
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
        replicates=1,
        **EXACT,
    )
    np.testing.assert_allclose(probabilities(data)[0, 1:], [[1 / 3, 1 / 3, 1 / 3, 0]] * 8, rtol=1e-6)


def test_gradient_steps_to_convergence_are_the_refit() -> None:
    common = {"initial": values(SKEWED), "temperature": 0.95, "samples": INF}
    endless = run({**common, "steps": INF, "batch_size": INF}, replicates=1, **EXACT)
    many = run({**common, "steps": 20_000, "batch_size": INF, "learning_rate": 1.0}, replicates=1, **EXACT)
    refit = run({**common, "update": "refit"}, replicates=1, **EXACT)
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
