"""Verdicts: one word for each cell, from runs whose outcome is known and from datasets made by hand."""

from typing import Any

import numpy as np
import pytest
import xarray as xr

from jaxcollapse.analysis.median import median
from jaxcollapse.analysis.verdict import NEEDED, NEEDED_OF_ROWS, TOLERANCE, VERDICTS, name_of, needed_by, verdicts
from tests.support.sweeps import run

INF, NAN = float("inf"), float("nan")


def cells(replicates: list[dict[str, float]], status: list[int] | None = None, **attributes: Any) -> xr.Dataset:
    """One cell with these replicates at its last generation; at generation 0 all was as it is at first."""
    flags = {"flag_values": np.array([0, 1, 2], np.int8), "flag_meanings": "missing complete diverged"}
    start = {
        "smoothed_kl_to_initial": 0.0,
        "smoothed_recovery_gap": 0.0,
        "smoothed_recovery_temperature": 1.0,
        "order_gap": 0.0,
        "mode_is_original": 1.0,
        "uniform_kl_to_initial": 2.0,
        "modal_probability": 0.3,
    }
    data = {
        name: (("replicate", "generation"), [[start[name], (start | last)[name]] for last in replicates])
        for name in NEEDED
    }
    statuses = xr.Variable("replicate", status or [1] * len(replicates), flags)
    return xr.Dataset({**data, "status": statuses}, {"generation": [0, 50]}, attributes)


def word(data: xr.Dataset) -> str:
    return name_of(int(verdicts(data)))


def at_the_end(
    loss: float, gap: float, temperature: float, order: float, modal: float, mode: float = 1.0, uniform: float = 2.0
) -> dict[str, float]:
    """A replicate's last generation."""
    return dict(zip(NEEDED, (loss, gap, temperature, order, mode, uniform, modal), strict=True))


COOLED = at_the_end(3.0, 0.01, 2.0, 0.01, 0.99)
DISTORTED = at_the_end(3.0, 0.3, 2.0, 0.01, 0.99)
LOST = at_the_end(INF, INF, NAN, INF, 0.5)
SMOOTHED = at_the_end(4.0, 0.5, 3.0, INF, 0.5)  # a refit that has lost tokens


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ({}, "unchanged"),
        (at_the_end(TOLERANCE, 0.09, 3.0, 0.09, 0.3), "unchanged"),
        (COOLED, "cooled"),
        (COOLED | {"smoothed_recovery_temperature": 1e18}, "cooled"),
        (COOLED | {"smoothed_recovery_temperature": 0.5}, "heated"),
        (COOLED | {"smoothed_recovery_temperature": 0.0}, "heated"),
        (COOLED | {"smoothed_recovery_gap": TOLERANCE}, "cooled"),
        # Most of the loss stays: it is within the tolerance only because there was little to lose.
        (at_the_end(0.114, 0.088, 1.02, 0.08, 0.3), "forgetting"),
        (at_the_end(0.114, 0.088, 1.02, 0.05, 0.3), "distorted"),
        (at_the_end(0.18, 0.09, 1.5, 0.09, 0.3), "cooled"),
        (at_the_end(0.17, 0.09, 1.5, 0.09, 0.3), "forgetting"),
        # The uniform distribution would do as well.
        (at_the_end(7.3, 0.0, INF, 0.0, 0.9995, uniform=0.0), "collapsed"),
        (at_the_end(7.3, 0.0, INF, 0.0, 0.9, uniform=0.0), "forgetting"),
        (at_the_end(7.4, 0.03, 500.0, 0.03, 0.9995, uniform=0.03), "collapsed"),
        (at_the_end(7.4, 0.01, 50.0, 0.01, 0.9995, uniform=0.03), "cooled"),
        (COOLED | {"smoothed_recovery_temperature": INF}, "distorted"),
        (DISTORTED, "distorted"),
        (DISTORTED | {"order_gap": 1.01 * TOLERANCE}, "collapsed"),
        (DISTORTED | {"order_gap": 1.01 * TOLERANCE, "modal_probability": 0.9}, "forgetting"),
        (DISTORTED | {"mode_is_original": 0.0}, "collapsed"),
        (DISTORTED | {"mode_is_original": 0.85, "modal_probability": 0.9}, "forgetting"),
        (SMOOTHED, "forgetting"),
        (SMOOTHED | {"smoothed_recovery_gap": 0.05}, "cooled"),
        (LOST, "forgetting"),
        (LOST | {"modal_probability": 0.98999}, "forgetting"),
        (LOST | {"modal_probability": 0.99001}, "collapsed"),
        (LOST | {"modal_probability": 1.0}, "collapsed"),
        (dict.fromkeys(NEEDED, NAN), "missing"),
    ],
)
def test_the_word_follows_its_definition(last: dict[str, float], expected: str) -> None:
    assert word(cells([last])) == expected


