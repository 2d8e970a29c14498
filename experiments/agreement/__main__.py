"""Simulates what theory predicts, and writes docs/agreement.md: `python -m experiments.agreement`."""

from pathlib import Path

import numpy as np

from docs.generate import table
from experiments.agreement.areas import AREAS
from experiments.agreement.comparison import ROUNDING, Comparison

PAGE = Path(__file__).resolve().parents[2] / "docs/agreement.md"


def page(areas: dict[str, list[Comparison]]) -> str:
    """The table, area by area."""
    every = [comparison for area in areas.values() for comparison in area]
    worst = max(abs(comparison.z) for comparison in every)
    lines = [
        "# Theory and simulation",
        "",
        "Written by `python -m experiments.agreement`, in about a minute on two cores: each function of "
        "[theory](theory.md) beside the engine, with fixed seeds. z is the difference in standard errors; where a "
        "function is a limit and not exact, first the bound of its own error is taken off. Where nothing is random, a "
        f"relative {ROUNDING:g} is allowed for in place of the standard error. `tests/theory` runs the same and asks "
        "that no |z| is above 4, and that each function would be found out by an error of 3 %.",
        "",
        f"{len(every)} comparisons of {len({comparison.oracle for comparison in every})} functions; the largest |z| is "
        f"{worst:.2f}, the root of the mean z² of what is random and exact {_spread(every):.2f}.",
    ]
    for name, area in areas.items():
        rows = [
            (
                f"`{comparison.oracle}`",
                comparison.quantity,
                f"{comparison.predicted:.6g}",
                f"{comparison.measured:.6g}",
                f"{comparison.error:.2g}",
                f"{comparison.bound:.2g}" if comparison.bound else "",
                f"{round(comparison.z, 2) + 0.0:.2f}",
            )
            for comparison in area
        ]
        heads = ("function", "quantity", "predicted", "simulated", "standard error", "bound", "z")
        lines += ["", f"## {name}", "", *table(heads, rows)]
    return "\n".join(lines) + "\n"


def _spread(comparisons: list[Comparison]) -> float:
    squares = [
        comparison.z**2
        for comparison in comparisons
        if not comparison.bound and comparison.error > 2 * ROUNDING * abs(comparison.predicted)
    ]
    return float(np.sqrt(np.mean(squares)))


if __name__ == "__main__":
    PAGE.write_text(page({name: list(compare()) for name, compare in AREAS.items()}), encoding="utf-8")
