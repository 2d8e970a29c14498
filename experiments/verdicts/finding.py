"""A number that a claim is held to, and the rule that leads from such numbers to a verdict."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jaxcollapse.analysis.mean import mean_interval
from jaxcollapse.analysis.proportion import proportion_interval

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Finding:
    """What was measured in one setting, and what the claim says of it.

    when: the setting, as it goes on after "holds when" or "fails when". quantity: what was measured, with its units.
    measured: estimate, low and high; where nothing is random, three times the same. claimed: the range in which the
    claim wants the number. in_limit: whether samples are infinitely many. theory: what
    `jaxcollapse.theory` says, if it does.
    """

    when: str
    quantity: str
    measured: tuple[float, float, float]
    claimed: tuple[float, float]
    in_limit: bool = False
    theory: float | None = None

    @property
    def holds(self) -> bool | None:
        """Whether the interval lies within what is claimed; None where it lies across an end of it, or is unknown."""
        _, low, high = self.measured
        least, most = self.claimed
        if least <= low and high <= most:
            return True
        return False if high < least or low > most else None


def exactly(value: float) -> tuple[float, float, float]:
    """The interval of a number in which nothing is random."""
    return (float(value),) * 3


def interval(bounds: np.ndarray) -> tuple[float, float, float]:
    """Estimate, low and high from an array of the three."""
    estimate, low, high = np.asarray(bounds, float).tolist()
    return estimate, low, high


def share(holds: np.ndarray) -> tuple[float, float, float]:
    """The share of trajectories for which something holds, with its exact interval."""
    return interval(proportion_interval(np.asarray(holds.sum()), np.asarray(holds.size), CONFIDENCE))


def mean(values: np.ndarray) -> tuple[float, float, float]:
    """The mean over trajectories, with its bootstrap interval."""
    return interval(mean_interval(values, CONFIDENCE))


def of_resamples(values: np.ndarray) -> tuple[float, float, float]:
    """The bootstrap interval of a number, from its estimate and, after it, that of each resample; NaN is left out."""
    tail = (1 - CONFIDENCE) / 2
    return interval(np.append(values[0], np.nanquantile(values[1:], [tail, 1 - tail])))


def reach(bounds: np.ndarray) -> np.ndarray:
    """How far low and high [point, 3] are from the estimate, as error bars want it: [2, point]."""
    return np.abs(bounds[:, 1:] - bounds[:, :1]).T


def verdict(findings: Sequence[Finding]) -> str:
    """The rule. A setting holds if all of its findings do, fails if one of them does, and is undecided otherwise.

    The claim "holds" if all settings do, and "fails" if all do. It "holds in the limit only" if just those settings
    hold that have infinitely many samples. It "holds in the limit" if all of these do and others, which
    are named, as are always the settings in which it fails or is undecided.
    """
    settings = dict.fromkeys(finding.when for finding in findings)
    held: list[str] = []
    failed: list[str] = []
    undecided: list[str] = []
    for when in settings:
        found = [finding.holds for finding in findings if finding.when == when]
        (held if all(found) else failed if False in found else undecided).append(when)
    if len(held) == len(settings):
        return "holds"
    if len(failed) == len(settings):
        return "fails"
    limit = {finding.when for finding in findings if finding.in_limit}
    beyond = [when for when in held if when not in limit]
    if limit and limit <= set(held):
        head = f"holds in the limit, and when {_joined(beyond)}" if beyond else "holds in the limit only"
    else:
        head = _told("holds", held)
    return "; ".join(part for part in (head, _told("fails", failed), _told("undecided", undecided)) if part)


def _told(word: str, settings: list[str]) -> str:
    return f"{word} when {_joined(settings)}" if settings else ""


def _joined(settings: list[str]) -> str:
    *first, last = settings
    return f"{', '.join(first)} or {last}" if first else last
