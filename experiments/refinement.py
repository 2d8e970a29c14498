"""Refines a plane next to its flat grid, and writes docs/refinement.md: `python -m experiments.refinement`.

The plane is that of temperature and batch size in the quickstart, at learning rate 1.
"""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.colors import ListedColormap
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.spatial import KDTree

import jaxcollapse as jc
from docs.generate import table
from experiments.studies import BLACK, BLUE, ORANGE, PICTURES, ROOT
from jaxcollapse.analysis.boundary import boundary
from jaxcollapse.analysis.plot.figure import Picture
from jaxcollapse.analysis.refinement import Refined, refined_axes
from jaxcollapse.refining import Sought
from jaxcollapse.sweep.axes import is_whole

PAGE = ROOT / "docs/refinement.md"
AXES = ("temperature", "batch_size")


@dataclass(frozen=True)
class Plane:
    """A coarse grid of the quickstart's process, and how far it is refined.

    Attributes:
        temperatures, batch_sizes: the values of the coarse grid.
        width: how far apart neighbours may be that disagree, as a share of the range of an axis.
        replicates: number of trajectories of a cell.
        generations: length of a trajectory.
        tokens: number of tokens of the original, the most probable ones.
    """

    temperatures: tuple[float, ...] = (0.8, 0.9, 1.0, 1.1, 1.2)
    batch_sizes: tuple[int, ...] = (1, 4, 16, 64, 256)
    width: str = "1%"
    replicates: int = 32
    generations: int = 400
    tokens: int = 512

    @property
    def coarse(self) -> jc.Sweep:
        """The grid from which the refinement starts."""
        return self._sweep({"temperature": list(self.temperatures), "batch_size": list(self.batch_sizes)})

    @property
    def flat(self) -> jc.Sweep:
        """The flat grid of the same resolution: all values that a refinement of the coarse one may use."""
        return self._sweep(
            {axis.name: [int(x) if is_whole(axis.name) else x for x in halved(axis)] for axis in self.axes}
        )

    @property
    def axes(self) -> tuple[Refined, ...]:
        """The axes that are refined."""
        return refined_axes(self.coarse, self.widths)

    @property
    def widths(self) -> dict[str, str | float]:
        """For each axis how far apart neighbours may be that disagree."""
        return dict.fromkeys(AXES, self.width)

    @property
    def temperature_width(self) -> float:
        """The width in units of the temperature."""
        return float(self.width.removesuffix("%")) / 100 * (self.temperatures[-1] - self.temperatures[0])

    def _sweep(self, axes: dict[str, Any]) -> jc.Sweep:
        path = ROOT / "sweeps/quickstart.toml"
        shipped = jc.Sweep.from_toml(path).to_dict()
        process = {**shipped["process"], "learning_rate": 1.0}
        process["initial"] = {**process["initial"], "top": self.tokens}
        changed = {
            "replicates": self.replicates,
            "generations": self.generations,
            "record": {"every": self.generations},
            "observables": ["verdict", "entropy"],
            "process": process,
            "axes": axes,
        }
        return jc.Sweep.from_dict({**shipped, **changed}, folder=path.parent)


def halved(axis: Refined) -> list[float]:
    """The values of an axis's first grid, and all that halving its steps puts between them."""

    def above(low: float, high: float) -> list[float]:
        _, *middle, _ = axis.halved(low, high)
        return [*above(low, middle[0]), *above(middle[0], high)] if middle else [high]

    return [axis.first[0], *(value for step in pairwise(axis.first) for value in above(*step))]


def flat_cells(flat: xr.Dataset) -> int:
    """Number of cells of a flat grid."""
    return int(np.prod([flat.sizes[name] for name in AXES]))


