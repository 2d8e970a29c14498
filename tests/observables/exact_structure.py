"""What models of several rows are, in float64 NumPy, straight from the definitions."""

from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy import special

from jaxcollapse.walks.persona import Persona
from tests.observables.structured import SAMPLES, Case, Several
from tests.reference.laws import TINY, entropy, kl, log
from tests.reference.order import left, order_gap, smoothed
from tests.reference.tempering import Nearest, nearest, nearest_common


def markov_places(table: np.ndarray, trace_length: int, end_token: int) -> tuple[np.ndarray, np.ndarray]:
    """How often a trace is at each token, and how often it goes on from there: by powers of the chain."""
    first, chain = special.softmax(table[0]), special.softmax(table[1:], axis=1)
    going_on = np.arange(len(chain)) != end_token
    laws = [first @ np.linalg.matrix_power(going_on[:, None] * chain, place) for place in range(trace_length)]
    return np.sum(laws, axis=0), going_on * np.sum(laws[:-1], axis=0)


def visits(walk: Several, table: np.ndarray, trace_length: int, end_token: int) -> np.ndarray:
    """Tokens of a trace that are drawn from each row."""
    if isinstance(walk, Persona):
        return np.append(1, trace_length * special.softmax(table[0])[: walk.personas])
    learned = walk.first_token == "learned"
    return np.append(float(learned), markov_places(table, trace_length, end_token)[1])


def marginal(walk: Several, table: np.ndarray, trace_length: int, end_token: int) -> np.ndarray:
    """The law of a token of a trace at a place chosen at random."""
    if isinstance(walk, Persona):
        return special.softmax(table[0])[: walk.personas] @ special.softmax(table[1:], axis=1)
    occupied = markov_places(table, trace_length, end_token)[0]
    return occupied / occupied.sum()


class Exact:
    """A case in float64."""

    def __init__(self, walk: Several, case: Case):
        self.walk = walk
        self.start, self.given, self.now = (np.asarray(each, float) for each in case[:3])
        self.visited, self.numbers = case.visited, case[4:]
        self.log_start, self.log_rows = special.log_softmax(self.start, axis=1), special.log_softmax(self.now, axis=1)
        self.visits, self.start_visits = (visits(walk, each, *self.numbers) for each in (self.now, self.start))

    @cached_property
    def marginals(self) -> tuple[np.ndarray, np.ndarray]:
        """Of p0 and of p."""
        return marginal(self.walk, self.start, *self.numbers), marginal(self.walk, self.now, *self.numbers)

    @cached_property
    def shares(self) -> np.ndarray:
        """Of the contexts in tokens drawn in one."""
        inside = self.visits[1:]
        return inside / inside.sum() if inside.any() else inside

    @cached_property
    def start_shares(self) -> np.ndarray:
        """The same of p0."""
        inside = self.start_visits[1:]
        return inside / inside.sum() if inside.any() else inside

    @cached_property
    def tempered(self) -> np.ndarray:
        """The rows that the sampling temperature of the process applies to."""
        is_chooser = np.arange(len(self.start)) == 0
        on = self.walk.temperature_on if isinstance(self.walk, Persona) else "both"
        return {"both": is_chooser | ~is_chooser, "chooser": is_chooser, "tokens": ~is_chooser}[on]

    @cached_property
    def common(self) -> Nearest:
        return self._nearest(self.log_start, self.now, self.start_visits)

    @cached_property
    def from_start(self) -> Nearest:
        return self._nearest(self.log_rows, self.start, self.visits)

    @cached_property
    def smoothed_back(self) -> Nearest:
        """Only what is left can be brought back, so that it alone decides on the temperature."""
        kept = np.stack([left(*rows) for rows in zip(self.log_start, self.now, strict=True)])
        masses = np.where(np.isfinite(kept), np.exp(self.log_start), 0).sum(axis=1)
        return self._nearest(kept, self.now, self.start_visits * masses)

    def smoothed_loss(self, temperature: float = 1.0) -> float:
        """The mean loss of rows that are sampled at a temperature, if the process has one for them, and smoothed."""
        weights = self.start_visits / self.start_visits.sum()

        def loss(row: int) -> float:
            at = temperature if self.tempered[row] else 1.0
            return kl(self.log_start[row], smoothed(self.log_start[row], self.now[row], SAMPLES, at))

        return _mean(weights, loss)

    def _nearest(self, log_target: np.ndarray, base: np.ndarray, visits: np.ndarray) -> Nearest:
        """One temperature for the tempered rows; the others have none to choose."""
        weights, log_base = visits / max(visits.sum(), TINY), special.log_softmax(base, axis=1)
        rest = _mean(np.where(self.tempered, 0, weights), lambda row: kl(log_target[row], log_base[row]))
        nearest = nearest_common(log_target, base, np.where(self.tempered, weights, 0))
        return Nearest(nearest.temperature if np.isfinite(rest) else np.nan, nearest.gap + rest, rest)


