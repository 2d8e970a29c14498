"""The shipped sweep files, run as their users run them."""

from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import xarray as xr

import jaxcollapse as jc
from jaxcollapse.analysis.verdict import VERDICTS
from tests.conftest import Finished
from tests.support.statistics import SIGMAS

SWEEPS = ["ideal_limit", "wright_fisher", "single_trace", "word_languages", "real_data_bursts"]


def test_the_quickstart_prints_a_table_and_says_where_to_look(quickstart: Finished) -> None:
    assert "After 400 generations, the median of 16 replicates" in quickstart.printed
    for word in VERDICTS:
        assert word in quickstart.printed
    named = [line.split(": ", 1)[1] for line in quickstart.printed.splitlines()[-3:]]
    assert named == ["results/quickstart/phase.png", "results/quickstart/result.nc", "results/quickstart"]
    assert all((quickstart.folder / path).exists() for path in named)


def test_the_quickstart_draws_its_phase_diagram(quickstart: Finished) -> None:
    picture = matplotlib.image.imread(quickstart.folder / "results/quickstart/phase.png")
    assert picture.shape[0] > 400
    assert picture.shape[1] > 1000
    assert len(np.unique(picture.reshape(-1, picture.shape[-1]), axis=0)) > 100


def test_the_quickstart_starts_from_a_real_language_model(quickstart: Finished) -> None:
    with xr.open_dataset(quickstart.folder / "sweeps/data/smollm2_next_token.nc") as source:
        logits = np.sort(source.logits.sel(prompt="story").values.astype(float))[::-1][:512]
    p = np.exp(logits - logits.max())
    p /= p.sum()
    with xr.open_dataset(quickstart.folder / "results/quickstart/result.nc") as data:
        start = data.isel(generation=0)
        np.testing.assert_allclose(start.entropy, -(p * np.log(p)).sum(), rtol=1e-5)
        np.testing.assert_allclose(start.modal_probability, p.max(), rtol=1e-5)
        assert (data.status == 1).all()


def test_the_quickstart_tells_all_verdicts_apart(quickstart: Finished) -> None:
    with xr.open_dataset(quickstart.folder / "results/quickstart/result.nc") as data:
        last = data.isel(generation=-1).sel(batch_size=np.inf)
        still = last.sel(temperature=1.0)
        assert (still.kl_to_initial == 0).all(), "at T = 1 the exact expectation moves nothing"
        assert (last.entropy.sel(temperature=0.9) < still.entropy).all()
        assert (last.entropy.sel(temperature=1.1) > still.entropy).all()
        small_batches = data.isel(generation=-1).sel(temperature=1.0, learning_rate=10.0, batch_size=1)
        assert (small_batches.recovery_gap > 0.1).all(), "single traces at large steps forget"


@pytest.mark.parametrize("name", SWEEPS)
def test_a_shipped_sweep_runs(name: str, in_root: Path) -> None:
    path = in_root / f"sweeps/{name}.toml"
    data = jc.Sweep.from_toml(path).to_dict()
    logits = data.get("record", {}).get("logits", False)
    shorter = {"replicates": 2, "generations": 3, "record": {"every": 1, "logits": logits}, "observables": ["entropy"]}
    small = {**data, **shorter}
    result = jc.run(jc.Sweep.from_dict(small, folder=path.parent), progress=False)
    assert (result.status == 1).all()
    assert np.isfinite(result.entropy).all()


def test_bursts_of_real_data_keep_more_where_the_model_cools(in_root: Path) -> None:
    """What the sweep file says of itself, from a quarter of its replicates."""
    path = in_root / "sweeps/real_data_bursts.toml"
    sweep = jc.Sweep.from_dict({**jc.Sweep.from_toml(path).to_dict(), "replicates": 16}, folder=path.parent)
    data = jc.run(sweep, progress=False)
    entropy = data.entropy.sel(generation=slice(101, 200)).mean("generation")
    mean, error = entropy.mean("replicate"), SIGMAS * entropy.std("replicate") / np.sqrt(sweep.replicates)
    least, most = (mean - error).isel(bursts=-1), (mean + error).isel(bursts=0)
    assert least.sel(temperature=0.9) > 2.5 * most.sel(temperature=0.9)
    np.testing.assert_allclose(*(mean.sel(temperature=1.0).isel(bursts=place) for place in (0, -1)), rtol=0.05)
