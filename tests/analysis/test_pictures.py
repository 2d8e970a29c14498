"""What is shown of a study: the table in a terminal, and the phase diagram, for datasets of every shape."""

import re
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import to_rgb, to_rgba
from matplotlib.image import imread
from matplotlib.transforms import Bbox
from rich.console import Console

from jaxcollapse.analysis.labels import entries
from jaxcollapse.analysis.looks import LOOKS
from jaxcollapse.analysis.plot.phase import phase_diagram, save_phase_diagram
from jaxcollapse.analysis.table import summary_table
from jaxcollapse.analysis.verdict import NEEDED, VERDICTS, verdicts
from tests.support.sweeps import run

INF, NAN = float("inf"), float("nan")
WIDTH = 120

#               unchanged cooled heated distorted forgetting collapsed missing
KINDS = {
    "smoothed_kl_to_initial": [0.0, 2.0, 2.0, 2.0, INF, INF, NAN],
    "smoothed_recovery_gap": [0.0, 0.004, 0.02, 0.2, 0.3, INF, NAN],
    "recovery_gap": [0.0, 0.004, 0.02, 0.2, 0.3, INF, NAN],
    "smoothed_recovery_temperature": [1.0, 3.0, 0.4, 2.0, 2.0, NAN, NAN],
    "order_gap": [0.0, 0.0, 0.0, 0.01, 0.2, INF, NAN],
    "mode_is_original": [1.0, 1.0, 1.0, 1.0, 1.0, 0.0, NAN],
    "uniform_kl_to_initial": [2.0, 2.0, 2.0, 2.0, 2.0, 2.0, NAN],
    "modal_probability": [0.3, 0.9, 0.2, 0.5, 0.5, 1.0, NAN],
}
WORDS = [*VERDICTS, "missing"]


def synthetic(axes: dict[str, list[Any]], title: str = "Made by hand", first: int = 0) -> xr.Dataset:
    """A dataset over these axes that has every verdict in turn, from the `first` on, and gaps from 0 to ∞."""
    shape = tuple(map(len, axes.values()))
    which = np.resize(np.roll(np.arange(len(WORDS)), -first), int(np.prod(shape))).reshape(*shape, 1, 1)
    dims = (*axes, "replicate", "generation")
    data = {name: (dims, np.broadcast_to(np.array(values)[which], (*shape, 3, 2))) for name, values in KINDS.items()}
    flags = {"flag_values": np.array([0, 1, 2], np.int8), "flag_meanings": "missing complete diverged"}
    done = np.broadcast_to(which[..., 0] < len(VERDICTS), (*shape, 3)).astype(np.int8)
    data["status"] = xr.Variable((*axes, "replicate"), done, flags)
    return xr.Dataset(data, {**axes, "generation": [0, 1000]}, {"title": title})


LONG_TITLE = "What becomes of a model that is trained on its own samples, at many temperatures and learning rates, " * 2
TEMPERATURES = [0.8, 1.0, 1.2]
STUDIES: dict[str, xr.Dataset] = {
    "no axis": synthetic({}, first=4),
    "one axis": synthetic({"temperature": [0.5, 0.75, 1.0, 1.5, 2.0, INF]}),
    "one value": synthetic({"temperature": [0.5]}),
    "two axes": synthetic({"samples": [1.0, 100.0, INF], "temperature": [*TEMPERATURES, 1.5]}),
    "two axes, one of one value": synthetic({"samples": [10.0], "temperature": TEMPERATURES}),
    "three axes": synthetic({"vocab_size": [4, 16, 64], "samples": [1.0, INF], "temperature": TEMPERATURES}),
    "four axes": synthetic(
        {"update": ["refit", "gradient"], "vocab_size": [4, 16], "samples": [1.0, INF], "temperature": TEMPERATURES}
    ),
    "strings": synthetic(
        {
            "initial": ["uniform", "zipf(exponent=1.5)", f"words(languages={['en', 'vi', 'de', 'fr', 'es', 'it']})"],
            "corpus": ["replace", "accumulate", "window"],
        }
    ),
    "many values": synthetic({"samples": list(range(1, 20)), "temperature": np.linspace(0.7, 1.3, 15).tolist()}),
    "very many values": synthetic(
        {"learning_rate": np.geomspace(1e-5, 10, 30).tolist(), "temperature": np.linspace(0.5, 2, 90).tolist()},
        title=LONG_TITLE,
    ),
    "many panels": synthetic({"vocab_size": [2, 4], "steps": list(range(1, 24)), "temperature": TEMPERATURES}),
    "nothing computed": synthetic({"temperature": [1.0]}, first=5),
}


