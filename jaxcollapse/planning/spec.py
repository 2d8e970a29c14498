"""From the fields of one cell to the structure of its process: plain Python, which knows nothing of other cells."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxcollapse.distributions.distribution import are_by_row
from jaxcollapse.distributions.learned_text import LearnedText
from jaxcollapse.native import MOST_OF_GROUP
from jaxcollapse.parameterisations import PARAMETERISATIONS
from jaxcollapse.parts.cell_kinds import (
    counts_drawn,
    draws_from_generator,
    draws_with_replacement,
    has_long_traces,
    has_verifier,
    is_curated,
    is_refit,
    is_rewarded,
    judges_traces,
    samples,
    sees_whole_corpus,
)
from jaxcollapse.parts.slot import Part
from jaxcollapse.planning.draw_blocks import traces_at_once, whole_groups, windows_at_once
from jaxcollapse.process.structure import FRESH, Batches, Structure
from jaxcollapse.sweep.cell import Cell
from jaxcollapse.sweep.process_fields import fields, used_when
from jaxcollapse.training.corpora import CORPORA
from jaxcollapse.training.loss_terms import LOSS_TERMS, in_order
from jaxcollapse.training.optimizers import OPTIMIZERS
from jaxcollapse.training.rewards import REWARDS, draws
from jaxcollapse.training.schedules import SCHEDULES
from jaxcollapse.training.updates import UPDATES
from jaxcollapse.walks import WALKS

_RATES = {"true_positive_rate", "false_positive_rate"}
_ENDLESS = ("clip_norm", "reset_every")  # the limit of steps is the same whatever they are, and from wherever


@dataclass(frozen=True)
class Spec:
    """What a cell needs from a program.

    Attributes:
        structure: structure of its process, except for how its draws are made.
        is_whole: whether native code could run its generations, with its own draws.
        takes_expectation: whether native code can take infinitely many fresh traces as one more value of their number,
            in the same program.
    """

    structure: Structure
    is_whole: bool
    takes_expectation: bool


def spec_of(
    cell: Cell,
    rows: int,
    tokens: int,
    *,
    trains_natively: bool = False,
    tracks_visits: bool = False,
    text: LearnedText | None = None,
) -> Spec:
    """What a cell needs.

    Args:
        cell: the values of its fields.
        rows: number of rows of p0, without those that the walk adds.
        tokens: width of its table, padding included.
        trains_natively: whether native code is there to run whole generations.
        tracks_visits: whether it is wanted which rows have been visited.
        text: what its network learns; None for tables.
    """
    refit, infinite, is_on = bool(is_refit(cell)), bool(np.isinf(samples(cell))), switched_on(cell)
    curated, terms = bool(is_curated(cell)), _terms(is_on)
    batches: Batches = "corpus"
    rewarded = bool(is_rewarded(cell))
    if rewarded:
        batches = "groups"
    elif refit or sees_whole_corpus(cell):
        batches = "full"
    elif draws_from_generator(cell):
        batches = "generator"
    walk = WALKS[cell["model"]].make.of(rows, tokens, cell)
    rule = UPDATES[cell["update"]]
    if refit and rule.fact("takes_steps"):  # steps to convergence
        rule = UPDATES["refit"]
    plain = not (walk.is_structured or curated) and cell["parameters"] == "table" and cell["corpus"] == "replace"
    descends = plain and not refit and cell["optimizer"] == "sgd" and cell["schedule"] == "constant"
    reinforced = descends and _is_reinforced(cell, is_on) and not infinite
    plain = plain and not is_on
    descends = descends and plain and rule.name == "gradient"
    expected = descends and infinite and batches == "full" and trains_natively
    if expected:
        batches, infinite = "generator", False
    is_whole = (plain and rule.name == "refit") or (descends and batches == "generator") or reinforced
    corpus = CORPORA[cell["corpus"]]
    if batches in FRESH or (corpus.name == "window" and cell["window"] == 1):  # all that is seen are the last ones
        corpus = CORPORA["replace"]
    used = [rule, corpus, *(LOSS_TERMS[name] for name in terms)]
    if not refit:
        used += [OPTIMIZERS[cell["optimizer"]], SCHEDULES[cell["schedule"]]]
    if curated or rewarded:
        used.append(REWARDS[cell["reward"]])
    emitted = cell.numbers("batch_size") if batches == "generator" else samples(cell)
    at_once = traces_at_once(int(emitted)) if judges_traces(cell) else 0
    if rewarded and not infinite and not (reinforced and trains_natively):
        at_once = whole_groups(0 if draws(cell["reward"]) else int(emitted), cell["group_size"])
    stored_at_once = stored = 0
    if text is not None:
        number = float(samples(cell))
        at_once = windows_at_once(int(number if batches == "full" else cell["batch_size"]))
        if bool(has_verifier(cell) & ~counts_drawn(cell)):  # accepted traces are stored, of a step at least
            stored = at_once * -(-int(emitted) // at_once)
        if batches != "generator":
            stored_at_once = windows_at_once(int(number))
            stored = int(number) if rewarded else stored_at_once * -(-int(number) // stored_at_once)
    by_row = cell["correct"] == "file" or (cell["correct"] == "listed" and are_by_row(cell["correct_tokens"]))
    structure = Structure(
        walk=walk,
        tokens=tokens,
        corpus=corpus.instance(_static(corpus, cell)),
        rule=rule.instance(_static(rule, cell)),
        infinite_samples=infinite,
        batches=batches,
        optimizer="sgd" if refit else cell["optimizer"],
        schedule="constant" if refit else cell["schedule"],
        single_step=not refit and cell["steps"] == 1,
        carry_optimizer=refit or cell["optimizer_state"] == "carried",
        is_on=is_on,
        terms=terms,
        parameters=PARAMETERISATIONS[cell["parameters"]].instance(cell),
        tracks_visits=walk.is_structured and tracks_visits and text is None,
        curation=cell["curation"],
        reward=cell["reward"] if curated or rewarded else "likelihood",
        correct=cell["correct"],
        correct_trace=cell["correct_trace"] if bool(has_long_traces(cell)) else "all",
        traces_at_once=at_once,
        options=tuple(sorted({name: value for part in used for name, value in _static(part, cell).items()}.items())),
        rows=(*_named("tokens", used), *(["correct_tokens"] if cell["correct"] == "listed" and not by_row else [])),
        tables=("correct_tokens",) if by_row else (),
        numbers=_named("number", used),
        counts=(*_named("count", used), "end_token"),
        texts=text.lengths if text else (),
        text=text.digest if text else "",
        stored_traces=stored,
        stored_at_once=stored_at_once,
        replaces=text is not None and batches == "corpus" and bool(draws_with_replacement(cell)),
    )
    return Spec(structure, is_whole, expected)


def _is_reinforced(cell: Cell, is_on: Iterable[str]) -> bool:
    """Whether native code could take the step of a policy gradient, apart from what it shares with other rules."""
    plain = set(is_on) <= _RATES and cell["steps"] == 1 and cell["sampling_correction"] == "none"
    small = cell["update"] == "policy_gradient" and cell["group_size"] <= MOST_OF_GROUP
    return small and plain and bool(REWARDS[cell["reward"]].fact("is_fixed"))


def switched_on(cell: Cell) -> tuple[str, ...]:
    """The fields of a cell that are switched on, and have an effect."""
    endless, used = is_refit(cell) and UPDATES[cell["update"]].fact("takes_steps"), used_when()
    return tuple(
        name
        for name, field in fields().items()
        if field.is_switch
        and cell[name] != field.default
        and not (endless and name in _ENDLESS)
        and (name not in used or used[name].holds(cell))
    )


def _terms(is_on: Iterable[str]) -> tuple[str, ...]:
    """The terms of the loss that have a field which is switched on."""
    return in_order([name for name, part in LOSS_TERMS.items() if set(part.arguments) & set(is_on)])


def _static(part: Part, cell: Cell) -> dict[str, Any]:
    """The static fields that a part is given: each of their values has a program of its own."""
    known = fields()
    return {name: _fixed(cell[name]) for name in part.arguments if known[name].kind in ("static", "shape")}


def _fixed(value: Any) -> Any:
    return tuple(map(_fixed, value)) if isinstance(value, list) else value


def _named(kind: str, used: Iterable[Part]) -> tuple[str, ...]:
    """The fields of a kind that a program takes: those of the package, and those of plug-ins' parts that it has."""
    read = {name for part in used for name in part.arguments}
    own = {name for name, field in fields().items() if field.plugin is None and kind != "tokens"}
    return tuple(sorted(name for name in own | read if fields()[name].kind == kind))
