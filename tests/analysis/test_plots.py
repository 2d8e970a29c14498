"""Pictures show what they claim, for datasets of every shape: lines' data, labels, thresholds, and what is infinite."""

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from jaxcollapse.analysis.plot.scale import Scale
from tests.support.datasets import GENERATIONS, INF, NAN, SHAPES, made
from tests.support.sweeps import run, values

GRID = made({"samples": [1.0, 100.0, INF], "temperature": [0.8, 1.0]}, replicates=9)
Draw = Any
DRAWN: dict[str, Draw] = {
    "phase": lambda data: data.collapse.plot.phase(),
    "trajectories": lambda data: data.collapse.plot.trajectories("recovery_gap"),
    "replicates": lambda data: data.collapse.plot.replicates("recovery_gap"),
    "recovery": lambda data: data.collapse.plot.recovery(),
}


def texts(figure: Figure) -> str:
    found = [figure._suptitle.get_text()] if figure._suptitle else []
    for axis in figure.axes:
        found += [axis.get_title(), axis.get_xlabel(), axis.get_ylabel()]
    for legend in figure.legends:
        found += [legend.get_title().get_text(), *(text.get_text() for text in legend.get_texts())]
    return "\n".join(found)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", DRAWN)
def test_every_picture_is_drawn_of_every_shape(kind: str, shape: str) -> None:
    figure = DRAWN[kind](SHAPES[shape])
    assert isinstance(figure, Figure)
    figure.canvas.draw()
    assert "Made by hand" in texts(figure)


@pytest.mark.parametrize("kind", DRAWN)
def test_a_picture_shows_itself_where_pyplot_was_never_imported(kind: str) -> None:
    assert DRAWN[kind](GRID)._repr_png_().startswith(b"\x89PNG")


def test_a_line_is_the_median_and_the_band_holds_four_fifths() -> None:
    figure = GRID.collapse.plot.trajectories("entropy", hue="temperature", samples=100.0)
    (panel,) = figure.axes
    cell = GRID.entropy.sel(samples=100.0)
    for line, temperature in zip(panel.lines, (0.8, 1.0), strict=True):
        assert line.get_xdata().tolist() == GENERATIONS
        median = np.sort(cell.sel(temperature=temperature), axis=0)[4]
        np.testing.assert_allclose(line.get_ydata(), median)
        band = panel.collections[panel.lines.index(line)].get_paths()[0].vertices
        ordered = np.sort(cell.sel(temperature=temperature, generation=100))
        at_end = band[band[:, 0] == 100, 1]
        np.testing.assert_allclose([at_end.min(), at_end.max()], ordered[[1, 7]])
    told = texts(figure)
    assert "Shannon entropy [nat]" in told
    assert "samples = 100" in told
    assert "median of 9 replicates, band: 80 % of them" in told
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["0.8", "1"]


def test_single_trajectories_are_thin_lines_and_their_mean_a_thick_one() -> None:
    figure = GRID.collapse.plot.replicates("entropy", panels="temperature", samples=100.0, most=4)
    for panel, temperature in zip(figure.axes, (0.8, 1.0), strict=True):
        cell = GRID.entropy.sel(samples=100.0, temperature=temperature).transpose("replicate", "generation")
        *thin, thick = panel.lines
        for line, replicate in zip(thin, cell[:4], strict=True):
            np.testing.assert_allclose(line.get_ydata(), replicate)
        np.testing.assert_allclose(thick.get_ydata(), cell.mean("replicate"))
        assert thick.get_linewidth() > max(line.get_linewidth() for line in thin)
    assert "4 of 9 trajectories" in texts(figure)


def test_lines_differ_in_colour_style_and_marker() -> None:
    data = made({"temperature": [0.5, 0.8, 1.0, 1.2, 1.5, 2.0, INF]})
    lines = data.collapse.plot.trajectories("entropy").axes[0].lines
    for of in (
        lambda line: str(line.get_color()),
        lambda line: str(line._dash_pattern),
        lambda line: line.get_marker(),
    ):
        assert len({of(line) for line in lines}) == 7


def test_panels_are_the_values_of_an_axis() -> None:
    figure = GRID.collapse.plot.trajectories("entropy", hue="temperature", panels="samples")
    assert [axis.get_title() for axis in figure.axes] == ["samples 1", "samples 100", "samples ∞"]
    assert all(axis.get_xscale() == "symlog" for axis in figure.axes), "generation 0 stands on a logarithmic axis"


def test_infinity_has_a_place_and_a_tick() -> None:
    figure = made({}, replicates=1).assign(
        recovery_gap=lambda d: d.recovery_gap.copy(data=[[0, 1e-4, 1e-2, 1, INF, INF]])
    )
    (panel,) = figure.collapse.plot.trajectories("recovery_gap").axes
    drawn = panel.lines[0].get_ydata()
    assert np.isfinite(drawn).all()
    assert drawn[-1] == drawn[-2] > drawn[-3] == 1
    ticks = dict(zip(panel.get_yticks(), [label.get_text() for label in panel.get_yticklabels()], strict=True))
    assert ticks[drawn[-1]] == "∞"
    assert ticks[drawn[0]].startswith("≤ ")
    assert panel.get_ylim()[0] < drawn[0]
    assert drawn[-1] < panel.get_ylim()[1]


