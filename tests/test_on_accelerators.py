"""What computes on a GPU or TPU, where there is one: the same trajectories, and the same bits however many at once.

XLA_PYTHON_CLIENT_PREALLOCATE=false python -m pytest tests/test_on_accelerators.py
"""

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
import xarray as xr

import jaxcollapse as jc
from jaxcollapse import native
from jaxcollapse.planning import this_machine
from jaxcollapse.program.kernel import Program
from tests.conftest import ROOT
from tests.execute.test_room import short_of_memory
from tests.support.studies import assert_same_numbers
from tests.support.sweeps import together

if jax.default_backend() == "cpu":
    pytest.skip("there is no accelerator", allow_module_level=True)

pytestmark = pytest.mark.optimised

INF = float("inf")
SETTINGS: dict[str, Any] = {
    "generations": 10,
    "replicates": 40,
    "record": {"every": 5, "logits": True},
    "observables": ["entropy", "kl_from_initial", "events"],
    "seed": 3,
}
PROCESSES: list[dict[str, Any]] = [
    {"batch_size": 1, "temperature": 0.9},
    {"batch_size": 500, "temperature": 1.1},
    {"batch_size": 20, "steps": 3, "optimizer": "adam", "learning_rate": 0.05},
    {"batch_size": INF, "temperature": 0.9},
    {"batch_size": 10**6, "temperature": 0.0},
    {"update": "refit", "samples": 100},
    {"update": "refit", "samples": 3, "temperature": 1.2},
    {"batch_size": 8, "top_k": 7, "fresh_fraction": 0.2},
]


def sweep_of(tokens: int, processes: list[dict[str, Any]], **changed: Any) -> jc.Sweep:
    whole = [{"vocab_size": tokens, **process} for process in processes]
    return jc.Sweep.from_dict({**SETTINGS, **changed, "process": {}, "axes": {"process": together(whole)}})


def run(sweep: jc.Sweep, platform: str | None = None) -> xr.Dataset:
    return jc.run(sweep, progress=False, devices=jax.local_devices(backend=platform)[:1])


def assert_close(here: xr.Dataset, there: xr.Dataset) -> None:
    """Nearly everywhere, where no rounding has tipped a sample."""
    for place in range(here.sizes["process"]):
        one, other = here.isel(process=place), there.isel(process=place)
        gone = np.isneginf(one.logits) & np.isneginf(other.logits)
        same = (np.isclose(one.logits, other.logits, atol=1e-4) | gone).all(axis=-1).values
        assert same.mean() > 0.9, PROCESSES[place]
        np.testing.assert_allclose(one.entropy.values[same], other.entropy.values[same], rtol=2e-3, atol=1e-5)


@pytest.mark.parametrize("tokens", [30, 300])
def test_trajectories_are_those_of_a_cpu(tokens: int) -> None:
    """The same counts, so that logits differ by rounding alone."""
    sweep = sweep_of(tokens, PROCESSES)
    assert_close(run(sweep), run(sweep, "cpu"))


@pytest.mark.skipif(native.target(jax.default_backend()) is None, reason="there is no accelerator with native code")
@pytest.mark.parametrize("tokens", [1, 30, 300, 1100])
def test_native_code_computes_the_bits_of_a_cpu(tokens: int) -> None:
    """Whole generations, and all that is measured of them."""
    sweep = sweep_of(tokens, [*PROCESSES[:2], *PROCESSES[3:7]], observables=["default"])
    assert_same_numbers(run(sweep), run(sweep, "cpu"))


def of_a_process(sweep: jc.Sweep, folder: Path, *options: str) -> xr.Dataset:
    """What the command line computes in a process of its own, which has compiled everything itself."""
    (folder / "sweep.toml").write_text(sweep.to_toml())
    command = [sys.executable, "-m", "jaxcollapse", "run", str(folder / "sweep.toml"), "--out", str(folder / "study")]
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    done = subprocess.run([*command, *options], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with jc.open_study(folder / "study") as data:
        return data.load()


@pytest.mark.parametrize("tokens", [16, 256])
def test_another_process_computes_the_same_bits(tokens: int, tmp_path: Path) -> None:
    sweep = sweep_of(tokens, PROCESSES[:6], observables=["default"])
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    one, other = (of_a_process(sweep, tmp_path / name) for name in ("one", "other"))
    assert_same_numbers(one, other)
    assert f'"platform": "{jax.default_backend()}"' in one.attrs["provenance"]


@pytest.mark.parametrize("tokens", [16, 4096])
def test_however_many_are_computed_at_once_only_last_bits_differ(tokens: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiler may sum in another order for another number; until a rounding tips a sample."""
    sweep, width = sweep_of(tokens, PROCESSES[:6]), Program.width
    whole = run(sweep)
    assert_same_numbers(whole, run(sweep))
    monkeypatch.setattr(Program, "width", lambda self, platform: width(self, platform) // 8)
    assert_close(whole, run(sweep))


def test_a_device_without_memory_goes_on_with_fewer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sweep = sweep_of(256, PROCESSES[:1])
    roomy = run(sweep)
    planned = jc.plan(sweep, machine=this_machine(jax.local_devices()[:1])).buckets[0].lanes
    lanes = short_of_memory(monkeypatch, most=planned // 2)
    with caplog.at_level(logging.WARNING):
        assert_close(roomy, run(sweep))
    assert set(lanes) == {planned // 2}
    assert f"continuing with {planned // 2} (RESOURCE_EXHAUSTED" in caplog.text


def test_a_study_that_is_extended_on_a_device_is_a_clean_one(tmp_path: Path) -> None:
    sweep = sweep_of(64, PROCESSES[:2], replicates=3)
    more = sweep_of(64, PROCESSES[:2], replicates=5)
    jc.run(sweep, tmp_path / "study", progress=False).close()
    with jc.run(more, tmp_path / "study", progress=False) as grown:
        assert_same_numbers(jc.run(more, progress=False), grown.load())


def test_the_command_line_takes_the_cpu_if_it_is_told_to(tmp_path: Path) -> None:
    data = of_a_process(sweep_of(16, PROCESSES[:1], replicates=2), tmp_path, "--platform", "cpu")
    assert '"platform": "cpu"' in data.attrs["provenance"]