def _mean(weights: np.ndarray, value: Callable[[int], float]) -> float:
    """Σ weights · value, over rows that have weight."""
    return float(sum(weights[row] * value(row) for row in np.flatnonzero(weights > 0)))


def _mutual_information(e: Exact) -> float:
    """Of the joint law of context and token."""
    joint = e.shares[:, None] * np.exp(e.log_rows[1:])
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    held = joint > 0
    return float((joint[held] * np.log(joint[held] / apart[held])).sum())


def _excess(e: Exact) -> float:
    weights, log_q = visits(e.walk, e.given, *e.numbers), special.log_softmax(e.given, axis=1)
    return _mean(weights / weights.sum(), lambda row: kl(log_q[row], e.log_rows[row]))


def _drift(e: Exact) -> float:
    rows = [r for r in range(len(e.start)) if not e.visited[r] and np.isfinite(e.start[r]).sum() > 1]
    return float(np.mean([kl(e.log_start[r], e.log_rows[r]) for r in rows])) if rows else np.nan


def _loss(e: Exact) -> float:
    weights = e.start_visits / e.start_visits.sum()
    return _mean(weights, lambda row: kl(e.log_start[row], e.log_rows[row]))


def _smoothed_gap(e: Exact) -> float:
    temperature = e.smoothed_back.temperature
    return e.smoothed_loss(1.0 if np.isnan(temperature) else min(temperature, 1e30))


def _order_gap(e: Exact) -> float:
    weights = e.start_visits / e.start_visits.sum()
    return _mean(weights, lambda row: order_gap(e.log_start[row], e.now[row]))


def _uniform_loss(e: Exact) -> float:
    weights = e.start_visits / e.start_visits.sum()
    return _mean(
        weights, lambda row: float(np.log(np.isfinite(e.start[row]).sum()) - entropy(np.exp(e.log_start[row])))
    )


def _modes_kept(e: Exact) -> float:
    weights = e.start_visits / e.start_visits.sum()
    modes = [[set(np.flatnonzero(row == row.max())) for row in table] for table in (e.start, e.now)]
    return _mean(weights, lambda row: float(bool(modes[0][row] & modes[1][row])))


def _row_gap(e: Exact) -> float:
    weights = e.start_visits / e.start_visits.sum()

    def gap(row: int) -> float:
        return nearest(e.log_start[row], e.now[row]).gap if e.tempered[row] else kl(e.log_start[row], e.log_rows[row])

    return _mean(weights, gap)


def masses(table: np.ndarray, walk: Several) -> np.ndarray:
    assert isinstance(walk, Persona)
    return special.softmax(table[0])[: walk.personas]


class Definition(NamedTuple):
    """What an observable is, and how closely float32 has it: in absolute terms, of the root, or by levels."""

    value: Callable[[Exact], float | np.ndarray]
    is_divergence: bool = False
    by_levels: bool = False


DEFINITIONS: dict[str, Definition] = {
    "within_entropy": Definition(lambda e: _mean(e.shares, lambda row: entropy(np.exp(e.log_rows[1 + row])))),
    "mutual_information": Definition(_mutual_information, True),
    "within_divergence": Definition(
        lambda e: _mean(e.shares, lambda row: kl(e.log_rows[1 + row], e.log_start[1 + row])), True
    ),
    "between_divergence": Definition(lambda e: kl(log(e.shares), log(e.start_shares)), True),
    "shared_kl_to_initial": Definition(_loss, True),
    "row_recovery_gap": Definition(_row_gap, True),
    "shared_recovery_gap": Definition(lambda e: e.common.gap, True),
    "shared_recovery_temperature": Definition(lambda e: e.common.temperature),
    "shared_effective_temperature": Definition(lambda e: e.from_start.temperature),
    "shared_tempering_gap": Definition(lambda e: e.from_start.gap, True),
    "shared_smoothed_kl_to_initial": Definition(lambda e: e.smoothed_loss(), True),
    "shared_smoothed_recovery_gap": Definition(_smoothed_gap, True),
    "shared_smoothed_recovery_temperature": Definition(lambda e: e.smoothed_back.temperature),
    "shared_order_gap": Definition(_order_gap, by_levels=True),
    "shared_uniform_kl_to_initial": Definition(_uniform_loss),
    "shared_mode_is_original": Definition(_modes_kept),
    "excess_log_loss": Definition(_excess, True),
    "unvisited_drift": Definition(_drift, True),
    "persona_mass": Definition(lambda e: masses(e.now, e.walk)),
    "persona_entropy": Definition(lambda e: entropy(masses(e.now, e.walk))),
    "personas_covered": Definition(lambda e: int((masses(e.now, e.walk) > masses(e.start, e.walk) / 10).sum())),
    "entropy": Definition(lambda e: entropy(e.marginals[1])),
    "kl_to_initial": Definition(lambda e: kl(*(log(p) for p in e.marginals)), True),
}
