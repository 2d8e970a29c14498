"""C7: errors of a verifier cost time; which answers survive does not depend on them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from experiments.studies import BLACK, BLUE, RED
from experiments.verdicts.claim import Claim, Data
from experiments.verdicts.experiment import STORY, measured
from experiments.verdicts.finding import Finding, exactly, of_resamples
from jaxcollapse.analysis.plot.figure import Picture

REACHED = 0.9  # accuracy at which trajectories are compared
RATES = {"true_positive_rate": [1.0, 0.9, 0.6], "false_positive_rate": [0.0, 0.5, 0.4]}
_COLOURS = (BLACK, BLUE, RED)
_NEAR = 0.05  # of the entropy when training with a perfect verifier has come as far
_LIMIT, _ADAM = "groups are infinitely many", "Adam takes the steps (G = 16)"
_RESAMPLES = 2000


def run() -> Data:
    """Infinitely many groups; one group in a generation, of three sizes; and another optimiser."""
    found = {_LIMIT: _trained({"learning_rate": 0.05}, replicates=1, record={"every": 5})}
    for size in (4, 16, 64):
        found[f"a group has {size} answers"] = _trained(_group(size))
    found[_ADAM] = _trained({**_group(16), "optimizer": "adam", "learning_rate": 0.03})
    return found


def find(data: Data) -> list[Finding]:
    """The entropy of the right answers on the way, as a multiple of that with a verifier without errors."""
    found: list[Finding] = []
    for when, cells in data.items():
        perfect, *others = (reached(cells.isel(errors=place))[1] for place in range(cells.sizes["errors"]))
        for place, entropy in enumerate(others, 1):
            right, wrong = (float(cells[name][place]) for name in RATES)
            quantity = f"entropy of the right answers at accuracy {REACHED:g}, TPR {right:g} and FPR {wrong:g} (ratio)"
            is_exact = len(entropy) == 1
            measure = exactly(entropy[0] / perfect[0]) if is_exact else _ratio(entropy, perfect)
            found.append(Finding(when, quantity, measure, (1 - _NEAR, 1 + _NEAR), is_exact, theory=1.0))
    return found


def reached(cells: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """When each trajectory first is as accurate as is compared, and its entropy of the right answers then, [replicate].

    Both are interpolated between records; a trajectory that never is has NaN.
    """
    accuracy, entropy = (
        cells[name].transpose("replicate", "generation").values.astype(float)
        for name in ("accuracy", "correct_entropy")
    )
    after = np.argmax(accuracy >= REACHED, axis=1)[:, np.newaxis]
    before = np.maximum(after - 1, 0)
    low, high = (np.take_along_axis(accuracy, place, 1) for place in (before, after))
    weight = np.where(high >= REACHED, (REACHED - low) / np.where(high > low, high - low, 1), np.nan)

    def between(values: np.ndarray) -> np.ndarray:
        first, last = (np.take_along_axis(values, place, 1) for place in (before, after))
        found: np.ndarray = (first + weight * (last - first))[:, 0]
        return found

    when = np.broadcast_to(cells.generation.values.astype(float), accuracy.shape)
    return between(when), between(entropy)


def draw(data: Data) -> Picture:
    """Mean entropy of the right answers over mean accuracy: for infinitely many groups, and for small ones."""
    figure = Picture(9.5, 3.9)
    shown = {_LIMIT: "infinitely many groups", "a group has 4 answers": "one group of 4", _ADAM: "Adam, G = 16"}
    for axis, (when, title) in zip(figure.subplots(1, 3, sharey=True), shown.items(), strict=True):
        cells = data[when].mean("replicate")
        for place, colour in enumerate(_COLOURS):
            one = cells.isel(errors=place)
            right, wrong = (float(one[name]) for name in RATES)
            axis.plot(one.accuracy, one.correct_entropy, color=colour, label=f"TPR {right:g}, FPR {wrong:g}")
            time = np.nanmedian(reached(data[when].isel(errors=place))[0])
            axis.plot([], [], " ", label=f"  accuracy {REACHED:g} after {time:.0f}")
        axis.axvline(REACHED, color="#777777", ls=":", lw=1)
        axis.set(xlabel="accuracy, mean [1]", title=title, ylim=(0, None))
        axis.legend(fontsize=7, frameon=False, loc="lower left")
    figure.axes[0].set_ylabel("entropy of the right answers, mean [nat]")
    return figure


def _group(size: int) -> dict[str, Any]:
    return {"group_size": size, "batch_size": size, "learning_rate": 0.1}


def _trained(process: Mapping[str, Any], **top: Any) -> xr.Dataset:
    """The sweep file's verifiers, on fewer tokens."""
    defaults = {"replicates": 256, "record": {"every": 10}, "observables": ["accuracy", "correct_entropy"]}
    given = {"initial": {**STORY, "top": 64}, **process}
    return measured("verifier_noise", given, {"errors": {"zip": RATES}}, **{**defaults, **top})


def _ratio(entropy: np.ndarray, perfect: np.ndarray) -> tuple[float, float, float]:
    """The ratio of two means over trajectories, with its bootstrap interval."""
    rng = np.random.default_rng(0)

    def means(values: np.ndarray) -> np.ndarray:
        values = values[~np.isnan(values)]
        again = values[rng.integers(0, len(values), (_RESAMPLES, len(values)))].mean(axis=1)
        return np.append(values.mean(), again)

    return of_resamples(means(entropy) / means(perfect))


CLAIM = Claim(
    "C7",
    "Errors of a verifier cost time, and do not change which answers survive",
    (
        "`sweeps/verifier_noise.toml` on the 64 likeliest tokens of SmolLM2, of which the likeliest that together have "
        "half of the probability are right: infinitely many groups; and one group in a generation, 256 trajectories.",
        f"Verifiers are compared where training has come to accuracy {REACHED:g}, whenever that is. The claim is taken "
        f"to hold up to {_NEAR:.0%} of the entropy of the right answers.",
        "Theory: in the mean the path depends on the rates of errors only by its clock.",
    ),
    f"Mean entropy of the right answers over mean accuracy, and the median generation of accuracy {REACHED:g}. Where "
    "lines lie on each other, errors cost time alone.",
    run,
    find,
    draw,
    "for right answers among the 64 likeliest tokens of one prompt",
)