@dataclass(frozen=True)
class Refinement:
    """A refined study of a boundary, next to the flat grid of the same resolution.

    Attributes:
        plane: the coarse grid, and how far it was refined.
        sought: the boundary.
        flat, refined: the datasets.
        seconds: processor seconds that the refined study took, with its coarse grid.
    """

    plane: Plane
    sought: Sought
    flat: xr.Dataset
    refined: xr.Dataset
    seconds: float

    @classmethod
    def of(cls, plane: Plane, sought: Sought, flat: xr.Dataset) -> "Refinement":
        """Runs the coarse grid in a folder of its own, and refines it."""
        with tempfile.TemporaryDirectory() as folder:
            before = time.process_time()
            jc.run(plane.coarse, folder, progress=False).close()
            asked = (sought.of, sought.level, sought.verdict, sought.statistic)
            with jc.refine(folder, plane.widths, *asked, progress=False) as data:
                seconds = time.process_time() - before
                return cls(plane, sought, flat, data.load(), seconds)

    @property
    def cells(self) -> int:
        """Number of cells of the refined study."""
        return int(self.refined.is_cell.sum())

    @property
    def share(self) -> float:
        """Its cells as a share of those of the flat grid."""
        return self.cells / flat_cells(self.flat)

    @property
    def shared(self) -> tuple[xr.Dataset, xr.Dataset]:
        """The cells that both have, of the refined study and of the flat grid."""
        mine = self.refined.isel({name: xr.DataArray(at) for name, at in zip(AXES, self._places().T, strict=True)})
        return mine, self.flat.sel({name: xr.DataArray(mine[name].values) for name in AXES})

    def different(self) -> list[str]:
        """The variables that differ in one bit or more in cells that both have."""
        mine, theirs = self.shared
        return [
            str(name)
            for name in theirs.data_vars
            if mine[name].transpose(*theirs[name].dims).values.tobytes() != theirs[name].values.tobytes()
        ]

    def sides(self) -> tuple[np.ndarray, np.ndarray]:
        """For each cell of the flat grid whether it is above the level, and whether the nearest refined cell is."""
        flat = self.sought.above(self.flat).transpose(*AXES).values == 1
        at = self._places()
        own = self.sought.above(self.refined).transpose(*AXES).values[tuple(at.T)] == 1
        scaled = [_scaled(axis, self.refined[axis.name].values[at[:, n]]) for n, axis in enumerate(self.plane.axes)]
        everywhere = np.meshgrid(
            *(_scaled(axis, self.flat[axis.name].values) for axis in self.plane.axes), indexing="ij"
        )
        _, nearest = KDTree(np.stack(scaled, axis=-1)).query(np.stack(everywhere, axis=-1))
        return flat, own[nearest]

    def sure(self) -> np.ndarray:
        """For each cell of the flat grid whether its interval is on one side of the level."""
        return np.asarray(self.sought.sides(self.flat)[1].transpose(*AXES).values)

    def right(self) -> tuple[float, float]:
        """The share of the flat grid's cells, and of its sure ones, on the side of the nearest refined cell."""
        is_right, sure = np.equal(*self.sides()), self.sure()
        return float(is_right.mean()), float(is_right[sure].mean())

    def bounds(self) -> dict[int, str]:
        """What is known of the temperature of the boundary at the batch sizes of the coarse grid, in words."""
        found = self._boundary(self.refined)
        lines = (found.sel(batch_size=size) for size in self.plane.batch_sizes)
        return {int(line.batch_size): _between(float(line.lower), float(line.upper)) for line in lines}

    def distances(self) -> dict[int, float]:
        """How far the boundaries along temperature are from each other, in widths, at batch sizes where both cross."""
        mine, theirs = (self._boundary(data).estimate for data in (self.refined, self.flat))
        apart = (mine - theirs.sel(batch_size=list(self.plane.batch_sizes))) / self.plane.temperature_width
        known = apart.dropna("batch_size")
        return dict(zip(known.batch_size.values.tolist(), known.values.tolist(), strict=True))

    def _boundary(self, data: xr.Dataset) -> xr.Dataset:
        """The boundary along temperature at the batch sizes of the coarse grid."""
        lines = data.sel(batch_size=list(self.plane.batch_sizes))
        sought = self.sought
        return boundary(lines, "temperature", sought.of, sought.level, sought.verdict, sought.statistic)

    def _places(self) -> np.ndarray:
        """The indices of its cells along the axes."""
        return np.argwhere(self.refined.is_cell.transpose(*AXES).values)


def _scaled(axis: Refined, values: np.ndarray) -> np.ndarray:
    """The place of values along an axis, in shares of its range."""
    at = np.log if axis.is_log else np.asarray
    low, high = at(axis.first[0]), at(axis.first[-1])
    return (at(values.astype(float)) - low) / (high - low)


