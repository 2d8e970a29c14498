"""The figures of a page, without any numbers: pictures.js fills their sources, by the names that they have here.

All axes are linear, with ticks that pictures.js sets: a place for ∞ and logarithms are its business. Whatever is longer
than a word is in the page next to the figure, where readers of every kind find it. Colours of the page, which may be
light, dark or on paper, are set in the browser, too: those of axes by their tags, those of glyphs as columns.
"""

from typing import Any, Literal

from bokeh.core.properties import value
from bokeh.document import Document
from bokeh.models import ColumnDataSource, FixedTicker, HoverTool, Range1d, TapTool
from bokeh.models.annotations import Span
from bokeh.models.glyphs import MultiLine, Patches, Rect, Scatter, Segment, Text
from bokeh.plotting import figure

NAMES = ("phase", "curves", "plane", "events")
_INK, _SOFT, _FAINT = "ink", "soft", "line"  # colours of page.css
_FONT = "system-ui, sans-serif"


def figures() -> dict[str, Any]:
    """The document of the figures `NAMES`, in this order, as JSON for BokehJS."""
    document = Document(title="jaxcollapse")
    for made in (_phase(), _curves("curves"), _plane(), _curves("events")):
        document.add_root(made)
    return dict(document.to_json(deferred=False))


def _coloured(model: Any, **colours: str) -> Any:
    """The model, tagged with the properties that have a colour of the page."""
    model.tags = [list(each) for each in colours.items()]
    return model


def _figure(name: str, height: int) -> Any:
    made = figure(
        name=name,
        height=height,
        sizing_mode="stretch_width",
        toolbar_location=None,
        tools="",
        x_range=Range1d(start=0, end=1),
        y_range=Range1d(start=0, end=1),
        min_border_left=8,
        min_border_right=12,
        background_fill_color=None,
        border_fill_color=None,
        outline_line_color=None,
    )
    for place, axis in (("x", made.xaxis[0]), ("y", made.yaxis[0])):
        axis.update(name=f"{name}-{place}", ticker=FixedTicker(ticks=[]), minor_tick_line_color=None)
        axis.update(major_tick_in=0, major_tick_out=4)
        _coloured(axis, axis_line_color=_SOFT, major_tick_line_color=_SOFT)
        axis.tags += [["major_label_text_color", _INK], ["axis_label_text_color", _INK]]
        axis.update(major_label_text_font=_FONT, axis_label_text_font=_FONT, axis_label_text_font_style="normal")
        axis.update(axis_label_text_font_size="13px", major_label_text_font_size="12px")
    for grid in made.grid:
        _coloured(grid, grid_line_color=_FAINT).grid_line_alpha = 0.6
    return made


def _source(name: str, *columns: str) -> ColumnDataSource:
    return ColumnDataSource({column: [] for column in columns}, name=name)


def _span(made: Any, name: str, dimension: Literal["width", "height"], dash: str) -> None:
    span = Span(name=name, location=0, dimension=dimension, line_width=1.5, line_dash=dash)
    made.add_layout(_coloured(span, line_color=_SOFT))


def _phase() -> Any:
    """Cells, coloured, with a word in each, and a frame around the chosen one."""
    made = _figure("phase", 380)
    for grid in made.grid:
        grid.update(grid_line_color=None, tags=[])
    cells = _source("phase-cells", "x", "y", "cell", "word", "short", "told", "colour", "ink", "edge", "rim")
    box = Rect(x="x", y="y", width=1, height=1, fill_color="colour", line_color="rim", line_width="edge")
    drawn = made.add_glyph(cells, box, selection_glyph=box, nonselection_glyph=box)
    points = _points(made, "phase-points")
    _boundary(made)
    word = Text(x="x", y="y", text="short", text_color="ink", text_align="center", text_baseline="middle")
    word.update(text_font=value(_FONT), text_font_size="12px")
    made.add_glyph(cells, word, selection_glyph=word, nonselection_glyph=word)
    chosen = _source("phase-chosen", "x", "y", "rim", "width")
    frame = Rect(x="x", y="y", width=1, height=1, fill_color=None, line_color="rim", line_width="width")
    made.add_glyph(chosen, frame)
    _ring(made, "phase-ring")
    _choosable(made, drawn, points)
    return made


def _boundary(made: Any) -> None:
    """The lines of a boundary, each with a rim."""
    lines = _source("phase-lines", "x0", "y0", "x1", "y1", "dash", "width", "colour", "around", "rim")
    for width, colour in (("around", "rim"), ("width", "colour")):
        line = Segment(x0="x0", y0="y0", x1="x1", y1="y1", line_dash="dash", line_width=width, line_color=colour)
        made.add_glyph(lines, line)


def _choosable(made: Any, *drawn: Any) -> None:
    """Lets cells be chosen, and describes the one under the pointer. A figure heeds one tool that is tapped with."""
    tooltips = [("", "@cell"), ("", "@word"), ("", "@told")]
    made.add_tools(TapTool(renderers=list(drawn)), HoverTool(renderers=list(drawn), tooltips=tooltips))


def _points(made: Any, name: str) -> Any:
    """Cells as points."""
    points = _source(name, "x", "y", "cell", "word", "told", "colour", "marker", "size", "rim")
    dot = Scatter(x="x", y="y", marker="marker", size="size", fill_color="colour", line_color="rim")
    return made.add_glyph(points, dot, selection_glyph=dot, nonselection_glyph=dot)


def _ring(made: Any, name: str) -> None:
    """A ring around the chosen point."""
    chosen = _source(name, "x", "y", "colour")
    made.add_glyph(chosen, Scatter(x="x", y="y", size=17, fill_color=None, line_color="colour", line_width=2.5))


def _curves(name: str) -> Any:
    """Bands, lines and points over generations."""
    made = _figure(name, 340)
    bands = _source(f"{name}-bands", "xs", "ys", "colour")
    made.add_glyph(bands, Patches(xs="xs", ys="ys", fill_color="colour", fill_alpha=0.18, line_color=None))
    lines = _source(f"{name}-lines", "xs", "ys", "colour", "dash", "width", "alpha")
    line = MultiLine(xs="xs", ys="ys", line_color="colour", line_dash="dash", line_width="width", line_alpha="alpha")
    made.add_glyph(lines, line)
    points = _source(f"{name}-points", "x", "y", "generation", "told", "line", "colour")
    drawn = made.add_glyph(points, Scatter(x="x", y="y", size=5, fill_color="colour", line_color=None))
    made.add_tools(HoverTool(renderers=[drawn], tooltips=[("", "@line"), ("generation", "@generation"), ("", "@told")]))
    _span(made, f"{name}-now", "height", "dotted")
    return made


def _plane() -> Any:
    """All cells of the phase diagram by how they have cooled and what they have lost, and the way of the chosen one."""
    made = _figure("plane", 340)
    _span(made, "plane-tolerance", "width", "dashed")
    _span(made, "plane-original", "height", "dotted")
    regions = _source("plane-regions", "x", "y", "text", "base", "colour")
    said = Text(x="x", y="y", text="text", text_baseline="base", text_color="colour", text_font_size="12px")
    said.update(text_font=value(_FONT), x_offset=4)
    made.add_glyph(regions, said)
    way = _source("plane-way", "xs", "ys", "colour")
    made.add_glyph(way, MultiLine(xs="xs", ys="ys", line_color="colour", line_width=2))
    points = [_points(made, name) for name in ("plane-replicates", "plane-cells")]
    _ring(made, "plane-chosen")
    _choosable(made, *points)
    return made
