"""What the sweep files of docs/studies.md say of themselves, from smaller versions of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import jaxcollapse as jc
from experiments.studies import STUDIES
from tests.conftest import ROOT
from tests.support.statistics import SIGMAS, assert_mean

SWEEPS = sorted((ROOT / "sweeps").glob("*.toml"))


def _smaller(name: str, axes: dict[str, Any], process: dict[str, Any] | None = None, **top: Any) -> xr.Dataset:
    """A shipped sweep with other axes, and what else is given."""
    path = ROOT / f"sweeps/{name}.toml"
    shipped = jc.Sweep.from_toml(path).to_dict()
    changed = {**shipped, **top, "axes": axes, "process": {**shipped["process"], **(process or {})}}
    if changed["process"].get("update") == "refit":
        changed["process"].pop("learning_rate", None)
    return jc.run(jc.Sweep.from_dict(changed, folder=path.parent), progress=False)


def _bounds(values: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Mean over replicates, less and plus its standard errors."""
    mean = values.mean("replicate")
    error = SIGMAS * values.std("replicate", ddof=1) / np.sqrt(values.sizes["replicate"])
    return mean - error, mean + error


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_a_shipped_sweep_is_planned(path: Path) -> None:
    assert "trajectories" in str(jc.plan(jc.Sweep.from_toml(path)))


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_has_a_page_and_a_picture(name: str) -> None:
    page = (ROOT / "docs/studies.md").read_text(encoding="utf-8")
    assert f"sweeps/{name}.toml" in page
    assert f"pictures/{name}.png" in page


@pytest.mark.optimised
def test_personas_end_with_one_language_which_cannot_be_foretold() -> None:
    observables = ["persona_mass", "personas_covered", "persona_entropy"]
    axes = {"temperature": [0.9, 1.0, 1.1], "samples": [10, 1000]}
    smaller = {"replicates": 32, "generations": 120, "record": {"every": 20}, "observables": observables}
    data = _smaller("personas_of_languages", axes, {"vocab_size": 60}, **smaller)
    last = data.isel(generation=-1)
    assert (last.personas_covered.sel(temperature=0.9) == 1).all()
    assert (last.personas_covered.sel(temperature=1.1, samples=1000) == 6).all()
    won = last.persona_mass.sel(temperature=0.9) > 0.99
    assert won.any("persona").all()
    assert_mean(won.sel(persona="vi").values.ravel(), 1 / 6)
    drifting = data.persona_mass.sel(temperature=1.0, samples=1000)
    differ = (1 - (drifting**2).sum("persona")).transpose("replicate", "generation")
    assert_mean(differ.values, (1 - 1 / 6) * (1 - 1 / 1000) ** data.generation.values, resolves=0.1)


def test_a_chain_that_repeats_itself_may_have_lost_nothing_or_all() -> None:
    observables = ["longest_repeat", "shared_recovery_gap", "shared_recovery_temperature"]
    start = jc.Sweep.from_toml(ROOT / "sweeps/markov_bigrams.toml").to_dict()["process"]["initial"]
    process = {"initial": {**start, "top": 32}, "temperature": 0.9, "update": "refit"}
    smaller = {"replicates": 4, "generations": 10, "record": {"every": 10}, "observables": observables}
    data = _smaller("markov_bigrams", {"samples": [1000, np.inf]}, process, **smaller)
    before, after = data.isel(generation=0), data.isel(generation=-1)
    assert (_bounds(after.longest_repeat)[0] > 1.5 * _bounds(before.longest_repeat)[1]).all()
    finite, exact = after.sel(samples=1000), after.sel(samples=np.inf)
    assert (exact.shared_recovery_gap < 1e-5).all()
    np.testing.assert_allclose(exact.shared_recovery_temperature, 0.9**-10, rtol=1e-3)
    assert np.isinf(finite.shared_recovery_gap).all()


def test_keeping_all_samples_bounds_the_loss_at_temperature_1_only() -> None:
    axes = {"temperature": [0.9, 1.0], "corpus": ["replace", "accumulate"]}
    data = _smaller("accumulate_or_replace", axes, generations=200, record={"every": 20})
    kept, replaced = (data.sel(corpus=corpus, temperature=1.0) for corpus in ("accumulate", "replace"))
    diversity = (1 - kept.collision_probability).values
    ages = np.arange(1, 201)
    surviving = np.concatenate([[1.0], np.cumprod(1 - 1 / (200 * ages**2))])[data.generation.values]
    assert_mean(diversity, diversity[0, 0] * surviving, resolves=0.02)
    least, _ = _bounds(kept.entropy.isel(generation=-1))
    _, most = _bounds(replaced.entropy.isel(generation=-1))
    assert least > 3 * most
    cooling = data.entropy.sel(corpus="accumulate", temperature=0.9)
    _, later = _bounds(cooling.sel(generation=200))
    earlier, _ = _bounds(cooling.sel(generation=20))
    assert later < earlier


def test_only_top_p_cuts_again_and_again() -> None:
    cuts = {
        "samples": [np.inf, np.inf, np.inf, np.inf, 1000],
        "top_k": [np.inf, 64, np.inf, np.inf, np.inf],
        "top_p": [1.0, 1.0, 0.9, 1.0, 1.0],
        "min_p": [0.0, 0.0, 0.0, 0.1, 0.0],
    }
    shorter = {"replicates": 6, "generations": 30, "record": {"every": 1}, "observables": ["support_size"]}
    data = _smaller("decoding_truncation", {"truncation": {"zip": cuts}}, **shorter)
    exact, drifting = data.support_size.isel(truncation=slice(4)), data.support_size.isel(truncation=4, generation=-1)
    once, last = (exact.isel(replicate=0).sel(generation=generation) for generation in (1, 30))
    assert (once == last).values.tolist() == [True, True, False, True]
    assert last.values.tolist()[:2] == [256, 64]
    assert _bounds(drifting)[1] < 64


def test_hard_prompts_are_left_behind() -> None:
    smaller = {
        "replicates": 8,
        "generations": 60,
        "record": {"every": 60},
        "observables": ["accuracy", "persona_accuracy"],
    }
    data = _smaller("hard_prompts", {"accuracy_concentration": [2.0, np.inf]}, {"initial_accuracy": 0.2}, **smaller)
    last = data.isel(generation=-1)
    least, most = _bounds(last.accuracy)
    assert most[0] < least[1], "the mean over equally hard prompts has risen further"
    start, end = data.persona_accuracy[0, :, 0].values.ravel(), last.persona_accuracy[0].values.ravel()
    assert end[start < 0.01].mean() < 0.1 < 0.9 < end[start > 0.2].mean()


def test_one_trace_moves_what_a_transformer_says_at_other_contexts_by_the_square_of_the_step() -> None:
    rates = np.array([0.001, 0.002])
    smaller = {"replicates": 32, "generations": 1, "record": {"every": 1}}
    observables = ["shared_kl_to_initial", "shared_recovery_gap"]
    data = _smaller("single_trace_transformer", {"learning_rate": rates.tolist()}, observables=observables, **smaller)
    loss, gap = (data[name].isel(generation=-1).astype(float) for name in observables)
    least, most = _bounds(np.log(loss / data.learning_rate**2))
    assert (least > np.log(50)).all()
    assert least[0] < most[1]
    assert least[1] < most[0]
    assert _bounds(gap / loss)[0].min() > 0.8, "a temperature brings back little of it"
