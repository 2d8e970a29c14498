"""The scale of a quantity in a picture: logarithmic where it spans decades, with a place for ∞."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxcollapse.analysis.crossing import is_logarithmic
from jaxcollapse.analysis.labels import number, power

_DECADES = 6  # that a logarithmic scale has at most; what is smaller is drawn at its lower end
_RATIO = 100  # of the largest to the smallest, from which on the scale is logarithmic


@dataclass(frozen=True)
class Scale:
    """How numbers become places along an axis.

    Attributes:
        low: the lower end of the finite numbers.
        high: the upper end of the finite numbers.
        infinity: where ∞ is drawn; None if no number is infinite.
        is_log: whether the scale is logarithmic.
        is_cut: whether some numbers are below the lower end.
    """

    low: float
    high: float
    infinity: float | None
    is_log: bool
    is_cut: bool

    @classmethod
    def of(cls, values: np.ndarray, *also: float) -> "Scale":
        """The scale for these values, some of them NaN or infinite, with room for further ones."""
        finite, _ = cls._parted(values, also)
        positive = finite[finite > 0]
        is_log = bool(
            finite.min() >= 0 and positive.size and finite.max() >= _RATIO * np.quantile(positive, 0.02, method="lower")
        )
        return cls.logarithmic(values, *also) if is_log else cls.linear(values, *also)

    @classmethod
    def of_axis(cls, values: np.ndarray) -> "Scale":
        """The scale of a sorted numeric axis: also logarithmic if its values are spaced so."""
        return cls.logarithmic(values) if is_logarithmic(values.astype(float)) else cls.of(values)

    @classmethod
    def logarithmic(cls, values: np.ndarray, *also: float) -> "Scale":
        """A logarithmic scale for these values, some of them positive, with room for further ones."""
        finite, has_infinity = cls._parted(values, also)
        positive = finite[finite > 0]
        high = float(finite.max() * 1.3)
        low = float(max(positive.min() / 1.3, high * 10.0**-_DECADES))
        infinity = float(high * (high / low) ** 0.08) if has_infinity else None
        return cls(low, high, infinity, True, bool(finite.min() < low))

    @classmethod
    def linear(cls, values: np.ndarray, *also: float) -> "Scale":
        """A linear scale for these values, however far they range, with room for further ones."""
        finite, has_infinity = cls._parted(values, also)
        width = finite.max() - finite.min() or max(1.0, abs(finite.max()) / 10)
        low, high = float(finite.min() - 0.04 * width), float(finite.max() + 0.04 * width)
        return cls(low, high, high + 0.08 * (high - low) if has_infinity else None, False, False)

    @staticmethod
    def _parted(values: np.ndarray, also: tuple[float, ...]) -> tuple[np.ndarray, bool]:
        """The finite values, at least one, and whether some are infinite."""
        finite = np.append(values[np.isfinite(values)], also).astype(float)
        return finite if finite.size else np.array([0.0, 1.0]), bool(np.isposinf(values).any())

    @classmethod
    def of_shares(cls) -> "Scale":
        """The scale from 0 to 1."""
        return cls(0.0, 1.0, None, False, False)

    def place(self, values: np.ndarray) -> np.ndarray:
        """Where these values are drawn; NaN for those that are not."""
        placed = np.maximum(np.asarray(values, float), self.low) if self.is_log else np.asarray(values, float)
        return np.where(np.isposinf(placed), np.nan if self.infinity is None else self.infinity, placed)

    def dress(self, axis: Any) -> None:
        """Sets scale, ends and ticks of an `XAxis` or `YAxis` of matplotlib."""
        from matplotlib.ticker import FixedLocator, NullLocator

        end = self.high if self.infinity is None else self.infinity
        margin = (end / self.low) ** 0.03 if self.is_log else 0.03 * (end - self.low)
        axis._set_axes_scale("log" if self.is_log else "linear")
        ends = (self.low / margin, end * margin) if self.is_log else (self.low - margin, end + margin)
        (axis.axes.set_xlim if axis.axis_name == "x" else axis.axes.set_ylim)(*ends)
        ticks, labels = self.ticks()
        axis.set_major_locator(FixedLocator(ticks))
        axis.set_minor_locator(NullLocator())
        axis.set_ticks(ticks, labels)

    def ticks(self) -> tuple[list[float], list[str]]:
        """Places of ticks, and their labels."""
        from matplotlib.ticker import LogLocator, MaxNLocator

        locator = LogLocator(numticks=8) if self.is_log else MaxNLocator(6)
        ticks = [float(tick) for tick in locator.tick_values(self.low, self.high) if self.low <= tick <= self.high]
        if self.is_log and len(ticks) < 2:
            ticks = [
                float(tick)
                for tick in LogLocator(subs=(1, 2, 5)).tick_values(self.low, self.high)
                if self.low <= tick <= self.high
            ]
        labels = [f"{tick:.6g}" if not self.is_log or 1e-3 <= tick < 1e5 else power(tick, 1) for tick in ticks]
        if self.is_cut:
            if ticks and ticks[0] < 3 * self.low:
                ticks, labels = ticks[1:], labels[1:]
            ticks, labels = [self.low, *ticks], [f"≤ {number(self.low, 1)}", *labels]
        if self.infinity is not None:
            ticks, labels = [*ticks, self.infinity], [*labels, "∞"]
        return ticks, labels


def generation_ticks(generations: np.ndarray) -> list[int] | None:
    """The ticks of a time axis that is logarithmic from generation 1 on; None if they are spread evenly."""
    last = int(generations.max())
    if len(generations) <= 2 or np.ptp(np.diff(generations)) <= 1 or last <= 20:
        return None
    ticks = [0, *(10**power for power in range(int(np.log10(last)) + 1)), last]
    if len(ticks) > 2 and last < 3 * ticks[-2]:
        ticks.pop(-2)
    return ticks


def dress_generations(axes: Any, generations: np.ndarray) -> None:
    """The time axis: linear if recorded generations are evenly spread, else logarithmic from generation 1 on."""
    first, last = int(generations.min()), int(generations.max())
    axes.set_xlabel("generation")
    if ticks := generation_ticks(generations):
        axes.set_xscale("symlog", linthresh=1)
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.minorticks_off()
    axes.set_xlim(first, max(last, first + 1))
