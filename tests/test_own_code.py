"""Code from outside of the package never meets a compiled program that is found by its name."""

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import optax
import pytest

import jaxcollapse as jc
from jaxcollapse.observables import OBSERVABLES
from jaxcollapse.observables.registry import event, observable
from jaxcollapse.parts.slot import SLOTS, Part, Slot
from jaxcollapse.program.kernel import Program
from jaxcollapse.training.optimizers import OPTIMIZERS
from jaxcollapse.training.schedules import SCHEDULES
from jaxcollapse.walks.categorical import Categorical

SWEEP: dict[str, Any] = {
    "replicates": 2,
    "generations": 2,
    "observables": ["entropy", "collapse_time"],
    "process": {"vocab_size": 4, "optimizer": "adam", "schedule": "linear"},
}


def planned(**changed: Any) -> Program:
    (bucket,) = jc.plan(jc.Sweep.from_dict({**SWEEP, **changed})).buckets
    return bucket.program


def _changed(slot: Slot, name: str, part: Part) -> Slot:
    """Another table with one entry changed."""
    made = copy(slot)
    made[name] = part
    return made


def added(patch: pytest.MonkeyPatch) -> None:
    """An observable of a notebook's, which belongs to the default group."""

    @observable("share above a half", "1", "diversity")
    def share_above(now: Any) -> Any:
        """Share of tokens above a half."""
        return jnp.mean(now.p > 0.5)


def defined_anew(patch: pytest.MonkeyPatch) -> None:
    @observable("entropy", "nat", "diversity")
    def entropy(now: Any) -> Any:
        """Another one."""
        return now.p[0]


def event_defined_anew(patch: pytest.MonkeyPatch) -> None:
    @event("collapse time", "modal_probability")
    def collapse_time(start: Any, thresholds: Any) -> Any:
        """Another threshold."""
        return thresholds.support


def of_the_package_under_another_name(patch: pytest.MonkeyPatch) -> None:
    OBSERVABLES["entropy"] = replace(OBSERVABLES["support_size"], name="entropy")


def optimizer_replaced(patch: pytest.MonkeyPatch) -> None:
    OPTIMIZERS["adam"] = replace(OPTIMIZERS["adam"], make=lambda **_: optax.sgd(0.0))


def table_of_optimizers_replaced(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(SLOTS, "optimizer", _changed(OPTIMIZERS, "adam", OPTIMIZERS["sgd"]))


def schedule_replaced(patch: pytest.MonkeyPatch) -> None:
    SCHEDULES["linear"] = replace(SCHEDULES["linear"], make=jnp.exp)


def table_of_schedules_replaced(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(SLOTS, "schedule", _changed(SCHEDULES, "linear", SCHEDULES["cosine"]))


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """After the test, tables hold what they held before."""
    for table in (OBSERVABLES, OPTIMIZERS, SCHEDULES):
        for name in table:
            monkeypatch.setitem(table, name, table[name])
    monkeypatch.setitem(OBSERVABLES, "share_above", OBSERVABLES["entropy"])
    del OBSERVABLES["share_above"]
    return monkeypatch


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (added, "observables: 'share_above' is not the package's own code"),
        (defined_anew, "observables: 'entropy' is not the package's own code"),
        (event_defined_anew, "observables: 'collapse_time' is not the package's own code"),
        (of_the_package_under_another_name, "observables: 'entropy' is not the package's own code"),
        (optimizer_replaced, "process.optimizer: 'adam' is not the package's own code"),
        (table_of_optimizers_replaced, "process.optimizer: 'adam' is not the package's own code"),
        (schedule_replaced, "process.schedule: 'linear' is not the package's own code"),
        (table_of_schedules_replaced, "process.schedule: 'linear' is not the package's own code"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_is_added_or_replaced_is_refused(
    change: Callable[[pytest.MonkeyPatch], None], told: str, tables: pytest.MonkeyPatch
) -> None:
    before = planned()
    change(tables)
    with pytest.raises(jc.InputError, match=told):
        planned(observables=["default", "entropy", "collapse_time"])
    tables.undo()
    assert planned() == before


def test_what_a_sweep_does_not_ask_for_may_be_there(tables: pytest.MonkeyPatch) -> None:
    before = planned()
    added(tables)
    assert planned() == before


def test_a_walk_from_elsewhere_is_refused() -> None:
    class Mine(Categorical):
        """A walk of a script's."""

    program = planned()
    with pytest.raises(jc.InputError, match=r"process\.model: 'Mine' is not the package's own code"):
        replace(program, structure=replace(program.structure, walk=Mine())).check_own_code()


@pytest.mark.parametrize("kind", ["mine", "zipf"])
def test_a_kind_of_initial_distribution_cannot_be_added_or_replaced(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from jaxcollapse.distributions import KINDS
    from jaxcollapse.distributions.parametric import Zipf

    class Mine(Zipf):
        """A kind of a script's."""

        def distribution(self, vocab_size: int, key: Any) -> Any:
            """Never called."""
            raise AssertionError

    monkeypatch.setitem(KINDS, kind, Mine)
    if kind == "mine":
        with pytest.raises(jc.InputError, match=r"process\.initial\.kind: 'mine' is not allowed"):
            jc.Sweep.from_dict({"process": {"initial": {"kind": "mine"}}})
    else:
        jc.plan(jc.Sweep.from_dict({"process": {"initial": {"kind": "zipf"}}}))
    with pytest.raises(jc.InputError, match=r"initial: Mine.* is not a kind of the package"):
        jc.Sweep.from_dict({"axes": {"initial": [Mine()]}})
    assert jc.Sweep.from_dict({"axes": {"initial": [Zipf(exponent=0.5)]}}) == jc.Sweep.from_dict(
        {"axes": {"initial": [{"exponent": 0.5, "kind": "zipf"}]}}
    )
