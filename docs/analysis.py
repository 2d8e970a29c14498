"""Draws the pictures of docs/analysis.md into docs/pictures: `python -m docs.analysis`."""

from pathlib import Path

import jaxcollapse as jc
from jaxcollapse.analysis import Plots

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs/pictures"


def plots(name: str) -> Plots:
    """Pictures of the result of a shipped sweep, run if need be."""
    return Plots(jc.run(jc.Sweep.from_toml(ROOT / f"sweeps/{name}.toml"), ROOT / f"results/{name}"))


if __name__ == "__main__":
    quickstart, drift = plots("quickstart"), plots("wright_fisher")
    figures = {
        "recovery": quickstart.recovery(hue="temperature", panels="learning_rate"),
        "trajectories": quickstart.trajectories("entropy", hue="batch_size", panels="learning_rate", temperature=1.0),
        "theory": drift.theory("collision_probability", temperature=1.0),
    }
    for name, figure in figures.items():
        figure.savefig(PICTURES / f"{name}.png", dpi=90)