def _between(lower: float, upper: float) -> str:
    """ "1.1 to 1.2", "none, or below 0.9", or that all cells are surely on one side."""
    if np.isnan(lower):
        return "no boundary"
    if np.isinf(lower) and np.isinf(upper):
        return "anywhere"
    if np.isinf(lower):
        return f"none, or below {upper:.4g}"
    return f"none, or above {lower:.4g}" if np.isinf(upper) else f"{lower:.4g} to {upper:.4g}"


def draw(found: Sequence[Refinement]) -> Picture:
    """For each boundary the sides of the flat grid's cells, where they are sure, and the refined cells with theirs."""
    picture = Picture(6.2 * len(found), 5.4)
    for panel, title, each in zip(picture.subplots(1, len(found), sharey=True), TITLES, found, strict=True):
        flat, refined = each.sides()
        x, y = (each.flat[name].values.astype(float) for name in ("batch_size", "temperature"))
        shades = np.where(each.sure(), flat, 2)
        panel.pcolormesh(x, y, shades, cmap=ListedColormap(SHADES), vmin=0, vmax=2, shading="nearest", rasterized=True)
        panel.contour(x, y, refined, levels=[0.5], colors=BLACK, linewidths=1.2)
        at = each.sought.above(each.refined).transpose(*AXES)
        for above, colour, marker in ((0, BLUE, "v"), (1, ORANGE, "^")):
            rows, columns = np.nonzero(at.values == above)
            places = at.batch_size.values[columns], at.temperature.values[rows]
            panel.scatter(*places, s=9, c=colour, marker=marker, linewidths=0)
        panel.set(
            title=f"{title}\n{each.cells:,} of {flat_cells(each.flat):,} cells", xscale="log", xlabel="batch size"
        )
        panel.set(xlim=(x[0] / 1.2, x[-1] * 1.1), ylim=(y[0] - 0.01, y[-1] + 0.01))
        ticks = list(each.plane.batch_sizes)
        panel.set_xticks(ticks, [str(tick) for tick in ticks])
        panel.minorticks_off()
    picture.axes[0].set_ylabel("sampling temperature")
    handles = [
        *(
            Patch(facecolor=SHADES[at], label=f"flat grid: {side}")
            for at, side in ((1, "above"), (0, "below"), (2, "not sure"))
        ),
        Line2D([], [], color=ORANGE, marker="^", linestyle="", label="refined cell: above"),
        Line2D([], [], color=BLUE, marker="v", linestyle="", label="refined cell: below"),
        Line2D([], [], color=BLACK, label="boundary of the refined cells"),
    ]
    picture.legend(handles=handles, loc="outside lower center", ncols=6, frameon=False, fontsize=9)
    return picture


SHADES = ["#dbe9f6", "#fde5bd", "#e4e4e4"]  # of cells below, above, and not sure
TITLES = ("mean entropy is the original's", "half of the replicates are forgetting or collapsed")
CAPTION = "Cells of a refined study on top of the flat grid, for two boundaries"


def boundaries(flat: xr.Dataset) -> tuple[Sought, Sought]:
    """The boundaries of the page, one for each of `TITLES`."""
    return Sought("entropy", float(flat.entropy.isel(generation=0).max())), Sought()


def page(found: Sequence[Refinement], seconds: float) -> str:
    """What was asked, the picture, and numbers of the refinements next to the flat grid.

    Args:
        found: the refinements, one for each of `TITLES`.
        seconds: processor seconds that the flat grid took.

    Raises:
        ValueError: cells that a refined study and the flat grid both have are not the same bits.
    """
    if different := [name for each in found for name in each.different()]:
        raise ValueError(f"the refined study and the flat grid differ in {', '.join(different)}")
    plane, cells = found[0].plane, flat_cells(found[0].flat)
    right = [each.right() for each in found]
    rows = [
        (f"cells, of {cells:,}", *(f"{each.cells:,} ({each.share:.1%})" for each in found)),
        ("of these, cells that differ from the flat grid's in any bit", *("0" for _ in found)),
        (f"processor seconds, of {seconds:.0f}", *(f"{each.seconds:.0f}" for each in found)),
        ("cells of the flat grid on the side of the nearest refined cell", *(f"{side:.2%}" for side, _ in right)),
        ("cells of the flat grid that are sure of their side", *(f"{each.sure().mean():.1%}" for each in found)),
        ("of these, on the side of the nearest refined cell", *(f"{side:.2%}" for _, side in right)),
        *(
            (
                f"temperature of the boundary at batch size {size}, by the refined cells",
                *(each.bounds()[size] for each in found),
            )
            for size in plane.batch_sizes
        ),
        *(
            (
                f"distance of the two boundaries at batch size {size}, in widths",
                *(_distance(each, size) for each in found),
            )
            for size in plane.batch_sizes
        ),
    ]
    heads = ("boundary where", *TITLES)
    return "\n".join(
        [*introduction(plane, found[0].sought.level or 0.0), "", *table(heads, rows), "", *_lessons(found), ""]
    )


