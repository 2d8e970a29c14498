"""A figure that shows itself in notebooks, and is made without pyplot, so that nothing has to be closed."""

import textwrap
from io import BytesIO

import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from jaxcollapse.analysis.labels import entries, long_heading
from jaxcollapse.analysis.looks import LOOKS
from jaxcollapse.analysis.status import last_generation, number_of_replicates
from jaxcollapse.analysis.verdict import ABSENT, name_of
from jaxcollapse.errors import printable

_LETTERS = 11  # of a title, in an inch


class Picture(Figure):
    """A matplotlib figure, which Jupyter shows as a PNG also where pyplot was never imported."""

    def __init__(self, width: float, height: float):
        super().__init__(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(self)

    def entitle(self, *lines: str) -> None:
        """Writes a title, with lines broken where they would be wider than the figure."""
        letters = int(_LETTERS * self.get_figwidth())
        broken = [part for line in lines for part in textwrap.wrap(line, letters)]
        self.suptitle("\n".join(broken), fontsize=11, parse_math=False)

    def _repr_png_(self) -> bytes:
        written = BytesIO()
        self.savefig(written, format="png", dpi=100)
        return written.getvalue()


def headline(data: xr.Dataset, held: dict[str, int]) -> str:
    """The first line of a title: the dataset's, and where axes that are not shown are held."""
    places = [f"{long_heading(data, name)} = {entries(data, name)[place]}" for name, place in held.items()]
    return ", ".join([printable(data.attrs.get("title", "")), *places])


def measured(data: xr.Dataset) -> str:
    """A line of text: over how many replicates the cells' medians are, and after how many generations."""
    number = number_of_replicates(data)
    replicates = f"median of {number} replicates" if number != "1" else "one replicate"
    return f"{replicates} after {last_generation(data)} generations"


def draw_key(figure: Picture, words: xr.DataArray) -> None:
    """The colour of each verdict that occurs."""
    codes = sorted(set(words.values.ravel().tolist()) - {ABSENT}, key=lambda code: (code < 0, code))
    boxes = [Patch(facecolor=LOOKS[name_of(code)].colour, edgecolor="#5f6368", label=name_of(code)) for code in codes]
    figure.legend(handles=boxes, loc="outside right center", frameon=False)
