"""Conditional axes and unions of grids: which cells there are, where they are, and that none is there twice."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import jaxcollapse as jc
from jaxcollapse.errors import InputError
from jaxcollapse.sweep.union import spanned

ADAM = {"optimizer": "adam"}
Table = dict[str, Any]


def sweep_of(axes: Table, *grids: Table, **process: Any) -> jc.Sweep:
    top = {"replicates": 2, "generations": 5, "seed": 3, "observables": ["default"]}
    table = {**top, "process": {"vocab_size": 4, **process}, "axes": axes}
    return jc.Sweep.from_dict({**table, "grid": list(grids)} if grids else table)


def cells(sweep: jc.Sweep) -> list[dict[str, Any]]:
    return [sweep.grid.cell(index) for index in range(sweep.grid.cells)]


def places(sweep: jc.Sweep) -> list[Any]:
    """The cell at each place of the box of all axes; −1 where there is none."""
    return sweep.grid.at_places(np.arange(sweep.grid.cells), -1).reshape(sweep.shape).tolist()


def test_an_axis_under_a_condition_has_one_cell_where_it_has_no_effect() -> None:
    sweep = sweep_of({"optimizer": ["sgd", "adam"], "b1": {"values": [0.9, 0.99], "where": ADAM}})
    assert cells(sweep) == [
        {"optimizer": "sgd"},
        {"optimizer": "adam", "b1": 0.9},
        {"optimizer": "adam", "b1": 0.99},
    ]
    assert places(sweep) == [[0, 0], [1, 2]], "its values are repeated along the axis"


def test_cells_that_are_equal_in_all_they_read_are_one_in_any_sweep() -> None:
    sweep = sweep_of({"optimizer": ["sgd", "adam"], "b1": [0.9, 0.99]})
    assert sweep.grid.cells == 3
    assert places(sweep) == [[0, 0], [1, 2]]


@pytest.mark.parametrize("b1", [[0.95, 0.99], [0.99, 0.95]])
def test_a_cell_has_the_random_numbers_of_the_process_without_what_it_does_not_read(b1: list[float]) -> None:
    """So it is the same cell whatever values the axis has, in whatever order, and in the sweep without the axis."""
    sweep, alone = sweep_of({"optimizer": ["sgd", "adam"], "b1": b1}), sweep_of({})
    assert sweep.streams()[0] == alone.streams()[0]


def test_where_a_condition_does_not_hold_a_cell_is_at_the_value_that_it_has() -> None:
    """A learning rate has an effect on SGD: where the axis does not apply, the constant does, and it is on the axis."""
    rates = {"values": [0.01, 0.1], "where": ADAM}
    sweep = sweep_of({"optimizer": ["sgd", "adam"], "learning_rate": rates}, learning_rate=0.5)
    assert sweep.grid.axes[1].fields["learning_rate"] == [0.01, 0.1, 0.5]
    assert places(sweep) == [[-1, -1, 0], [1, 2, -1]]


def test_conditions_may_have_several_values_and_depend_on_each_other() -> None:
    sweep = sweep_of(
        {
            "eps": {"values": [1e-8, 1e-3], "where": {"b1": 0.9}},
            "b1": {"values": [0.9, 0.99], "where": {"optimizer": ["adam", "adamw"]}},
            "optimizer": ["sgd", "adam", "adamw"],
        }
    )
    assert sweep.grid.cells == 1 + 2 * 3
    found = [(cell["optimizer"], cell.get("b1"), cell.get("eps")) for cell in cells(sweep)]
    assert ("adam", 0.99, 1e-8) in found, "the default, which is on the axis"
    assert ("adam", 0.99, 1e-3) not in found


def test_a_union_has_the_cells_of_all_grids() -> None:
    sweep = sweep_of({"batch_size": [1, 16]}, {"temperature": [0.9, 1.1], "batch_size": [4]})
    assert [axis.name for axis in sweep.grid.axes] == ["batch_size", "temperature"]
    assert cells(sweep) == [
        {"batch_size": 1, "temperature": 1.0},
        {"batch_size": 4, "temperature": 0.9},
        {"batch_size": 4, "temperature": 1.1},
        {"batch_size": 16, "temperature": 1.0},
    ]
    assert places(sweep) == [[-1, 0, -1], [1, -1, 2], [-1, 3, -1]]


def test_single_points_are_added_to_a_grid() -> None:
    points = {"temperature": [0.95, 1.0], "batch_size": [2, 16]}
    sweep = sweep_of({"temperature": [0.9, 1.0], "batch_size": [1, 16]}, {"points": points})
    assert sweep.grid.cells == 5, "one of the points is a cell of the grid"
    assert {"temperature": 0.95, "batch_size": 2} in cells(sweep)
    assert {"temperature": 0.95, "batch_size": 16} not in cells(sweep)


def test_a_batch_size_has_an_effect_on_a_refit_whose_samples_follow_from_it() -> None:
    axes = {"update": ["gradient", "refit"], "batch_size": [1, 16]}
    assert sweep_of(axes).grid.cells == 4
    assert sweep_of(axes, samples=16).grid.cells == 3


def test_a_sweep_may_consist_of_tables_alone() -> None:
    sweep = jc.Sweep.from_dict({"grid": [{"temperature": [0.5]}, {"temperature": [2.0], "batch_size": [1, 2]}]})
    assert sweep.grid.cells == 3


def test_values_of_several_grids_are_in_order_and_falling_where_they_fall() -> None:
    rising = sweep_of({"batch_size": [1, 16]}, {"batch_size": [4]})
    falling = sweep_of({"batch_size": [16, 1]}, {"batch_size": [4]})
    assert rising.grid.axes[0].fields["batch_size"] == [1, 4, 16]
    assert falling.grid.axes[0].fields["batch_size"] == [16, 4, 1]
    words = sweep_of({"optimizer": ["sgd", "adam"]}, {"optimizer": ["adam", "adamw"]})
    assert words.grid.axes[0].fields["optimizer"] == ["sgd", "adam", "adamw"]


def test_kinds_of_p0_may_have_axes_of_their_own() -> None:
    sweep = sweep_of(
        {"initial.kind": ["zipf", "uniform"], "temperature": [1.0]},
        {"initial.kind": ["zipf"], "initial.exponent": [0.5, 1.5]},
    )
    kinds = [(spec.kind, getattr(spec, "exponent", None)) for spec in sweep.grid.column("initial").values]
    assert sorted(kinds, key=str) == [("uniform", None), ("zipf", 0.5), ("zipf", 1.0), ("zipf", 1.5)]


def test_a_sweep_as_toml_reads_as_the_same_sweep(tmp_path: Path) -> None:
    sweep = sweep_of(
        {"optimizer": ["sgd", "adam"], "b1": {"values": [0.9, 0.99], "where": ADAM}},
        {"temperature": {"linspace": [0.8, 1.2, 3]}, "optimizer": ["sgd"]},
        {"points": {"temperature": [0.95], "optimizer": ["adam"]}},
    )
    (tmp_path / "sweep.toml").write_text(sweep.to_toml(), encoding="utf-8")
    read = jc.Sweep.from_toml(tmp_path / "sweep.toml")
    assert read == sweep
    assert "[[grid]]" in sweep.to_toml()
    assert read.grid.identities(0).tolist() == sweep.grid.identities(0).tolist()


UNIONS: dict[str, tuple[Table, ...]] = {
    "condition": ({"optimizer": ["sgd", "adam"], "b1": {"values": [0.8, 0.99], "where": ADAM}},),
    "no effect": ({"update": ["gradient", "refit"], "batch_size": [1, 4]},),
    "union": ({"batch_size": [1, 4]}, {"temperature": [0.9, 1.1], "batch_size": [2]}),
    "points": (
        {"temperature": [0.9, 1.0], "batch_size": [1, 4]},
        {"points": {"temperature": [0.95], "batch_size": [2]}},
    ),
    "sizes": ({"vocab_size": [3, 4]}, {"vocab_size": [5], "temperature": [0.9]}),
}


@pytest.mark.parametrize("name", UNIONS)
def test_each_cell_has_the_bits_of_a_sweep_of_it_alone(name: str) -> None:
    process = {"samples": 4} if name == "no effect" else {}
    vocab = {} if name == "sizes" else {"vocab_size": 4}
    top = {"replicates": 2, "generations": 5, "process": {**vocab, **process}, "record": {"every": 1, "logits": True}}
    axes, *grids = UNIONS[name]
    sweep = jc.Sweep.from_dict({**top, "axes": axes, **({"grid": grids} if grids else {})})
    data = jc.run(sweep, progress=False)
    there = data.get("is_cell", data.status.isel(replicate=0, drop=True) > 0)
    assert int(there.sum()) == (np.array(places(sweep)) >= 0).sum()
    for index in np.ndindex(sweep.shape):
        part = data.isel(dict(zip(sweep.dims, index, strict=True)))
        number = int(np.array(places(sweep))[index])
        assert bool((part.status == 1).all()) == (number >= 0)
        if number < 0:
            assert part.entropy.isnull().all()
            continue
        own = sweep.grid.cell(number)
        read = {field: value for field, value in own.items() if sweep.grid.reads(field)[number]}
        alone = jc.run({**top, "process": {**top["process"], **read}}, progress=False)
        np.testing.assert_array_equal(part.entropy, alone.entropy)
        np.testing.assert_array_equal(part.logits.isel(token=slice(alone.sizes["token"])), alone.logits)


def test_the_dataset_says_which_places_have_no_cell_and_which_repeat_one() -> None:
    data = jc.run(sweep_of({"batch_size": [1, 16]}, {"temperature": [0.9], "batch_size": [4]}), progress=False)
    assert data.is_cell.values.tolist() == [[False, True], [True, False], [False, True]]
    assert "is_repeated" not in data.coords
    data = jc.run(sweep_of(*UNIONS["condition"]), progress=False)
    assert data.is_repeated.values.tolist() == [[False, True], [False, False]]
    assert "is_cell" not in data.coords
    assert data.b1.attrs["where"] == "optimizer = adam"
    np.testing.assert_array_equal(data.entropy.sel(optimizer="sgd", b1=0.8), data.entropy.sel(optimizer="sgd", b1=0.99))


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        (({"b1": {"values": [0.9], "where": {"optimizer": "adm"}}},), "axes.b1.where.optimizer: 'adm' is not allowed"),
        (({"b1": {"values": [0.9], "where": {"optimiser": "adam"}}},), "axes.b1.where.optimiser: unknown field"),
        (({"b1": {"values": [0.9], "where": {}}},), "axes.b1.where: {}: must be a table of fields"),
        (({"b1": {"values": [0.9], "where": ADAM}},), "axes.b1.where: no cell has optimizer = adam"),
        (({"b1": {"values": [0.9], "where": {"initial": {}}}},), "a condition cannot be on the initial distribution"),
        (
            ({"b1": {"values": [0.9], "where": {"eps": 1.0}}, "eps": {"values": [1.0], "where": {"b1": 0.9}}},),
            "axes.b1.where: depends on itself",
        ),
        (({"top_k": {"values": [2], "where": ADAM}, "optimizer": ["sgd", "adam"]},), ""),
        (({"optimizer": ["sgd", "adam"], "samples": {"values": [16], "where": ADAM}},), "samples has no value where"),
        (
            ({"temperature": [1.0]}, {"tied": {"zip": {"temperature": [0.5], "batch_size": [1]}}}),
            "temperature is swept by axes.temperature already",
        ),
        (
            (
                {"tied": {"zip": {"temperature": [0.5], "batch_size": [1]}}},
                {"tied": {"zip": {"temperature": [0.5], "learning_rate": [1.0]}}},
            ),
            "grid[0].tied: has other fields along tied than axes.tied",
        ),
        (({"temperature": [1.0]}, {"temperture": [1.0]}), "grid[0].temperture: unknown field"),
        (({"temperature": [1.0]}, {"points": {"temperature": [1.0], "steps": [1, 2]}}), "must have one length"),
        (({"temperature": [1.0]}, {"points": [1.0]}), "grid[0].points: must be a table"),
        (({"points": {"temperature": [1.0]}},), "axes.points"),
        (
            ({"learning_rate": {"times": "batch_size", "by": [1.0]}}, {"temperature": [0.5]}),
            "learning_rate follows from other fields along this axis only",
        ),
        (({"temperature": [1.0]}, {"seed": [1]}), "grid[0].seed: cannot be swept"),
    ],
    ids=str,
)
def test_what_contradicts_itself_is_refused(tables: tuple[Table, ...], told: str) -> None:
    if not told:
        sweep_of(*tables)
        return
    with pytest.raises(InputError) as caught:
        sweep_of(*tables)
    assert told in str(caught.value)


def test_a_box_of_too_many_places_is_refused() -> None:
    many = np.linspace(0.1, 2, 2000).round(9).tolist()
    points = {"temperature": many, "learning_rate": many, "batch_size": list(range(1, 2001))}
    with pytest.raises(InputError, match="the grid spans 8,008,002,000 cells; at most"):
        sweep_of({"steps": [1]}, {"points": points})


def test_an_axis_of_several_grids_keeps_its_order_if_nothing_is_added() -> None:
    sweep = sweep_of({"batch_size": [4, 1, 16]}, {"batch_size": [1], "temperature": [0.5]})
    (axis, _) = spanned([sweep.grid.axes])
    assert axis.fields["batch_size"] == [4, 1, 16]


def test_a_sweep_shows_its_places_conditions_and_what_follows_from_what() -> None:
    shown = repr(
        sweep_of(
            {"optimizer": ["sgd", "adam"], "b1": {"values": [0.9, 0.99], "where": ADAM}},
            {"temperature": [0.9]},
            learning_rate={"times": "batch_size", "by": 0.05},
        )
    )
    assert "2 × 2 × 2 = 8 places with 4 cells × 2 replicates = 8 trajectories" in shown
    assert "0.9, 0.99 where optimizer = adam" in shown
    assert "learning_rate  0.05 · batch_size" in shown
    assert "learning_rate = 0.1 · batch_size" not in shown
    followed = repr(sweep_of({"learning_rate": {"times": "batch_size", "by": [0.1, 0.2]}}))
    assert "0.1, 0.2; learning_rate = learning_rate_per_batch_size · batch_size" in followed
