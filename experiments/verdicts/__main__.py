"""Runs the experiments, draws their pictures and writes docs/verdicts.md: `python -m experiments.verdicts`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from docs.generate import table
from experiments.studies import PICTURES
from experiments.verdicts.claim import Claim, section
from experiments.verdicts.claims import CLAIMS
from experiments.verdicts.finding import CONFIDENCE, Finding

PAGE = Path(__file__).resolve().parents[2] / "docs/verdicts.md"


def page(found: Mapping[Claim, Sequence[Finding]]) -> str:
    """All verdicts at a glance, then a section for each claim."""
    glance = [(claim.name, claim.text, claim.verdict(findings)) for claim, findings in found.items()]
    lines = [
        "# Verdicts",
        "",
        "Written by `python -m experiments.verdicts`, in somewhat more than a minute on two cores. Five claims about "
        "models that are trained on their own samples, each with the sweep that tests it. Every number and every "
        "verdict is computed from the data, with fixed seeds.",
        "",
        "The rule: for each setting the claim says in which range a number should lie. The claim *holds* there if the "
        f"whole {CONFIDENCE:.0%} interval is inside that range, *fails* if it is outside, and is *undecided* if it "
        "lies across an end. A setting with several numbers holds if all of them do, and fails if one does. A claim "
        "that holds just where samples are infinitely many *holds in the limit only*. A verdict is about what was run, "
        "and no more. Intervals of shares are Clopper "
        "and Pearson's, those of means studentised bootstrap ([analysis](analysis.md)); where nothing is random there "
        "is none, and the number is exact but for rounding. `tests/test_verdicts.py` turns the data around and asks "
        "that the verdicts turn, too. [process.md](process.md) has the notation.",
        "",
        *table(("", "claim", "verdict"), glance),
        "",
    ]
    return "\n".join(lines) + "\n" + "\n".join(section(claim, findings) for claim, findings in found.items())


if __name__ == "__main__":
    told: dict[Claim, list[Finding]] = {}
    for each in CLAIMS:
        data = each.run()
        told[each] = each.find(data)
        each.draw(data).savefig(PICTURES / each.picture, dpi=110)
    PAGE.write_text(page(told), encoding="utf-8")