def printed(data: xr.Dataset, width: int = WIDTH) -> str:
    console = Console(width=width, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(summary_table(data, width))
    return capture.get()


def rows(text: str) -> list[str]:
    """The rows of a table between its head and its legend; of an entry in two lines, the first."""
    lines = [line.strip() for line in text.splitlines()]
    head = next(number for number, line in enumerate(lines) if line.startswith("──"))
    legend = next(number for number, line in enumerate(lines) if line.startswith("cooled, heated:"))
    return [line for line in lines[head + 1 : legend] if set(line.split()) & set(WORDS)]


@pytest.mark.parametrize("name", STUDIES)
def test_a_table_says_what_is_in_it_and_is_not_cut(name: str) -> None:
    data = STUDIES[name]
    text = printed(data)
    assert text.splitlines()[0].strip() == "After 1000 generations, the median of 3 replicates:"
    assert max(map(len, text.splitlines())) <= WIDTH
    assert text.count("…") == (1 if name == "strings" else 0)  # a long p0 is shortened
    words = verdicts(data)
    shown = [word for word in " ".join(rows(text)).split() if word in WORDS]
    last = words.sizes[words.dims[-1]] if words.dims else 1
    assert len(rows(text)) <= 24
    assert len(shown) == len(rows(text)) * (last if last <= 6 else 7)
    if words.size <= 24:
        assert sorted(shown) == sorted(WORDS[code] for code in words.values.ravel())
        assert "values of" not in text


def test_the_table_of_two_axes_is_this() -> None:
    lines = [line.split() for line in rows(printed(STUDIES["two axes"]))]
    assert lines == [
        ["1", "unchanged", "0.00", "cooled", "0.00", "heated", "0.02", "distorted", "0.20"],
        ["100", "forgetting", "0.30", "collapsed", "∞", "missing", "unchanged", "0.00"],
        ["∞", "cooled", "0.00", "heated", "0.02", "distorted", "0.20", "forgetting", "0.30"],
    ]


@pytest.mark.parametrize("name", ["two axes", "three axes", "many values", "very many values"])
def test_a_table_fits_a_narrow_terminal(name: str) -> None:
    text = printed(STUDIES[name], 80)
    assert max(map(len, text.splitlines())) <= 80
    shown = [word for word in " ".join(rows(text)).split() if word.isalpha()]
    assert shown
    assert set(shown) <= set(WORDS), "no verdict is cut in two"


def test_a_table_says_what_it_leaves_out() -> None:
    assert "at 7 of the 15 values of temperature" in printed(STUDIES["many values"])
    assert "at 23 of the 30 values of learning_rate" in printed(STUDIES["very many values"])
    assert "at steps = 12" in printed(STUDIES["many panels"])


def test_a_narrow_terminal_folds_a_table_and_cuts_nothing() -> None:
    text = printed(STUDIES["four axes"], width=72)
    assert max(map(len, text.splitlines())) <= 72
    assert "…" not in text


def test_brackets_in_a_label_are_no_markup() -> None:
    data = synthetic({"corpus": ["[bold]odd[/bold]", "[red]"], "temperature": [1.0]})
    assert [line.split()[0] for line in rows(printed(data))] == ["[bold]odd[/bold]", "[red]"]


def picture(data: xr.Dataset, folder: Path) -> np.ndarray:
    """The phase diagram as it is saved: [height, width, colour]."""
    path = folder / "phase.png"
    save_phase_diagram(data, path)
    return imread(path)


def colours(image: np.ndarray) -> int:
    """The number of colours that cover more than 1/2000 of it."""
    _, counts = np.unique((255 * image.reshape(-1, image.shape[-1])).astype(int), axis=0, return_counts=True)
    return int((counts > image.shape[0] * image.shape[1] / 2000).sum())


@pytest.mark.parametrize("name", STUDIES)
def test_a_phase_diagram_is_saved_and_shows_something(name: str, tmp_path: Path) -> None:
    image = picture(STUDIES[name], tmp_path)
    height, width, _ = image.shape
    assert 500 < height < 2000
    assert 600 < width < 4000
    assert width > 0.8 * height
    kinds = len(set(verdicts(STUDIES[name]).values.ravel()))
    assert colours(image) > min(kinds, 4)  # white, and one for nearly every verdict


@pytest.mark.parametrize("colour", ["verdict", "recovery_gap"])
@pytest.mark.parametrize("name", STUDIES)
def test_no_text_of_a_phase_diagram_is_cut_or_runs_into_another(name: str, colour: str) -> None:
    figure = phase_diagram(STUDIES[name], colour=colour)
    figure.canvas.draw()
    inside = Bbox.from_bounds(0, 0, *(figure.dpi * figure.get_size_inches()))
    texts = [figure._suptitle, *(text for legend in figure.legends for text in legend.get_texts())]
    for axis in figure.axes:
        texts += [axis.title, axis.xaxis.label, axis.yaxis.label, *axis.texts]
        texts += [*axis.get_xticklabels(), *axis.get_yticklabels()]
    boxes = [text.get_window_extent() for text in texts if text.get_text() and text.get_visible()]
    assert len(boxes) >= 3
    for box in boxes:
        assert inside.x0 - 1 <= box.x0 <= box.x1 <= inside.x1 + 1
        assert inside.y0 - 1 <= box.y0 <= box.y1 <= inside.y1 + 1
    corners = np.array([[box.x0 + 1, box.y0 + 1, box.x1 - 1, box.y1 - 1] for box in boxes])
    apart = np.maximum(corners[:, None, :2] - corners[None, :, 2:], corners[None, :, :2] - corners[:, None, 2:])
    overlapping = (apart.max(axis=-1) < 0) & ~np.eye(len(boxes), dtype=bool)
    assert not overlapping.any()


def told(figure: Any) -> list[str]:
    return [text.get_text() for axis in figure.axes for text in axis.texts]


def test_a_phase_diagram_tells_the_verdicts() -> None:
    """A word in each cell; letters with a key where words find no room; colour alone where letters find none."""
    for name in ("no axis", "two axes", "three axes", "many values", "nothing computed"):
        words = verdicts(STUDIES[name]).values.ravel()
        drawn = [text.partition("\n")[0] for text in told(phase_diagram(STUDIES[name]))]
        assert sorted(drawn) == sorted(WORDS[code] for code in words)
    crowded = phase_diagram(synthetic({"samples": list(range(10)), "temperature": np.linspace(0, 3, 40).tolist()}))
    assert set(told(crowded)) == {"u", "c", "h", "d", "f", "×", ""}
    assert "u unchanged, c cooled, h heated, d distorted, f forgetting, × collapsed" in crowded._suptitle.get_text()
    silent = phase_diagram(STUDIES["very many values"])
    assert told(silent) == []
    assert "collapsed" not in silent._suptitle.get_text()


def test_a_phase_diagram_says_what_it_holds_and_where_it_was_measured() -> None:
    title = phase_diagram(STUDIES["four axes"], panels="update", samples=INF)._suptitle.get_text()
    measured = f"median of 3 replicates after 1000 generations; number: {NEEDED[1]}"
    assert title.splitlines() == ["Made by hand, samples = ∞", *textwrap.wrap(measured, 90)]
    assert [axis.get_title() for axis in phase_diagram(STUDIES["three axes"]).axes] == ["samples 1", "samples ∞"]
    gaps = phase_diagram(STUDIES["two axes"], colour="recovery_gap")
    assert gaps.axes[-1].get_ylabel() == "recovery_gap, ∞ at the tip"


def test_a_zip_is_told_by_its_values() -> None:
    """A real run: headings and ticks name the zipped fields and their values, not positions."""
    data = run(
        {"vocab_size": 12},
        {"pair": {"zip": {"learning_rate": [0.01, 3.0], "batch_size": [64, 1]}}, "temperature": [0.5, 1.0]},
        generations=20,
        replicates=3,
        observables=["default"],
    )
    text = printed(data)
    assert "learning_rate, batch_size" in text
    assert [line.split("  ")[0] for line in rows(text)] == ["0.01, 64", "3, 1"]
    axis = phase_diagram(data).axes[0]
    assert axis.get_ylabel() == "learning rate, batch size"
    assert [label.get_text() for label in axis.get_yticklabels()] == ["0.01, 64", "3, 1"]
    assert axis.get_xlabel() == "sampling temperature"


UNSORTED = synthetic({"temperature": [1.0, 0.5, 2.0], "batch_size": [16.0, 1.0, INF, 4.0]})


def test_numbers_are_in_order_whatever_the_order_in_the_file() -> None:
    """The verdict beside each number is its own."""
    text = printed(UNSORTED)
    words = verdicts(UNSORTED)
    lines = [line.split() for line in rows(text)]
    assert [line[0] for line in lines] == ["0.5", "1", "2"]
    head = next(line.split() for line in text.splitlines() if line.split()[:1] == ["temperature"])
    assert head == ["temperature", "1", "4", "16", "∞"]
    for line in lines:
        found = [word for word in line if word in WORDS]
        own = words.sel(temperature=float(line[0]), batch_size=[1.0, 4.0, 16.0, INF])
        assert found == [WORDS[code] for code in own.values]
    axis = phase_diagram(UNSORTED).axes[0]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["1", "4", "16", "∞"]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["0.5", "1", "2"]
    drawn = {text.get_position(): text.get_text().partition("\n")[0] for text in axis.texts}
    assert drawn[0, 2] == WORDS[int(words.sel(temperature=2.0, batch_size=1.0))]
    hues = UNSORTED.collapse.plot.trajectories("recovery_gap").legends[0].get_texts()
    assert [text.get_text() for text in hues] == ["1", "4", "16", "∞"]


def numbers(size: int) -> list[float]:
    return np.geomspace(0.5, 2, size).round(3).tolist()


OPTIMIZERS = ["adam", "sgd"]
SHAPES: list[tuple[dict[str, list[Any]], set[str]]] = [  # axes, and those that are on the axes of the picture
    ({"temperature": numbers(7), "optimizer": OPTIMIZERS}, {"temperature", "optimizer"}),
    ({"temperature": numbers(7), "optimizer": OPTIMIZERS, "corpus": ["a", "b", "c"]}, {"temperature", "corpus"}),
    ({"temperature": numbers(7), "optimizer": OPTIMIZERS, "batch_size": numbers(4)}, {"temperature", "batch_size"}),
    (
        {"temperature": numbers(7), "optimizer": OPTIMIZERS, "batch_size": numbers(8), "steps": numbers(8)},
        {"batch_size", "steps"},
    ),
    ({"optimizer": [*"abcdefgh"], "temperature": numbers(3), "samples": numbers(5)}, {"temperature", "samples"}),
    ({"steps": numbers(40), "temperature": numbers(30), "samples": numbers(27)}, {"steps", "temperature"}),
    (
        {"temperature": numbers(5), "steps": numbers(5), "samples": numbers(5), "personas": numbers(2)},
        {"steps", "samples"},
    ),
]


@pytest.mark.parametrize(("axes", "long"), SHAPES)
def test_no_value_of_an_axis_is_left_out_without_a_word(axes: dict[str, list[Any]], long: set[str]) -> None:
    """The longest numeric axes are on the axes of the picture, whose cells are all drawn; others are in panels."""
    data = synthetic(axes)
    figure = phase_diagram(data)
    assert {figure.axes[0].get_ylabel(), figure.axes[-1].get_xlabel()} == long
    size = np.prod([len(axes[name]) for name in long])
    assert all(
        axis.collections[0].get_array().shape[0] * axis.collections[0].get_array().shape[1] == size
        for axis in figure.axes
    )
    title = figure._suptitle.get_text().replace("\n", " ")
    panels = [axis.get_title().replace("\n", " ") for axis in figure.axes]
    for name in axes.keys() - long:
        held = re.search(rf"{name} = (\S+)", title)
        labels = entries(data, name)
        shown = [label for label in labels if any(f"{name} {label} " in f"{panel} " for panel in panels)]
        assert (set(shown) == set(labels)) == (name not in title)
        if name in title and held is None:
            assert re.search(rf"{len(shown)} of the {len(labels)} values of {name}: {', '.join(shown)}", title) or (
                f"without {name} {', '.join(label for label in labels if label not in shown)}" in title
            )


def test_a_picture_says_which_values_it_leaves_out() -> None:
    nine = np.linspace(0.5, 2.5, 9).tolist()
    data = synthetic({"temperature": nine, "learning_rate": nine, "batch_size": list(range(1, 26))})
    title = phase_diagram(data, panels="batch_size")._suptitle.get_text()
    assert "without batch_size 7, 19" in title
    title = data.collapse.plot.trajectories("recovery_gap", hue="temperature")._suptitle.get_text()
    assert "without temperature 1, 2" in title.replace("\n", " ")
    assert "batch_size = 13" in title, "held"
    title = data.collapse.plot.trajectories("recovery_gap", hue="temperature", panels="batch_size")._suptitle.get_text()
    assert "11 of the 25 values of batch_size: 1, 3, 6, 8, 11, 13, 15, 18, 20, 23, 25" in title.replace("\n", " ")


def seen(colour: str, sight: np.ndarray) -> np.ndarray:
    """A colour in CIELAB as eyes see it whose cones differ by this matrix of linear sRGB."""
    share = np.array(to_rgb(colour))
    linear = sight @ np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    matrix = [[0.4125, 0.3576, 0.1804], [0.2127, 0.7152, 0.0722], [0.0193, 0.1192, 0.9503]]
    tristimulus = np.array(matrix) @ linear.clip(0, 1) / [0.9505, 1.0, 1.0888]
    x, y, z = np.where(tristimulus > 0.008856, np.cbrt(tristimulus), 7.787 * tristimulus + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


# Machado, Oliveira and Fernandes (2009), at full severity.
SIGHTS = {
    "normal": np.eye(3),
    "protanopia": np.array([[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]]),
    "deuteranopia": np.array([[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]]),
    "tritanopia": np.array([[1.2555, -0.0767, -0.1788], [-0.0784, 0.9308, 0.1476], [0.0047, 0.6914, 0.3039]]),
}


def test_verdicts_have_colours_that_differ_for_everyone_and_in_grey() -> None:
    colours = [LOOKS[word].colour for word in VERDICTS]
    for sight in SIGHTS.values():
        places = np.array([seen(colour, sight) for colour in colours])
        apart = np.linalg.norm(places[:, None] - places[None], axis=-1)
        assert apart[~np.eye(len(colours), dtype=bool)].min() > 30, "2 is just seen"
    lightness = {word: seen(LOOKS[word].colour, np.eye(3))[0] for word in VERDICTS}
    assert np.diff(sorted(lightness.values())).min() > 9
    assert lightness["forgetting"] - lightness["collapsed"] > 25
    assert len({look.letter for look in LOOKS.values()} & {LOOKS[word].letter for word in VERDICTS}) == len(VERDICTS)


def test_forgetting_and_collapsed_cells_differ_in_colour_also_where_both_have_infinite_gaps() -> None:
    data = synthetic({"samples": [1, 2]}, first=4)
    data["smoothed_recovery_gap"] = data.smoothed_recovery_gap * 0 + INF
    colours = phase_diagram(data).axes[0].collections[0].get_array()[0]
    expected = [to_rgba(LOOKS[word].colour) for word in ("forgetting", "collapsed")]
    np.testing.assert_allclose(colours, expected)


def test_pairs_of_numbers_are_scattered_points(tmp_path: Path) -> None:
    """Each pair is a point at its own values, in the colour of its verdict; other axes have panels."""
    rng = np.random.default_rng(0)
    rates, batches = 10 ** rng.uniform(-2, 1, 30), np.append(rng.integers(1, 500, 29), INF)
    data = synthetic({"corpus": ["replace", "accumulate"], "design": list(range(30))})
    data = data.assign_coords(learning_rate=("design", rates), batch_size=("design", batches)).assign_attrs(
        sweep="[axes]\ndesign.zip = { learning_rate = [], batch_size = [] }\n"
    )
    figure = phase_diagram(data)
    words = verdicts(data)
    for panel, corpus in zip(figure.axes, ["replace", "accumulate"], strict=True):
        assert panel.get_title() == f"corpus {corpus}"
        assert panel.get_xlabel() == "learning_rate"
        seen_rates = []
        for points in panel.collections:
            (colour,) = points.get_facecolors()
            own = np.isin(rates, points.get_offsets()[:, 0])
            codes = set(words.sel(corpus=corpus).values[own].tolist())
            assert [to_rgba(LOOKS[WORDS[code]].colour) for code in codes] == [pytest.approx(tuple(colour))]
            seen_rates += points.get_offsets()[:, 0].tolist()
        assert sorted(seen_rates) == sorted(rates)
    assert figure.axes[0].get_ylabel() == "batch_size"
    assert figure.axes[0].get_yticklabels()[-1].get_text() == "∞"
    save_phase_diagram(data, tmp_path / "phase.png")
    in_rows = phase_diagram(data.isel(design=slice(8)))
    assert in_rows.axes[0].collections[0].get_array().shape[:2] == (2, 8), "few pairs are cells"


def test_a_long_note_is_broken_where_a_picture_ends() -> None:
    data = synthetic({"temperature": TEMPERATURES, "batch_size": list(range(1, 10))})
    data = data.drop_vars("smoothed_recovery_temperature")
    figure = data.collapse.plot.scaling("modal_probability", "temperature", curves=["batch_size"])
    figure.canvas.draw()
    assert "without batch_size 3, 7" in figure._suptitle.get_text().replace("\n", " ")
    box = figure._suptitle.get_window_extent()
    assert 0 <= box.x0 <= box.x1 <= figure.dpi * figure.get_figwidth()
