"""Scattered points: a dimension of a dataset along which several numbers vary, each in its own way."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Float

from jaxcollapse.analysis.labels import fields_of
from jaxcollapse.sweep.process_fields import is_flag

_FEWEST = 16  # points; fewer are values of one axis
_PER_FIELD = 8
_ALIKE = 0.9  # rank correlation from which on two fields are not told apart
_SURE_OF_SCALE = 1.63  # √n times the distance from a uniform law that one in a hundred samples of it has


@dataclass(frozen=True)
class Design:
    """Scattered points.

    Attributes:
        dim: the dimension.
        fields: the coordinates that vary along it.
        x: where each point is, in [−1, 1], on a scale along which points are spread evenly; NaN for infinite values.
    """

    dim: str
    fields: tuple[str, ...]
    x: Float[np.ndarray, "point field"]

    def check(self, points: int, name: str) -> None:
        """Raises ValueError if so many points are too few for a polynomial."""
        if points < (least := max(_FEWEST, _PER_FIELD * len(self.fields))):
            raise ValueError(
                f"{points} points along {self.dim!r} have a finite mean of {name!r}; at least {least} are needed for "
                f"{len(self.fields)} fields"
            )


def design_of(data: xr.Dataset, axes: Sequence[str]) -> Design | None:
    """The longest of these axes that has scattered points; None if there is none."""
    found = [design for axis in axes if (design := _scattered(data, axis)) is not None]
    return max(found, key=lambda design: len(design.x), default=None)


def _scattered(data: xr.Dataset, axis: str) -> Design | None:
    """An axis with so many points that single effects of its fields can be found."""
    fields = fields_of(data, axis)
    if len(fields) < 2 or data.sizes[axis] < max(_FEWEST, _PER_FIELD * len(fields)):
        return None
    columns = [data[field] for field in fields]
    if not all(np.issubdtype(each.dtype, np.number) and not is_flag(str(each.name)) for each in columns):
        return None
    x = np.stack([_spread(each.values.astype(float)) for each in columns], axis=-1)
    kept = _distinct(x)
    return Design(axis, tuple(fields[each] for each in kept), x[:, kept]) if len(kept) > 1 else None


def _distinct(x: Float[np.ndarray, "point field"]) -> list[int]:
    """The fields that do not follow an earlier one, whose effects could not be told apart."""
    ranks = np.argsort(np.argsort(x, axis=0), axis=0)
    alike = np.abs(np.corrcoef(ranks, rowvar=False)) > _ALIKE
    kept: list[int] = []
    for field in range(x.shape[1]):
        if not alike[field, kept].any():
            kept.append(field)
    return kept


def _spread(values: np.ndarray) -> np.ndarray:
    """Values on [−1, 1]: linear or logarithmic, whichever spreads them evenly; by rank if neither does."""
    finite = np.isfinite(values)
    scales = [values]
    if (values[finite] > 0).all():
        scales.append(np.log(values, where=finite, out=np.full(values.shape, np.nan)))
    placed = [np.where(finite, _between(scale, finite), np.nan) for scale in scales]
    distance, best = min(
        ((_unevenness(each[finite]), number) for number, each in enumerate(placed)), default=(np.inf, 0)
    )
    if distance * np.sqrt(finite.sum()) < _SURE_OF_SCALE:
        return placed[best]
    from scipy.stats import rankdata  # which takes long to import

    ranks = np.full(values.shape, np.nan)
    ranks[finite] = (2 * rankdata(values[finite]) - 1) / finite.sum() - 1
    return ranks


def _between(values: np.ndarray, finite: np.ndarray) -> np.ndarray:
    """Values with the middle of their range at 0; points of a design do not reach the ends of its range quite."""
    low, high = values[finite].min(), values[finite].max()
    if low == high:
        return np.zeros(values.shape)
    room = (high - low) / (finite.sum() - 1) / 2
    return (2 * values - low - high) / (high - low + 2 * room)


def _unevenness(places: np.ndarray) -> float:
    """The distance of the law of these places from the uniform one (Kolmogorov and Smirnov)."""
    ordered = (np.sort(places) + 1) / 2
    steps = np.arange(len(ordered) + 1) / len(ordered)
    return float(max((steps[1:] - ordered).max(), (ordered - steps[:-1]).max(), 0.0)) if len(ordered) else np.inf
