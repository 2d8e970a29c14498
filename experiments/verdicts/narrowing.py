"""C6: fine-tuning on accepted answers goes on forgetting; a policy gradient stops when the task is solved."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from experiments.studies import BLUE, GREEN, ORANGE, RED
from experiments.verdicts.claim import Claim, Data
from experiments.verdicts.experiment import measured
from experiments.verdicts.finding import Finding, mean
from jaxcollapse import theory
from jaxcollapse.analysis.plot.figure import Picture

SOLVED = 0.95  # accuracy, in the mean over trajectories
# Eight right answers and a wrong one: those of the sweep file, right ones that halve from each to the next, and 2 %.
STARTS = {
    "right answers are equally likely": [1 / 16] * 8 + [0.5],
    "some right answers are likelier": [2.0**-k for k in range(2, 9)] + [2.0**-8, 0.5],
    "the prompt is hard (2 % right)": [0.0025] * 8 + [0.98],
}
_EQUAL, _SKEWED, _HARD = STARTS
_ADAM = "Adam takes the steps"
_FINE_TUNING = "accepted answers are fine-tuned on, in all settings"
_LOOKS = {_EQUAL: BLUE, _SKEWED: RED, _HARD: GREEN, _ADAM: ORANGE}
# What each rule is claimed to keep of the entropy of the right answers, once the task is solved.
_RULES = {"policy_gradient": ("policy gradient", (0.95, 1.05)), "gradient": ("fine-tuning", (0.0, 0.9))}


def run() -> Data:
    """Both rules from three starts, and what might change their answers, one thing at a time."""
    starts = _trained({}, initial=[{"kind": "values", "probabilities": p0} for p0 in STARTS.values()])
    found = {when: starts.isel(initial=place, drop=True) for place, when in enumerate(STARTS)}
    found[_ADAM] = _trained({"optimizer": "adam", "learning_rate": 0.03})
    found["groups have 64 answers"] = _trained({"group_size": 64, "batch_size": 64})
    found["a group takes four clipped steps"] = _trained({"steps": 4, "clip_low": 0.2, "clip_high": 0.2})
    found["there is no baseline"] = _trained({"baseline": "none", "normalise": "none"})
    found["prompts are SmolLM2's"] = _prompts({"learning_rate": 4.0})
    shared = {"parameters": "lowrank", "rank": 12, "learning_rate": 1.0}
    found["SmolLM2's prompts share parameters (rank 12)"] = _prompts(shared)
    return found


def find(data: Data) -> list[Finding]:
    """What is left at the end of the entropy among the right answers, of that when the task was solved."""
    found: list[Finding] = []
    for rule, (told, claimed) in _RULES.items():
        for when, cells in data.items():
            one = cells.sel({"update": rule})
            solved = solved_at(one)
            what = f"{told}, {when}: entropy of right answers kept from generation {solved} on (mean share)"
            is_fine_tuning = rule == "gradient"
            expected = None if is_fine_tuning or when not in STARTS else _in_theory(STARTS[when], one, solved)
            setting = _FINE_TUNING if is_fine_tuning else when
            found.append(Finding(setting, what, mean(_kept(one, solved)), claimed, theory=expected))
    return found


def solved_at(cells: xr.Dataset) -> int:
    """The first recorded generation in which the task is solved in the mean; the last one if it never is."""
    accuracy = cells.accuracy.mean("replicate")
    is_solved = (accuracy >= SOLVED).values
    return int(cells.generation[int(np.argmax(is_solved)) if is_solved.any() else -1])


def draw(data: Data) -> Picture:
    """Entropy of the right answers over accuracy, and over generations."""
    figure = Picture(9.5, 3.9)
    left, right = figure.subplots(1, 2, sharey=True)
    for when, colour in _LOOKS.items():
        for (rule, (told, _)), line in zip(_RULES.items(), ("-", "--"), strict=True):
            cells = data[when].sel({"update": rule})
            kept = (cells.correct_entropy / cells.correct_entropy.isel(generation=0)).mean("replicate")
            wrong = 1 - cells.accuracy.mean("replicate")
            left.plot(wrong, kept, color=colour, ls=line, label=when if line == "-" else None)
            shown = kept.isel(generation=slice(1, None))
            right.plot(shown.generation, shown, color=colour, ls=line, label=told if when == _EQUAL else None)
    left.set(xscale="log", xlabel="probability of wrong answers [1]", ylabel="entropy of the right answers kept [1]")
    left.invert_xaxis()
    left.axvline(1 - SOLVED, color="#777777", ls=":", lw=1)
    right.set(xscale="log", xlabel="generation", ylim=(0, 1.05))
    left.legend(fontsize=8, frameon=False, loc="lower left")
    right.legend(fontsize=8, frameon=False, loc="lower left")
    return figure


def _trained(process: Mapping[str, Any], **axes: Any) -> xr.Dataset:
    """Both rules on the sweep file's answers; fine-tuning draws as many answers as the policy gradient."""
    both = {"reward": None, "false_positive_rate": 0.0, "budget": "drawn", **process}
    return measured(
        "policy_gradient",
        both,
        {"update": list(_RULES), **axes},
        generations=4000,
        record={"every": 20},
        observables=["accuracy", "correct_entropy"],
    )


