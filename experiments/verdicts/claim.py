"""A claim, how it is tested, and its section of the page."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import xarray as xr

from docs.generate import table
from experiments.verdicts.finding import CONFIDENCE, Finding, verdict
from jaxcollapse.analysis.plot.figure import Picture

Data = Mapping[str, xr.Dataset]
_SMALL = 1e-6  # what is smaller is rounding, which differs between processors


@dataclass(frozen=True)
class Claim:
    """What is claimed, and what it takes to see whether it is true.

    name: "C1" and so on, or "C1 in transformers". text: the claim, a sentence. experiments: for each sweep what
    is run, and with which changes. caption: of the picture. run: computes the datasets. find: what they say, which is
    all that the page tells from. draw: the picture of the datasets. scope: of what the verdict is, where its settings
    do not say it.
    """

    name: str
    text: str
    experiments: Sequence[str]
    caption: str
    run: Callable[[], Data]
    find: Callable[[Data], list[Finding]]
    draw: Callable[[Data], Picture]
    scope: str = ""

    @property
    def picture(self) -> str:
        """The file name of the picture."""
        return f"verdict_{self.name.lower().replace(' ', '_')}.png"

    def verdict(self, findings: Sequence[Finding]) -> str:
        """The verdict, and its scope."""
        return f"{verdict(findings)} {self.scope}".rstrip()


def section(claim: Claim, findings: Sequence[Finding]) -> str:
    """The section of the page about a claim: experiments, picture, numbers, verdict."""
    rows = [
        (
            finding.when,
            finding.quantity,
            number(finding.measured[0]),
            _interval(finding),
            "" if finding.theory is None else number(finding.theory),
            _range(*finding.claimed),
            {True: "yes", False: "no", None: "undecided"}[finding.holds],
        )
        for finding in findings
    ]
    heads = ("setting", "quantity", "measured", f"{CONFIDENCE:.0%} interval", "theory", "claimed", "holds")
    return "\n".join(
        [
            f"## {claim.name}. {claim.text}",
            "",
            *(f"- {experiment}" for experiment in claim.experiments),
            "",
            f"![{claim.caption}](pictures/{claim.picture})",
            "",
            f"*{claim.caption}*",
            "",
            *table(heads, rows),
            "",
            f"**{claim.name} {claim.verdict(findings)}.**",
            "",
        ]
    )


def number(value: float) -> str:
    """A number with three digits; what rounding leaves is told as a bound."""
    if math.isinf(value):
        return "∞"
    if 0 < abs(value) < _SMALL:
        return "below 10⁻⁶"
    return f"{value:.3g}"


def _interval(finding: Finding) -> str:
    estimate, low, high = finding.measured
    return "exact" if estimate == low == high else f"{number(low)} to {number(high)}"


def _range(least: float, most: float) -> str:
    if least == most:
        return number(least)
    return f"{number(least)} to {number(most)}"
