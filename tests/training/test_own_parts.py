"""Parts of one's own follow their definitions: the shipped plug-ins beside NumPy, optax and exact laws."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import xarray as xr

import jaxcollapse as jc
from jaxcollapse.parts.plugin import LOADED, forget
from tests.conftest import ROOT
from tests.reference.laws import softmax, tempered
from tests.support.statistics import assert_mean
from tests.support.sweeps import probabilities, run, values

INF = float("inf")
P0 = np.array([0.4, 0.25, 0.2, 0.1, 0.05])
Z0 = np.log(P0)
ALL = {"record": {"every": 1, "logits": True}, "precision": "float64", "replicates": 1}


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    for name in list(LOADED):
        forget(name)


def load(name: str) -> None:
    jc.load_plugin(ROOT / "examples" / "plugins" / f"{name}.py")


def logits(data: xr.Dataset) -> np.ndarray:
    """[generation, token], each row from its own p0."""
    return np.asarray(data.logits.isel(replicate=0).transpose("generation", "token").values)


def test_an_optimiser_is_optaxs_own() -> None:
    load("lion")
    process = {"initial": values(P0), "temperature": 0.8, "optimizer": "lion", "learning_rate": 0.02, "b1": 0.8}
    found = logits(run({**process, "batch_size": INF, "samples": INF}, generations=30, **ALL))
    with jax.enable_x64(True):
        lion, z = optax.lion(0.02, 0.8, 0.99, weight_decay=0.0), jnp.asarray(found[0])
        state = lion.init(z)
        for row in found:
            np.testing.assert_allclose(row, z, atol=1e-12)
            p = np.asarray(softmax(np.asarray(z)))
            updates, state = lion.update(jnp.asarray(p - tempered(p, 0.8)), state, z)
            z = optax.apply_updates(z, updates)


def test_defaults_of_a_part_hold_where_it_is_chosen() -> None:
    load("lion")
    sweep = jc.Sweep.from_dict({"axes": {"optimizer": ["adam", "lion"]}})
    assert sweep.grid.numbers("b2").tolist() == [0.999, 0.99]
    given = jc.Sweep.from_dict({"process": {"b2": 0.5}, "axes": {"optimizer": ["adam", "lion"]}})
    assert given.grid.numbers("b2").tolist() == [0.5, 0.5]
    said = jc.Sweep.from_dict({"process": {"b2": 0.99}, "axes": {"optimizer": ["lion"]}})
    assert said.streams()[0] == sweep.streams()[1]


def test_reinforce_climbs_the_expected_score() -> None:
    """With infinitely many samples each step is η p (r − E r), whatever the baseline."""
    load("reinforce")
    scores, rate = np.array([1.0, 0.0, 2.0, -1.0, 0.5]), 0.3
    process = {"initial": values(P0), "update": "reinforce", "scores": scores.tolist(), "learning_rate": rate}
    endless = {"batch_size": INF, "samples": INF}
    for baseline in (0.0, 0.7):
        found = logits(run({**process, **endless, "score_baseline": baseline}, generations=20, **ALL))
        p = softmax(found)
        expected = rate * p * (scores - (p @ scores)[:, np.newaxis])
        np.testing.assert_allclose(np.diff(found, axis=0), expected[:-1], atol=1e-12)


def test_reinforce_is_right_on_average() -> None:
    """The mean step over replicates, of one sample each."""
    load("reinforce")
    scores = [1.0, 0.0, 2.0, -1.0, 0.5]
    process = {
        "initial": values(P0),
        "update": "reinforce",
        "scores": scores,
        "learning_rate": 0.3,
        "score_baseline": 0.4,
    }
    data = run({**process, "batch_size": 1}, generations=1, **{**ALL, "replicates": 40_000})
    steps = np.asarray(data.logits.diff("generation").isel(generation=0).values).reshape(-1, 5)
    expected = 0.3 * P0 * (np.array(scores) - P0 @ scores)
    for token in range(5):
        assert_mean(steps[:, token], expected[token])


def test_rows_of_a_period_drift_with_their_own_samples() -> None:
    """E H = H₀ (1 − 1/n)^g, where a trace of five tokens visits the rows of a period of two 3 and 2 times."""
    load("periodic")
    process = {"model": "periodic", "period": 2, "trace_length": 5, "update": "refit", "samples": 8}
    data = run(
        {**process, "initial": values(P0)},
        generations=10,
        replicates=4000,
        record={"every": 10, "logits": True},
    )
    heterozygosity = 1 - (probabilities(data) ** 2).sum(axis=-1)
    for row, often in enumerate((3, 2)):
        assert_mean(heterozygosity[:, -1, row], (1 - (P0**2).sum()) * (1 - 1 / (8 * often)) ** 10)


def test_a_term_of_the_loss_takes_out_what_the_model_is_sure_of() -> None:
    load("confident")
    process = {"initial": values(P0), "temperature": 0.8, "learning_rate": 0.5, "batch_size": INF, "samples": INF}
    found = logits(run({**process, "sure_above": 0.3}, generations=20, **ALL))
    p = softmax(found)
    target = np.where(p >= 0.3, 0, np.array([tempered(row, 0.8) for row in p]))
    expected = -0.5 * (target.sum(axis=-1, keepdims=True) * p - target)
    np.testing.assert_allclose(np.diff(found, axis=0), expected[:-1], atol=1e-12)
    plain = run({**process, "sure_above": 1.0}, generations=20, **ALL)
    np.testing.assert_array_equal(plain.logits, run(process, generations=20, **ALL).logits)


def test_a_parameterisation_moves_by_its_own_derivative() -> None:
    load("softcap")
    cap, rate = 4.0, 0.5
    process = {"initial": values(P0), "temperature": 0.8, "learning_rate": rate, "batch_size": INF, "samples": INF}
    found = logits(run({**process, "parameters": "softcap", "cap": cap}, generations=20, **ALL))
    np.testing.assert_allclose(softmax(found[0]), P0, atol=1e-9)
    theta = cap * np.arctanh(found / cap)
    p = softmax(found)
    slope = (p - np.array([tempered(row, 0.8) for row in p])) / np.cosh(theta / cap) ** 2
    np.testing.assert_allclose(np.diff(theta, axis=0), -rate * slope[:-1], atol=1e-9)


def test_a_reward_chooses_among_candidates() -> None:
    """Infinitely many candidates: q ∝ p e^r, and r = ln p0 − ln p gives p0 back."""
    load("novelty")
    process = {"initial": values(P0), "temperature": 0.7, "update": "refit", "samples": INF, "candidates": INF}
    data = run({**process, "curation": "bradley_terry", "reward": "novelty"}, generations=1, **ALL)
    p = tempered(P0, 0.7)
    np.testing.assert_allclose(softmax(logits(data)[-1]), p * (P0 / P0) / p.sum(), atol=1e-12)
    sharp = run(
        {**process, "collapsed_start": 0.3, "curation": "bradley_terry", "reward": "novelty", "temperature": 1.0},
        generations=1,
        **ALL,
    )
    np.testing.assert_allclose(softmax(logits(sharp)[-1]), P0, atol=1e-12)


def test_an_initial_distribution_is_what_the_function_returns() -> None:
    load("twin_peaks")
    process = {"initial": {"kind": "twin_peaks", "slope": 0.25, "gap": 2.0}, "vocab_size": 7, "samples": 4}
    found = logits(run({**process, "update": "refit"}, generations=0, **ALL))[0]
    place = np.arange(7)
    np.testing.assert_allclose(softmax(found), softmax(-0.25 * (place % 4) - 2.0 * (place >= 4)), atol=1e-12)


def test_the_first_samples_stay() -> None:
    """N first and N last samples, p = (q₁ + q)/2: E H = (3 E H(q₁) + E H(q)) / 4, as E[q | q₁] = q₁."""
    load("first_and_last")
    number, generations, start = 20, 8, 1 - (P0**2).sum()
    data = run(
        {"initial": values(P0), "update": "refit", "samples": number, "corpus": "first_and_last"},
        generations=generations,
        replicates=4000,
        record={"every": 1, "logits": True},
    )
    found = 1 - (probabilities(data) ** 2).sum(axis=-1)
    whole = first = start * (1 - 1 / number)
    assert_mean(found[:, 1], first)
    for generation in range(2, generations + 1):
        whole = (3 * first + whole * (1 - 1 / number)) / 4
        assert_mean(found[:, generation], whole)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("@jc.optimizer\ndef adam(learning_rate: float): ...", "process.optimizer: 'adam' is a part of the package"),
        ("@jc.optimizer\ndef mine(learning_rate: float, rate): ...", "'rate' needs an annotation, such as rate: float"),
        ("@jc.optimizer\ndef mine(learning_rate: float): return 3", "process.optimizer: 'mine' returns int; an optax"),
        ("@jc.optimizer\ndef mine(learning_rate: float): return nothing", "plugin: NameError: name 'nothing' is not"),
        ("@jc.optimizer\ndef mine(learning_rate: float, need: float): ...", "process.need: is missing"),
        ("@jc.loss_term\ndef mine(batch, weight: float): return 0.0", "the argument 'weight' needs a default"),
        ("@jc.initial\ndef zipf(vocab_size): return 0.0", "'zipf' is a kind of p0 of the package"),
        (
            "@jc.optimizer\ndef mine(learning_rate: float, entropy: float = 1.0): ...",
            "is a reserved name or the name of an",
        ),
    ],
)
def test_a_mistake_is_told_in_a_line(text: str, told: str, tmp_path: Any) -> None:
    path = tmp_path / "mistaken.py"
    path.write_text(f"import jaxcollapse as jc\n{text}\n")

    def planned() -> None:
        jc.load_plugin(path)
        jc.plan(jc.Sweep.from_dict({"process": {"optimizer": "mine"}}))

    with pytest.raises(jc.InputError) as raised:
        planned()
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


NOISY: dict[str, Any] = {
    "update": "policy_gradient",
    "reward": "noisy_judge",
    "normalise": "none",
    "baseline": "none",
    "group_size": 4,
    "batch_size": 8,
    "scores": [1.0, 0.0, 2.0, -1.0, 0.5],
    "learning_rate": 0.3,
}
MODELS: dict[str, dict[str, Any]] = {
    "tokens": {"initial": values(P0)},
    "ensemble": {"initial": values(P0), "model": "ensemble", "models": 2},
    "personas": {"initial": values(P0), "model": "persona", "personas": 2, "trace_length": 3},
    "chain": {"initial": {"kind": "table", "probabilities": [P0.tolist()] * 5}, "model": "markov", "trace_length": 3},
}


@pytest.mark.parametrize("model", MODELS)
def test_noise_of_a_reward_is_of_a_trace_alone_however_work_is_cut(model: str) -> None:
    """The same bits beside other cells and replicates, in chunks of other sizes, and with more groups at once."""
    load("noisy_judge")
    process = {**NOISY, **MODELS[model], "judge_noise": 0.7}
    common: dict[str, Any] = {"generations": 5, "record": {"every": 5, "logits": True}}
    whole = run(process, {"temperature": [1.0, 0.8]}, **common, replicates=6)
    alone = run(process, {"temperature": [0.8]}, **common, replicates=3, chunk_size=2)
    np.testing.assert_array_equal(whole.logits.isel(temperature=1, replicate=slice(3)), alone.logits[0])
    first, second = (whole.logits.isel(temperature=0, generation=-1, replicate=place).values for place in (0, 1))
    assert (first != second).any()
    axes = {"reward": ["noisy_judge", "score"]}
    quiet = {name: value for name, value in process.items() if name != "reward"} | {"judge_noise": 0.0}
    alike = run(quiet, axes, **common, replicates=3, common_random_numbers=["reward"])
    np.testing.assert_allclose(*(alike.logits.isel(reward=place) for place in (0, 1)), atol=1e-5)


def test_each_trace_has_noise_of_its_own() -> None:
    """Of one group of two traces and plain rewards, the step has the variance of the noise of its own traces."""
    load("noisy_judge")
    process = {**NOISY, "initial": values([0.5, 0.5]), "scores": [0.0, 0.0], "group_size": 2, "batch_size": 2}
    data = run({**process, "judge_noise": 2.0}, generations=1, **{**ALL, "replicates": 40_000})
    step = np.asarray(data.logits.diff("generation").isel(generation=0).values).reshape(-1, 2)
    # z_i += η/2 (Σ_traces of i r − p_i Σ r), of noise with the deviation 2.
    assert_mean(step[:, 0], 0.0)
    assert_mean(step[:, 0] ** 2, (0.3 / 2) ** 2 * 2 * 4 * 0.25)


def test_a_random_reward_is_refused_where_it_has_no_meaning() -> None:
    load("noisy_judge")
    for process, told in (
        ({**NOISY, "batch_size": INF}, "the mean over the random numbers of reward = 'noisy_judge' has no closed form"),
        ({"reward": "noisy_judge", "curation": "argmax"}, "curation needs a number for each token, the same for all"),
    ):
        with pytest.raises(jc.InputError, match=told):
            jc.Sweep.from_dict({"process": {"initial": values(P0), **process}})
    with pytest.raises(jc.InputError, match="the argument 'key' must be the second one"):

        @jc.reward
        def late(judged: Any, spread: float, key: Any) -> Any:
            return judged