def test_tolerance_and_share_can_be_set() -> None:
    """A larger share asks for more of the loss; without one the tolerance decides alone."""
    data = cells([at_the_end(0.114, 0.088, 1.02, INF, 0.3)])
    for share, expected in ((0.5, "forgetting"), (0.2, "cooled"), (0.0, "cooled")):
        assert str(data.collapse.classify(share=share).words().values) == expected
    assert str(data.collapse.classify(tolerance=0.12).words().values) == "unchanged"
    assert str(cells([COOLED]).collapse.classify(share=1.0).words().values) == "collapsed"
    for share in (-0.1, 1.1, NAN):
        with pytest.raises(ValueError, match=r"share = .* is not a share; use 0 to 1"):
            data.collapse.classify(share=share)


def test_verdicts_come_as_words() -> None:
    data = run({"update": "refit", "vocab_size": 4}, {"samples": [1, INF]}, generations=5, observables=["default"])
    told = data.collapse.classify()
    assert told.words().dims == ("samples",)
    assert dict(zip(told.samples.values.tolist(), told.words().values.tolist(), strict=True)) == {
        1: "collapsed",
        INF: "unchanged",
    }
    assert told.isel(samples=[1]).words().values.tolist() == ["unchanged"]
    assert word(cells([LOST], [2])) == "diverged" == str(cells([LOST], [2]).collapse.classify().words().values)


def test_what_diverged_does_not_vote() -> None:
    assert word(cells([LOST, COOLED, LOST], [2, 1, 2])) == "cooled"
    assert word(cells([LOST, LOST], [2, 2])) == "diverged"
    assert word(cells([LOST, dict.fromkeys(NEEDED, NAN)], [2, 0])) == "diverged"
    assert word(cells([dict.fromkeys(NEEDED, NAN)], [0])) == "missing"


def test_collapse_is_what_the_sweep_file_says_it_is() -> None:
    """The sweep's collapse_threshold, not the default, decides between forgetting and collapsed."""
    last = [LOST | {"modal_probability": 0.85}]
    assert word(cells(last)) == "forgetting"
    assert word(cells(last, collapse_threshold=0.2)) == "collapsed"
    assert word(cells([LOST | {"modal_probability": 0.995}], collapse_threshold=0.001)) == "forgetting"


def test_the_majority_of_replicates_decides() -> None:
    """The lower median; replicates that are missing do not vote."""
    assert word(cells([COOLED, COOLED, LOST])) == "cooled"
    assert word(cells([COOLED, LOST, LOST])) == "forgetting"
    gone = dict.fromkeys(NEEDED, NAN)
    assert word(cells([gone, gone, COOLED])) == "cooled"
    assert word(cells([gone, LOST, gone])) == "forgetting"


def test_the_median_is_one_of_the_values() -> None:
    values = xr.DataArray(
        [[3.0, 1.0, 2.0, 4.0], [INF, 1.0, INF, 2.0], [NAN, 5.0, NAN, 7.0], [NAN, NAN, NAN, NAN], [INF, INF, INF, 0.0]],
        dims=("cell", "replicate"),
    )
    np.testing.assert_array_equal(median(values), [2.0, 2.0, 5.0, NAN, INF])


def test_a_dataset_without_the_observables_is_refused() -> None:
    data = cells([COOLED]).drop_vars(["smoothed_recovery_gap", "modal_probability"])
    with pytest.raises(ValueError, match="needs the observables smoothed_recovery_gap, modal_probability"):
        verdicts(data)


def test_the_ideal_limit_only_cools_and_heats_and_few_samples_collapse() -> None:
    """Infinitely many samples: cooled at T = 0.8, heated at 1.25, unchanged at 1; five samples: collapsed."""
    data = run(
        {"update": "refit", "vocab_size": 12},
        {"samples": [5, INF], "temperature": [0.8, 1.0, 1.25]},
        generations=12,
        replicates=9,
        observables=["default"],
        collapse_threshold=0.02,
    )
    assert data.attrs["collapse_threshold"] == 0.02
    assert verdicts(data).dims == ("samples", "temperature")
    ideal = verdicts(data).sel(samples=INF)
    assert [VERDICTS[code] for code in ideal.values] == ["cooled", "unchanged", "heated"]
    assert VERDICTS[int(verdicts(data).sel(samples=5, temperature=0.8))] == "collapsed"

    long = run(
        {"update": "refit", "vocab_size": 12, "samples": 5}, generations=100, replicates=9, observables=["default"]
    )
    assert word(long) == "collapsed"
    assert np.isnan(long.recovery_temperature[:, -1]).all()
    assert np.isfinite(long.smoothed_recovery_gap).all()


def test_a_refit_to_one_sample_has_collapsed() -> None:
    """It would count as half of the evidence if one more sample were added to it."""
    assert word(run({"update": "refit", "vocab_size": 2, "samples": 1}, generations=1, observables=["default"])) == (
        "collapsed"
    )


