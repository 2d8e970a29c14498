"""What each area of docs/agreement.md has to show: the engine agrees, and would not with a formula off by 3 %."""

import re
from collections import defaultdict
from functools import cache

import pytest

from experiments.agreement.areas import AREAS
from experiments.agreement.comparison import Comparison
from tests.conftest import ROOT

SIGMAS = 4.0
OFF = (0.97, 1.03)


@cache
def compared(area: str) -> list[Comparison]:
    return list(AREAS[area]())


@pytest.mark.parametrize("area", AREAS)
def test_the_engine_agrees(area: str) -> None:
    """No |z| above 4."""
    for comparison in compared(area):
        assert abs(comparison.z) <= SIGMAS, comparison


@pytest.mark.parametrize("area", AREAS)
def test_an_error_of_three_percent_would_be_seen(area: str) -> None:
    """For each oracle there is a comparison in which 3 % more or less would be beyond 4 standard errors."""
    seen = defaultdict(list)
    for comparison in compared(area):
        seen[comparison.oracle].append(min(abs(comparison.z_if(factor)) for factor in OFF))
    for oracle, found in seen.items():
        assert max(found) > SIGMAS, f"{oracle}: an error of 3 % gives |z| = {max(found):.1f}"


@pytest.mark.parametrize("area", AREAS)
def test_the_page_shows_what_is_compared(area: str) -> None:
    """The shipped page has these comparisons, with the predictions of the code as it is."""
    page = (ROOT / "docs/agreement.md").read_text(encoding="utf-8")
    section = re.split(r"^## ", page, flags=re.MULTILINE)
    rows = next(part for part in section if part.startswith(f"{area}\n")).splitlines()[4:]
    shown = [tuple(cell.strip() for cell in row.split(" | ")[:3]) for row in rows if row]
    for (name, quantity, predicted), now in zip(shown, compared(area), strict=True):
        assert (name.removeprefix("| "), quantity) == (f"`{now.oracle}`", now.quantity), (
            "run `python -m experiments.agreement`"
        )
        assert float(predicted) == pytest.approx(now.predicted, rel=1e-4), "run `python -m experiments.agreement`"
