"""The accessor `ds.collapse`: what can be asked of a dataset."""

import html
import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
import xarray as xr

from jaxcollapse.analysis.answers import TOLERANCE, RightAnswers, answers
from jaxcollapse.analysis.boundary import LOST, boundary
from jaxcollapse.analysis.classification import Classification, classify
from jaxcollapse.analysis.curves import Abscissa
from jaxcollapse.analysis.importance import importance
from jaxcollapse.analysis.missing import missing
from jaxcollapse.analysis.scaling import scaling
from jaxcollapse.analysis.status import cell_dims, is_event, number_of_replicates
from jaxcollapse.analysis.summary import summarise
from jaxcollapse.analysis.survival import survival
from jaxcollapse.analysis.texts import texts
from jaxcollapse.errors import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STARS: dict[Any, str] = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}


class Plots:
    """Pictures: figures of matplotlib that show themselves in notebooks; `savefig` writes them."""

    def __init__(self, data: xr.Dataset):
        self._data = data

    def phase(
        self,
        x: str | None = None,
        y: str | None = None,
        panels: str | Sequence[str] | None = None,
        colour: str = "verdict",
        boundary: str | bool = False,
        **selection: Any,
    ) -> "Figure":
        """The phase diagram: the verdict and the recovery gap of each cell; see `plot.phase.phase_diagram`."""
        from jaxcollapse.analysis.plot.phase import phase_diagram

        return phase_diagram(self._data, x, y, panels, colour, boundary, **selection)

    def trajectories(
        self, variable: str, hue: str | None = None, panels: str | Sequence[str] | None = None, **selection: Any
    ) -> "Figure":
        """Medians and bands of a `variable`, an observable, over generations; see `plot.trajectories.trajectories`."""
        from jaxcollapse.analysis.plot.trajectories import trajectories

        return trajectories(self._data, variable, hue, panels, **selection)

    def replicates(
        self, variable: str, panels: str | Sequence[str] | None = None, most: int = 20, **selection: Any
    ) -> "Figure":
        """Single trajectories of a `variable`, an observable, and their mean; see `plot.replicates.replicates`."""
        from jaxcollapse.analysis.plot.replicates import replicates

        return replicates(self._data, variable, panels, most, **selection)

    def theory(
        self,
        variable: str,
        hue: str | None = None,
        panels: str | Sequence[str] | None = None,
        confidence: float = 0.95,
        **selection: Any,
    ) -> "Figure":
        """Simulated means with intervals, and theory drawn over them; see `plot.theory.against_theory`."""
        from jaxcollapse.analysis.plot.theory import against_theory

        return against_theory(self._data, variable, hue, panels, confidence, **selection)

    def recovery(
        self,
        hue: str | None = None,
        panels: str | Sequence[str] | None = None,
        generation: int | None = None,
        tolerance: float | None = None,
        **selection: Any,
    ) -> "Figure":
        """The plane of cooling and forgetting; see `plot.recovery.recovery`."""
        from jaxcollapse.analysis.plot.recovery import recovery

        return recovery(self._data, hue, panels, generation, tolerance, **selection)

    def scaling(
        self,
        variable: str,
        *abscissas: Abscissa,
        curves: Sequence[str],
        generation: int | None = None,
        confidence: float = 0.95,
    ) -> "Figure":
        """Curves of a `variable` along control parameters, and a spread; see `plot.scaling.collapse_of_curves`."""
        from jaxcollapse.analysis.plot.scaling import collapse_of_curves

        return collapse_of_curves(
            self._data, variable, *abscissas, curves=curves, generation=generation, confidence=confidence
        )

    def importance(
        self, variable: str, generation: int | None = None, confidence: float = 0.95, **selection: Any
    ) -> "Figure":
        """Shares of the variance of a `variable` that axes explain; see `plot.importance.importance_bars`."""
        from jaxcollapse.analysis.plot.importance import importance_bars

        return importance_bars(self._data, variable, generation, confidence, **selection)

    def __repr__(self) -> str:
        return "\n".join(["Pictures of ds.collapse.plot", *_lines(_offers(Plots))])


