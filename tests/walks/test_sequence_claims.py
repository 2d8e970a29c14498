"""A network that has learned a text stays near it at T = 1 with many traces a step, and cools below, as tables do."""

import numpy as np
import pytest
import xarray as xr

from jaxcollapse.analysis.verdict import VERDICTS
from tests.support.sequences import small, text
from tests.support.sweeps import run

GENERATIONS = 60


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    """A small transformer that knows its text, on the same number of traces a step at three temperatures."""
    path = text(tmp_path_factory.mktemp("text") / "text.txt", 6000)
    sizes = {"width": 8, "context_length": 6, "probes": 24, "pretraining_steps": 300}
    return run(
        small(path, batch_size=256, learning_rate=0.1, **sizes),
        {"temperature": [0.7, 1.0, 1.4]},
        replicates=3,
        generations=GENERATIONS,
        record={"every": GENERATIONS // 2},
        observables=["all"],
    )


def _verdict(data: xr.Dataset, temperature: float) -> str:
    return str(VERDICTS[int(data.collapse.classify().verdict.sel(temperature=temperature))])


def test_a_network_at_temperature_1_stays_where_it_is(data: xr.Dataset) -> None:
    """It moves, since each step is on other traces; but no replicate as far as a hundredth nat."""
    loss = data.shared_kl_to_initial.sel(temperature=1).values
    assert (loss[:, 0] == 0).all()
    assert ((loss[:, 1:] > 1e-5) & (loss[:, 1:] < 0.01)).all()
    assert _verdict(data, 1) == "unchanged"


@pytest.mark.parametrize("temperature", [0.7, 1.4])
def test_a_network_cools_below_and_heats_above(data: xr.Dataset, temperature: float) -> None:
    """Further than one sampling at that temperature; and another temperature brings some of the loss back."""
    last = data.sel(temperature=temperature).isel(generation=-1)
    heat, gap, loss = (
        last[f"shared_{name}"].values for name in ("effective_temperature", "recovery_gap", "kl_to_initial")
    )
    assert (np.log(heat) / np.log(temperature) > 2).all()
    assert (gap < loss).all()
    if temperature < 1:
        assert _verdict(data, temperature) == "cooled"
        assert (gap < 0.1 * loss).all()


def test_observables_of_answers_and_visits_are_not_of_networks(data: xr.Dataset) -> None:
    """All others have numbers."""
    assert not {"accuracy", "pass_at_k", "mean_reward", "unvisited_drift"} & set(data.data_vars)
    for name in ("distinct_2", "shared_smoothed_recovery_gap", "row_recovery_gap", "rank_correlation"):
        assert np.isfinite(data[name].values).all(), name
