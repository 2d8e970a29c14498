"""The sweep: what a file says comes back as it was, and each cell of its grid has an identity of its own."""

import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jaxcollapse as jc
from jaxcollapse.sweep.process_fields import fields
from jaxcollapse.sweep.record import Record
from tests.sweep.strategies import Table, records, sweeps

EVERYTHING = """
title = "All of it: \\"quoted\\", ∞"
seed = 7
replicates = 3
generations = 50
record = { spacing = "linear", points = 6, logits = true }
observables = ["entropy", "events"]
support_threshold = 1e-6
collapse_threshold = 0.05
precision = "float64"
common_random_numbers = ["temperature"]

[process]
model = "categorical"
initial = { kind = "zipf_mandelbrot", shift = 1.5 }
vocab_size = 32
top_k = 16
top_p = 0.9
min_p = 0.01
samples = 1000
fresh_fraction = 0.25
update = "gradient"
steps = 2
momentum = 0.8
b1 = 0.7
eps = 1e-6
replacement = false

[axes]
temperature = { linspace = [0.8, 1.2, 5] }
"initial.exponent" = [0.5, 1.0]
learning_rate = { geomspace = [0.01, 10.0, 4] }
batch_size = [1, 16, inf]
optimizer = ["sgd", "momentum", "adam"]
tied = { zip = { corpus = ["accumulate", "window"], window = [2, 5] } }
"""


def sweep_of(axes: Table | None = None, **process: Any) -> jc.Sweep:
    return jc.Sweep.from_dict({"process": process, "axes": axes or {}})


def axis_values(**axes: Any) -> list[Any]:
    """The values that one axis stands for."""
    sweep = sweep_of(axes)
    return sweep.grid.axes[0].fields[sweep.dims[0]]


def written(folder: Path, text: str) -> Path:
    path = folder / "sweep.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_field_of_a_file_is_read(tmp_path: Path) -> None:
    sweep = jc.Sweep.from_toml(written(tmp_path, EVERYTHING))
    assert (sweep.title, sweep.seed, sweep.replicates, sweep.generations) == ('All of it: "quoted", ∞', 7, 3, 50)
    assert sweep.record == Record(spacing="linear", points=6, logits=True)
    assert sweep.observables == ["entropy", "events"]
    assert (sweep.support_threshold, sweep.collapse_threshold, sweep.precision) == (1e-6, 0.05, "float64")
    assert sweep.common_random_numbers == ["temperature"]
    assert sweep.dims == ("temperature", "initial.exponent", "learning_rate", "batch_size", "optimizer", "tied")
    assert sweep.shape == (5, 2, 4, 3, 3, 2)
    assert sweep.trajectories == 3 * 720
    assert sweep.grid.cell(719) == {
        "temperature": 1.2,
        "initial.exponent": 1.0,
        "learning_rate": 10.0,
        "batch_size": np.inf,
        "optimizer": "adam",
        "corpus": "window",
        "window": 5,
    }
    constants = {"vocab_size": 32, "top_k": 16, "top_p": 0.9, "min_p": 0.01, "samples": 1000, "fresh_fraction": 0.25}
    for field, value in {
        **constants,
        "steps": 2,
        "momentum": 0.8,
        "b1": 0.7,
        "eps": 1e-6,
        "replacement": False,
    }.items():
        assert sweep.grid.column(field).values == [value], field
    starts = sweep.grid.column("initial").values
    assert [(start.kind, start.exponent, start.shift) for start in starts] == [
        ("zipf_mandelbrot", 0.5, 1.5),
        ("zipf_mandelbrot", 1.0, 1.5),
    ]


def test_the_text_of_a_sweep_says_the_same(tmp_path: Path) -> None:
    sweep = jc.Sweep.from_toml(written(tmp_path, EVERYTHING))
    again = jc.Sweep.from_toml(written(tmp_path, sweep.to_toml()))
    assert again == sweep
    assert again.to_toml() == sweep.to_toml()
    assert "{linspace = [0.8, 1.2, 5]}" in sweep.to_toml()