def introduction(plane: Plane, level: float) -> list[str]:
    """What is compared: lines of Markdown.

    Args:
        plane: the coarse grid, and how far it is refined.
        level: the entropy of the original, nat.
    """
    temperatures, sizes = (len(halved(axis)) for axis in plane.axes)
    coarse = f"{len(plane.temperatures)} temperatures from {plane.temperatures[0]} to {plane.temperatures[-1]}"
    batches = ", ".join(map(str, plane.batch_sizes))
    return [
        "# A refined plane",
        "",
        "Written by `python -m experiments.refinement`, which takes a few minutes on two cores. It compares "
        "[`jaxcollapse refine`](command_line.md) with the flat grid of the same resolution.",
        "",
        f"The process is that of `sweeps/quickstart.toml` at learning rate 1, with {plane.replicates} replicates. The "
        f"coarse grid has {coarse} and the batch sizes {batches}. It is refined on both axes to {plane.width} of "
        "their ranges, by",
        "",
        f"    jaxcollapse refine STUDY --axis temperature --axis batch_size --to {plane.width} --of entropy "
        f"--level {level:.6g}",
        "",
        "where the level is the entropy of the original, and in another study by the default, the boundary of the "
        f"verdict. The flat grid has all values that this can use: {temperatures} temperatures × {sizes} batch sizes, "
        f"which are whole numbers. A width is {plane.width} of the range of the temperature, "
        f"{plane.temperature_width:.3g}.",
        "",
        f"![{CAPTION}](pictures/refinement.png)",
    ]


def _lessons(found: Sequence[Refinement]) -> list[str]:
    """What the numbers say: lines of Markdown."""
    sharp, noisy = found
    worst = max(map(abs, sharp.distances().values()))
    return [
        f"- **A sharp boundary costs {sharp.share:.1%} of the cells.** At the batch sizes of the coarse grid it is at "
        f"most {worst:.1f} widths from the boundary of the flat grid.",
        f"- **Where chance decides, few cells are spent ({noisy.share:.1%}).** In {1 - noisy.sure().mean():.0%} of "
        f"the flat grid about half of the {noisy.plane.replicates} replicates forget, and their interval contains one "
        "half: on which side a cell is, is a matter of chance (grey in the picture). A box without a sure cell is "
        f"halved once and then left. Of the cells that are sure, {noisy.right()[1]:.1%} are on the side of the nearest "
        "refined cell. In the grey area nothing is known of the boundary but its bounds in the table, and the line "
        "in the picture is one of many that are possible. Only more replicates, not a smaller width, say "
        "more.",
        "- Cells that the refined study and the flat grid both have are the same to the bit: the random numbers of a "
        "cell depend on its values only.",
        "- Each round compiles and starts anew, so that the seconds fall less than the number of cells.",
    ]


def _distance(each: Refinement, size: int) -> str:
    apart = each.distances().get(size)
    return "no boundary" if apart is None else f"{abs(apart):.1f}"


if __name__ == "__main__":
    shown = Plane()
    start = time.process_time()
    whole = jc.run(shown.flat, progress=False).load()
    took = time.process_time() - start
    refinements = [Refinement.of(shown, sought, whole) for sought in boundaries(whole)]
    draw(refinements).savefig(PICTURES / "refinement.png", dpi=100)
    PAGE.write_text(page(refinements, took), encoding="utf-8")
