"""What theory says of the cells of a dataset, where their coordinates settle which of its laws holds."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.analysis.fields import check_told, refuse_without
from jaxcollapse.analysis.originals import Originals
from jaxcollapse.analysis.status import at_generation, cell_dims, is_event, label_of, variable
from jaxcollapse.errors import did_you_mean
from jaxcollapse.limits import MOST_FORETOLD, MOST_POINTS, MOST_TOKENS
from jaxcollapse.sweep import cell
from jaxcollapse.sweep.process_fields import INITIAL, fields, parts, used_when
from jaxcollapse.theory import (
    accumulated_heterozygosity,
    collapse_probability,
    effective_temperature,
    first_extinction_probability,
    mean_entropy,
    mean_entropy_step,
    mean_heterozygosity,
    mean_kl_from_initial,
    mean_support_size,
    window_heterozygosity,
)

_ALWAYS_HAD = frozenset({"update", "samples", "vocab_size", "initial"})
STARTS = ("collision_probability", "effective_temperature", "support_size")  # whose values at generation 0 laws need
_THRESHOLDS = ("support_threshold", "collapse_threshold")
_TOLD = ("update", "samples", "vocab_size")  # by coordinates of every result
_LEAST_LEFT, _SMALL_STEP = 0.95, 0.1  # share of the entropy, and η, up to which small steps of SGD are small


@dataclass(frozen=True)
class KnownCell:
    """What a law may need to know about a cell.

    Attributes:
        fields: fields of the process, by name.
        start: mean of each observable over replicates at generation 0.
        p0: probabilities of the tokens; None if they are not known.
        generations: the recorded generations.
        thresholds: of support and collapse, by name.
    """

    fields: dict[str, Any]
    start: dict[str, float]
    p0: np.ndarray | None
    generations: np.ndarray
    thresholds: dict[str, float]

    def drifts_with(self, *names: str) -> bool:
        """Whether this is a refit to samples at temperature 1, but for these fields."""
        return self.fields["update"] == "refit" and self._different() <= set(names)

    def descends(self) -> bool:
        """Whether this is plain SGD at temperature 1, one step on fresh samples in each generation."""
        is_fresh = self.fields["update"] == "gradient" and self.fields["samples"] == self.fields["batch_size"]
        return is_fresh and self._different() <= {"learning_rate", "batch_size"}

    def is_bounded(self) -> bool:
        """Whether what is computed fits a machine; the coordinates of a stranger's dataset may be any numbers."""
        last, window = int(self.generations.max(initial=0)), float(self.fields["window"])
        remembered = min(window, last) if self.fields["corpus"] == "window" else 1
        tokens = float(self.fields["vocab_size"])
        return last <= MOST_POINTS and tokens <= MOST_TOKENS and remembered**2 <= MOST_FORETOLD

    def _different(self) -> set[str]:
        """Fields that differ from their defaults and that the process sees; of a part, the one that chose it."""
        whole, used = cell.Cell({**self.fields, "initial": INITIAL.default}), used_when()
        different = {
            name
            for name, field in fields().items()
            if name not in _ALWAYS_HAD and self.fields[name] != field.default
            if name not in used or used[name].holds(whole)
        }
        of_parts = {name for slot, part in parts() if slot.name in different for name in part.reads}
        return different - of_parts


Law = Callable[[KnownCell], np.ndarray | None]


def predict(data: xr.Dataset, name: str) -> xr.DataArray:
    """The mean of an observable as theory has it, at the recorded generations of each cell; NaN where no law applies.

    Of an event it is the probability that it has happened by each generation. The laws are those of
    `jaxcollapse.theory`.

    Args:
        data: any part of a result that has generation 0.
        name: one of `LAWS`.

    Raises:
        ValueError: no law is known for this variable, or in any cell, and the message says what is needed; or a
            coordinate has been dropped that says what the cells are.
    """
    values = variable(data, name)
    if name not in LAWS:
        raise ValueError(f"no law is known for {name!r}{did_you_mean(name, LAWS)}")
    _check_fields(data)
    axes = [each for each in cell_dims(data.status) if each in values.dims]
    found = _predicted(data, axes, [name])[name]
    if np.isnan(found).all():
        raise ValueError(f"the law of {name!r} does not apply here; it needs {LAWS[name][1]}")
    long_name, units = label_of(values)
    kind = f"probability of being past the {long_name}" if is_event(values) else f"{long_name}, by theory"
    made = xr.DataArray(found, dims=(*axes, "generation"), name=name)
    made = made.assign_coords({each: data[each] for each in (*axes, "generation")})
    return made.assign_attrs(long_name=kind, units="1" if is_event(values) else units)


