"""C5: collapse is fewer modes, not a sharper version of the same."""

import numpy as np
import xarray as xr

from experiments.studies import BLACK, BLUE, RED
from experiments.verdicts.claim import Claim, Data
from experiments.verdicts.experiment import measured
from experiments.verdicts.finding import Finding, exactly, mean, share
from jaxcollapse.analysis.plot.figure import Picture
from jaxcollapse.analysis.verdict import TOLERANCE


def run() -> Data:
    """Six languages on few texts at temperature 1, and cooled on infinitely many."""
    return {"languages": measured("one_language")}


def find(data: Data) -> list[Finding]:
    """What is left of the entropy between languages and within them, and whether it can come back."""
    drifted, cooled = _parts(data)
    last = drifted.isel(generation=-1)
    g = int(last.generation)
    few, exact = "texts are few", "the model only cools (N = ∞)"
    gone = _kept(drifted, "persona_entropy").isel(generation=-1).values < 0.1
    within = _kept(drifted, "within_entropy").isel(generation=-1).values
    one = (last.personas_covered == 1).values
    lost = (last.shared_recovery_gap > TOLERANCE).values
    half = int((_kept(cooled, "persona_entropy").isel(replicate=0) <= 0.5).argmax("generation"))
    colder = cooled.isel(replicate=0, generation=half)
    ratio = float(_kept(cooled, "within_entropy").isel(replicate=0, generation=half))
    now = f"after {g} generations"
    return [
        Finding(few, f"share with less than a tenth of the entropy between languages {now}", share(gone), (0.9, 1)),
        Finding(
            few,
            f"entropy within languages kept {now} (mean share)",
            mean(within),
            (0.5, 1),
        ),
        Finding(few, f"share of trajectories with one language {now}", share(one), (0.9, 1)),
        Finding(few, f"share that no sampling temperature brings back {now}", share(lost), (0.9, 1)),
        Finding(
            exact,
            f"entropy within languages kept where half of that between is gone, generation {int(colder.generation)}",
            exactly(ratio),
            (0, 0.5),
            True,
        ),
        Finding(
            exact,
            "greatest recovery gap, one temperature for all [nat]",
            exactly(float(cooled.shared_recovery_gap.max())),
            (0, 0.01),
            True,
        ),
    ]


def draw(data: Data) -> Picture:
    """Both entropies over time, and one against the other."""
    figure = Picture(9.5, 3.9)
    left, right = figure.subplots(1, 2)
    drifted, cooled = _parts(data)
    for cells, colour, told in ((drifted, RED, "30 texts, T = 1"), (cooled, BLUE, "∞ texts, T = 0.98")):
        between, within = (_kept(cells, name) for name in ("persona_entropy", "within_entropy"))
        left.plot(cells.generation, between.mean("replicate"), color=colour, label=f"between, {told}")
        left.plot(cells.generation, within.mean("replicate"), color=colour, ls="--", label=f"within, {told}")
        few = slice(24) if cells.sizes["replicate"] > 1 and colour == RED else slice(1)
        right.plot(
            *(each.isel(replicate=few).transpose("generation", "replicate") for each in (between, within)),
            color=colour,
            lw=1.0 if colour == RED else 2.5,
            alpha=0.5 if colour == RED else 1.0,
        )
        right.plot([], [], color=colour, label=f"{told}: {'one language left' if colour == RED else 'cooling, gap 0'}")
    right.plot([1], [1], "o", color=BLACK, ms=7)
    right.annotate("original", (1, 1), (-8, 5), textcoords="offset points", ha="right", fontsize=9)
    left.set(xlabel="generation", ylabel="entropy kept, mean [1]", ylim=(-0.03, 1.05), xlim=(0, None))
    left.legend(fontsize=8, frameon=False, loc="upper right")
    right.set(xlabel="entropy between languages kept [1]", ylabel="entropy within languages kept [1]")
    right.set(xlim=(1.1, -0.04), ylim=(-0.03, 1.12))
    right.legend(fontsize=8, frameon=False, loc="lower left")
    return figure


def _parts(data: Data) -> tuple[xr.Dataset, xr.Dataset]:
    """The cells that drift, and those that only cool."""
    cells = data["languages"]
    ideal = np.isinf(cells.samples.values)
    return cells.isel(training=int(np.argmin(ideal))), cells.isel(training=int(np.argmax(ideal)))


def _kept(cells: xr.Dataset, name: str) -> xr.DataArray:
    return cells[name] / cells[name].isel(generation=0)


CLAIM = Claim(
    "C5",
    "Mode collapse is a collapse into fewer modes, not a sharper version of the same distribution",
    (
        "`sweeps/one_language.toml`: personas of six languages, refitted on 30 texts of 64 words at T = 1, and cooled "
        "at T = 0.98 on infinitely many texts. Both lose most of the entropy between languages.",
    ),
    "Left: mean entropies. Right: a line is a trajectory; collapse keeps more than half of what is within languages, "
    "cooling does not.",
    run,
    find,
    draw,
    "for six languages, 30 texts in a generation, and cooling at T = 0.98",
)