@pytest.mark.parametrize("path", sorted(Path(__file__).parents[2].glob("sweeps/*.toml")), ids=lambda path: path.stem)
def test_shipped_sweeps_survive_the_round_trip(path: Path) -> None:
    sweep = jc.Sweep.from_toml(path)
    assert jc.Sweep.from_dict(sweep.to_dict(), folder=path.parent) == sweep
    assert sweep.title
    assert sweep.dims


@given(table=sweeps())
def test_any_sweep_survives_the_round_trip(table: Table, tmp_path_factory: pytest.TempPathFactory) -> None:
    sweep = jc.Sweep.from_dict(table)
    path = written(tmp_path_factory.getbasetemp(), sweep.to_toml())
    for again in (jc.Sweep.from_toml(path, folder="."), jc.Sweep.from_dict(sweep.to_dict())):
        assert again == sweep
        assert hash(again) == hash(sweep)
        assert again.dims == sweep.dims == tuple(table["axes"])
        np.testing.assert_array_equal(again.recorded, sweep.recorded)
        for field in fields():
            column, other = sweep.grid.column(field), again.grid.column(field)
            assert column.values == other.values
            np.testing.assert_array_equal(column.codes, other.codes)
    assert sweep.to_dict() == table


def test_nothing_given_means_the_defaults() -> None:
    sweep = jc.Sweep.from_dict({})
    assert (sweep.seed, sweep.replicates, sweep.generations, sweep.observables) == (0, 64, 400, ["default"])
    assert (sweep.dims, sweep.shape, sweep.trajectories) == ((), (), 64)
    assert sweep.grid.cell(0) == {}
    expected = {"vocab_size": 256, "temperature": 1.0, "update": "gradient", "optimizer": "sgd", "learning_rate": 0.5}
    for field, value in {**expected, "batch_size": 16, "steps": 1, "samples": None, "corpus": "replace"}.items():
        assert sweep.grid.column(field).values == [value]
    assert sweep.grid.column("initial").values[0].model_dump() == {"kind": "zipf", "exponent": 1.0}
    assert sweep.to_toml() == ""


def test_a_range_has_round_values() -> None:
    """Twelve digits, so that 0.9 of one range is 0.9 of a finer one."""
    assert axis_values(temperature={"linspace": [0.8, 1.2, 9]}) == [0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2]
    assert axis_values(temperature={"linspace": [0.1, 0.7, 7]}) == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    assert axis_values(temperature={"linspace": [2, 0, 3]}) == [2.0, 1.0, 0.0]
    assert axis_values(learning_rate={"geomspace": [0.01, 10.0, 4]}) == [0.01, 0.1, 1.0, 10.0]
    assert axis_values(learning_rate={"geomspace": [1, 10, 3]}) == [1.0, 3.16227766017, 10.0]
    assert axis_values(learning_rate={"geomspace": [100.0, 0.01, 3]}) == [100.0, 1.0, 0.01]
    assert axis_values(temperature={"linspace": [1.5, 3, 1]}) == [1.5]


def test_a_range_of_whole_numbers_has_whole_values() -> None:
    assert axis_values(vocab_size={"geomspace": [10, 1000, 5]}) == [10, 32, 100, 316, 1000]
    assert axis_values(vocab_size={"geomspace": [1000, 10, 3]}) == [1000, 100, 10]
    assert axis_values(batch_size={"linspace": [1, 4, 10]}) == [1, 2, 3, 4]
    assert all(isinstance(value, int) for value in axis_values(steps={"linspace": [1, 9, 3]}))


def test_whole_fields_take_whole_floats_and_infinity() -> None:
    assert axis_values(batch_size=[4.0, float("inf"), 1]) == [4, np.inf, 1]
    assert isinstance(axis_values(batch_size=[4.0])[0], int)


