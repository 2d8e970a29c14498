"""A sweep over numbers compiles nothing, and the plan says how many programs a run compiles."""

from typing import Any

import jax
import pytest

import jaxcollapse as jc
from jaxcollapse.execute import execute
from jaxcollapse.program.compiling import compiling
from jaxcollapse.program.kernel import Program
from tests.conftest import Compiles


def run(process: dict[str, Any], axes: dict[str, Any] | None = None, **top: Any) -> None:
    data = {"observables": ["entropy", "support_size", "collapse_time"], "generations": 4, "replicates": 3, **top}
    if "record" not in data:
        data["record"] = {"every": data["generations"] // 2}
    sweep = jc.Sweep.from_dict({**data, "process": process, "axes": axes or {}})
    jc.run(sweep, progress=False, devices=jax.local_devices()[:1])


BASE: dict[str, dict[str, Any]] = {
    "sgd": {"vocab_size": 20, "batch_size": 16},
    "momentum": {"vocab_size": 20, "batch_size": 16, "optimizer": "momentum"},
    "adam": {"vocab_size": 20, "batch_size": 16, "optimizer": "adam"},
    "refit": {"vocab_size": 20, "update": "refit", "samples": 50, "mixing": 0.5},
}
SAME_PROGRAM: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ("sgd", {"learning_rate": 0.123}, {}, {}),
    ("sgd", {"temperature": 0.0}, {}, {}),
    ("sgd", {"temperature": float("inf")}, {}, {}),
    ("sgd", {"batch_size": 7}, {}, {}),
    ("sgd", {"batch_size": 3, "steps": 9}, {}, {}),
    ("sgd", {"vocab_size": 31}, {}, {}),
    ("sgd", {"initial": {"kind": "zipf", "exponent": 0.4}}, {}, {}),
    ("sgd", {"initial": {"kind": "uniform"}}, {}, {}),
    ("sgd", {}, {}, {"seed": 99}),
    ("sgd", {}, {}, {"replicates": 1500}),
    ("sgd", {}, {}, {"generations": 60}),
    ("sgd", {}, {}, {"generations": 60, "record": {"spacing": "log", "points": 3}}),
    ("sgd", {}, {}, {"generations": 60, "record": {"every": 4}}),
    ("momentum", {}, {}, {"generations": 60, "record": {"every": 4}}),
    ("momentum", {}, {}, {"generations": 1, "record": {"every": 1}}),
    ("sgd", {}, {}, {"support_threshold": 0.01, "collapse_threshold": 0.2}),
    ("sgd", {}, {}, {"common_random_numbers": ["temperature"]}),
    ("sgd", {}, {"temperature": {"linspace": [0.5, 2.0, 30]}, "learning_rate": [0.1, 1.0]}, {}),
    ("sgd", {"initial": {"kind": "zipf"}}, {"initial.exponent": [0.5, 1.0, 1.5]}, {}),
    ("momentum", {"momentum": 0.5}, {}, {}),
    ("adam", {"b1": 0.5, "b2": 0.9, "eps": 1e-3}, {}, {}),
    ("refit", {"samples": 64, "mixing": 0.25}, {}, {}),
]


@pytest.mark.parametrize("kind", BASE)
def test_numbers_are_data(kind: str, compiles: Compiles) -> None:
    """Neither the program nor anything around it is compiled again for another number."""
    run(BASE[kind])
    assert compiles() > 0
    for name, process, axes, top in SAME_PROGRAM:
        if name == kind:
            seen, misses = compiles(), compiling.cache_info().misses
            run({**BASE[kind], **process}, axes, **top)
            assert compiles() == seen, (process, axes, top)
            assert compiling.cache_info().misses == misses, (process, axes, top)


@pytest.mark.parametrize("process", [BASE["sgd"], BASE["momentum"]], ids=["native code", "XLA"])
@pytest.mark.parametrize("logits", [False, True])
def test_numbers_of_records_share_programs(process: dict[str, Any], logits: bool, compiles: Compiles) -> None:
    """Any number up to the next of few; one more is another program."""
    few, many, most = (97, 104, 105) if logits else (2, 16, 17)
    run(process, generations=few - 1, record={"every": 1, "logits": logits})
    seen, misses = compiles(), compiling.cache_info().misses
    run(process, generations=many - 1, record={"every": 1, "logits": logits})
    assert compiles() == seen
    assert compiling.cache_info().misses == misses
    run(process, generations=most - 1, record={"every": 1, "logits": logits})
    assert compiling.cache_info().misses == misses + 1


