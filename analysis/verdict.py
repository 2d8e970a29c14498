"""The last cell of each notebook: a table of what is claimed, whether it holds, and what was measured."""

from collections.abc import Sequence

from IPython.display import Markdown


def table(*claims: tuple[str, bool, str]) -> Markdown:
    """A table with a row for each claim.

    Args:
        claims: the claim, whether it holds, and the numbers that decide it.
    """
    rows = [f"| {claim} | {'holds' if holds else 'does not hold'} | {measured} |" for claim, holds, measured in claims]
    return Markdown("\n".join(["| claim | verdict | measured, with intervals of 95 % |", "|---|---|---|", *rows]))


def bounded(values: Sequence[float]) -> str:
    """An estimate with its interval, to three digits: "0.85 (0.67 to 0.93)"."""
    estimate, low, high = (f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}" for value in values)
    return f"{estimate} ({low} to {high})"