def test_numpy_values_are_taken_as_python_ones() -> None:
    axes = {
        "temperature": np.linspace(0.5, 1.0, 3),
        "batch_size": np.array([1, 2]),
        "optimizer": np.array(["sgd", "adam"]),
        "tied": {"zip": {"learning_rate": np.array([0.1, 0.2]), "top_p": (0.5, 1.0)}},
        "vocab_size": {"linspace": (np.int64(8), np.int32(10), np.uint8(2))},
    }
    initial = {"kind": "values", "probabilities": np.array([0.5, 0.25])}
    given = jc.Sweep.from_dict({"seed": np.int64(3), "process": {"min_p": np.float64(0.5)}, "axes": axes})
    plain = {
        "temperature": [0.5, 0.75, 1.0],
        "batch_size": [1, 2],
        "optimizer": ["sgd", "adam"],
        "tied": {"zip": {"learning_rate": [0.1, 0.2], "top_p": [0.5, 1.0]}},
        "vocab_size": {"linspace": [8, 10, 2]},
    }
    assert given == jc.Sweep.from_dict({"seed": 3, "process": {"min_p": 0.5}, "axes": plain})
    assert sweep_of(initial=initial) == sweep_of(initial={**initial, "probabilities": [0.5, 0.25]})
    assert jc.Sweep.from_dict(given.to_dict()) == given


def test_none_leaves_a_key_out() -> None:
    table = {"record": {"every": None}, "process": {"samples": None, "initial": {"kind": "zipf", "exponent": None}}}
    assert jc.Sweep.from_dict(table).to_dict() == {
        "record": {},
        "process": {"initial": {"kind": "zipf"}},
    }


def test_sweeps_are_equal_when_they_mean_the_same() -> None:
    one = {"process": {"temperature": 1.0, "min_p": 0.5}, "axes": {"steps": [1, 2], "vocab_size": [8]}}
    same = {"seed": 0, "process": {"min_p": 0.5, "temperature": 1}, "axes": {"steps": [1, 2], "vocab_size": [8]}}
    assert jc.Sweep.from_dict(one) == jc.Sweep.from_dict(same)
    assert hash(jc.Sweep.from_dict(one)) == hash(jc.Sweep.from_dict(same))
    for other in (
        {**one, "seed": 1},
        {**one, "process": {"temperature": 1.0}},
        {**one, "axes": {"vocab_size": [8], "steps": [1, 2]}},
        {**one, "axes": {"steps": [2, 1], "vocab_size": [8]}},
    ):
        assert jc.Sweep.from_dict(one) != jc.Sweep.from_dict(other)
    assert jc.Sweep.from_dict(one) != one


def test_a_sweep_does_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        jc.Sweep.from_dict({}).seed = 1


def test_its_text_shows_grid_and_size() -> None:
    axes = {
        "temperature": {"linspace": [0.8, 1.2, 9]},
        "batch_size": [1, float("inf")],
        "tied": {"zip": {"learning_rate": [0.1, 1.0, 10.0], "vocab_size": [8, 16, 32]}},
    }
    table = {"title": "Cooling", "seed": 5, "replicates": 100, "process": {"optimizer": "adam"}, "axes": axes}
    text = repr(jc.Sweep.from_dict(table))
    assert text.startswith("<Sweep 'Cooling', seed 5>")
    assert repr(jc.Sweep.from_dict({**table, "title": ""})).startswith("<Sweep seed 5>")
    assert "9 × 2 × 3 = 54 cells × 100 replicates = 5,400 trajectories × 400 generations" in text
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "temperature (9) 0.8, 0.85, 0.9, 0.95, 1, …, 1.2" in lines
    assert "batch_size (2) 1, inf" in lines
    assert "tied (3) learning_rate = 0.1, 1, 10; vocab_size = 8, 16, 32" in lines
    assert "optimizer adam" in lines
    assert "1 cell × 64 replicates = 64 trajectories" in repr(jc.Sweep.from_dict({}))


class _Outline(HTMLParser):
    """Checks that tags are closed in order, and keeps them and the text."""

    def __init__(self, source: str):
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.text: list[str] = []
        self.feed(source)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_its_html_is_valid_and_escaped() -> None:
    initial = {"kind": "values", "probabilities": [1.0, 2.0], "tokens": ["<i>", "&"]}
    table = {"title": "<script>a & b</script>", "process": {"initial": initial}, "axes": {"temperature": [0.5, 1.0]}}
    outline = _Outline(jc.Sweep.from_dict(table)._repr_html_())
    assert set(outline.tags) == {"b", "br", "table", "tr", "th", "td"}
    text = "".join(outline.text)
    assert "<script>a & b</script>" in text
    assert '["<i>", "&"]' in text
    assert "2 cells × 64 replicates = 128 trajectories" in text
    assert outline.text.count("temperature") == 1