def predictions(data: xr.Dataset, names: Iterable[str]) -> dict[str, np.ndarray]:
    """The predictions of several variables [axis, …, generation]; variables without any prediction are left out.

    Raises:
        ValueError: a coordinate has been dropped that says what the cells are.
    """
    known = [name for name in names if name in LAWS]
    if not known:
        return {}
    _check_fields(data)
    found = _predicted(data, cell_dims(data.status), known)
    return {name: values for name, values in found.items() if not np.isnan(values).all()}


def _predicted(data: xr.Dataset, axes: Sequence[str], names: Sequence[str]) -> dict[str, np.ndarray]:
    """The predictions of these laws in each cell [axis, …, generation]; NaN where they do not apply."""
    first = at_generation(data, 0)
    shape = tuple(data.sizes[each] for each in axes)
    found = {name: np.full((*shape, data.sizes["generation"]), np.nan) for name in names}
    told_of = {name: _Told.of(data, name, field.default) for name, field in fields().items()}
    told_of |= {name: _Told.of(data, name, data.attrs.get(name, 0)) for name in _THRESHOLDS}
    starts = {name: first[name].mean("replicate") for name in STARTS if name in data}
    start_of = {name: _Told(values.dims, values.values, np.nan) for name, values in starts.items()}
    originals = Originals.of(first)
    for place in np.ndindex(shape):
        cell = _cell(data, told_of, start_of, originals, dict(zip(axes, place, strict=True)))
        for name in names if cell.is_bounded() else ():
            told = LAWS[name][0](cell)
            if told is not None:
                found[name][place] = told
    return found


def _check_fields(data: xr.Dataset) -> None:
    """Raises ValueError unless coordinates give every field that is not at its default; `Originals` finds p0."""
    for field in _TOLD:
        if field not in data.coords:
            refuse_without(field)
    check_told(data, (field for field in fields() if field != "initial"))


@dataclass(frozen=True)
class _Told:
    """A field over all cells: as an array over some of the axes, or a value for all of them."""

    dims: tuple[Hashable, ...]
    values: np.ndarray | None
    otherwise: Any

    @classmethod
    def of(cls, data: xr.Dataset, name: str, otherwise: Any) -> "_Told":
        if name not in data.coords:
            return cls((), None, otherwise)
        return cls(data.coords[name].dims, data.coords[name].values, otherwise)

    def at(self, place: dict[str, int]) -> Any:
        if self.values is None:
            return self.otherwise
        return self.values.item(*(place[str(dim)] for dim in self.dims))


def _cell(
    data: xr.Dataset,
    told_of: dict[str, _Told],
    start_of: dict[str, _Told],
    originals: Originals,
    place: dict[str, int],
) -> KnownCell:
    values = {name: told_of[name].at(place) for name in fields()}
    thresholds = {name: float(told_of[name].at(place)) for name in _THRESHOLDS}
    start = {name: float(told.at(place)) for name, told in start_of.items()}
    return KnownCell(values, start, originals.at(place), data.generation.values, thresholds)


def _collision(cell: KnownCell) -> np.ndarray | None:
    """The expected collision probability by theory, 1 − E H, at each generation; None where no law applies."""
    p0 = _stand_in(cell)
    if p0 is None:
        return None
    samples, g = float(cell.fields["samples"]), cell.generations
    corpus = cell.fields["corpus"]
    remedies = ("mixing", "fresh_fraction", "smoothing", "sample_growth")
    if corpus == "replace" and cell.drifts_with(*remedies):
        given = {name: float(cell.fields[name]) for name in remedies}
        return 1 - mean_heterozygosity(p0, samples=samples, generations=g, **given)
    if corpus == "accumulate" and cell.drifts_with("corpus"):
        return 1 - accumulated_heterozygosity(p0, samples=samples, generations=g)
    if corpus == "window" and cell.drifts_with("corpus"):
        window = int(cell.fields["window"])
        return 1 - window_heterozygosity(p0, samples=samples, window=window, generations=g)
    return None


def _stand_in(cell: KnownCell) -> np.ndarray | None:
    """A p0 for the collision probability, which depends on that of p0 alone, so that any p0 of the same will do.

    Smoothing depends on how many tokens p0 has, too: where that is not known to be all, p0 itself has to be.
    """
    collision, size = cell.start.get("collision_probability", np.nan), int(cell.fields["vocab_size"])
    if not np.isfinite(collision):
        return None
    if float(cell.fields["smoothing"]) > 0 and cell.start.get("support_size") != size:
        return cell.p0
    return _with_collision(collision, size)


