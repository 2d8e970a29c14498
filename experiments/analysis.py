"""Draws the pictures of docs/analysis.md into docs/pictures: `python -m experiments.analysis`."""

from experiments.studies import PICTURES, measured
from jaxcollapse.analysis import Plots
from jaxcollapse.theory import refit_control

if __name__ == "__main__":
    quickstart, drift = Plots(measured("quickstart")), Plots(measured("wright_fisher"))
    fixation = Plots(measured("fixation"))
    figures = {
        "recovery": quickstart.recovery(hue="temperature", panels="learning_rate"),
        "trajectories": quickstart.trajectories("entropy", hue="batch_size", panels="learning_rate", temperature=1.0),
        "theory": drift.theory("collision_probability", temperature=1.0),
        "scaling": fixation.scaling("mode_is_original", "temperature", refit_control, curves=["samples"]),
        "importance": quickstart.importance("entropy"),
    }
    for name, figure in figures.items():
        figure.savefig(PICTURES / f"{name}.png", dpi=90)