def test_relative_paths_start_at_the_sweep_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deep").mkdir()
    elsewhere = str(tmp_path / "deep" / "other.csv")
    text = f"""
    [axes]
    "initial" = [{{ kind = "file", path = "data/p0.csv" }}, {{ kind = "file", path = "{elsewhere}" }}]
    """
    path = written(tmp_path / "deep", text)
    monkeypatch.chdir(tmp_path)
    for way in (path, Path("deep/sweep.toml"), "deep/sweep.toml"):
        sweep = jc.Sweep.from_toml(way)
        found = [Path(spec.path).resolve() for spec in sweep.grid.column("initial").values]
        assert found == [tmp_path / "deep" / "data" / "p0.csv", tmp_path / "deep" / "other.csv"]
        assert sweep.to_dict()["axes"]["initial"][0]["path"] == "data/p0.csv"
    moved = jc.Sweep.from_toml(path, folder=tmp_path)
    assert moved.grid.column("initial").values[0].path == str(tmp_path / "data" / "p0.csv")


def test_a_mark_of_the_byte_order_is_no_part_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "sweep.toml"
    path.write_text("seed = 3\n", encoding="utf-8-sig")
    assert jc.Sweep.from_toml(path).seed == 3


def test_a_name_is_the_same_however_its_accents_are_written(tmp_path: Path) -> None:
    """macOS takes letters and accents apart, netCDF puts them together."""
    composed, apart = (unicodedata.normalize(form, "température") for form in ("NFC", "NFD"))
    assert composed != apart
    zipped = {"zip": {"temperature": [0.9, 1.1]}}
    top: dict[str, Any] = {"replicates": 1, "generations": 1, "observables": ["entropy"]}
    sweep = jc.Sweep.from_dict({**top, "common_random_numbers": [apart], "axes": {apart: zipped}})
    assert sweep.dims == (composed,)
    with jc.run(sweep, tmp_path / "study", progress=False) as data:
        assert data.entropy.dims == (composed, "replicate", "generation")
    with pytest.raises(jc.InputError, match="is a reserved name, or the name of an observable"):
        jc.Sweep.from_dict({"axes": {composed: zipped, apart: {"zip": {"learning_rate": [0.1, 1.0]}}}})


def test_generations_are_recorded_at_even_ratios_by_default() -> None:
    recorded = Record(points=13).generations(4096)
    assert recorded.tolist() == [0, *(round(4096 ** (k / 11)) for k in range(12))]
    assert len(Record().generations(10**6)) <= 40


def test_generations_are_recorded_at_even_distances() -> None:
    assert Record(spacing="linear", points=5).generations(100).tolist() == [0, 25, 50, 75, 100]
    assert Record(spacing="linear", points=5).generations(2).tolist() == [0, 1, 2]
    assert Record(every=10).generations(25).tolist() == [0, 10, 20, 25]
    assert Record(every=100).generations(25).tolist() == [0, 25]
    assert Record(every=1).generations(0).tolist() == [0]


@given(table=records(), last=st.integers(0, 2**31 - 1))
def test_the_first_and_the_last_generation_are_always_recorded(table: Table, last: int) -> None:
    last = last % 10_000 if "every" in table else last
    record = Record(**table)
    recorded = record.generations(last)
    assert (recorded[0], recorded[-1]) == (0, last)
    assert (np.diff(recorded) > 0).all()
    assert record.every is not None or len(recorded) <= record.points


@given(table=sweeps(files=False))
def test_cells_have_identities_of_their_own(table: Table) -> None:
    sweep = jc.Sweep.from_dict(table)
    assert len(np.unique(sweep.grid.identities(sweep.seed))) == sweep.grid.cells