def _with_collision(collision: float, size: int) -> np.ndarray:
    """A distribution of so many tokens with this collision probability: one token, and the others alike."""
    if size == 1:
        return np.ones(1)
    first = (1 + np.sqrt((size - 1) * max(size * collision - 1, 0.0))) / size
    return np.append(first, np.full(size - 1, (1 - first) / (size - 1)))


def _temperature(cell: KnownCell) -> np.ndarray | None:
    is_ideal = np.isinf(cell.fields["samples"]) and cell.drifts_with("temperature")
    if not is_ideal or not np.isfinite(cell.start.get("effective_temperature", np.nan)):
        return None
    return effective_temperature(temperature=float(cell.fields["temperature"]), generations=cell.generations)


def _entropy(cell: KnownCell) -> np.ndarray | None:
    """Exact under drift; from uniform, the first order in the size of steps of SGD."""
    if not cell.descends():
        return _of_drift(mean_entropy)(cell)
    rate = float(cell.fields["learning_rate"])
    if rate > _SMALL_STEP or cell.p0 is None or cell.p0.size == 1 or np.ptp(cell.p0) > 0:
        return None
    step = float(mean_entropy_step(cell.p0, learning_rate=rate, batch_size=float(cell.fields["batch_size"])))
    entropy = np.log(cell.p0.size) + step * cell.generations
    return np.where(entropy >= _LEAST_LEFT * np.log(cell.p0.size), entropy, np.nan)


def _of_drift(
    law: Callable[..., np.ndarray], sees: Callable[[KnownCell, np.ndarray], bool] = lambda cell, p0: True
) -> Law:
    """A law that needs p0 and finitely many samples; `sees` says whether what is observed is what the law means."""

    def told(cell: KnownCell) -> np.ndarray | None:
        p0, samples = cell.p0, cell.fields["samples"]
        if p0 is None or np.isinf(samples) or not cell.drifts_with() or not sees(cell, p0):
            return None
        if p0.size * samples * cell.generations.size > MOST_FORETOLD:
            return None
        try:
            return law(p0, samples=int(samples), generations=cell.generations)
        except ValueError:  # more samples or tokens than the law is computed for
            return None

    return told


def _tokens(cell: KnownCell, p0: np.ndarray) -> bool:
    """Whether a token counts as present as long as any sample is of it, and did so at the start."""
    least = cell.thresholds["support_threshold"]
    return least * cell.fields["samples"] < 1 and bool((p0[p0 > 0] > least).all())


def _last_token(cell: KnownCell, p0: np.ndarray) -> bool:
    """Whether a model counts as collapsed when all samples are of one token, and not before."""
    rest = cell.thresholds["collapse_threshold"]
    return rest * cell.fields["samples"] < 1 and bool(1 - p0.max() > rest or p0.max() == 1)


_DRIFT = "update = 'refit' at temperature 1 with finite samples and no remedy such as real data, smoothing or mixing"
_KNOWN = "and a known p0 (a formula or values in the sweep file, or record = { logits = true })"
LAWS: dict[str, tuple[Law, str]] = {
    "collision_probability": (
        _collision,
        "update = 'refit' at temperature 1 (corpus, mixing, fresh_fraction, smoothing and sample_growth are allowed); "
        "with smoothing, also the number of tokens of p0: support_size, or a known p0",
    ),
    "effective_temperature": (_temperature, "update = 'refit' with samples = inf, and a p0 that is not uniform"),
    "support_size": (_of_drift(mean_support_size, _tokens), f"{_DRIFT}, fewer than 1/support_threshold, {_KNOWN}"),
    "entropy": (
        _entropy,
        f"{_DRIFT}, {_KNOWN}; or SGD from uniform, with learning_rate at most {_SMALL_STEP:g}, while little "
        "entropy is lost",
    ),
    "kl_from_initial": (_of_drift(mean_kl_from_initial), f"{_DRIFT}, {_KNOWN}"),
    "collapse_time": (
        _of_drift(collapse_probability, _last_token),
        f"{_DRIFT}, fewer than 1/collapse_threshold, {_KNOWN}",
    ),
    "first_extinction_time": (
        _of_drift(first_extinction_probability, _tokens),
        f"{_DRIFT}, fewer than 1/support_threshold, {_KNOWN}",
    ),
}
