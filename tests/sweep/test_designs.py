"""Designs scatter points over fields: within their ranges, evenly, and the first ones stay as they grow."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy.stats import qmc

import jaxcollapse as jc
from jaxcollapse.errors import InputError

RANGES = {"temperature": [0.8, 1.2], "log learning_rate": [0.01, 10.0]}


def sweep_of(design: dict[str, Any], folder: Path | None = None, **axes: Any) -> jc.Sweep:
    data = {"replicates": 1, "generations": 2, "process": {"vocab_size": 4}, "axes": {"design": design, **axes}}
    return jc.Sweep.from_dict(data, folder=folder)


def points_of(sweep: jc.Sweep) -> np.ndarray:
    """The points in the unit square, [point, field]."""
    temperature, rate = (np.array(values) for values in sweep.grid.axes[0].fields.values())
    return np.stack([(temperature - 0.8) / 0.4, np.log10(rate / 0.01) / 3], axis=1)


@pytest.mark.parametrize("kind", ["sobol", "latin_hypercube", "random"])
def test_points_are_within_their_ranges(kind: str) -> None:
    points = points_of(sweep_of({kind: RANGES, "points": 64}))
    assert points.shape == (64, 2)
    assert (abs(points - 0.5) < 0.5 + 1e-9).all()


def test_points_are_spread_more_evenly_than_at_random() -> None:
    """By the discrepancy; that of Sobol points is several times lower."""
    discrepancy = {
        kind: qmc.discrepancy(points_of(sweep_of({kind: RANGES, "points": 64})).clip(0, 1))
        for kind in ("sobol", "latin_hypercube", "random")
    }
    assert 3 * discrepancy["sobol"] < discrepancy["random"]
    assert discrepancy["latin_hypercube"] < discrepancy["random"]


@pytest.mark.parametrize("kind", ["sobol", "random"])
def test_a_design_that_grows_keeps_its_first_points(kind: str) -> None:
    few, many = (sweep_of({kind: RANGES, "points": number}) for number in (20, 50))
    assert few.grid.identities(0).tolist() == many.grid.identities(0)[:20].tolist()


def test_another_seed_scatters_other_points() -> None:
    one, other = (sweep_of({"sobol": RANGES, "points": 8, "seed": seed}) for seed in (0, 1))
    assert not np.isin(one.grid.identities(0), other.grid.identities(0)).any()


def test_a_latin_hypercube_has_one_point_in_each_row_and_column() -> None:
    points = points_of(sweep_of({"latin_hypercube": RANGES, "points": 16}))
    for along in points.T:
        assert sorted(np.floor(along * 16).astype(int)) == list(range(16))


def test_whole_numbers_are_rounded_and_equal_points_merge() -> None:
    sweep = sweep_of({"sobol": {"batch_size": [1, 4]}, "points": 64})
    assert sorted(sweep.grid.axes[0].fields["batch_size"]) == [1, 2, 3, 4]


def test_a_design_is_one_dimension_with_several_coordinates_and_crosses_axes() -> None:
    data = jc.run(sweep_of({"sobol": RANGES, "points": 4}, batch_size=[1, 2]), progress=False)
    assert dict(data.status.sizes) == {"design": 4, "batch_size": 2, "replicate": 1}
    assert data.temperature.dims == data.learning_rate.dims == ("design",)
    alone = jc.run(
        {
            "replicates": 1,
            "generations": 2,
            "process": {
                "vocab_size": 4,
                "temperature": data.temperature.values[2],
                "learning_rate": data.learning_rate.values[2],
                "batch_size": 2,
            },
        },
        progress=False,
    )
    np.testing.assert_array_equal(alone.entropy, data.entropy.isel(design=2, batch_size=1))


@pytest.mark.parametrize("ending", ["csv", "tsv", "nc"])
def test_points_are_read_from_files(tmp_path: Path, ending: str) -> None:
    columns = {"temperature": [0.9, 1.1], "batch_size": [1, 16], "optimizer": ["sgd", "adam"]}
    path = tmp_path / f"points.{ending}"
    if ending == "nc":
        xr.Dataset({name: ("point", values) for name, values in columns.items()}).to_netcdf(path)
    else:
        sign = "," if ending == "csv" else "\t"
        rows = [list(columns), *map(list, zip(*columns.values(), strict=True))]
        path.write_text("".join(sign.join(map(str, row)) + "\n" for row in rows))
    read = sweep_of({"points_from": path.name}, tmp_path)
    written = sweep_of({"zip": columns})
    assert read.grid.identities(0).tolist() == written.grid.identities(0).tolist()
    some = sweep_of({"points_from": path.name, "fields": ["batch_size"]}, tmp_path)
    assert list(some.grid.axes[0].fields) == ["batch_size"]


def test_a_study_has_the_points_of_a_file_in_it(tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text("temperature,batch_size\n0.9,1\n1.1,4\n")
    sweep = sweep_of({"points_from": "points.csv"}, tmp_path)
    whole = jc.run(sweep, tmp_path / "study", progress=False)
    assert whole.temperature.values.tolist() == [0.9, 1.1]
    (tmp_path / "points.csv").unlink()
    again = jc.open_study(tmp_path / "study")
    np.testing.assert_array_equal(again.entropy, whole.entropy)
    assert "points_from" not in again.attrs["sweep"]


@pytest.mark.parametrize(
    ("design", "told"),
    [
        ({"sobol": RANGES}, "axes.design.points: is missing"),
        ({"sobol": RANGES, "points": 0}, "axes.design.points: 0: must be a whole number"),
        ({"sobol": {}, "points": 4}, "axes.design.sobol: must be a table of ranges"),
        ({"sobol": {"temperature": [1]}, "points": 4}, "axes.design.sobol.temperature: [1]: must be [least, greatest]"),
        ({"sobol": {"log temperature": [0, 1]}, "points": 4}, "the ends must be > 0"),
        ({"sobol": {"temperature": [0, float("inf")]}, "points": 4}, "the ends must be finite"),
        ({"sobol": {"temprature": [0, 1]}, "points": 4}, "unknown field (did you mean 'temperature'?)"),
        ({"sobol": {"temperature": [-2, -1]}, "points": 4}, "must be >= 0"),
        ({"sobol": {"seed": [0, 1]}, "points": 4}, "cannot be swept; it belongs at the top of the file"),
        ({"sobol": RANGES, "random": RANGES, "points": 4}, "give exactly one of"),
        ({"sobol": RANGES, "points": 4, "sed": 1}, "axes.design.sed: unknown key"),
        ({"sobol": RANGES, "points": 4, "seed": -1}, "axes.design.seed: -1"),
        ({"points_from": "nowhere.csv"}, "axes.design.points_from"),
        ({"points_from": 3}, "axes.design.points_from: 3: must be the path"),
        ({"points_from": "bad.csv"}, "the column 'temperature' has an empty cell"),
        ({"points_from": "bad.csv", "fields": ["steps"]}, "lacks a column 'steps'"),
        ({"points_from": "other.csv"}, "unknown field"),
        ({"points_from": "../other.csv"}, "leads out of"),
    ],
    ids=str,
)
def test_what_scatters_no_points_is_refused(tmp_path: Path, design: dict[str, Any], told: str) -> None:
    (tmp_path / "bad.csv").write_text("temperature,batch_size\n0.9,1\n,2\n")
    (tmp_path / "other.csv").write_text("temprature\n0.9\n")
    with pytest.raises(InputError) as caught:
        sweep_of(design, tmp_path)
    assert told in str(caught.value)