@given(table=sweeps(files=False), where=st.floats(0, 1, exclude_max=True), shuffled=st.randoms(use_true_random=False))
def test_an_identity_follows_from_the_values_of_its_cell_alone(table: Table, where: float, shuffled: Any) -> None:
    """Neither other values of an axis, nor the order of axes, nor whether a value is a constant or on an axis."""
    sweep = jc.Sweep.from_dict(table)
    index = int(where * sweep.grid.cells)
    identity, cell = sweep.grid.identities(sweep.seed)[index], sweep.grid.cell(index)
    constants = dict(sweep.process)
    for field, value in cell.items():
        first, *rest = field.split(".")
        value = value.model_dump(exclude_unset=True) if field == "initial" else value
        constants[first] = {**constants[first], rest[0]: value} if rest else value
    alone = jc.Sweep.from_dict({**table, "process": constants, "axes": {}, "common_random_numbers": []})
    assert alone.grid.identities(sweep.seed).tolist() == [identity]

    order = list(table["axes"])
    shuffled.shuffle(order)
    turned = jc.Sweep.from_dict({**table, "axes": {name: table["axes"][name] for name in order}})
    found = [i for i in range(turned.grid.cells) if turned.grid.cell(i) == cell]
    assert turned.grid.identities(sweep.seed)[found].tolist() == [identity]


def test_an_identity_depends_on_the_seed_and_on_each_value() -> None:
    base = sweep_of(temperature=0.9).grid.identities(0)
    for other in (
        sweep_of(temperature=0.9).grid.identities(1),
        sweep_of(temperature=0.9000001).grid.identities(0),
        sweep_of(temperature=0.9, learning_rate=0.4).grid.identities(0),
        sweep_of(top_p=0.9).grid.identities(0),
        sweep_of(temperature=0.9, initial={"kind": "zipf", "exponent": 1.1}).grid.identities(0),
    ):
        assert other != base
    assert sweep_of(temperature=0.9, learning_rate=0.5, initial={"kind": "zipf"}).grid.identities(0) == base


def test_common_random_numbers_leave_an_axis_out() -> None:
    axes = {"temperature": [0.9, 1.0], "initial.exponent": [1.0, 2.0], "learning_rate": [0.1, 0.2]}
    data = {"process": {"initial": {"kind": "zipf"}}, "axes": axes}

    def streams(*names: str) -> np.ndarray:
        return jc.Sweep.from_dict({**data, "common_random_numbers": list(names)}).streams().reshape(2, 2, 2)

    own, shared = streams(), streams("temperature", "initial.exponent")
    assert len(np.unique(own)) == 8
    assert len(np.unique(shared)) == 2
    assert (shared == shared[:1, :1]).all()
    tied = {"axes": {"tied": {"zip": {"temperature": [0.9, 1.0], "learning_rate": [0.1, 0.2]}}}}
    assert len(np.unique(jc.Sweep.from_dict({**tied, "common_random_numbers": ["tied"]}).streams())) == 1


def test_a_file_is_known_by_its_content(tmp_path: Path) -> None:
    for name, text in {"a": "p\n1\n2\n", "b": "p\n1\n2\n", "c": "p\n1\n3\n"}.items():
        (tmp_path / f"{name}.csv").write_text(text)

    def identity(name: str) -> int:
        table = {"process": {"initial": {"kind": "file", "path": f"{name}.csv"}}}
        return int(jc.Sweep.from_dict(table, folder=tmp_path).grid.identities(0)[0])

    assert identity("a") == identity("b") != identity("c")


def test_a_nested_axis_alone_varies_the_default_distribution() -> None:
    alone = jc.Sweep.from_dict({"axes": {"initial.exponent": [0.5, 1.0]}})
    named = jc.Sweep.from_dict({"process": {"initial": {"kind": "zipf"}}, "axes": {"initial.exponent": [0.5, 1.0]}})
    np.testing.assert_array_equal(alone.streams(), named.streams())
    assert alone.streams()[1] == jc.Sweep.from_dict({}).streams()[0]
    with pytest.raises(jc.InputError, match=r"axes\.initial\.shift.*unknown key"):
        jc.Sweep.from_dict({"axes": {"initial.shift": [1.0]}})
