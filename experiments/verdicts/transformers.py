"""C1 to C5 in transformers of two sizes, which have learned a text and are seen at contexts of held-out text."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import xarray as xr

from experiments.studies import BLACK, BLUE, GREEN, ORANGE, RED, of_languages
from experiments.verdicts.claim import Claim, Data
from experiments.verdicts.experiment import measured
from experiments.verdicts.finding import CONFIDENCE, Finding, mean, of_resamples, reach, share
from experiments.verdicts.tempering import NEGLIGIBLE
from jaxcollapse.analysis.mean import mean_interval
from jaxcollapse.analysis.plot.figure import Picture
from jaxcollapse.analysis.verdict import TOLERANCE

WIDTHS = (32, 64)
NETWORK = {"network": {"zip": {"width": list(WIDTHS), "context_length": list(WIDTHS)}}}
NO_CONSTANTS: dict[str, Any] = dict.fromkeys(("width", "context_length", "optimizer"))  # which are axes
MANY = 16  # traces of a step
RULES = {"SGD": ("sgd", 0.003), "Adam": ("adam", 1e-4)}
TINY, LARGE = 0.001, 0.03  # learning rates of SGD
_COLOURS = dict(zip(WIDTHS, (RED, BLUE), strict=True))
_LOSS = "excess log loss on held-out text"
_RESAMPLES = 2000
_TEXTS = "the characters of Shakespeare"
_NETWORKS = (
    f"Transformers of two layers, {WIDTHS[0]} or {WIDTHS[1]} units and as many tokens of context, that have learned "
    f"{_TEXTS}; 128 contexts of held-out text."
)


def run_still() -> Data:
    """Single traces and many, at temperature 1, by two optimisers."""
    names, rates = zip(*RULES.values(), strict=True)
    axes = {**NETWORK, "rule": {"zip": {"optimizer": list(names), "learning_rate": list(rates)}}}
    return {
        "still": measured(
            "single_trace_transformer",
            NO_CONSTANTS,
            {**axes, "batch_size": [1, MANY]},
            replicates=8,
            generations=8,
            record={"every": 1},
            observables=["shared_kl_to_initial"],
        )
    }


def find_still(data: Data) -> list[Finding]:
    """How much changes, and whether it is the noise of few traces."""
    found = []
    last = data["still"].shared_kl_to_initial.isel(generation=-1)
    g = int(last.generation)
    for place, rule in enumerate(RULES):
        for width, cells in _of_widths(last.isel(rule=place)):
            when = f"{rule} takes steps (width {width})"
            single, many = (cells.sel(batch_size=size).values for size in (1, MANY))
            quantity = f"{_LOSS} after {g} steps on {MANY} traces each (mean) [nat]"
            told = f"the same, as a multiple of 1/{MANY} of that of single traces: noise falls with their number"
            found += [
                Finding(when, quantity, mean(many), (0, NEGLIGIBLE)),
                Finding(when, told, _ratio(many * MANY, single), (0.5, 2), theory=1.0),
            ]
    return found


def draw_still(data: Data) -> Picture:
    """The loss of single traces and of many, over steps."""
    figure = Picture(9.5, 3.7)
    for place, (axis, rule) in enumerate(zip(figure.subplots(1, 2, sharey=True), RULES, strict=True)):
        for width, cells in _of_widths(data["still"].isel(rule=place, generation=slice(1, None))):
            single, many = (cells.sel(batch_size=size) for size in (1, MANY))
            _line(axis, single.shared_kl_to_initial, f"single traces, width {width}", color=_COLOURS[width], marker="o")
            _line(axis, many.shared_kl_to_initial, f"{MANY} traces, width {width}", color=_COLOURS[width], marker="s")
            noise = single.shared_kl_to_initial.mean("replicate") / MANY
            axis.plot(noise.generation, noise, ":", color=_COLOURS[width], lw=2)
        axis.axhline(NEGLIGIBLE, color="#777777", ls="--", lw=1)
        axis.set(yscale="log", xlabel="step", title=f"{rule}, η = {RULES[rule][1]:g}, T = 1")
    figure.axes[0].set_ylabel("loss on held-out text, mean [nat]")
    figure.axes[0].legend(fontsize=8, frameon=False)
    return figure


@cache
def run_tempered() -> Data:
    """Texts drawn at other temperatures than 1."""
    wanted = ["shared_kl_to_initial", "shared_recovery_gap", "shared_effective_temperature", "shared_mode_is_original"]
    return {
        "tempered": measured(
            "shakespeare",
            {**NO_CONSTANTS, "optimizer": "adam", "learning_rate": 1e-4, "batch_size": MANY},
            {**NETWORK, "temperature": [0.7, 1.3]},
            replicates=6,
            generations=32,
            record={"every": 4},
            observables=wanted,
        )
    }


def find_confidence(data: Data) -> list[Finding]:
    """Whether a network gets colder or hotter, as its texts are, and keeps its modes."""
    found = []
    for width, cells in _of_widths(data["tempered"].isel(generation=-1)):
        for temperature, range_ in ((0.7, (0.0, 0.95)), (1.3, (1.05, np.inf))):
            here, when = cells.sel(temperature=temperature), f"T = {temperature:g} (width {width})"
            now = f"after {int(cells.generation)} generations (mean)"
            found.append(
                Finding(when, f"effective temperature {now}", mean(here.shared_effective_temperature.values), range_)
            )
            if temperature < 1:
                kept = mean(here.shared_mode_is_original.values)
                found.append(Finding(when, f"share of contexts with the original mode {now}", kept, (0.95, 1)))
    return found


def draw_confidence(data: Data) -> Picture:
    """Effective temperatures and kept modes, over generations."""
    figure = Picture(9.5, 3.7)
    left, right = figure.subplots(1, 2)
    for width, cells in _of_widths(data["tempered"]):
        for temperature, marker in ((0.7, "o"), (1.3, "^")):
            here, look = cells.sel(temperature=temperature), {"color": _COLOURS[width], "marker": marker}
            _line(left, here.shared_effective_temperature, f"T = {temperature:g}, width {width}", **look)
            _line(right, here.shared_mode_is_original, f"T = {temperature:g}, width {width}", **look)
    left.axhline(1, color="#777777", ls="--", lw=1)
    left.set(xlabel="generation", ylabel="effective temperature, mean [1]")
    right.set(xlabel="generation", ylabel="contexts with the original mode, mean [1]", ylim=(None, 1.01))
    left.legend(fontsize=8, frameon=False)
    return figure


def find_tempering(data: Data) -> list[Finding]:
    """What no sampling temperature brings back."""
    return [
        Finding(
            f"T = {temperature:g} (width {width})",
            f"recovery gap after {int(cells.generation)} generations, one temperature for all contexts (mean) [nat]",
            mean(cells.sel(temperature=temperature).shared_recovery_gap.values),
            (0, NEGLIGIBLE),
        )
        for width, cells in _of_widths(data["tempered"].isel(generation=-1))
        for temperature in (0.7, 1.3)
    ]


def draw_tempering(data: Data) -> Picture:
    """Loss at temperature 1 and at the best temperature, over generations."""
    figure = Picture(9.5, 3.7)
    for axis, temperature in zip(figure.subplots(1, 2, sharey=True), (0.7, 1.3), strict=True):
        for width, cells in _of_widths(data["tempered"].sel(temperature=temperature)):
            _line(axis, cells.shared_kl_to_initial, f"as it is, width {width}", color=_COLOURS[width], marker="o")
            told = f"at the best temperature, width {width}"
            _line(axis, cells.shared_recovery_gap, told, color=_COLOURS[width], marker="s", ls="--")
        axis.axhline(NEGLIGIBLE, color="#777777", ls=":", lw=1)
        axis.set(xlabel="generation", title=f"T = {temperature:g}")
    figure.axes[0].set_ylabel("loss on held-out text, mean [nat]")
    figure.axes[0].legend(fontsize=8, frameon=False)
    return figure


def run_single() -> Data:
    """Single traces at temperature 1, tiny steps and large ones."""
    return {
        "single": measured(
            "single_trace_transformer",
            {**NO_CONSTANTS, "optimizer": "sgd"},
            {**NETWORK, "learning_rate": [TINY, LARGE]},
            generations=32,
            record={"spacing": "log", "points": 7},
            observables=["shared_kl_to_initial", "shared_recovery_gap"],
        )
    }


def find_single(data: Data) -> list[Finding]:
    """What a step on one trace does elsewhere, and what is lost after several."""
    found = []
    for width, cells in _of_widths(data["single"]):
        large, tiny = (cells.sel(learning_rate=rate) for rate in (LARGE, TINY))
        g, large_steps = int(cells.generation[-1]), f"η = {LARGE:g} (width {width})"
        gap = f"recovery gap after {g} single traces (mean) [nat]"
        found += [
            Finding(
                f"a single step of η = {LARGE:g} (width {width})",
                f"{_LOSS} (mean) [nat]",
                mean(large.shared_kl_to_initial.sel(generation=1).values),
                (TOLERANCE, np.inf),
            ),
            Finding(large_steps, gap, mean(_last(large.shared_recovery_gap)), (TOLERANCE, np.inf)),
            Finding(
                f"η = {TINY:g} (width {width}), where it should not",
                gap,
                mean(_last(tiny.shared_recovery_gap)),
                (0, TOLERANCE),
            ),
        ]
    return found


def draw_single(data: Data) -> Picture:
    """Loss and gap over traces."""
    figure = Picture(9.5, 3.7)
    shown = {"shared_kl_to_initial": "loss on held-out text", "shared_recovery_gap": "recovery gap"}
    for axis, (name, told) in zip(figure.subplots(1, 2, sharey=True), shown.items(), strict=True):
        for width, cells in _of_widths(data["single"].isel(generation=slice(1, None))):
            for rate, marker in ((LARGE, "o"), (TINY, "^")):
                look = {"color": _COLOURS[width], "marker": marker}
                _line(axis, cells[name].sel(learning_rate=rate), f"η = {rate:g}, width {width}", **look)
        axis.axhline(TOLERANCE, color="#777777", ls="--", lw=1)
        axis.set(xscale="log", yscale="log", xlabel="single traces", ylabel=f"{told}, mean [nat]")
        axis.set_xticks([1, 2, 4, 8, 16, 32], ["1", "2", "4", "8", "16", "32"])
        axis.minorticks_off()
    figure.axes[0].legend(fontsize=8, frameon=False)
    return figure


def run_languages() -> Data:
    """A network that has learned six languages, on single traces of its own."""
    axes = {"learning_rate": [0.003, 0.01]}
    return {"languages": measured("six_languages", {"temperature": 1.0}, axes, replicates=12)}


def find_languages(data: Data) -> list[Finding]:
    """Whether a network that has forgotten still speaks some of the languages."""
    found = []
    for rate, lost in _of_rates(data["languages"]):
        gap, when = lost.gap, f"η = {rate:g}"
        is_left = (gap <= TOLERANCE).any("language").values
        kept, most = (gap.min("language").values, gap.max("language").values)
        now = f"after {int(data['languages'].generation[-1])} single traces"
        found += [
            Finding(
                when, f"share of trajectories that have forgotten a language {now}", share(most > TOLERANCE), (0.7, 1)
            ),
            Finding(when, f"share of trajectories that have kept a language {now}", share(is_left), (0.7, 1)),
            Finding(
                when,
                "recovery gap of the language kept best, as a share of that of the language kept worst (mean)",
                mean(kept / most),
                (0, 0.1),
            ),
        ]
    return found


def draw_languages(data: Data) -> Picture:
    """The recovery gap of each language, a line for each trajectory."""
    figure = Picture(9.5, 3.9)
    rates = _of_rates(data["languages"])
    for axis, (rate, lost) in zip(figure.subplots(1, len(rates), sharey=True), rates, strict=True):
        for place in range(lost.sizes["replicate"]):
            gap = lost.gap.isel(replicate=place)
            axis.plot(
                range(gap.size), gap, color=(BLACK, BLUE, RED, GREEN, ORANGE)[place % 5], marker="o", lw=0.8, ms=4
            )
        axis.axhline(TOLERANCE, color="#777777", ls="--", lw=1)
        axis.set(yscale="log", title=f"T = 1, η = {rate:g}")
        axis.set_xticks(range(lost.sizes["language"]), lost.language.values, rotation=30, ha="right")
    figure.axes[0].set_ylabel("recovery gap [nat]")
    return figure


def _of_rates(data: xr.Dataset) -> list[tuple[float, xr.Dataset]]:
    """Each learning rate with what is lost of the languages."""
    return [(rate, of_languages(data.sel(learning_rate=rate))) for rate in data.learning_rate.values.tolist()]


def _of_widths(data: Any) -> list[tuple[int, Any]]:
    """Each width with its cells."""
    return [(width, data.isel(network=place)) for place, width in enumerate(WIDTHS)]


def _last(values: xr.DataArray) -> np.ndarray:
    found: np.ndarray = values.isel(generation=-1).values
    return found


def _ratio(many: np.ndarray, single: np.ndarray) -> tuple[float, float, float]:
    """The ratio of two means over trajectories, with its bootstrap interval."""
    rng = np.random.default_rng(0)

    def means(values: np.ndarray) -> np.ndarray:
        again = values[rng.integers(0, len(values), (_RESAMPLES, len(values)))].mean(axis=1)
        return np.append(values.mean(), again)

    return of_resamples(means(many) / means(single))


def _line(axis: Any, values: xr.DataArray, told: str, **look: Any) -> None:
    """The mean over trajectories with its interval, over generations."""
    bounds = mean_interval(values.transpose("generation", "replicate").values.astype(float), CONFIDENCE)
    axis.errorbar(values.generation, bounds[:, 0], reach(bounds), lw=1, ms=4, label=told, **look)


def _claim(
    number: int,
    text: str,
    experiments: Sequence[str],
    caption: str,
    parts: tuple[Callable[[], Data], Callable[[Data], list[Finding]], Callable[[Data], Picture]],
) -> Claim:
    return Claim(f"C{number} in transformers", text, experiments, caption, *parts)


CLAIMS = (
    _claim(
        1,
        "At temperature 1 nothing changes",
        (
            _NETWORKS,
            f"`sweeps/single_trace_transformer.toml` with SGD (η = {RULES['SGD'][1]:g}) and Adam (η = "
            f"{RULES['Adam'][1]:g}) on single traces and on {MANY} of them, 8 steps, 8 trajectories.",
            "The claim is taken to hold if many traces change little, and if what they change is noise.",
        ),
        f"Mean loss over steps; dotted: 1/{MANY} of that of single traces.",
        (run_still, find_still, draw_still),
    ),
    _claim(
        2,
        "Below temperature 1 the model grows ever more confident in the original mode; above 1 it goes to uniform",
        (
            _NETWORKS,
            f"`sweeps/shakespeare.toml` with Adam at η = 0.0001 on {MANY} traces a step, 32 steps, 6 trajectories.",
        ),
        "Left: effective temperature. Right: contexts whose most likely token is the original one.",
        (run_tempered, find_confidence, draw_confidence),
    ),
    _claim(
        3,
        "A generation is the original at another temperature, so that nothing is lost",
        ("The trajectories of C2 in transformers.",),
        f"Loss as it is, and at the sampling temperature that is best for all contexts; dotted: {NEGLIGIBLE:g} nat.",
        (run_tempered, find_tempering, draw_tempering),
    ),
    _claim(
        4,
        "Steps that are not tiny, computed on single traces, forget regions of the distribution",
        (_NETWORKS, "`sweeps/single_trace_transformer.toml`: SGD at T = 1, 32 single traces, 16 trajectories."),
        "Mean loss and mean recovery gap at contexts of held-out text, which no trace visited.",
        (run_single, find_single, draw_single),
    ),
    _claim(
        5,
        "Mode collapse is a collapse into fewer modes, not a sharper version of the same distribution",
        (
            "`sweeps/six_languages.toml`: a transformer that has learned the Universal Declaration of Human Rights in "
            "six languages, SGD at T = 1 on single traces, 12 trajectories.",
            "A language is kept if a sampling temperature of its own brings back the next characters of held-out text "
            f"in it, up to {TOLERANCE:g} nat. The claim is taken to hold if some are kept and others forgotten.",
        ),
        "Recovery gap of each language, each at its own best temperature. A line is a trajectory.",
        (run_languages, find_languages, draw_languages),
    ),
)
