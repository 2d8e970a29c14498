"""Draws the pictures of docs/analysis.md into docs/pictures: `python -m docs.analysis`."""

from docs.studies import PICTURES, measured
from jaxcollapse.analysis import Plots

if __name__ == "__main__":
    quickstart, drift = Plots(measured("quickstart")), Plots(measured("wright_fisher"))
    figures = {
        "recovery": quickstart.recovery(hue="temperature", panels="learning_rate"),
        "trajectories": quickstart.trajectories("entropy", hue="batch_size", panels="learning_rate", temperature=1.0),
        "theory": drift.theory("collision_probability", temperature=1.0),
    }
    for name, figure in figures.items():
        figure.savefig(PICTURES / f"{name}.png", dpi=90)