def test_a_scale_is_logarithmic_where_positive_values_span_decades() -> None:
    assert Scale.of(np.array([1e-3, 1.0])).is_log
    assert not Scale.of(np.array([0.5, 1.0])).is_log
    assert not Scale.of(np.array([-1.0, 1e-3, 1.0])).is_log
    assert not Scale.of(np.array([NAN, INF])).is_log
    assert not Scale.of(np.zeros(3)).is_log
    cut = Scale.of(np.array([0.0, 1e-12, 1e-3, 1.0]))
    assert cut.is_cut
    assert cut.place(np.array([0.0, 1e-3])).tolist() == [cut.low, 1e-3]


def test_the_plane_of_recovery_has_every_trajectory_and_the_thresholds() -> None:
    figure = GRID.collapse.plot.recovery(hue="temperature", panels="samples", tolerance=0.2)
    for column, panel in enumerate(figure.axes):
        points = [line for line in panel.lines if line.get_marker() != "None"]
        level, original = [line for line in panel.lines if line.get_marker() == "None"]
        assert set(level.get_ydata()) == {0.2}
        assert set(original.get_xdata()) == {1.0}
        for row, line in enumerate(points):
            last = GRID.isel(samples=column, temperature=row, generation=-1)
            finite = (
                np.isfinite(last.recovery_gap) & (last.recovery_gap > 1e-3) & np.isfinite(last.effective_temperature)
            )
            drawn = np.array(line.get_data()).T[finite.values]
            expected = np.stack([last.effective_temperature, last.recovery_gap]).T[finite.values]
            np.testing.assert_allclose(drawn, expected)
    assert "effective temperature" in texts(figure)
    assert "recovery gap [nat]" in texts(figure)
    assert "after 100 generations" in texts(figure)
    assert {text.get_text() for text in figure.axes[0].texts} == {"forgotten", "recoverable"}


def test_a_phase_diagram_has_the_axes_that_are_asked_for() -> None:
    data = SHAPES["four axes"]
    figure = data.collapse.plot.phase(x="samples", y="temperature", vocab_size=4, update="refit")
    (panel,) = figure.axes
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("samples", "temperature")
    assert "vocab_size = 4, update = refit" in texts(figure)
    by_update = data.collapse.plot.phase(panels="update", samples=INF)
    assert [axis.get_title() for axis in by_update.axes] == ["update refit", "update gradient"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"hue": "temprature"}, r"hue = 'temprature' is not an axis.*did you mean 'temperature'"),
        ({"hue": "samples", "panels": "samples"}, "hue = 'samples': the axis has another role already"),
        ({"hue": "samples", "samples": 1.0}, "hue = 'samples': the axis has another role already"),
        ({"samples": 7}, r"samples = 7 is not in this dataset; it has 1, 100, ∞"),
        ({"replicate": 0}, "'replicate' is not an axis"),
    ],
)
def test_a_wrong_wish_is_refused(asked: dict[str, Any], message: str) -> None:
    for draw in (lambda **a: GRID.collapse.plot.trajectories("entropy", **a), GRID.collapse.plot.recovery):
        with pytest.raises(ValueError, match=message):
            draw(**asked)


def test_an_event_is_no_trajectory() -> None:
    with pytest.raises(ValueError, match=r"ds\.collapse\.collapse_time\('half_life'\)"):
        GRID.collapse.plot.trajectories("half_life")
    with pytest.raises(ValueError, match="'effective_temperature' is not an observable"):
        GRID.drop_vars("effective_temperature").collapse.plot.recovery()


def test_personas_are_lines_like_the_values_of_an_axis() -> None:
    data = run(
        {"model": "persona", "personas": 3, "vocab_size": 4, "trace_length": 2, "update": "refit", "samples": 5},
        generations=3,
        replicates=2,
        record={"every": 1},
        observables=["persona_mass"],
    )
    figure = data.collapse.plot.trajectories("persona_mass")
    assert len(figure.axes[0].lines) == 3
    assert "mass of a persona" in texts(figure)


def test_of_several_rows_the_plane_is_that_of_all_rows() -> None:
    process = {"model": "persona", "personas": 3, "vocab_size": 4, "update": "refit", "samples": 50, "temperature": 0.8}
    data = run(process, generations=3, replicates=2, observables=["default"])
    figure = data.collapse.plot.recovery()
    assert "effective temperature for all rows" in texts(figure)
    assert "smoothed recovery gap of all rows [nat]" in texts(figure)
    (points,) = (line for line in figure.axes[0].lines if len(line.get_xdata()) == 2 and line.get_marker() != "None")
    np.testing.assert_allclose(points.get_xdata(), data.shared_effective_temperature[:, -1], rtol=1e-5)


def test_theory_is_drawn_over_what_was_simulated() -> None:
    data = run(
        {"update": "refit", "initial": values([0.5, 0.3, 0.2])},
        {"samples": [5, 50]},
        generations=20,
        replicates=40,
        record={"every": 5},
        observables=["collision_probability", "collapse_time"],
    )
    figure = data.collapse.plot.theory("collision_probability")
    (panel,) = figure.axes
    curves = [line for line in panel.lines if len(line.get_xdata()) == 5 and line.get_linestyle() != "None"]
    for line, samples in zip(curves, (5, 50), strict=True):
        expected = 1 - 0.62 * (1 - 1 / samples) ** np.arange(0, 21, 5)
        np.testing.assert_allclose(line.get_ydata(), expected, rtol=1e-5)
    assert len(panel.containers) == 2
    points = panel.containers[0].lines[0].get_ydata()
    np.testing.assert_allclose(points, data.collision_probability.sel(samples=5).mean("replicate"), rtol=1e-6)
    assert "points: mean of 40 replicates with 95% intervals, lines: theory" in texts(figure).replace("\n", " ")
    assert figure._repr_png_()
