"""Runs the sweeps that docs/studies.md tells of, and draws them into docs/pictures: `python -m experiments.studies`.

Names of sweeps may follow; without any, all are drawn. Results are kept in `results`, from which the next call goes on.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import jaxcollapse as jc

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs/pictures"
# Okabe and Ito's colours, which colour-blind readers tell apart; lines differ in style, too.
BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, RED, PINK = (
    "#000000",
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#F0E442",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
)
LANGUAGES = {
    "en": ("English", BLUE),
    "vi": ("Vietnamese", RED),
    "de": ("German", GREEN),
    "tr": ("Turkish", PINK),
    "es": ("Spanish", SKY),
    "id": ("Indonesian", YELLOW),
}
LEARNED = ("English", "French", "German", "Spanish", "Swahili", "Vietnamese")  # by sweeps/six_languages.toml, in turns
STYLES: tuple[dict[str, Any], ...] = (
    {"color": BLACK, "linestyle": "-"},
    {"color": BLUE, "linestyle": "--"},
    {"color": RED, "linestyle": "-."},
    {"color": SKY, "linestyle": ":"},
    {"color": ORANGE, "linestyle": (0, (5, 1, 1, 1, 1, 1))},
    {"color": GREEN, "linestyle": (0, (8, 2))},
)
HALF = 0.5  # of the original entropy, where tables that cool at different speeds are compared
_LOSSES = ("shared_kl_to_initial", "shared_recovery_gap")  # of models of several rows, in nat
SMALLEST, LOST = 1e-5, 20.0  # least gap that is drawn, and where an infinite one is


def measured(name: str) -> xr.Dataset:
    """The result of a shipped sweep, run if need be."""
    return jc.run(jc.Sweep.from_toml(ROOT / f"sweeps/{name}.toml"), ROOT / f"results/{name}").load()


def at_level(data: xr.Dataset, wanted: str, level: float) -> float:
    """An observable of one trajectory where the entropy within contexts first falls to this share of the original."""
    entropy = data.within_entropy.values / data.within_entropy.values[0]
    after = int(np.argmax(entropy <= level))
    if entropy[after] > level:
        return float("nan")
    share = (entropy[after - 1] - level) / (entropy[after - 1] - entropy[after])
    before, then = data[wanted].values[[after - 1, after]]
    return float(before + share * (then - before))


def personas(data: xr.Dataset) -> Any:
    """Masses of the languages in three trajectories, beside the entropy of all."""
    figure = _figure(11, 3.9)
    axes = figure.subplots(1, 4, width_ratios=[1, 1, 1, 1.6])
    few, end = data.persona_mass.sel(temperature=1.0, samples=100), int(data.generation[-1])
    for number, axis in enumerate(axes[:3]):
        masses = few.isel(replicate=number).transpose("persona", "generation")
        names, colours = zip(*(LANGUAGES[str(code)] for code in masses.persona.values), strict=True)
        areas = axis.stackplot(
            masses.generation, masses.values, colors=colours, labels=names, edgecolor="white", linewidth=0.6
        )
        axis.set(title=f"trajectory {number + 1}", xlabel="generation", ylim=(0, 1), xlim=(0, end))
        axis.set_yticks([0, 0.5, 1], ["0", "0.5", "1"] if number == 0 else [])
    axes[0].set_ylabel("mass of each language [1]")
    lines = {0.9: "--", 1.0: "-", 1.1: ":"}
    for colour, samples in zip((ORANGE, SKY, BLACK), data.samples.values, strict=True):
        for temperature, line in lines.items():
            mean = data.persona_entropy.sel(temperature=temperature, samples=samples).mean("replicate")
            axes[3].plot(data.generation, mean, color=colour, linestyle=line, linewidth=1.8)
        axes[3].plot([], [], color=colour, linewidth=4, label=f"N = {samples}")
    for temperature, line in lines.items():
        axes[3].plot([], [], color=BLACK, linestyle=line, label=f"T = {temperature}")
    axes[3].set(title=f"mean of {data.sizes['replicate']} trajectories", xlabel="generation")
    axes[3].set(ylabel="entropy of personas [nat]", xlim=(0, end), ylim=(0, 1.9))
    axes[3].legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    figure.legend(areas, names, loc="outside lower left", ncols=6, frameon=False, fontsize=9)
    figure.suptitle("T = 1, N = 100 texts in a generation", x=0.33, fontsize=10)
    return figure


def markov(data: xr.Dataset) -> Any:
    """How much a chain tells, how its texts repeat themselves, and what it has lost."""
    figure = _figure(10, 7.4)
    axes = figure.subplots(3, data.sizes["temperature"], sharex=True, sharey="row")
    median = data.median("replicate")
    for column, temperature in zip(axes.T, data.temperature.values, strict=True):
        for style, training in zip(STYLES, data.training.values, strict=False):
            here = median.sel(temperature=temperature, training=training)
            column[0].plot(data.generation, here.entropy_rate, **style, label=_training(here))
            column[1].plot(data.generation, here.longest_repeat, **style)
            gap = here.shared_recovery_gap.clip(SMALLEST, LOST)
            column[2].plot(data.generation, gap.where(gap < LOST), **style)
            column[2].plot(data.generation, gap.where(gap == LOST), **style)
        column[0].set_title(f"T = {temperature}")
        column[2].set(yscale="log", ylim=(SMALLEST / 2, 2 * LOST))
        column[2].set_yticks([SMALLEST, 1e-3, 1e-1, LOST], ["≤ 10⁻⁵", "10⁻³", "10⁻¹", "∞"])
        _time(column[2], [0, 1, 10, 100])
    axes[0, 0].set_ylabel("entropy rate [nat]")
    axes[1, 0].set_ylabel("longest repeat\nin 32 tokens [1]")
    axes[2, 0].set_ylabel("gap at the best sampling\ntemperature [nat]")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False)
    return figure


def _training(cell: xr.Dataset) -> str:
    """What a chain is trained by, and on how many texts."""
    number = "∞" if np.isinf(cell.samples) else f"{int(cell.samples)}"
    return f"{'fit' if cell['update'] == 'refit' else 'SGD'}, {number} texts"


def low_rank(data: xr.Dataset) -> Any:
    """The gap on the way, and against rank where half the entropy is gone."""
    figure = _figure(9.5, 4)
    way, ranks = figure.subplots(1, 2)
    cold, still = (data.sel(temperature=t).squeeze("replicate") for t in (0.9, 1.0))
    number = data.sizes["family"]
    shades = ["#bbbbbb", "#999999", "#666666", "#333333", "#000000", RED, BLUE]
    lines = ["-"] * (number - 2) + ["--", ":"]
    for family in range(number):
        here = cold.isel(family=family)
        style = {"color": shades[family], "linestyle": lines[family], "linewidth": 1.8}
        left = here.within_entropy / here.within_entropy[0]
        way.plot(left, here.shared_recovery_gap, **style, label=_family(here))
    way.set(xlim=(1, 0.2), ylim=(-0.003, 0.1), xlabel="entropy within contexts, as a share of the original [1]")
    way.set(ylabel="gap at the best sampling temperature [nat]", title="T = 0.9, on the way")
    way.legend(fontsize=8, frameon=False)
    for name, marker, label in (
        ("shared_recovery_gap", "o", "recovery"),
        ("shared_tempering_gap", "s", "tempering"),
        ("row_recovery_gap", "^", "recovery, row by row"),
    ):
        gaps = [at_level(cold.isel(family=family), name, HALF) for family in range(number)]
        ranks.plot(range(number - 2), gaps[:-2], color=BLACK, marker=marker, label=f"T = 0.9, {label}")
        ranks.plot([number - 2, number - 1], gaps[-2:], color=BLACK, marker=marker, linestyle="")
        controls = [float(still[name].isel(family=family).max()) for family in range(number)]
        ranks.plot(
            range(number), controls, color=ORANGE, marker=marker, linestyle="", label=f"T = 1, {label}", alpha=0.8
        )
    names = [_family(cold.isel(family=family)).replace("rank ", "") for family in range(number)]
    ranks.set_xticks(range(number), [name.replace(", ", ",\n") for name in names])
    ranks.set(xlabel="rank", ylim=(-0.002, 0.045), ylabel="gap [nat]", title="where half of that entropy is gone")
    ranks.legend(fontsize=8, frameon=False, ncols=2)
    return figure


def _family(cell: xr.Dataset) -> str:
    """What a table is made from, and how it is trained if that is not by gradient flow."""
    if cell.parameters == "lowrank":
        return f"rank {int(cell['rank'])}"
    return "table" if cell["update"] == "gradient" else "table, fitted"


def accumulate(data: xr.Dataset) -> Any:
    """Entropy where older samples are kept, and where they are not."""
    figure = _figure(9.5, 3.6)
    axes = figure.subplots(1, data.sizes["temperature"], sharey=True)
    names = {"replace": "replaced", "window": "kept for 4 generations", "accumulate": "all kept"}
    for axis, temperature in zip(axes, data.temperature.values, strict=True):
        for style, corpus in zip(STYLES, data.corpus.values, strict=False):
            entropy = data.entropy.sel(temperature=temperature, corpus=corpus)
            low, high = entropy.quantile([0.1, 0.9], "replicate").values
            axis.fill_between(data.generation, low, high, color=style["color"], alpha=0.2, linewidth=0)
            axis.plot(data.generation, entropy.mean("replicate"), **style, label=names[str(corpus)])
        _time(axis, [0, 1, 10, 100, 400])
        axis.set_title(f"T = {temperature}")
    axes[0].set_ylabel("entropy [nat]")
    axes[0].legend(fontsize=8, frameon=False, loc="lower left", title="samples are", title_fontsize=8)
    return figure


def truncation(data: xr.Dataset) -> Any:
    """Entropy and support under truncated sampling."""
    figure = _figure(9, 5.6)
    axes = figure.subplots(2, 2, sharex=True, sharey="row")
    mean = data.mean("replicate")
    for column, samples in zip(axes.T, data.samples.values, strict=True):
        for style, cut in zip(STYLES, data.truncation.values, strict=False):
            here = mean.sel(samples=samples, truncation=cut)
            column[0].plot(data.generation, here.entropy, **style, label=_cut(here))
            column[1].plot(data.generation, here.support_size, **style)
        column[0].set_title("N = ∞" if np.isinf(samples) else f"N = {int(samples)}")
        column[1].set(yscale="log", yticks=[1, 4, 16, 64, 256])
        column[1].set_yticklabels(["1", "4", "16", "64", "256"])
        column[1].minorticks_off()
        _time(column[1], [0, 1, 10, 100])
    axes[0, 0].set_ylabel("entropy [nat]")
    axes[1, 0].set_ylabel("support size [1]")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize=9)
    return figure


def _cut(cell: xr.Dataset) -> str:
    """The truncation that a cell has."""
    off = {"top_k": np.inf, "top_p": 1.0, "min_p": 0.0}
    return ", ".join(f"{name} = {float(cell[name]):g}" for name in off if cell[name] != off[name]) or "none"


def shakespeare(data: xr.Dataset) -> Any:
    """What transformers lose of the text, and what is left of that at the best temperature."""
    figure = _figure(10, 5.6)
    axes = figure.subplots(2, data.sizes["learning_rate"], sharex=True, sharey=True)
    verdicts, median = data.collapse.classify().words(), data.median("replicate")
    for row, temperature in zip(axes, data.temperature.values, strict=True):
        for axis, rate in zip(row, data.learning_rate.values, strict=True):
            for colour, batch in zip((RED, BLUE), data.batch_size.values, strict=True):
                place = {"temperature": temperature, "learning_rate": rate, "batch_size": batch}
                loss, gap = (median[name].sel(place).clip(SMALLEST) for name in _LOSSES)
                axis.plot(data.generation, loss, color=colour, label=f"B = {batch:g}: {verdicts.sel(place).item()}")
                axis.plot(data.generation, gap, color=colour, linestyle="--")
            axis.axhline(0.1, color="#777777", linestyle=":", linewidth=1)
            axis.legend(fontsize=8, frameon=False, loc="lower right")
            axis.set(title=f"T = {temperature:g}, η = {rate:g}", yscale="log", ylim=(SMALLEST, LOST))
    for axis in axes[-1]:
        _time(axis, [0, 1, 4, 16, 64])
    for axis in axes[:, 0]:
        axis.set_ylabel("loss (solid)\nand gap (dashed) [nat]")
    return figure


def single_trace_transformer(data: xr.Dataset) -> Any:
    """What one trace does elsewhere, by the step size; and what many do after another."""
    figure = _figure(9.5, 3.9)
    left, right = figure.subplots(1, 2)
    rates = data.learning_rate.values
    for colour, place in ((BLACK, 1), (BLUE, 4), (RED, -1)):
        here = data.isel(generation=place)
        told = "one trace" if place == 1 else f"{int(here.generation)} traces"
        for name, line, word in zip(_LOSSES, ("-", "--"), ("loss", "gap"), strict=True):
            low, middle, high = here[name].quantile([0.1, 0.5, 0.9], "replicate").values
            left.plot(rates, middle, color=colour, linestyle=line, label=f"{word} after {told}")
            if word == "loss":
                left.fill_between(rates, low, high, color=colour, alpha=0.15, linewidth=0)
    left.plot(rates[:4], one_trace(data) * rates[:4] ** 2, ":", color=GREEN, linewidth=3, label="∝ η²")
    left.axhline(0.1, color="#777777", linestyle=":", linewidth=1)
    left.set(xscale="log", yscale="log", xlabel="learning rate η [1]", ylabel="median [nat]")
    left.legend(fontsize=8, frameon=False)
    for style, rate in zip(STYLES, rates, strict=True):
        loss = data.shared_kl_to_initial.sel(learning_rate=rate).median("replicate")
        right.plot(data.generation[1:], loss[1:], **style, label=f"η = {rate:g}")
    right.set(xscale="log", yscale="log", xlabel="single traces", ylabel="loss on held-out text, median [nat]")
    right.set_xticks([1, 4, 16, 64], ["1", "4", "16", "64"])
    right.minorticks_off()
    right.legend(fontsize=8, frameon=False, loc="lower right", ncols=2)
    return figure


def one_trace(data: xr.Dataset) -> float:
    """Median loss after one step on one trace by η², at the smallest learning rate, in nat."""
    first = data.isel(learning_rate=0).sel(generation=1)
    return float(first.shared_kl_to_initial.median("replicate") / first.learning_rate**2)


def six_languages(data: xr.Dataset) -> Any:
    """Loss and gap by the step size; and what is lost of each language in each trajectory."""
    figure = _figure(10.5, 3.9)
    left, *right = figure.subplots(1, 3, width_ratios=[1.5, 1, 1])
    last = data.isel(generation=-1).median("replicate")
    for temperature, colour in zip(data.temperature.values, (BLUE, BLACK), strict=True):
        for name, line, word in zip(_LOSSES, ("-", "--"), ("loss", "gap"), strict=True):
            here = last[name].sel(temperature=temperature)
            left.plot(data.learning_rate, here, color=colour, ls=line, marker="o", label=f"{word}, T = {temperature:g}")
    left.axhline(0.1, color="#777777", linestyle=":", linewidth=1)
    left.set(xscale="log", yscale="log", xlabel="learning rate η [1]", ylabel="median [nat]")
    left.set_title(f"after {int(last.generation)} single traces")
    left.legend(fontsize=8, frameon=False)
    for axis, rate in zip(right, (0.003, 0.01), strict=True):
        gap = of_languages(data.sel(temperature=1.0, learning_rate=rate)).gap.transpose("replicate", "language")
        axis.imshow(gap, cmap="magma_r", vmin=0, vmax=2, aspect="auto")
        for row, column in np.ndindex(gap.shape):
            value = float(gap[row, column])
            axis.text(column, row, f"{value:.1f}", ha="center", va="center", color="white" if value > 1 else "black")
        axis.set_xticks(range(gap.sizes["language"]), gap.language.values, rotation=45, ha="right")
        axis.set_yticks([])
        axis.set(title=f"gap [nat], T = 1, η = {rate:g}", ylabel="trajectories")
    return figure


def of_languages(data: xr.Dataset) -> xr.Dataset:
    """What a network has lost of each of `LEARNED` at the last generation, as means over contexts in that language.

    Returns:
        `loss`, the excess log loss, and `gap`, what is left of it at the best temperature for this language, in nat.
    """
    of_text = np.arange(data.sizes["context"]) // int(data.context_length) % len(LEARNED)
    first, last = (data.logits.isel(generation=place).astype(float) for place in (0, -1))
    log_p0 = _log_softmax(first)
    p0: Any = np.exp(log_p0)

    def loss(temperature: float) -> xr.DataArray:
        kl: xr.DataArray = p0 * (log_p0 - _log_softmax(last / temperature))
        kl = kl.sum("token").clip(0)  # rounding
        return kl.assign_coords(language=("context", of_text)).groupby("language").mean()

    gap = xr.concat([loss(each) for each in np.geomspace(1 / 8, 8, 61)], "tried").min("tried")
    return xr.Dataset({"loss": loss(1.0), "gap": gap}).assign_coords(language=list(LEARNED))


def _log_softmax(logits: xr.DataArray) -> xr.DataArray:
    finite = logits - logits.max("token")
    each: Any = np.exp(finite)
    return finite - np.log(each.sum("token"))


def _time(axis: Any, ticks: list[int]) -> None:
    axis.set_xscale("symlog", linthresh=1)
    axis.set_xticks(ticks, [str(tick) for tick in ticks])
    axis.set(xlabel="generation", xlim=(0, ticks[-1]))
    axis.minorticks_off()


def _figure(width: float, height: float) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


STUDIES: dict[str, Callable[[xr.Dataset], Any]] = {
    "personas_of_languages": personas,
    "markov_bigrams": markov,
    "low_rank": low_rank,
    "accumulate_or_replace": accumulate,
    "decoding_truncation": truncation,
    "shakespeare": shakespeare,
    "single_trace_transformer": single_trace_transformer,
    "six_languages": six_languages,
}

if __name__ == "__main__":
    for study in sys.argv[1:] or STUDIES:
        STUDIES[study](measured(study)).savefig(PICTURES / f"{study}.png", dpi=110)
