"""Every test is in one tier, and continuous integration runs all tiers."""

import re
from pathlib import Path

from tests.tiers import CLAIMS, SYSTEM, tier_of

TESTS = Path(__file__).parent
FILES = [path.relative_to(TESTS).as_posix() for path in sorted(TESTS.rglob("test_*.py"))]


def test_each_entry_is_there_and_none_is_covered_by_another() -> None:
    entries = [*CLAIMS, *SYSTEM]
    assert all((TESTS / entry).exists() for entry in entries)
    for entry in entries:
        assert not [other for other in entries if other != entry and other.endswith("/") and entry.startswith(other)]


def test_each_tier_has_tests() -> None:
    assert {tier_of(file) for file in FILES} == {"", "claims", "system"}


def test_continuous_integration_runs_all_tiers() -> None:
    """In one session, which chooses none; the other targets choose one each."""
    root = TESTS.parent
    assert "make everything" in (root / ".ci" / "run").read_text()
    recipes = (root / "Makefile").read_text()
    assert re.search(r"^everything: .*\n\t\S+ -m pytest \$\(SIDE_BY_SIDE\)\n\n", recipes, re.MULTILINE)
    for target, chosen in (("test", '"not claims and not system"'), ("claims", "claims"), ("system", "system")):
        assert re.search(rf"^{target}: .*\n\t\S+ -m pytest \$\(SIDE_BY_SIDE\) -m {chosen}\n", recipes, re.MULTILINE)
