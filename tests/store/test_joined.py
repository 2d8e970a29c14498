"""Joined studies are what one study would hold that computed all at once; what contradicts itself is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

import jaxcollapse as jc
from jaxcollapse.analysis.table import summary_table
from jaxcollapse.cli.main import app
from jaxcollapse.errors import InputError
from jaxcollapse.sweep.reading import parse_toml
from tests.support.sweeps import run, values

INF = float("inf")
TOP: dict[str, Any] = {"generations": 6, "replicates": 3, "observables": ["default"]}
PROCESS = {"vocab_size": 5, "learning_rate": 1.0}


def made(process: dict[str, Any] | None = None, axes: dict[str, Any] | None = None, **top: Any) -> xr.Dataset:
    constants = {key: value for key, value in PROCESS.items() if key not in (axes or {})}
    return run({**constants, **(process or {})}, axes, **{**TOP, **top})


def check_same(joined: xr.Dataset, whole: xr.Dataset) -> None:
    """Checks that all variables and coordinates are equal, value for value, and that attributes of variables are."""
    assert set(joined.dims) == set(whole.dims)
    again = joined.transpose(*whole.dims)
    again.attrs = whole.attrs
    for name in whole.coords:
        assert name in again.coords, name
        assert again[name].dims == whole[name].dims, name
        assert again[name].dtype.kind == whole[name].dtype.kind, name
    for name in whole.data_vars:
        assert again[name].dtype == whole[name].dtype, name
        for key, value in whole[name].attrs.items():
            np.testing.assert_array_equal(again[name].attrs[key], value)
        for each in (again, whole):
            each[name].attrs = {}
    for name in whole.coords:
        assert again[name].attrs == whole[name].attrs, name
    xr.testing.assert_identical(again[sorted(map(str, whole.data_vars))], whole[sorted(map(str, whole.data_vars))])
    assert parse_toml(joined.attrs["sweep"], "")["replicates"] == joined.sizes["replicate"]


def test_values_of_an_axis_and_a_constant_make_one_axis() -> None:
    cold, warm = made(axes={"temperature": [0.8, 1.0]}), made({"temperature": 1.2})
    check_same(jc.concat([warm, cold]), made(axes={"temperature": [0.8, 1.0, 1.2]}))


def test_a_constant_that_differs_becomes_an_axis_whether_or_not_both_sweeps_give_it() -> None:
    plain, mixed = (made(process, {"batch_size": [1, INF]}) for process in ({}, {"fresh_fraction": 0.5}))
    joined = jc.concat([plain, mixed])
    assert joined.fresh_fraction.values.tolist() == [0.0, 0.5]
    check_same(joined, made(axes={"batch_size": [1, INF], "fresh_fraction": [0.0, 0.5]}))


def test_an_l_shaped_union_marks_what_no_study_has_as_missing() -> None:
    one = made({"learning_rate": 0.1}, {"temperature": [0.8, 1.0]})
    other = made({"learning_rate": 1.0}, {"temperature": [1.0, 1.2]}, replicates=5)
    joined = jc.concat([one, other])
    whole = made(axes={"temperature": [0.8, 1.0, 1.2], "learning_rate": [0.1, 1.0]}, replicates=5)
    status = joined.status.transpose(*whole.status.dims)
    assert status.dtype == np.int8
    assert int((status == 0).sum()) == 5 + 2 * 2 + 5
    for name in whole.data_vars:
        held = joined[name].transpose(*whole[name].dims)
        np.testing.assert_array_equal(held.where(status != 0), whole[name].where(status != 0))
    assert joined.samples.dims == ()
    words = joined.collapse.classify().words()
    assert words.sel(temperature=1.2, learning_rate=0.1) == "missing"
    assert len(joined.collapse.missing()) == 4
    summary_table(joined)
    joined.collapse.plot.phase(boundary=True).canvas.draw()
    assert joined.collapse.boundary("temperature").sizes == {"learning_rate": 2}


def test_replicates_are_united_and_equal_trajectories_may_be_in_both() -> None:
    few, many = made(axes={"temperature": [0.8, 1.0]}), made(axes={"temperature": [0.8, 1.0]}, replicates=5)
    check_same(jc.concat([few, many.isel(replicate=slice(2, None))]), many)


def test_constants_that_differ_together_are_one_axis_of_several_coordinates() -> None:
    one, other = made({"temperature": 0.8, "batch_size": 4}), made({"temperature": 1.2, "batch_size": 64})
    pair = {"temperature": [0.8, 1.2], "batch_size": [4, 64]}
    check_same(jc.concat([one, other]), made(axes={"joined": {"zip": pair}}))
    third = made({"temperature": 1.0, "batch_size": 16})
    chained = jc.concat([jc.concat([one, other]), third])
    check_same(chained, made(axes={"joined": {"zip": {"temperature": [0.8, 1.2, 1.0], "batch_size": [4, 64, 16]}}}))
    assert chained.samples.dims == ("joined",)
    four = [made({"temperature": t, "batch_size": b}) for t in (0.8, 1.2) for b in (4, 64)]
    check_same(jc.concat(four), made(axes=pair))


def test_words_tables_and_flags_become_axes_like_numbers() -> None:
    initial: list[dict[str, Any]] = [values([0.5, 0.3, 0.2]), {"kind": "zipf", "exponent": 2.0}]
    p0 = [run({"initial": initial[0]}, **TOP), run({"initial": initial[1], "vocab_size": 3}, **TOP)]
    joined = jc.concat(p0)
    assert joined.initial.sizes == {"initial": 2}
    assert jc.Sweep.from_dict({"axes": {"initial": parse_toml(joined.attrs["sweep"], "")["axes"]["initial"]}})
    kinds = [made({"optimizer": "sgd"}), made({"optimizer": "adam", "b1": 0.9})]
    whole = made(axes={"optimizer": ["sgd", "adam"]})
    joined = jc.concat(kinds)
    check_same(joined, whole)
    replaced = [made({"batch_size": 8, "steps": 2, "replacement": flag}) for flag in (False, True)]
    assert jc.concat(replaced).replacement.values.tolist() == [False, True]


def test_an_axis_that_has_an_effect_in_some_cells_only_stays_so() -> None:
    limited = {"optimizer": ["sgd", "adam"], "b1": {"values": [0.9, 0.99], "where": {"optimizer": "adam"}}}
    cold, warm = (made({"temperature": temperature}, limited) for temperature in (0.8, 1.2))
    joined, whole = jc.concat([cold, warm]), made(axes={**limited, "temperature": [0.8, 1.2]})
    repeats = joined.is_repeated.broadcast_like(whole.is_repeated).transpose(*whole.is_repeated.dims)
    np.testing.assert_array_equal(repeats, whole.is_repeated)
    check_same(joined.drop_vars("is_repeated"), whole.drop_vars("is_repeated"))
    told = parse_toml(joined.attrs["sweep"], "")
    assert told["axes"]["b1"]["where"] == {"optimizer": "adam"}
    assert jc.Sweep.from_dict(told).dims == whole.status.dims[:-1]
    everywhere = made({"temperature": 1.2}, {**limited, "b1": [0.9, 0.99], "optimizer": ["adam"]})
    with pytest.raises(InputError, match="b1: is limited to"):
        jc.concat([cold, everywhere])


def test_vocabularies_of_several_sizes_are_padded_as_in_one_sweep() -> None:
    record = {"spacing": "linear", "points": 2, "logits": True}
    small, large = (run({"vocab_size": size}, **TOP, record=record) for size in (3, 6))
    whole = run(axes={"vocab_size": [3, 6]}, **TOP, record=record)
    check_same(jc.concat([small, large]), whole)


def test_history_and_provenance_are_those_of_all_parts() -> None:
    one, other = made({"temperature": 0.8}, title="Cold"), made({"temperature": 1.2}, title="Warm")
    joined = jc.concat([one, other])
    assert joined.attrs["title"] == "Cold; Warm"
    *before, last = joined.attrs["history"].splitlines()
    assert set(before) == {*one.attrs["history"].splitlines(), *other.attrs["history"].splitlines()}
    assert last.endswith("joined by jaxcollapse: dataset 1, dataset 2")
    told = json.loads(joined.attrs["provenance"])
    assert told["start"] == min(json.loads(each.attrs["provenance"])["start"] for each in (one, other))
    assert "shards" not in joined.attrs


BASE = {"axes": {"temperature": [0.8, 1.0]}}


def changed(name: str) -> xr.Dataset:
    data = made(**BASE)
    data[name] = data[name].copy(deep=True)
    data[name][1, 2] = 7
    return data


def without_plugins(digest: str, **process: Any) -> xr.Dataset:
    data = made(process)
    told = json.loads(data.attrs["provenance"])
    return data.assign_attrs(provenance=json.dumps({**told, "plugins": {"mine": digest}}))


def labelled(*names: str) -> xr.Dataset:
    data = run({"vocab_size": 2}, **TOP, record={"spacing": "linear", "points": 2, "logits": True})
    return data.assign_coords(token=list(names))


REFUSED = {
    "seed": (lambda: [made(), made({"temperature": 0.5}, seed=1)], r"seed: is 0 in dataset 1, but 1 here"),
    "generations": (
        lambda: [made(), made({"temperature": 0.5}, generations=7)],
        "generations: is 6 in dataset 1, but 7",
    ),
    "records": (lambda: [made(), made({"temperature": 0.5}, record={"every": 2})], "generations are recorded"),
    "thresholds": (lambda: [made(), made(collapse_threshold=0.1)], "collapse_threshold: is 0.01"),
    "precision": (lambda: [made(), made(precision="float64")], "precision: is 'float32'"),
    "observables": (lambda: [made(), made({"temperature": 0.5}, observables=["entropy"])], "observables: lacks "),
    "numbers": (lambda: [made(**BASE), changed("entropy")], r"temperature = 1\.0, replicate 2 has other numbers"),
    "status": (lambda: [made(**BASE), changed("status")], r"status: .* has other numbers than in another dataset"),
    "plugins": (lambda: [without_plugins("a"), without_plugins("b", temperature=0.5)], "plugins: mine has another"),
    "tokens": (lambda: [labelled("a", "b"), labelled("a", "c")], "token: has other labels"),
    "axes": (
        lambda: [made(**BASE), made(axes={"pair": {"zip": {"temperature": [0.5], "batch_size": [2]}}})],
        "temperature: is on different axes: 'temperature' and 'pair'",
    ),
    "one": (lambda: [made()], "there is only 1"),
    "no sweep": (lambda: [made(), xr.Dataset()], "lacks the variable 'status'"),
    "no list": (lambda: made(), "is not a list"),
    "no study": (lambda: [made(), "nowhere"], "there is no such folder"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_contradiction_is_refused(why: str) -> None:
    what, message = REFUSED[why]
    with pytest.raises(InputError, match=message):
        jc.concat(what())


def study(folder: Path, **process: Any) -> Path:
    axes = process.pop("axes", {"temperature": [0.8, 1.0]})
    made(process, axes, directory=folder)
    return folder


def test_the_command_writes_a_file_that_others_read(tmp_path: Path) -> None:
    one, other = study(tmp_path / "one"), study(tmp_path / "other", learning_rate=0.1)
    out, runner = tmp_path / "joined.nc", CliRunner()
    done = runner.invoke(app, ["join", str(one), str(other), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "joined 2 studies (temperature: 2, learning_rate: 2, replicate: 3)" in done.output
    with xr.open_dataset(out) as read:
        joined = jc.concat([jc.open_study(one), jc.open_study(other)])
        np.testing.assert_array_equal(read.entropy, joined.entropy)
        assert read.status.dtype == np.int8
        assert read.optimizer.item() == "sgd"
        assert read.collapse.classify().words().shape == (2, 2)
    told = runner.invoke(app, ["report", str(out), "--json"])
    assert told.exit_code == 0, told.output
    assert json.loads(told.output)["report"] == str(tmp_path / "joined.html")
    third = study(tmp_path / "third", learning_rate=10.0)
    again = runner.invoke(app, ["join", str(out), str(third), "--out", str(tmp_path / "all.nc"), "--json"])
    assert json.loads(again.output)["dimensions"]["learning_rate"] == 3
    assert json.loads(again.output)["missing"] == 0


def test_the_command_refuses_with_one_message(tmp_path: Path) -> None:
    one, other = study(tmp_path / "one"), study(tmp_path / "other", axes={"temperature": [1.2]})
    runner, out, damaged = CliRunner(), tmp_path / "joined.nc", tmp_path / "damaged.nc"
    damaged.write_bytes(b"no dataset")
    for arguments, message in (
        ([str(one)], "there is only 1"),
        ([str(one), str(tmp_path)], "is not a study"),
        ([str(one), str(one / "plan.json")], "is not a study"),
        ([str(one), str(damaged)], "is damaged, was changed, or was not written by jaxcollapse"),
    ):
        done = runner.invoke(app, ["join", *arguments, "--out", str(out)])
        assert done.exit_code == 2
        assert message in done.output
        assert len(done.output.splitlines()) == 1
    assert not out.exists()
    done = runner.invoke(app, ["join", str(one), str(other), "--out", str(tmp_path / "no" / "such.nc")])
    assert done.exit_code == 2
    assert "cannot be written" in done.output