def _prompts(process: Mapping[str, Any]) -> xr.Dataset:
    """Both rules on prompts of a real model, whose likeliest tokens with half of the probability are right."""
    return measured(
        "prompts_rl",
        {"correct": "head", "correct_share": 0.5, **process},
        {"update": list(_RULES)},
        replicates=8,
        generations=600,
        record={"every": 10},
        observables=["accuracy", "correct_entropy"],
    )


def _kept(cells: xr.Dataset, solved: int) -> np.ndarray:
    """The entropy at the end of each trajectory, as a share of the mean when the task was solved."""
    entropy = cells.correct_entropy
    kept: np.ndarray = (entropy.isel(generation=-1) / entropy.sel(generation=solved).mean("replicate")).values
    return kept


def _in_theory(p0: list[float], cells: xr.Dataset, solved: int) -> float:
    """The same in the mean field: the probability of wrong answers alone decides about the shares of the right ones."""
    wrong = 1 - cells.accuracy.mean("replicate").sel(generation=[solved, int(cells.generation[-1])]).values
    right = [1] * (len(p0) - 1) + [0]
    p = theory.shares_at(p0, correct=right, wrong_mass=wrong)[:, :-1]
    y = p / p.sum(axis=-1, keepdims=True)
    before, after = -(y * np.log(y)).sum(axis=-1)
    return float(after / before)


CLAIM = Claim(
    "C6",
    "Fine-tuning on one's own accepted answers goes on forgetting right ones; a policy gradient stops when the task is "
    "solved",
    (
        "`sweeps/policy_gradient.toml` with a verifier without errors, 64 trajectories of 4000 generations of 16 "
        "answers; and fine-tuning on the accepted ones of as many. Then one thing at a time is changed.",
        "`sweeps/prompts_rl.toml`, where the likeliest tokens that have half of a prompt's probability are right; "
        "8 trajectories of 600 generations.",
        f"The task is solved when {SOLVED:.0%} of the answers are right. From then on a policy gradient is claimed to "
        "keep the entropy of the right answers, up to 5 %, and fine-tuning to lose more than a tenth of it.",
        "Theory: the mean field, in which shares of right answers depend on the probability of wrong ones alone, and "
        "likelier ones grow with its logarithm without end.",
    ),
    "Entropy of the right answers, as a share of that at the start, over what is left to learn and over generations. "
    "Solid: policy gradient; dashed: fine-tuning; dotted: the task is solved.",
    run,
    find,
    draw,
)
