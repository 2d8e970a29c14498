"""The registry: names, groups, and what each entry says of itself."""

import numpy as np
import pytest

from jaxcollapse.errors import InputError
from jaxcollapse.observables import OBSERVABLES, catalogue, select
from jaxcollapse.observables.possible import Sizes
from jaxcollapse.observables.registry import names
from tests.support.sweeps import run

GROUPS = (
    "diversity",
    "original",
    "tempering",
    "events",
    "structure",
    "personas",
    "chain",
    "correct",
    "answers",
    "rewards",
    "texts",
)
UNITS = {"1", "nat", "generation"}


def test_every_observable_says_what_it_is() -> None:
    for name, entry in OBSERVABLES.items():
        assert entry.name == name
        assert name.isidentifier()
        assert entry.long_name
        assert entry.long_name[0].islower() or entry.long_name.startswith(("Shannon", "Hill"))
        assert entry.units in UNITS
        assert entry.description.endswith(".")
        assert "\n" not in entry.description
    assert len({entry.long_name for entry in OBSERVABLES.values()}) == len(OBSERVABLES)
    assert len({entry.description for entry in OBSERVABLES.values()}) == len(OBSERVABLES)


def test_events_are_whole_generations() -> None:
    events = select(["events", "answers"])
    assert {"collapse_time", "first_extinction_time", "half_life"} <= {entry.name for entry in events}
    for entry in OBSERVABLES.values():
        assert entry.is_event == (entry in events) == (entry.units == "generation")
        assert entry.whole or not entry.is_event


def test_every_observable_is_in_one_group() -> None:
    members = [entry.name for group in GROUPS for entry in select([group])]
    assert sorted(members) == sorted(OBSERVABLES)
    assert [entry.name for entry in select(["all"])] == [entry.name for entry in catalogue()] == members
    assert set(names()) == {*OBSERVABLES, *GROUPS, "default", "verdict", "all"}


def test_the_default_is_part_of_all() -> None:
    default = {entry.name for entry in select(["default"])}
    assert default < set(OBSERVABLES)
    assert default == {name for name, entry in OBSERVABLES.items() if entry.default}
    assert {"entropy", "recovery_gap", "collapse_time"} <= default


def test_the_order_and_repetition_of_names_do_not_matter() -> None:
    one = select(["recovery_gap", "diversity", "entropy", "entropy"])
    assert one == select(["entropy", "diversity", "recovery_gap"])
    assert [entry.name for entry in one].count("entropy") == 1
    assert one[-1].name == "recovery_gap"


@pytest.mark.parametrize(
    ("wrong", "meant"), [("entropi", "entropy"), ("diversiti", "diversity"), ("colapse_time", "collapse_time")]
)
def test_a_misspelt_name_is_told_what_was_meant(wrong: str, meant: str) -> None:
    with pytest.raises(InputError, match=f"'{wrong}' is not an observable or group.*{meant}") as caught:
        select(["entropy", wrong])
    assert caught.value.key == "observables"
    with pytest.raises(InputError, match=meant):
        run(observables=[wrong])


def test_a_dataset_carries_what_the_registry_says() -> None:
    """A run of "all": every variable with its label, units and definition, and a number in it."""
    data = run(
        {"initial": {"kind": "zipf"}, "vocab_size": 12, "batch_size": 1, "learning_rate": 3.0, "temperature": 0.7},
        generations=40,
        replicates=5,
        record={"every": 20},
        observables=["all"],
        support_threshold=1e-3,
    )
    of_one_row = {entry.name: entry for entry in select(["all"], ["categorical"], rewarded=False)}
    assert set(data.data_vars) == {*of_one_row, "status"}
    for name, entry in of_one_row.items():
        variable = data[name]
        told = {"long_name": entry.long_name, "units": entry.units, "description": entry.description}
        assert {key: variable.attrs[key] for key in told} == told
        assert ("possible_range" in variable.attrs) != entry.is_event
        if not entry.is_event:
            assert tuple(variable.attrs["possible_range"]) == tuple(map(float, entry.possible(Sizes())))
        inner = () if entry.dim is None else (entry.dim,)
        assert variable.dims == (("replicate",) if entry.is_event else ("replicate", "generation", *inner))
        stored = variable.encoding.get("dtype", variable.dtype)
        assert np.issubdtype(stored, np.integer) == entry.whole, name
        assert variable.notnull().any(), name