class Collapse:
    """What became of each cell of a dataset: estimates with intervals, event times, verdicts, and pictures."""

    def __init__(self, data: xr.Dataset):
        self._data = data

    @property
    def plot(self) -> Plots:
        """Pictures of the dataset."""
        return Plots(self._data)

    def summary(
        self, variables: Sequence[str] | None = None, generation: int | None = None, confidence: float = 0.95
    ) -> xr.Dataset:
        """Medians, means and shares of each cell with intervals; see `summary.summarise`."""
        return summarise(self._data, variables, generation, confidence)

    def collapse_time(
        self, event: str = "collapse_time", confidence: float = 0.95, generations: Sequence[int] | None = None
    ) -> xr.Dataset:
        """When an event happens: survival curve, median and mean time; see `survival.survival`."""
        return survival(self._data, event, confidence, generations)

    def half_life(self, confidence: float = 0.95, generations: Sequence[int] | None = None) -> xr.Dataset:
        """When half of the heterozygosity is gone; see `survival.survival`."""
        return survival(self._data, "half_life", confidence, generations)

    def classify(
        self,
        generation: int | None = None,
        tolerance: float | None = None,
        collapse_threshold: float | None = None,
        share: float | None = None,
    ) -> Classification:
        """The verdict of each cell and how sure it is, in words by `.words()`; see `classification.classify`."""
        return classify(self._data, generation, tolerance, collapse_threshold, share)

    def boundary(
        self,
        axis: str,
        of: str = "verdict",
        level: float | None = None,
        verdict: str | Sequence[str] = LOST,
        statistic: str = "mean",
        generation: int | None = None,
        confidence: float = 0.95,
        tolerance: float | None = None,
        collapse_threshold: float | None = None,
        share: float | None = None,
    ) -> xr.Dataset:
        """Where a verdict or an observable changes along an axis, with bounds; see `boundary.boundary`."""
        return boundary(
            self._data,
            axis,
            of,
            level,
            verdict,
            statistic,
            generation,
            confidence,
            tolerance,
            collapse_threshold,
            share,
        )

    def answers(self, generation: int | None = None, tolerance: float = TOLERANCE) -> RightAnswers:
        """Whether right answers are lost as the accuracy rises, in words by `.words()`; see `answers.answers`."""
        return answers(self._data, generation, tolerance)

    def theory(self, variable: str) -> xr.DataArray:
        """The mean of an observable as theory has it, NaN where no law applies; see `theory.predict`."""
        from jaxcollapse.analysis.theory import predict

        return predict(self._data, variable)

    def scaling(
        self,
        variable: str,
        *abscissas: Abscissa,
        curves: Sequence[str],
        generation: int | None = None,
        confidence: float = 0.95,
    ) -> xr.Dataset:
        """Whether curves of a `variable` fall on one another along an axis, as a number; see `scaling.scaling`."""
        return scaling(self._data, variable, *abscissas, curves=curves, generation=generation, confidence=confidence)

    def importance(self, variable: str, generation: int | None = None, confidence: float = 0.95) -> xr.Dataset:
        """How much of a variable's variance each axis and each pair of axes explains; see `importance.importance`."""
        return importance(self._data, variable, generation, confidence)

    def texts(self, generation: int | None = None) -> xr.DataArray:
        """The recorded texts of the models, as strings; see `texts.texts`."""
        return texts(self._data, generation)

    def missing(self) -> pd.DataFrame:
        """Which trajectories are not computed or diverged; see `missing.missing`."""
        return missing(self._data)

    def __repr__(self) -> str:
        return "\n".join([_headline(self._data), *_lines(_all_offers())])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td style='text-align:left'><code>{html.escape(call)}</code></td>"
            f"<td style='text-align:left'>{html.escape(text)}</td></tr>"
            for call, text in _all_offers()
        )
        return f"<b>{html.escape(_headline(self._data))}</b><table>{rows}</table>"


def _headline(data: xr.Dataset) -> str:
    """The title of the dataset, and what it has."""
    sizes = [f"{name}: {data.sizes[name]}" for name in cell_dims(data)]
    events = [str(name) for name in data.data_vars if is_event(data[name])]
    told = [f"replicates: {number_of_replicates(data)}"] if "replicate" in data.dims else []
    about = "; ".join([", ".join([*sizes, *told]), f"events: {', '.join(events)}" if events else "no events"])
    return printable(f"{data.attrs.get('title', 'dataset')} ({about})")


def _all_offers() -> list[tuple[str, str]]:
    return [*_offers(Collapse), *((f"plot.{call}", text) for call, text in _offers(Plots))]


def _lines(offers: list[tuple[str, str]]) -> list[str]:
    """Each method and, below it, what it is for."""
    return [f"    .{call}\n        {text}" for call, text in offers]


def _offers(kind: type) -> list[tuple[str, str]]:
    """The methods of an accessor as they are called, and the first words of their docstrings."""
    methods = {name: member for name, member in vars(kind).items() if not name.startswith("_") and callable(member)}
    return [
        (f"{name}({', '.join(_arguments(member))})", str(member.__doc__).split(";")[0])
        for name, member in methods.items()
    ]


def _arguments(method: Any) -> list[str]:
    """The names of a method's arguments, but for the first."""
    return [
        f"{_STARS.get(each.kind, '')}{name}" for name, each in list(inspect.signature(method).parameters.items())[1:]
    ]
