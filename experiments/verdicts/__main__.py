"""Runs the experiments, draws their pictures and writes docs/verdicts.md: `python -m experiments.verdicts`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from docs.generate import table
from experiments.studies import PICTURES
from experiments.verdicts.claim import Claim, section
from experiments.verdicts.claims import CLAIMS, IN_TRANSFORMERS
from experiments.verdicts.finding import CONFIDENCE, Finding

PAGE = Path(__file__).resolve().parents[2] / "docs/verdicts.md"


def page(found: Mapping[Claim, Sequence[Finding]]) -> str:
    """All verdicts at a glance, then a section for each claim."""
    glance = [(claim.name, claim.text, claim.verdict(findings)) for claim, findings in found.items()]
    lines = [
        "# Verdicts",
        "",
        "Written by `python -m experiments.verdicts`, which takes six minutes on two cores. This page "
        "tests eight claims about models that are trained on their own samples, with sweep files, and five of them "
        "again in [transformers](sequences.md). Every number and every verdict is computed from the data, with fixed "
        "seeds.",
        "",
        "For each setting a claim gives a range, and a number is measured. The claim *holds* if the whole "
        f"{CONFIDENCE:.0%} interval of the number is inside the range. It *fails* if the interval is outside, and is "
        "*undecided* if it crosses an end. A setting with several numbers holds if all of them do, and fails if one "
        "fails. A claim that holds only with infinitely many samples *holds in the limit only*. A verdict applies to "
        "what was run, and no more. Shares have Clopper–Pearson intervals, means have studentised bootstrap intervals "
        "([analysis](analysis.md)). Where nothing is random there is no interval, and the number is exact up to "
        "rounding. `tests/test_verdicts.py` changes the data so that a claim becomes false, and checks that its "
        "verdict changes as well. [process.md](process.md) explains the notation.",
        "",
        *table(("", "claim", "verdict"), glance),
        "",
    ]
    return "\n".join(lines) + "\n" + "\n".join(section(claim, findings) for claim, findings in found.items())


if __name__ == "__main__":
    told: dict[Claim, list[Finding]] = {}
    for each in (*CLAIMS, *IN_TRANSFORMERS):
        data = each.run()
        told[each] = each.find(data)
        each.draw(data).savefig(PICTURES / each.picture, dpi=110)
    PAGE.write_text(page(told), encoding="utf-8")
