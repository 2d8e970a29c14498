"""Reports in Chromium: they open alone, every control changes what is seen, and hostile texts stay texts."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from playwright.sync_api import Browser

from jaxcollapse.analysis.crossing import position
from jaxcollapse.analysis.labels import number
from jaxcollapse.analysis.looks import FOREVER, LOOKS
from jaxcollapse.analysis.verdict import VERDICTS, final_median, verdicts
from jaxcollapse.report.page import stored_page
from tests.conftest import Finished
from tests.report.edged import with_edge
from tests.report.holes import BATCHES, CELLS, with_holes
from tests.report.known import known
from tests.support.browsing import Visit, visiting
from tests.support.datasets import SHAPES, made
from tests.support.sweeps import run

HOSTILE = (
    "</script><script>window.owned = 1</script>",
    "<img src=x onerror='window.owned = 1'>",
    "{{ 7 * 7 }} &lt;b&gt; \"'`${window.owned = 1}",
)


def written(data: xr.Dataset, folder: Path) -> Path:
    path = folder / "report.html"
    path.write_text(stored_page(data, Path("study/result.nc")), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def visit(browser: Browser, quickstart_report: Path) -> Iterator[Visit]:
    """The report of the quickstart, which tests leave as they like."""
    with visiting(browser, quickstart_report) as opened:
        yield opened


def test_the_quickstart_opens_alone_soon_and_without_a_complaint(browser: Browser, quickstart_report: Path) -> None:
    with visiting(browser, quickstart_report) as visit:
        assert 0 < visit.seconds() < 3
        assert visit.requests == [quickstart_report.as_uri()]
        assert visit.complaints == []
    assert quickstart_report.stat().st_size < 10_000_000


def test_the_quickstart_says_which_temperatures_and_batch_sizes_forget(visit: Visit, quickstart: Finished) -> None:
    """At T = 1 and a learning rate of 1: the list names the batch sizes that the dataset has as lost, and no others."""
    with xr.open_dataset(quickstart.folder / "results/quickstart/result.nc") as data:
        words = verdicts(data).sel(temperature=1.0, learning_rate=1.0)
        lost = [word >= VERDICTS.index("distorted") for word in words.values.tolist()]
    assert lost == [True, True, False, False]
    said = visit.page.locator("#answer").inner_text().partition("Learning rate 1:")[2]
    line = next(line for line in said.splitlines() if line.startswith("Sampling temperature 1:"))
    assert line == "Sampling temperature 1: loss at batch size 1 and 16, no loss at 256 and ∞."


def test_the_phase_diagram_shows_medians_and_verdicts(visit: Visit, quickstart: Finished) -> None:
    cells = visit.source("phase-cells")
    with xr.open_dataset(quickstart.folder / "results/quickstart/result.nc") as data:
        held = visit.page.locator("#axis-1").input_value()
        there = {"learning_rate": int(held)}
        words, gaps = verdicts(data).isel(there), final_median(data, "smoothed_recovery_gap").isel(there)
        for x, y, word, told in zip(cells["x"], cells["y"], cells["word"], cells["told"], strict=True):
            cell = {"batch_size": int(x), "temperature": int(y)}
            assert word.startswith(VERDICTS[int(words.isel(cell))])
            np.testing.assert_allclose(_number(told), float(gaps.isel(cell)), rtol=0.05)


@pytest.mark.parametrize(
    ("control", "changed"),
    [
        ("axis-0", "phase-chosen"),
        ("axis-1", "phase-cells"),
        ("axis-2", "curves-lines"),
        ("generation", "phase-cells"),
        ("generation", "plane-cells"),
        ("colour", "phase-cells"),
        ("curve", "curves-lines"),
        ("across", "phase-cells"),
        ("up", "phase-cells"),
    ],
)
def test_every_control_changes_the_picture(visit: Visit, control: str, changed: str) -> None:
    before, told = visit.source(changed), visit.chosen()
    field = visit.page.locator(f"#{control}")
    field.focus()
    is_range = field.get_attribute("type") == "range"
    is_at_end = field.evaluate("field => field.type === 'range' ? field.value === field.min : !field.selectedIndex")
    back, on = ("ArrowLeft", "ArrowRight") if is_range else ("ArrowUp", "ArrowDown")
    field.press(on if is_at_end else back)
    visit.drawn()
    assert visit.source(changed) != before
    if control.startswith("axis") or control == "generation":
        assert visit.chosen() != told
    assert visit.complaints == []


def test_a_click_chooses_a_cell_and_draws_its_curves(visit: Visit) -> None:
    visit.page.reload()
    visit.drawn()
    before = visit.source("curves-lines"), visit.source("events-lines"), visit.source("plane-way")
    table = visit.page.locator("#summary").inner_text()
    visit.page.locator("#phase").scroll_into_view_if_needed()
    box = visit.page.locator("#phase").bounding_box()
    assert box is not None
    # The last column is at the right end, the last row at the top.
    visit.page.mouse.click(box["x"] + 0.93 * box["width"], box["y"] + 15)
    visit.page.locator("#axis-0-said", has_text="1.2").wait_for()
    visit.drawn()
    assert visit.chosen().startswith("Sampling temperature 1.2, learning rate 1, batch size ∞, at generation 400:")
    after = visit.source("curves-lines"), visit.source("events-lines"), visit.source("plane-way")
    assert all(one != other for one, other in zip(before, after, strict=True))
    assert visit.page.locator("#summary").inner_text() != table
    assert visit.page.locator("#axis-2").input_value() == "3"


def test_the_keyboard_reaches_every_control(visit: Visit) -> None:
    visit.page.reload()
    visit.drawn()
    wanted = set(visit.page.eval_on_selector_all("form select, form input", "fields => fields.map(field => field.id)"))
    assert wanted == {"across", "up", "axis-0", "axis-1", "axis-2", "generation", "colour", "curve"}
    reached = set()
    for _ in range(30):
        visit.page.keyboard.press("Tab")
        reached.add(visit.page.evaluate("() => document.activeElement.id"))
        outlined = visit.page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
        assert outlined != "none"
        if wanted <= reached:
            break
    assert wanted <= reached
    unlabelled = "fields => fields.filter(field => !field.labels.length).map(field => field.id)"
    assert visit.page.eval_on_selector_all("form select, form input", unlabelled) == []


@pytest.mark.parametrize("shape", ["no axis", "one axis", "one replicate", "four axes", "a zip", "nothing computed"])
def test_every_shape_is_shown_without_a_complaint(browser: Browser, shape: str, tmp_path: Path) -> None:
    """On a narrow screen, too: nothing is wider than it, but what scrolls by itself."""
    with visiting(browser, written(SHAPES[shape], tmp_path), width=360) as visit:
        assert visit.complaints == []
        assert len(visit.requests) == 1
        assert visit.page.evaluate("() => document.documentElement.scrollWidth") <= 360
        slider = visit.page.locator("#generation")
        slider.focus()
        before = visit.picture()
        slider.press("Home")
        visit.drawn()
        assert visit.picture() != before
        assert visit.complaints == []


def test_the_quickstart_fits_a_narrow_screen(browser: Browser, quickstart_report: Path) -> None:
    with visiting(browser, quickstart_report, width=360) as visit:
        assert visit.page.evaluate("() => document.documentElement.scrollWidth") <= 360
        assert visit.page.locator("#phase canvas").first.bounding_box()["width"] > 250  # type: ignore[index]
        shorts = [text.rstrip("?") for text in visit.source("phase-cells")["short"]]
        assert set(shorts) <= set("uchdf×")
        assert "× collapsed" in visit.page.locator("#phase-key").inner_text()


def test_hostile_texts_are_shown_as_texts(browser: Browser, tmp_path: Path) -> None:
    data = known({HOSTILE[0]: list(HOSTILE), "temperature": [0.5, 1.0]}, [["forgetting", "unchanged"]] * 3)
    data = data.assign_attrs(
        title=HOSTILE[0], sweep="[axes]\n# " + HOSTILE[1], provenance=f'{{"{HOSTILE[0]}": "{HOSTILE[1]}"}}'
    )
    data["smoothed_recovery_gap"].attrs["long_name"] = HOSTILE[1]
    with visiting(browser, written(data, tmp_path)) as visit:
        assert visit.page.locator("h1").inner_text() == HOSTILE[0]
        assert HOSTILE[1][:20] in visit.page.locator("#phase-told").inner_text()
        box = visit.page.locator("#phase").bounding_box()
        assert box is not None
        for share in (0.4, 0.6, 0.9):
            visit.page.mouse.move(box["x"] + share * box["width"], box["y"] + share * box["height"] / 2)
            visit.page.mouse.click(box["x"] + share * box["width"], box["y"] + share * box["height"] / 2)
            visit.drawn()
        visit.page.locator("details summary").first.click()
        assert visit.page.evaluate("() => window.owned") is None
        assert visit.page.locator("img").count() == 0
        assert visit.complaints == []
        assert len(visit.requests) == 1


def test_cells_have_the_colours_of_their_verdicts(browser: Browser, tmp_path: Path) -> None:
    """Forgetting and collapsed cells differ, also where both have infinite gaps; keys and cells agree."""
    words = ["unchanged", "cooled", "forgetting", "collapsed", "missing", "diverged"]
    data = known({"temperature": [float(place) for place in range(6)]}, words)
    data["smoothed_recovery_gap"] = data.smoothed_recovery_gap.where(data.smoothed_recovery_gap < 1, np.inf)
    with visiting(browser, written(data, tmp_path)) as visit:
        colours = visit.source("phase-cells")["colour"]
        assert colours[:4] == [LOOKS[word].colour for word in words[:4]]
        assert colours[5] == LOOKS["diverged"].colour
        key = visit.page.locator("#phase-key")
        assert key.inner_text().partition("along")[0].split() == [*words[:4], "diverged", "missing"]
        boxes = key.locator("rect").evaluate_all("boxes => boxes.map(box => box.getAttribute('fill'))")
        assert sorted(boxes) == sorted(colours)
        visit.page.locator("#colour").select_option("smoothed_recovery_gap")
        visit.drawn()
        assert visit.source("phase-cells")["colour"][2:4] == [FOREVER] * 2
        assert "∞" in key.inner_text()


def test_a_dark_screen_has_a_dark_page_and_paper_has_a_light_one(browser: Browser, quickstart_report: Path) -> None:
    """What is printed are drawings that fit the page, in the colours of paper, whatever the screen has."""
    colours = "() => ['phase-x', 'curves-y'].map(name => modelOf(name).axis_label_text_color)"
    with visiting(browser, quickstart_report) as visit:
        assert visit.page.evaluate(colours) == ["#1a1a1a"] * 2
        visit.page.emulate_media(color_scheme="dark")
        visit.page.wait_for_function("() => modelOf('phase-x').axis_label_text_color === '#e8eaed'")
    with visiting(browser, quickstart_report, dark=True) as visit:
        assert visit.page.evaluate(colours) == ["#e8eaed"] * 2
        assert visit.source("plane-way")["colour"] == ["#e8eaed"]
        assert LOOKS["collapsed"].colour not in visit.source("plane-cells")["colour"], "it would not be seen"
        ground = visit.page.evaluate("() => getComputedStyle(document.documentElement).backgroundColor")
        assert ground == "rgb(21, 23, 26)"
        # The last listener sees what is printed.
        visit.page.evaluate("""() => addEventListener("beforeprint", () => {
            window.printed = Array.from(document.querySelectorAll("svg.print"), drawing => drawing.outerHTML);
        })""")
        printed = visit.page.pdf(format="A4", print_background=True)
        assert len(re.findall(rb"/Type ?/Page\b", printed)) < 10
        drawings = visit.page.evaluate("() => window.printed")
        assert len(drawings) == 4
        for drawing in drawings:
            assert re.search("viewBox", drawing)
            assert "#1a1a1a" in drawing or "rgb(26,26,26" in drawing.replace(" ", "")
            assert "#e8eaed" not in drawing
            assert "rgb(232,234,237" not in drawing.replace(" ", "")
        assert visit.page.locator("svg.print").count() == 0
        assert visit.source("plane-way")["colour"] == ["#e8eaed"], "the screen is dark again"
        assert visit.complaints == []


@pytest.mark.parametrize(("dark", "ground"), [(False, "#ffffff"), (True, "#15171a")])
def test_collapsed_cells_stand_out_from_the_page_and_from_their_word(
    browser: Browser, tmp_path: Path, dark: bool, ground: str
) -> None:
    """By the contrasts that WCAG 2.1 asks of graphics, 3, and of text, 4.5."""
    data = known({"temperature": [0.0, 1.0]}, ["forgetting", "collapsed"])
    with visiting(browser, written(data, tmp_path), dark=dark) as visit:
        colour = visit.source("phase-cells")["colour"][1]
        keys = [visit.page.locator(f"#{name}-key").inner_html() for name in ("phase", "plane")]
    assert dark == (colour != LOOKS["collapsed"].colour)
    assert all(colour in key for key in keys)
    assert contrast(colour, ground) >= 3
    assert contrast(colour, LOOKS["collapsed"].ink) >= 4.5


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours (WCAG 2.1)."""
    channels = np.array([[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in (one, other)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    darker, lighter = sorted(linear @ [0.2126, 0.7152, 0.0722])
    return float((lighter + 0.05) / (darker + 0.05))


def test_nothing_is_wider_than_paper_and_no_figure_is_cut(browser: Browser, quickstart_report: Path) -> None:
    width, height = 688, 1017  # pixels of A4 within its margins
    with visiting(browser, quickstart_report, width=1400) as visit:
        visit.page.evaluate("async () => { toPaper(); await new Promise(done => setTimeout(done)); drawOnPaper(); }")
        visit.page.emulate_media(media="print")
        visit.page.set_viewport_size({"width": width, "height": height})
        assert visit.page.evaluate("() => document.documentElement.scrollWidth") <= width
        for figure in visit.page.locator("figure:visible").all():
            box = figure.bounding_box()
            assert box is not None
            assert box["height"] < height
            assert figure.evaluate("figure => getComputedStyle(figure).breakInside") == "avoid"
            drawing = figure.locator("svg.print").bounding_box()
            assert drawing is not None
            assert 300 < drawing["width"] <= width
        assert visit.page.locator(".picture:visible").count() == 0
        closed = visit.page.locator("details:not([open]):visible").count()
        assert closed == 0, "versions and the sweep file are printed"


def test_no_quantity_has_a_unit_of_one(visit: Visit) -> None:
    visit.page.reload()
    visit.drawn()
    assert "[1]" not in visit.page.content().partition("<script")[0]
    for option in visit.page.locator("#curve option").all():
        visit.page.locator("#curve").select_option(str(option.get_attribute("value")))
        visit.drawn()
        for axis in ("curves-y", "plane-x", "events-y"):
            assert "[1]" not in str(visit.page.evaluate(f"() => modelOf('{axis}').axis_label"))


def test_each_event_has_intervals_of_its_own_and_says_what_is_censored(visit: Visit, quickstart: Finished) -> None:
    visit.page.reload()
    visit.drawn()
    lines = visit.source("events-lines")
    bars = [
        (xs, ys, colour)
        for xs, ys, colour in zip(lines["xs"], lines["ys"], lines["colour"], strict=True)
        if len(xs) == 2 and xs[0] == xs[1]
    ]
    assert visit.source("events-bands")["xs"] == []
    places = [xs[0] for xs, _, _ in bars]
    assert len(set(places)) == len(places), "none hides another"
    assert len({colour for _, _, colour in bars}) == 3
    assert all(low <= high for _, (low, high), _ in bars)
    cell = {
        name: int(visit.page.locator(f"#axis-{place}").input_value())
        for place, name in enumerate(("temperature", "learning_rate", "batch_size"))
    }
    with xr.open_dataset(quickstart.folder / "results/quickstart/result.nc") as data:
        share = float((data.collapse_time.isel(cell) <= 400).mean())
    key = visit.page.locator("#events-key").inner_text()
    assert re.search(rf"collapse time: in {round(100 * share)} % \(\d+ % to \d+ %\) by generation 400", key)


def test_a_large_study_makes_a_small_page(browser: Browser, tmp_path: Path) -> None:
    """Ten thousand cells: values of axes are left out, which the page says; sentences tell of all."""
    axes = {
        "temperature": np.linspace(0.5, 2, 80).tolist(),
        "samples": np.arange(1.0, 26).tolist(),
        "vocab_size": [2, 3, 4, 5, 6],
    }
    path = written(made(axes, replicates=3), tmp_path)
    assert path.stat().st_size < 10_000_000
    with visiting(browser, path) as visit:
        assert 0 < visit.seconds() < 3
        assert visit.complaints == []
        assert "10000 cells with" in visit.page.locator(".run").inner_text()
        assert "of 9999 known cells" in visit.page.locator(".points p").first.inner_text()
        assert "of the 80 values of temperature" in visit.page.locator("#look .note").first.inner_text()


def test_theory_has_a_look_of_its_own_and_a_key_where_it_tells(browser: Browser, tmp_path: Path) -> None:
    """Of drift there is a law, of a colder cell none."""
    data = run(
        {"update": "refit", "vocab_size": 4, "samples": 5, "initial": {"kind": "uniform"}},
        {"temperature": [0.9, 1.0]},
        generations=4,
        replicates=3,
        observables=[
            "entropy",
            "effective_temperature",
            "smoothed_recovery_gap",
            "collapse_time",
            "first_extinction_time",
        ],
    )
    with visiting(browser, written(data, tmp_path)) as visit:
        keys = [visit.page.locator(f"#{name}-key") for name in ("curves", "events")]
        assert all("by theory" in key.inner_text() for key in keys)
        assert "mean of the replicates" in keys[0].inner_text()
        lines = visit.source("events-lines")
        curves = zip(lines["xs"], lines["colour"], map(tuple, lines["dash"]), strict=True)
        looks = [look for xs, *look in curves if len(xs) > 2]  # others are bars of intervals
        assert len(set(map(tuple, looks))) == 3, "two events, and theory of both"
        visit.page.locator("#axis-0").press("Home")
        visit.drawn()
        assert not any("theory" in key.inner_text() for key in keys)
        assert "mean of the replicates" not in keys[0].inner_text()
        assert "No cell has an effective temperature" in visit.page.locator("#plane-told").inner_text()


def test_a_study_of_events_alone_shows_nothing_empty(browser: Browser, tmp_path: Path) -> None:
    data = made({"samples": [3.0, 3000.0]})[["collapse_time", "status", "generation"]]
    with visiting(browser, written(data, tmp_path)) as visit:
        assert visit.complaints == []
        assert visit.chosen() == "Samples 3000, at generation 100."
        shown = visit.page.locator("figure:visible h3").all_inner_texts()
        assert shown == ["When events happen"]
        assert visit.page.locator("form select:visible").count() == 0


def test_long_labels_are_all_told(browser: Browser, tmp_path: Path) -> None:
    fields = {"update": ["gradient"] * 5, "optimizer": ["sgd", "adam", "momentum", "sign_sgd", "rms"]}
    fields["corpus"] = ["replace", "accumulate", "window", "replace", "replace"]
    long = "a recovery gap whose name takes more room than any figure of a page is high whichever it is"
    data = made({"temperature": [0.8, 1.0]}, zips={"method": fields})
    data["smoothed_recovery_gap"].attrs["long_name"] = long
    with visiting(browser, written(data, tmp_path)) as visit:
        for way in ("across", "up"):
            visit.page.locator(f"#{way}").select_option(label="method (update, optimizer, corpus)")
            visit.drawn()
            side = "x" if way == "across" else "y"
            labels = visit.page.evaluate(f"() => Array.from(modelOf('phase-{side}').major_label_overrides.values())")
            assert len(labels) == 5
            assert " ".join(labels[2].split()) == "(gradient, momentum, window)"
            assert max(len(line) for line in labels[2].split("\n")) < 20
        title = visit.page.evaluate("() => modelOf('plane-y').axis_label")
        assert max(map(len, title.split("\n"))) < 45
        assert " ".join(title.split()) == f"{long} [nat]"
        chosen = visit.page.locator("select[data-axis]").bounding_box()
        assert chosen is not None
        assert chosen["width"] > 250


def test_of_an_interval_its_known_ends_are_told(visit: Visit) -> None:
    ends = {"[1, 0.5, 2]": "1 (0.5 to 2)", "[1, NaN, 2]": "1 (up to 2)", "[1, 0.5, NaN]": "1 (from 0.5)"}
    for values, told in {**ends, "[1, NaN, NaN]": "1"}.items():
        assert visit.page.evaluate(f"() => intervalOf({{values: {values}, units: '1'}})") == told
    rows = "[{title: 'gap', kind: 'mean', known: [7, 12]}, {title: 'entropy', kind: 'mean'}]"
    assert visit.page.evaluate(f"() => titleOf('gap', {rows})") == "gap, of 7 of 12"
    assert visit.page.evaluate(f"() => titleOf('entropy', {rows})") == "entropy"


@pytest.mark.parametrize("value", [0.0, 16384.0, 2.36e-15, 1e-3, 9.996e-4, 123456.5, 0.31, np.inf])
def test_numbers_are_written_as_in_sentences(visit: Visit, value: float) -> None:
    told = "Infinity" if np.isinf(value) else repr(value)
    assert visit.page.evaluate(f"() => numberOf({told})") == number(value)


def _number(told: str) -> float:
    """The number in a text such as "smoothed recovery gap 2·10⁻⁵ nat"."""
    text = told.removeprefix("smoothed recovery gap ").removesuffix(" nat").replace("−", "-").replace("∞", "inf")
    factor, _, power = text.replace("·10", "10").partition("10") if re.search("[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]", text) else (text, "", "")
    return float(factor or 1) * 10.0 ** int(power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")) or 0)


def test_a_zip_of_many_numbers_is_points_at_their_numbers(browser: Browser, tmp_path: Path) -> None:
    """Any two of its fields run to the right and upwards; a click chooses; with another axis there are cells again."""
    temperature = [round(0.8 + 0.03 * place, 2) for place in range(12)]
    rate = [float(f"{0.01 * 2 ** (7 * place % 12):.3g}") for place in range(12)]
    samples = [(place % 5 + 1) * 16 for place in range(12)]
    fields = {"temperature": temperature, "learning_rate": rate, "samples": samples}
    data = made({"optimizer": ["sgd", "adam"]}, zips={"design": fields})
    with visiting(browser, written(data, tmp_path)) as visit:
        visit.drawn()
        place = 1
        words = verdicts(data).isel(optimizer=place).values
        points = visit.source("phase-points")
        assert visit.source("phase-cells")["x"] == []
        np.testing.assert_allclose(points["x"], temperature)
        np.testing.assert_allclose(points["y"], np.log10(rate), rtol=1e-6)
        named = [VERDICTS[code] if code >= 0 else None for code in words.tolist()]
        assert list(points["word"])[1:] == named[1:]
        assert [colour for colour, word in zip(points["colour"], named, strict=True) if word] == [
            LOOKS[word].colour for word in named if word
        ]
        picture = visit.page.locator("#phase")
        picture.scroll_into_view_if_needed()
        box = picture.bounding_box()
        assert box
        x, y = visit.page.evaluate(
            """() => { const view = Bokeh.index.get_by_id(modelOf("phase").id), data = modelOf("phase-points").data;
                return [view.frame.x_scale.compute(data.x[7]), view.frame.y_scale.compute(data.y[7])]; }"""
        )
        visit.page.mouse.click(box["x"] + x, box["y"] + y)
        visit.drawn()
        assert f"({temperature[7]:g}, " in visit.chosen()
        ring = visit.source("phase-ring")
        assert (ring["x"], ring["y"]) == ([points["x"][7]], [points["y"][7]])
        visit.page.select_option("#up", label="samples")
        visit.drawn()
        np.testing.assert_allclose(visit.source("phase-points")["y"], samples)
        visit.page.select_option("#across", label="samples")
        visit.drawn()
        np.testing.assert_allclose(visit.source("phase-points")["x"], samples)
        visit.page.select_option("#across", label="optimizer")
        visit.drawn()
        assert len(visit.source("phase-cells")["x"]) == 2
        assert visit.source("phase-points")["x"] == []
        assert visit.complaints == []


def test_places_without_a_cell_are_empty_and_not_missing(browser: Browser, tmp_path: Path) -> None:
    """Of a grid with few holes, whose places are squares: where it has a cell, and the ground of the page."""
    data = with_holes().isel(temperature=[0, 4], batch_size=[0, 3, 4, 5])
    own = data.is_cell.values.ravel()
    with visiting(browser, written(data, tmp_path)) as visit:
        cells = visit.source("phase-cells")
        words = [word.partition(",")[0] for word in cells["word"]]
        assert [bool(word) for word in words] == own.tolist()
        ground = visit.page.evaluate("paint('ground')")
        assert {colour for colour, word in zip(cells["colour"], words, strict=True) if not word} == {ground}
        visit.page.locator("#colour").select_option("smoothed_recovery_gap")
        visit.drawn()
        assert visit.source("phase-cells")["colour"].count(ground) == np.count_nonzero(~own)
        assert visit.complaints == []


def test_cells_of_a_refined_study_are_points_at_their_values(browser: Browser, tmp_path: Path) -> None:
    with visiting(browser, written(with_holes(), tmp_path)) as visit:
        assert visit.source("phase-cells")["x"] == []
        points = visit.source("phase-points")
        shown = [(x, y, word) for x, y, word in zip(points["x"], points["y"], points["word"], strict=True) if word]
        wanted = [(batch, temperature, word) for (temperature, batch), word in CELLS.items()]
        for (x, y, word), (batch, temperature, own) in zip(sorted(shown), sorted(wanted), strict=True):
            assert (x, y, word) == (pytest.approx(np.log10(batch), abs=1e-12), temperature, own)
        absent = [x for x, word in zip(points["x"], points["word"], strict=True) if not word]
        assert absent == [None] * len(absent)
        assert "missing" not in visit.page.locator("body").inner_text()
        assert visit.page.locator("#axis-0-said").inner_text() + visit.page.locator("#axis-1-said").inner_text() in {
            f"{temperature:g}{batch}" for temperature, batch in CELLS
        }, "a cell is chosen at first"
        slider = visit.page.locator("#axis-1")
        slider.focus()
        slider.press("Home")
        for _ in range(BATCHES.index(2)):
            slider.press("ArrowRight")
        visit.drawn()
        assert visit.chosen().endswith("the sweep has no cell here.")
        visit.page.locator("#colour").select_option("smoothed_recovery_gap")
        visit.drawn()
        points = visit.source("phase-points")
        assert len([x for x in points["x"] if x is not None]) == len(CELLS)
        assert "none" not in visit.page.locator("#phase-key").inner_text()
        assert visit.complaints == []


def lines(visit: Visit, kind: str) -> list[tuple[float, ...]]:
    """The ends of the lines of a boundary that are thick, as its estimates, or dashed, as the bars between bounds."""
    found = visit.source("phase-lines")
    ends = zip(*(found[name] for name in ("x0", "y0", "x1", "y1")), strict=True)
    kinds = [
        "dashed" if dash else "thick" if width > 2 else "cap"
        for dash, width in zip(found["dash"], found["width"], strict=True)
    ]
    return [each for each, own in zip(ends, kinds, strict=True) if own == kind]


def test_the_boundary_is_a_step_in_each_column_where_the_dataset_has_it(browser: Browser, tmp_path: Path) -> None:
    """The axis upwards has numbers, descends in the file, and ends with ∞; every choice moves the line along."""
    data = with_edge()
    found = data.collapse.boundary("batch_size")
    values = np.sort(data.batch_size.values)
    with visiting(browser, written(data, tmp_path)) as visit:
        for place, optimizer in enumerate(("sgd", "adam")):
            visit.page.locator("#axis-2").select_option(str(place))
            visit.drawn()
            truth = found.sel(optimizer=optimizer)
            columns = np.flatnonzero(np.isfinite(truth.estimate.values))
            solid = lines(visit, "thick")
            assert [round((x0 + x1) / 2) for x0, _, x1, _ in solid] == columns.tolist()
            for (_, y0, _, y1), estimate in zip(solid, truth.estimate.values[columns], strict=True):
                assert y0 == y1
                assert y0 == pytest.approx(position(values, estimate, is_log=True), rel=1e-6)
            wide = np.flatnonzero((truth.lower < truth.upper).values)
            bars = lines(visit, "dashed")
            assert [round(x0 - 0.42) for x0, *_ in bars] == wide.tolist()
            for (x0, bottom, x1, top), column in zip(bars, wide, strict=True):
                ends = (float(truth[name].values[column]) for name in ("lower", "upper"))
                assert x0 == x1
                assert (bottom, top) == tuple(position(values, end, is_log=True) for end in ends)
            assert len(lines(visit, "cap")) == 2 * len(wide)
        key = visit.page.locator("#phase-key").inner_text()
        assert "along batch size: half of the replicates are forgetting or collapsed" in key
        assert "its 95 % bounds" in key
        assert "half of the replicates" in str(visit.page.locator("#phase").get_attribute("aria-label"))
        assert visit.complaints == []


def test_no_choice_leaves_a_line_that_is_not_its_own(browser: Browser, tmp_path: Path) -> None:
    with visiting(browser, written(with_edge(), tmp_path)) as visit:
        before = lines(visit, "thick")
        visit.page.locator("#colour").select_option("smoothed_recovery_gap")
        visit.drawn()
        assert lines(visit, "thick") == before, "it is that of the verdicts, whatever the colour is"
        assert "forgetting or collapsed" in visit.page.locator("#phase-key").inner_text()
        visit.page.locator("#generation").press("Home")
        visit.drawn()
        assert visit.source("phase-lines")["x0"] == []
        assert "forgetting or collapsed" not in visit.page.locator("#phase-key").inner_text()
        visit.page.locator("#generation").press("End")
        visit.page.select_option("#up", label="learning rate")
        visit.drawn()
        turned = lines(visit, "thick")
        assert turned != before
        assert "along learning rate" in visit.page.locator("#phase-key").inner_text()
        visit.page.select_option("#up", label="optimizer")
        visit.drawn()
        upright = lines(visit, "thick")
        assert upright
        assert all(x0 == x1 for x0, _, x1, _ in upright), (
            "optimizers have no order, so the line is along the other axis"
        )
        assert visit.complaints == []


@pytest.mark.parametrize("dark", [False, True])
def test_the_boundary_of_a_refined_study_has_marks_and_bars_at_its_values(
    browser: Browser, tmp_path: Path, dark: bool
) -> None:
    found = with_holes().collapse.boundary("temperature")
    known = np.flatnonzero(np.isfinite(found.estimate.values))
    with visiting(browser, written(with_holes(), tmp_path), dark=dark) as visit:
        at, truth = np.log10(found.batch_size.values[known]), found.isel(batch_size=known)
        marks, bars = lines(visit, "thick"), lines(visit, "dashed")
        assert len(marks) == len(bars) == 2
        np.testing.assert_allclose([(x0 + x1) / 2 for x0, _, x1, _ in marks], at, atol=1e-6)
        np.testing.assert_allclose([y for _, y, _, _ in marks], truth.estimate, rtol=1e-6)
        np.testing.assert_allclose(
            [(y0, y1) for _, y0, _, y1 in bars], np.stack([truth.lower, truth.upper], -1), rtol=1e-6
        )
        ink, ground = visit.page.evaluate("[paint('ink'), paint('ground')]")
        assert set(visit.source("phase-lines")["colour"]) == {ink}
        assert set(visit.source("phase-lines")["rim"]) == {ground}
        assert contrast(ink, ground) > 7
        assert visit.complaints == []


def test_one_replicate_has_a_line_without_bounds(browser: Browser, tmp_path: Path) -> None:
    with visiting(browser, written(with_edge(replicates=1, unsure=0), tmp_path)) as visit:
        assert lines(visit, "thick")
        assert lines(visit, "dashed") == []
        assert "bounds" not in visit.page.locator("#phase-key").inner_text()