def test_gradient_flow_distorts() -> None:
    """With B = ∞ at T < 1 every token stays in its place, but no temperature brings p0 back."""
    data = run(
        {"initial": {"kind": "zipf"}, "vocab_size": 64, "learning_rate": 1.0, "batch_size": INF, "temperature": 0.7},
        generations=100,
        observables=["default", "rank_correlation"],
    )
    assert word(data) == "distorted"
    assert float(data.rank_correlation[0, -1]) == pytest.approx(1)


NEARLY_UNIFORM = [{"kind": "uniform"}, {"kind": "zipf", "exponent": 0.3}]


@pytest.mark.parametrize("initial", NEARLY_UNIFORM, ids=["uniform", "nearly uniform"])
def test_a_uniform_original_that_has_collapsed_is_not_cooled(initial: dict[str, Any]) -> None:
    """At T = ∞ any model is as uniform as p0 was."""
    process = {"initial": initial, "vocab_size": 16, "batch_size": 1, "learning_rate": 2.0}
    data = run(process, generations=2000, replicates=9, observables=["default"])
    assert float(data.recovery_gap.median("replicate")[-1]) < TOLERANCE
    assert float(data.tempering_gap.median("replicate")[-1]) > 2
    assert word(data) == "collapsed"


@pytest.mark.optimised  # they run longer than they compile
@pytest.mark.parametrize("on", ["chooser", "tokens"])
def test_what_the_knob_of_the_process_restores_is_cooled(on: str) -> None:
    """Infinitely many samples of personas whose sampling temperature applies to some rows only."""
    process = {**ROWS, "personas": 8, "persona_exponent": 1.0, "samples": INF, "temperature": 0.8, "temperature_on": on}
    assert word(run(process, generations=12, observables=["default"])) == "cooled"


ROWS = {  # personas of six tokens each, a third of them shared
    "model": "persona",
    "initial": {"kind": "dirichlet", "concentration": 0.7, "shared": True},
    "personas": 3,
    "vocab_size": 6,
    "update": "refit",
}


def test_of_several_rows_all_have_to_come_back_at_one_temperature() -> None:
    """Infinitely many traces cool or heat every row alike; few lose personas, though tokens may look the same."""
    axes = {"samples": [5, INF], "temperature": [0.8, 1.0, 1.25]}
    data = run(ROWS, axes, generations=8, replicates=9, observables=["default"])
    ideal = verdicts(data).sel(samples=INF)
    assert [VERDICTS[code] for code in ideal.values] == ["cooled", "unchanged", "heated"]
    assert (verdicts(data).sel(samples=5) >= VERDICTS.index("forgetting")).all()
    assert np.isfinite(data.shared_smoothed_recovery_gap).all()
    assert needed_by(data) == NEEDED_OF_ROWS
    told = data.collapse.classify()
    xr.testing.assert_equal(told.verdict, verdicts(data))
    assert (told.confidence.sel(samples=INF) > 0.99).all()


def test_rows_that_are_lost_are_not_made_up_for_by_others() -> None:
    """Two personas change places: what is said stays, who says it does not; the marginal alone would be unchanged."""
    data = cells([{}] * 3).assign_coords(model="persona")
    names = dict(zip(NEEDED, NEEDED_OF_ROWS, strict=True))
    rows = cells([LOST] * 3).rename({one: several for one, several in names.items() if one != several})
    both = data.assign({name: rows[name] for name in NEEDED_OF_ROWS if name not in data})
    assert word(both) == "forgetting"
    assert word(both.assign_coords(model="categorical")) == "unchanged"
    with pytest.raises(
        ValueError, match="needs the observables shared_smoothed_kl_to_initial, shared_smoothed_recovery_gap"
    ):
        verdicts(data)


@pytest.mark.optimised  # it runs longer than it compiles
def test_models_of_one_row_and_of_several_stand_side_by_side() -> None:
    process = {"update": "refit", "vocab_size": 6, "samples": INF, "temperature": 0.8}
    how: dict[str, Any] = {"generations": 8, "observables": ["default"]}
    several, one = run({**process, "model": "persona"}, **how), run(process, **how)
    both = run(process, {"model": ["persona", "categorical"]}, **how)
    assert [word(each) for each in (several, one)] == [VERDICTS[code] for code in verdicts(both).values]
    assert both.collapse.classify().verdict.dims == ("model",)
    with pytest.raises(ValueError, match="needs the observables smoothed_kl_to_initial"):
        verdicts(both.drop_vars("smoothed_kl_to_initial"))


def test_a_verdict_explains_its_numbers() -> None:
    """CF flags, so that the codes can be read without this package."""
    told = verdicts(cells([COOLED]))
    assert told.dtype == np.int8
    assert told.attrs["flag_meanings"].split() == ["diverged", "missing", *VERDICTS]
    assert told.attrs["flag_values"].tolist() == list(range(-2, len(VERDICTS)))
