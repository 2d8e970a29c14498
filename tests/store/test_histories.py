"""Whatever happens to a study, and in whatever order: in the end it holds what an undisturbed run computes."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import xarray as xr
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import jaxcollapse as jc
from jaxcollapse.store.study import Study
from tests.store.test_shard import flip, truncate
from tests.support.processes import Kill, Processes
from tests.support.studies import assert_same_numbers

TEMPERATURES = [0.8, 0.9, 1.0, 1.1]
Damage = Callable[[Path], object]

DAMAGES: dict[str, Damage] = {
    "flipped": lambda path: flip(0.5)(path, path),
    "truncated": lambda path: truncate(0.7)(path, path),
    "empty": lambda path: path.write_bytes(b""),
    "gone": lambda path: path.unlink(),
    "text": lambda path: path.write_text("hello"),
}
FILES = ["shards/*.nc", "result.nc", "plan.json"]

runs = st.just(("run",))
kills = st.tuples(st.just("kill"), st.integers(1, 250))
damages = st.tuples(st.just("damage"), st.sampled_from(FILES), st.integers(0, 9), st.sampled_from(list(DAMAGES)))
growths = st.tuples(st.just("grow"), st.sampled_from([*TEMPERATURES, "replicates", "steps"]))
histories = st.lists(st.one_of(kills, damages, growths, runs), min_size=2, max_size=7)


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    with Processes() as started:
        yield started


def sweep_of(grown: list[Any]) -> jc.Sweep:
    """The sweep after it has grown by so many values, replicates, or an axis."""
    temperatures = [1.0, *(value for value in dict.fromkeys(grown) if isinstance(value, float) and value != 1.0)]
    axes = {"steps": [1, 2, 3] if "steps" in grown else [1, 2], "temperature": sorted(temperatures)}
    return jc.Sweep.from_dict(
        {
            "generations": 6,
            "record": {"every": 3},
            "replicates": 2 + grown.count("replicates"),
            "observables": ["entropy", "collapse_time"],
            "process": {"vocab_size": 16, "batch_size": 8},
            "axes": axes,
        }
    )


@settings(max_examples=8, phases=[Phase.explicit, Phase.generate])
@given(history=histories)
def test_any_history_ends_with_the_numbers_of_a_clean_run(history: list[tuple[Any, ...]], processes: Processes) -> None:
    folder, grown, damaged = Path(tempfile.mkdtemp()), list[Any](), set[str]()
    study, sweep_file = folder / "study", folder / "sweep.toml"
    for what, *how in history:
        sweep_file.write_text(sweep_of(grown).to_toml())
        if what == "run":
            assert processes.run(sweep_file, study, "--chunk-size", "4")[0] == 0
        elif what == "kill":
            assert processes.run(sweep_file, study, "--chunk-size", "4", kill=Kill(event=how[0]))[0] in (0, -9)
        elif what == "grow":
            grown.append(how[0])
        elif victims := sorted(study.glob(how[0])):
            victim = victims[how[1] % len(victims)]
            DAMAGES[how[2]](victim)
            damaged.add(victim.name)
    sweep_file.write_text(sweep_of(grown).to_toml())
    code, told = processes.run(sweep_file, study, "--chunk-size", "4")
    assert code == 0, told
    summary = Study.open(study).summary()
    assert summary["missing"] == 0
    assert summary["bad_shards"].keys() <= damaged, "what was damaged before the sweep grew may be of no use any more"
    with xr.open_dataset(study / "result.nc") as data:
        assert_same_numbers(clean(sweep_of(grown)), data.load())
    shutil.rmtree(folder)


_clean: dict[str, xr.Dataset] = {}


def clean(sweep: jc.Sweep) -> xr.Dataset:
    """What an undisturbed run in memory computes."""
    if sweep.to_toml() not in _clean:
        _clean[sweep.to_toml()] = jc.run(sweep, progress=False)
    return _clean[sweep.to_toml()]