@pytest.mark.parametrize("logits", [False, True])
def test_places_for_records_are_few_and_little_more_than_records(logits: bool) -> None:
    program = (
        jc.plan(jc.Sweep.from_dict({"process": {"vocab_size": 4}, "record": {"logits": logits}})).buckets[0].program
    )
    places = [program.places(records) for records in range(1, 10_001)]
    assert len(set(places)) < (100 if logits else 90)
    for records, place in enumerate(places, start=1):
        assert records <= place <= (records * 9 / 8 if logits else max(records + 15, records * 9 / 8)), records
        assert program.places(place) == place


PADDED: dict[str, dict[str, Any]] = {
    "native code": {"process": {"vocab_size": 20, "batch_size": 2}},
    "native code, and observables of XLA": {
        "process": {"vocab_size": 20, "batch_size": 2},
        "observables": ["all"],
    },
    "refits that absorb": {"process": {"vocab_size": 5, "update": "refit", "samples": 3}},
    "refits that absorb, by XLA": {"process": {"vocab_size": 5, "update": "refit", "samples": 3, "top_k": 4}},
    "XLA": {"process": {"vocab_size": 20, "batch_size": 2, "optimizer": "adam"}},
    "a chain with logits": {
        "process": {"vocab_size": 6, "model": "markov", "trace_length": 4, "update": "refit", "samples": 4},
        "observables": ["diversity", "events", "chain"],
    },
}


@pytest.mark.parametrize("kind", PADDED)
def test_places_without_records_change_no_bit(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of what is recorded, nor of events, nor of the state that a study goes on from."""
    record = {"every": 5, "state": True, "logits": "logits" in kind}
    sweep = jc.Sweep.from_dict({"replicates": 6, "generations": 30, **PADDED[kind], "record": record})
    found = []
    for more in (0, 1, 20):
        monkeypatch.setattr(Program, "places", lambda _, records, more=more: records + more)
        planned = jc.plan(sweep)
        assert planned.buckets[0].program.structure.absorbs is ("absorb" in kind)
        (result,) = execute(planned, lambda _: None)
        arrays = {**result.series, **result.events, "status": result.status, "state": result.state}
        found.append({**arrays, "logits": result.logits} if result.logits is not None else arrays)
    for other in found[1:]:
        assert other.keys() == found[0].keys()
        for name, values in found[0].items():
            assert values.tobytes() == other[name].tobytes(), name
    assert (found[0]["status"] == 1).all()


@pytest.mark.parametrize("changed", [{"vocab_size": 33}, {"optimizer": "nesterov"}, {"corpus": "accumulate"}])
def test_another_structure_is_another_program(changed: dict[str, Any], compiles: Compiles) -> None:
    """The counters see a compile where there is one."""
    run(BASE["sgd"])
    seen, misses = compiles(), compiling.cache_info().misses
    run({**BASE["sgd"], **changed})
    assert compiles() > seen
    assert compiling.cache_info().misses == misses + 1


@pytest.mark.parametrize(("replicates", "each"), [(100, 1), (300, 2)])
def test_as_many_programs_are_compiled_as_the_plan_says(replicates: int, each: int) -> None:
    """One for each bucket and each device that has a part in it: 200 trajectories are one call, 600 are two."""
    sweep = jc.Sweep.from_dict(
        {
            "observables": ["entropy"],
            "generations": 2,
            "replicates": replicates,
            "process": {"vocab_size": 16, "batch_size": 8},
            "axes": {"update": ["gradient", "refit"], "temperature": [0.9, 1.1]},
        }
    )
    planned = jc.plan(sweep)
    assert [bucket.lanes for bucket in planned.buckets] == [512, 512]
    assert planned.to_dict()["compiles"] == 2 * each
    compiling.cache_clear()
    jc.run(sweep, progress=False)
    assert compiling.cache_info().misses == 2 * each
    jc.run(sweep, progress=False)
    assert compiling.cache_info().misses == 2 * each
