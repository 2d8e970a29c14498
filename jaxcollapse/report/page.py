"""A study as one HTML page."""

import base64
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from bokeh.palettes import Cividis256
from bokeh.resources import Resources
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from jaxcollapse._version import __version__
from jaxcollapse.analysis.axis_order import in_order
from jaxcollapse.analysis.labels import partly
from jaxcollapse.analysis.looks import LOOKS
from jaxcollapse.analysis.verdict import comparable
from jaxcollapse.errors import printable
from jaxcollapse.report.answer import SURE, Answer, answer_of
from jaxcollapse.report.figures import figures
from jaxcollapse.report.outcome import Outcome, outcome_of
from jaxcollapse.report.provenance import provenance_of
from jaxcollapse.report.quantities import partly_drawn
from jaxcollapse.report.settings import sentence_of, table_of
from jaxcollapse.report.stored import boundaries_of, numbers_of, part_of, shown_of
from jaxcollapse.report.thinning import Shown
from jaxcollapse.report.view import View

_SCRIPTS = ("numbers.js", "look.js", "pictures.js", "keys.js", "page.js")
_MOST_LOADED = 2**28  # bytes of a dataset that is read once, as a whole
_HERE = Path(__file__).parent


def stored_page(data: xr.Dataset, path: Path) -> str:
    """A page that holds all that it shows.

    Args:
        data: a result, complete or not, opened lazily.
        path: of the file that holds it; the page shows how to open it.
    """
    is_small = data.nbytes <= _MOST_LOADED
    data = data.compute() if is_small else data
    data = in_order(comparable(data))
    whole = View.of(data)
    outcome = outcome_of(data)
    shown = shown_of(whole)
    part = part_of(data, shown)
    some = _part_of_outcome(outcome, shown)
    few = View.of(part.isel(generation=list(shown.generations)), some)
    numbers = numbers_of(part, few, shown.generations, some)
    when = range(len(shown.generations)) if is_small else [len(shown.generations) - 1]
    numbers["boundaries"] = boundaries_of(data, few, shown, when)
    notes = [*_left_out(whole, shown), *_lines_left_out(data, whole)]
    return _page(data, path, whole, few, answer_of(data, outcome), notes, numbers)


def live_page(data: xr.Dataset, path: Path) -> str:
    """A page that asks for what it shows; see `jaxcollapse.explore`."""
    data = in_order(data)
    view = View.of(data)
    return _page(data, path, view, view, None, _lines_left_out(data, view), None)


def _page(
    data: xr.Dataset,
    path: Path,
    whole: View,
    view: View,
    answer: Answer | None,
    notes: list[str],
    numbers: dict[str, Any] | None,
) -> str:
    """The page: controls are those of the view, sentences and tables are about the whole."""
    scripts = {"bokeh": _bokeh(), "script": "\n".join(_text(name) for name in _SCRIPTS)}
    hashes = " ".join(f"'sha256-{_digest(text)}'" for text in scripts.values())
    asks = "'self'" if numbers is None else "'none'"
    axes = [
        {"place": place, "title": axis.title, "labels": axis.labels, "ordered": axis.order is not None}
        for place, axis in enumerate(view.axes)
        if len(axis) > 1
    ]
    several = [(place, axis) for place, axis in enumerate(view.axes) if len(axis) > 1]
    ways = [
        (f"{place}:{field}" if axis.points else str(place), title)
        for place, axis in several
        for field, title in enumerate([each.title for each in axis.points] or [axis.title])
    ]
    return _template().render(
        # Only these two scripts run, whatever else might have got into the page, and nothing is loaded.
        policy=f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; connect-src {asks}",
        live=numbers is None,
        title=printable(data.attrs.get("title") or path.parent.name),
        sentence=sentence_of(data, whole.axes),
        answer=answer,
        looks=LOOKS,
        notes=notes,
        choices=axes,
        ways=ways,
        view=view,
        settings=table_of(data, whole.axes),
        provenance=provenance_of(data),
        sweep=data.attrs.get("sweep", ""),
        python=_in_python(path, view),
        version=__version__,
        style=Markup(_text("page.css")),
        data=_json(
            {**view.to_dict(), "live": numbers is None, "sure": SURE, "palette": Cividis256, "numbers": numbers}
        ),
        figures=_json(figures()),
        **{name: Markup(text) for name, text in scripts.items()},
    )


def _part_of_outcome(outcome: Outcome | None, shown: Shown) -> Outcome | None:
    if outcome is None:
        return None
    where = np.ix_(*shown.axes)
    codes, confidence = (np.asarray(table[where]) for table in (outcome.codes, outcome.confidence))
    return Outcome(outcome.question, outcome.thresholds, codes, confidence)


def _left_out(whole: View, shown: Shown) -> list[str]:
    """What the page has no room for."""
    told: list[str] = []
    for axis, places in zip(whole.axes, shown.axes, strict=True):
        told += partly(len(places), len(axis), axis.words)
    if len(shown.generations) < len(whole.generations):
        told.append(f"{len(shown.generations)} of the {len(whole.generations)} recorded generations")
    if not told:
        return []
    return [f"The pictures show {', '.join(told)}, so that this file stays small; jaxcollapse explore shows all."]


def _lines_left_out(data: xr.Dataset, view: View) -> list[str]:
    """What neither pictures nor the table of a cell have room for."""
    return [f"Of what has many lines, {part} are shown." for part in partly_drawn(data, view.quantities)]


def _in_python(path: Path, view: View) -> str:
    """How to open the dataset."""
    lines = ["import xarray as xr", "import jaxcollapse  # adds ds.collapse", ""]
    lines.append(f"ds = xr.open_dataset({str(path)!r})")
    if view.question and len(view.question.words) > 2:
        lines.append("ds.collapse.classify().verdict")
    if view.has_answers:
        lines.append("ds.collapse.answers().words()")
    if view.has_texts:
        lines.append("ds.collapse.texts()")
    if view.curve:
        lines.append(f'ds.collapse.summary(["{view.curve}"])')
        lines.append(f'ds.collapse.plot.trajectories("{view.curve}")')
    return "\n".join(lines)


@cache
def _template() -> Any:
    loader = PackageLoader("jaxcollapse.report", "")
    found = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return found.get_template("page.html")


@cache
def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


@cache
def _bokeh() -> str:
    """BokehJS without widgets, as part of a page."""
    (text,) = Resources(mode="inline", components=["bokeh"], log_level="warn").js_raw[:1]
    return text


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _json(told: Any) -> Markup:
    """JSON that can be part of a script element: no text in it can end the element."""
    text = json.dumps(told, allow_nan=False, ensure_ascii=True, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))
