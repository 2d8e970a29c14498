"""Simulates what papers say, draws the pictures and writes docs/published.md: `python -m experiments.published`."""

from collections.abc import Sequence
from pathlib import Path

from experiments.published.paper import section
from experiments.published.papers import PAPERS
from experiments.studies import PICTURES

PAGE = Path(__file__).resolve().parents[2] / "docs/published.md"


def page(sections: Sequence[str]) -> str:
    """An introduction, then a section for each paper."""
    lines = [
        "# Published results, reproduced",
        "",
        "Written by `python -m experiments.published`, which takes four minutes on two cores. This page simulates "
        "formulas from four papers on training with rewards, with the engine and fixed seeds. All numbers are "
        "computed; only the formulas are the papers'.",
        "",
        "*z* is the simulated number less the formula's, in standard errors over trajectories. A formula for large "
        "groups is a limit; *mean over such groups* is the same law for the G that was simulated, by "
        "`theory.policy_gradient_step`, and *z of such groups* is the difference from that. "
        "`tests/test_published.py` runs fewer trajectories and asks that no |z| is above 4 where the assumptions "
        "hold, and that an error of 3% of each formula would be seen. [process.md](process.md#3-train) explains the "
        "notation, [agreement.md](agreement.md) compares all other formulas.",
    ]
    return "\n".join(lines) + "\n\n" + "\n".join(sections)


if __name__ == "__main__":
    sections = []
    for paper in PAPERS:
        data = paper.run(1)
        sections.append(section(paper, data))
        paper.draw(data).savefig(PICTURES / paper.picture, dpi=110)
    PAGE.write_text(page(sections), encoding="utf-8")
