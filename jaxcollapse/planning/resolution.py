"""Whether numbers resolve what happens in a cell: where steps are so small that they vanish in the rounding of logits.

A logit z is rounded to ε|z|, ε = 1.2·10⁻⁷ in single precision. A step that is not many times as large is always
rounded the same way, so that errors add up from step to step. With d the change that most steps make, over t steps:

    gradient, B traces    d = η min(p, √(p/B)) for a token of probability p; η min(1, √(pB)) where optimisers normalise
    N = B = ∞             d = η |p − τ_T(p)|, or η where optimisers normalise
    refit, mixing a < 1   d = a, and for N = ∞ a |τ_T(p)/p − 1|

Steps are *not resolved* if ε|z| > d/10 and what is rounded off adds up to a thousandth of a nat,
t·min(d, ε|z|/2) > 10⁻³. A mixing refit to N samples rounds each step alike: there it counts if that is more than a
tenth of what sampling does, t ε|z|/2 > a √(t/(Np))/10. With infinitely many samples it also counts if a logit is at
rest that should move at least a hundredth as fast as the fastest.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from jaxcollapse.parts.cell_kinds import is_refit, samples
from jaxcollapse.parts.slot import Part
from jaxcollapse.planning.library import Library
from jaxcollapse.sweep.display import count, label
from jaxcollapse.sweep.sweep import Sweep
from jaxcollapse.training.optimizers import OPTIMIZERS

_TOKENS = 16  # of a vocabulary that are looked at, from the likeliest to the rarest
_LEAST = 1e-3  # nat, that matter
_TENTH, _HUNDREDTH = 0.1, 0.01


def unresolved(sweep: Sweep, library: Library) -> np.ndarray:
    """The cells, boolean, whose steps the sweep's precision does not resolve. Models of one row, of free tables."""
    grid, found = sweep.grid, np.zeros(sweep.grid.cells, bool)
    plain = grid.has("model", "categorical", "ensemble") & grid.has("parameters", "table")
    plain &= ~(is_refit(grid) & (np.isinf(grid.numbers("steps")) | (grid.numbers("mixing") == 1)))
    for index, entry in enumerate(library.entries):
        cells = np.flatnonzero(plain & (library.index == index))
        if len(cells) and not entry.spec.is_random:
            found[cells] = _rounds_off(sweep, cells, entry.given.logits.reshape(-1))
    return found


def warning(sweep: Sweep, library: Library) -> str | None:
    """What to say of these cells, if there are any."""
    cells = np.flatnonzero(unresolved(sweep, library))
    if not len(cells):
        return None
    first = ", ".join(f"{field} = {label(value)}" for field, value in sweep.grid.cell(int(cells[0])).items())
    of = f", the first at {first}" if first else ""
    better = "; use precision = 'float64'" if sweep.precision == "float32" else ""
    return f"training steps are lost in the rounding of {sweep.precision} in {count(len(cells), 'cell')}{of}{better}"


def _rounds_off(sweep: Sweep, cells: np.ndarray, logits: np.ndarray) -> np.ndarray:
    def of_cells(name: str) -> np.ndarray:
        return sweep.grid.numbers(name)[cells, np.newaxis]

    logits = np.sort(logits[np.isfinite(logits)])[::-1]
    chosen = np.unique(np.linspace(0, len(logits) - 1, min(_TOKENS, len(logits))).astype(int))
    z, log_p = logits[chosen], logits - np.logaddexp.reduce(logits)
    p, drawn = np.exp(log_p)[chosen], samples(sweep.grid)[cells, np.newaxis]
    with np.errstate(all="ignore"):
        temperature = of_cells("temperature")
        tempered = np.stack([np.exp(_tempered(log_p, each))[chosen] for each in temperature[:, 0]])
        refits = np.asarray(is_refit(sweep.grid))[cells, np.newaxis]
        rate = np.where(refits, of_cells("mixing"), of_cells("learning_rate"))
        has_momentum = _chosen(sweep, lambda part: "momentum" in part.arguments)[cells, np.newaxis]
        rate = np.where(~refits & has_momentum, rate / (1 - of_cells("momentum")), rate)
        normalises = _chosen(sweep, lambda part: part.fact("normalises"))[cells, np.newaxis]
        batch = np.where(refits, drawn, np.minimum(drawn, of_cells("batch_size")))
        is_expected = np.isinf(batch)
        drawn_step = np.where(normalises, np.minimum(1, np.sqrt(p * batch)), np.minimum(p, np.sqrt(p / batch)))
        expected_step = np.where(normalises, tempered != p, np.abs(p - tempered))
        expected_step = np.where(refits, np.abs(tempered / p - 1), expected_step)
        step = rate * np.where(is_expected, expected_step, np.where(refits, 1, drawn_step))
        rounding = np.finfo(sweep.precision).eps * np.abs(z)
        steps = sweep.generations * np.where(refits, 1, of_cells("steps"))
        adds_up = steps * np.minimum(step, rounding / 2) > _LEAST
        is_coarse = rounding > _TENTH * step
        by_sampling = rate * np.sqrt(steps / (drawn * p))
        is_coarse = np.where(refits & ~is_expected, steps * rounding / 2 > _TENTH * by_sampling, is_coarse)
        stands_still = (step < rounding / 2) & (step > _HUNDREDTH * step.max(axis=1, keepdims=True))
        return ((adds_up & is_coarse) | (is_expected & stands_still)).any(axis=1) & (rate[:, 0] > 0)


def _chosen(sweep: Sweep, told: Callable[[Part], Any]) -> np.ndarray:
    """The cells whose optimiser fulfils a condition."""
    return sweep.grid.has("optimizer", *OPTIMIZERS.named(told))


def _tempered(log_p: np.ndarray, temperature: float) -> np.ndarray:
    """ln τ_T(p), where ln p is greatest first; near it for T = 0 and ∞."""
    if temperature == 1:
        return log_p
    depth = (log_p - log_p[0]) / np.clip(temperature, 1e-30, 1e30)
    return depth - np.logaddexp.reduce(depth)
