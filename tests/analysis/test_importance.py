"""What explains a variance: functions whose parts are known, noise that explains nothing, and a process of theory."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy.stats import qmc

from jaxcollapse.analysis.variance_components import NOISE, components, noise_of
from tests.support.datasets import INF, NAN, SHAPES
from tests.support.statistics import SIGMAS, assert_mean
from tests.support.sweeps import run, values

FLAGS = {"flag_values": np.array([0, 1, 2], np.int8), "flag_meanings": "missing complete diverged"}
A, B, C = (np.linspace(-1, 1, size) for size in (3, 4, 5))
PARTS = {  # of A² + 2 A B + 3 A B C + C, whose variables are centred
    "a": float((A**2).var()),
    "b": 0.0,
    "c": float((C**2).mean()),
    "a × b": 4 * float((A**2).mean() * (B**2).mean()),
    "a × c": 0.0,
    "b × c": 0.0,
    "three or more axes": 9 * float((A**2).mean() * (B**2).mean() * (C**2).mean()),
}


def dataset(table: np.ndarray, **axes: Any) -> xr.Dataset:
    """A dataset of values [axis, …, replicate] over these axes."""
    dims = (*axes, "replicate")
    data = {
        "f": ((*dims, "generation"), table[..., None], {"long_name": "f", "units": "nat"}),
        "status": (dims, np.ones(table.shape, np.int8), FLAGS),
    }
    return xr.Dataset(data, {**axes, "generation": [7]}, {"title": "Known"})


def grid(noise: float = 0.0, replicates: int = 4, seed: int = 0) -> xr.Dataset:
    a, b, c = np.meshgrid(A, B, C, indexing="ij")
    true = a**2 + 2 * a * b + 3 * a * b * c + c
    spread = noise * (1 + np.abs(a))[..., None]  # which differs from cell to cell
    errors = np.random.default_rng(seed).normal(size=(*true.shape, replicates))
    return dataset(true[..., None] + spread * errors, a=A, b=B, c=C)


def ishigami(points: int, noise: float = 0.0, replicates: int = 4, seed: int = 0) -> xr.Dataset:
    """The function of Ishigami and Homma, at points of which the second coordinate is given as a power of ten."""
    x = np.pi * (2 * qmc.Sobol(3, seed=seed).random(points) - 1)
    y = np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])
    table = y[:, None] + noise * np.random.default_rng(seed).normal(size=(points, replicates))
    return scattered(table, temperature=x[:, 0], learning_rate=10 ** x[:, 1], batch_size=x[:, 2])


def scattered(table: np.ndarray, **fields: np.ndarray) -> xr.Dataset:
    data = dataset(table, design=np.arange(len(table)))
    told = ", ".join(f"{name} = []" for name in fields)
    return data.assign_coords({name: ("design", each) for name, each in fields.items()}).assign_attrs(
        sweep=f"[axes.design]\nzip = {{ {told} }}\n"
    )


ISHIGAMI = {"temperature": 0.3139, "learning_rate": 0.4424, "batch_size": 0.0, "temperature × batch_size": 0.2437}


def test_the_parts_of_a_function_on_a_grid_are_exact_and_add_up() -> None:
    found = grid().collapse.importance("f")
    whole = sum(PARTS.values())
    for term, variance in PARTS.items():
        row = found.sel(term=term, bound="estimate")
        assert float(row.variance) == pytest.approx(variance, abs=1e-12)
        assert float(row["share"]) == pytest.approx(variance / whole, abs=1e-12)
    assert float(found.variance.sel(term="noise", bound="estimate")) == pytest.approx(0, abs=1e-12)
    higher = PARTS["three or more axes"]
    totals = [PARTS["a"] + PARTS["a × b"] + higher, PARTS["a × b"] + higher, PARTS["c"] + higher]
    np.testing.assert_allclose(found.total.sel(bound="estimate"), np.array(totals) / whole)
    assert found.attrs["method"] == "analysis of variance"
    assert found.attrs["generation"] == 7


def test_the_parts_are_unbiased_whatever_the_noise_and_however_few_the_replicates() -> None:
    told = []
    for seed in range(1000):
        table = grid(noise=1.0, replicates=2, seed=seed).f.values[..., 0]
        parts = components(table.mean(axis=-1)[None], noise_of(table.reshape(1, -1, 2))).variance
        told.append([parts[term][0] for term in ((0,), (1,), (2,), (0, 1), (0, 1, 2), NOISE)])
    true = [PARTS[term] for term in ("a", "b", "c", "a × b", "three or more axes")]
    noise = float(((1 + np.abs(A)) ** 2).mean()) / 2 * 59 / 60
    assert_mean(np.array(told), np.array([*true, noise]))
    means = np.stack([grid(1.0, 2, seed).f.values[..., 0].mean(axis=-1) for seed in range(200)])
    raw = components(means, np.zeros(200)).variance[1,]
    assert np.mean(raw) > 0.05, "without the correction noise would explain something"


@pytest.mark.parametrize("replicates", [3, 16])
def test_intervals_of_a_grid_contain_the_parts_nearly_as_often_as_they_say(replicates: int) -> None:
    number, least = 150, 0.9
    terms = ["a", "c", "a × b", "three or more axes"]
    held = []
    for seed in range(number):
        found = grid(noise=0.5, replicates=replicates, seed=seed).collapse.importance("f").variance.sel(term=terms)
        true = np.array([PARTS[term] for term in terms])
        held.append((found.sel(bound="low") <= true) & (true <= found.sel(bound="high")))
    error = np.sqrt(least * (1 - least) / number)
    for covered in np.mean(held, axis=0).tolist():
        assert least - SIGMAS * error < covered < 1


def test_sobols_indices_of_ishigamis_function_are_found_from_scattered_points() -> None:
    found = ishigami(256, noise=0.5).collapse.importance("f")
    assert found.attrs["method"] == "polynomial chaos"
    estimates = found["share"].sel(bound="estimate")
    for term in found.term.values.tolist():
        if term not in ("noise",):
            assert float(estimates.sel(term=term)) == pytest.approx(ISHIGAMI.get(term, 0.0), abs=0.01), term
    assert found.total.sel(bound="estimate").values == pytest.approx([0.5576, 0.4424, 0.2437], abs=0.01)
    assert float(found.variance.sel(term="noise", bound="estimate")) == pytest.approx(0.25 / 4, rel=0.2)
    assert int(found.points) == 256


def test_intervals_of_scattered_points_contain_the_indices_nearly_as_often_as_they_say() -> None:
    """An additive function of two fields with noise, at random points: 4 : 1 of its variance."""
    number, least, held = 150, 0.9, []
    for seed in range(number):
        generator = np.random.default_rng(seed)
        x = generator.uniform(-1, 1, (64, 2))
        y = 2 * x[:, 0] + np.sin(np.pi * x[:, 1] / 2) * np.sqrt(2 / 3)
        table = y[:, None] + generator.normal(size=(64, 4))
        found = scattered(table, temperature=x[:, 0], learning_rate=x[:, 1]).collapse.importance("f")["share"]
        low, high = (found.sel(bound=bound, term=["temperature", "learning_rate"]) for bound in ("low", "high"))
        held.append((low <= [0.8, 0.2]) & (high >= [0.8, 0.2]))
    error = np.sqrt(least * (1 - least) / number)
    for covered in np.mean(held, axis=0).tolist():
        assert covered > least - SIGMAS * error


def test_points_without_a_finite_mean_are_left_out_and_counted() -> None:
    data = ishigami(128)
    data.f[3, 0] = INF
    data.f[5, :] = NAN
    data.f[9, 0] = NAN
    found = data.collapse.importance("f")
    assert int(found.points) == 126
    assert found.attrs["left_out"] == 1 + 4 + 1
    assert float(found["share"].sel(term="learning_rate", bound="estimate")) == pytest.approx(0.44, abs=0.05)


def test_scattered_points_have_a_result_for_each_position_of_other_axes() -> None:
    one, other = ishigami(128), ishigami(128)
    other["f"] = 0 * other.f + np.log10(other.learning_rate)
    found = xr.concat([one, other], xr.Variable("model", ["one", "other"])).collapse.importance("f")
    shares = found["share"].sel(bound="estimate", term="learning_rate")
    assert shares.sel(model="other") == pytest.approx(1.0)
    assert shares.sel(model="one") == pytest.approx(0.44, abs=0.03)


def test_a_zip_whose_fields_vary_together_is_one_axis() -> None:
    x = np.linspace(0.1, 1, 20)
    data = scattered(x[:, None].repeat(2, axis=1), temperature=x, learning_rate=2 * x)
    found = data.collapse.importance("f")
    assert found.axis.values.tolist() == ["design"]
    assert float(found["share"].sel(term="design", bound="estimate")) == pytest.approx(1.0)


def test_a_field_that_follows_another_is_left_out() -> None:
    data = ishigami(128)
    sweep = data.attrs["sweep"].replace("batch_size = []", "batch_size = [], samples = []")
    data = data.assign_coords(samples=2 * data.batch_size).assign_attrs(sweep=sweep)
    found = data.collapse.importance("f")
    assert found.axis.values.tolist() == ["temperature", "learning_rate", "batch_size"]


def test_one_replicate_has_parts_without_intervals_or_noise() -> None:
    found = grid(replicates=1).collapse.importance("f")
    assert float(found.variance.sel(term="a", bound="estimate")) == pytest.approx(PARTS["a"])
    assert np.isnan(found.variance.sel(term="noise")).all()
    assert np.isnan(found.variance.sel(bound=["low", "high"])).all()


def test_what_explains_the_concentration_of_a_refit_is_what_theory_says() -> None:
    """The mean of Σp² by its exact law, over samples, mixing and p₀."""
    data = run(
        {"update": "refit"},
        {
            "initial": [values([0.5, 0.3, 0.2]), values([0.9, 0.05, 0.05])],
            "samples": [5, 20, 80],
            "mixing": [0.2, 0.6, 1.0],
        },
        generations=20,
        replicates=64,
        observables=["collision_probability"],
    )
    theory = data.collapse.theory("collision_probability").isel(generation=-1).values
    true = components(theory[None], np.zeros(1))
    found = data.collapse.importance("collision_probability", confidence=0.9999)
    for term, variance in zip(found.term.values.tolist(), true.variance.values(), strict=True):
        low, high = found.variance.sel(term=term, bound=["low", "high"]).values
        if term != "noise":
            assert low <= variance <= high, term
    shares = found["share"].sel(bound="estimate")
    assert float(shares.sel(term="samples")) > 0.05, "the test has teeth"
    picture = data.collapse.plot.importance("collision_probability")
    assert [text.get_text() for text in picture.axes[0].get_yticklabels()][-1] == "noise"


@pytest.mark.parametrize("draw", [lambda: grid(0.5), lambda: ishigami(64, 0.5), lambda: grid(replicates=1)])
def test_a_picture_has_a_bar_for_each_term(draw: Callable[[], xr.Dataset]) -> None:
    data = draw()
    picture = data.collapse.plot.importance("f")
    picture.canvas.draw()
    labels = [text.get_text() for text in picture.axes[0].get_yticklabels()]
    assert len(labels) == data.collapse.importance("f").sizes["term"]


def test_an_axis_that_is_held_explains_nothing() -> None:
    data = grid()
    picture = data.collapse.plot.importance("f", a=1.0)
    labels = [text.get_text() for text in picture.axes[0].get_yticklabels()]
    assert labels == ["b", "c", "b × c", "noise"]


def infinite() -> xr.Dataset:
    data = grid()
    data.f[0, 0, 0, 0] = INF
    return data


def repeating() -> xr.Dataset:
    data = grid()
    return data.assign_coords(is_repeated=(data.a < 0) & (data.b > -1))


def test_cells_that_do_not_repeat_have_parts() -> None:
    found = repeating().sel(a=[0.0, 1.0]).collapse.importance("f")
    assert found.axis.values.tolist() == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("data", "name", "message"),
    [
        (repeating, "f", "other cells repeat"),
        (grid, "g", "is not an observable"),
        (infinite, "f", r"1 of 60 cells lack a finite mean of 'f', 1 of them since values are infinite"),
        (lambda: grid().where(grid().a > -1), "f", r"20 of 60 cells lack a finite mean of 'f', since no replicate"),
        (lambda: grid().isel(a=[0], b=[0], c=[0]), "f", "no axis of the dataset has several values"),
        (lambda: SHAPES["one axis"], "collapse_time", "values are infinite"),
        (lambda: ishigami(64).where(ishigami(64).design < 12), "f", "12 points along 'design'"),
    ],
)
def test_what_has_no_parts_is_refused(data: Callable[[], xr.Dataset], name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        data().collapse.importance(name)
