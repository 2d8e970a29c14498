"""Fields that every process has, with any parts: p0, how traces are sampled, how many, what is real among them."""

import math

import numpy as np

from jaxcollapse.parts.cell_kinds import (
    draws_from_generator,
    is_refit,
    is_rewarded,
    samples,
    takes_gradient_steps,
    takes_vocab_size,
)
from jaxcollapse.parts.field import Answer, AskedCells, Field, When
from jaxcollapse.parts.field_types import Count, Share, Whole


def _is_mixed(cells: AskedCells) -> Answer:
    return cells.numbers("fresh_fraction") > 0


def _draws_samples(cells: AskedCells) -> Answer:
    return np.isfinite(samples(cells)) & (is_refit(cells) | ~draws_from_generator(cells)) & ~is_rewarded(cells)


def _draws_a_corpus(cells: AskedCells) -> Answer:
    return ~is_rewarded(cells)


def _trains_partly(cells: AskedCells) -> Answer:
    return takes_gradient_steps(cells) | (cells.numbers("mixing") < 1)


_WITH_REAL_DATA = When("with fresh_fraction above 0", _is_mixed)

VOCAB_SIZE = Field(
    name="vocab_size",
    type=Whole,
    default=256,
    description="Number of tokens V.",
    label="vocabulary size",
    kind="shape",
    when=When("unless the initial distribution has its own number of tokens (file, values)", takes_vocab_size),
)
SAMPLING = (
    Field(
        name="temperature",
        type=float,
        default=1.0,
        description="Sampling temperature T ≥ 0: 0 is the argmax, inf is uniform.",
        label="sampling temperature",
        limits={"ge": 0},
        kind="number",
    ),
    Field(
        name="top_k",
        type=Count,
        default=math.inf,
        description="Sample from the k most likely tokens only; inf: from all.",
        label="top-k",
        kind="number",
        is_switch=True,
    ),
    Field(
        name="top_p",
        type=float,
        default=1.0,
        description="Sample from the fewest most likely tokens that together have this probability.",
        label="top-p",
        limits={"gt": 0, "le": 1},
        kind="number",
        is_switch=True,
    ),
    Field(
        name="min_p",
        type=Share,
        default=0.0,
        description="Sample from the tokens whose probability is at least this share of the largest probability.",
        label="min-p",
        kind="number",
        is_switch=True,
    ),
)
TRUNCATIONS = ("top_k", "top_p", "min_p")  # in the order in which they cut
SAMPLES = Field(
    name="samples",
    type=Count | None,
    default=None,
    description="Number of traces N drawn in each generation; by default batch_size × steps. inf: exact expectations.",
    label="samples",
    kind="count",
    when=When("unless update = 'policy_gradient', which draws batch_size traces", _draws_a_corpus),
)
REAL_DATA = (
    Field(
        name="fresh_fraction",
        type=Share,
        default=0.0,
        description="Fraction m of the samples that are real data, drawn from p0 at temperature 1.",
        label="fraction of real data",
        kind="number",
        is_switch=True,
    ),
    Field(
        name="fresh_every",
        type=Whole,
        default=1,
        description="Interval between generations with real data; above 1, real data come in bursts.",
        label="period of real data",
        units="generation",
        kind="count",
        is_switch=True,
        when=_WITH_REAL_DATA,
    ),
    Field(
        name="fresh_sampling",
        type=("iid", "stratified"),
        default="iid",
        description="iid: each trace is real data with probability `fresh_fraction`; stratified: exactly this "
        "share of each draw is, and fractions of a trace are carried over to the next draw.",
        label="sampling of real data",
        is_switch=True,
        when=_WITH_REAL_DATA,
    ),
    Field(
        name="real_samples",
        type=Count,
        default=math.inf,
        description="Size of a fixed data set, drawn from p0 at the start, from which all real data are drawn "
        "(replay); inf: real data are drawn from p0 itself.",
        label="recorded real data",
        kind="count",
        is_switch=True,
        when=_WITH_REAL_DATA,
    ),
)
SOURCES = (
    Field(
        name="generator",
        type=("current", "initial"),
        default="current",
        description="Source of the samples: the current model, or always p0 (a control).",
        label="generator",
        is_switch=True,
    ),
    Field(
        name="collapsed_start",
        type=float,
        default=0.0,
        description="Weight of each row's most likely token (the first one if several tie) in the mixture with "
        "p0 from which the model starts; real data come from p0.",
        label="share of the mode at the start",
        limits={"ge": 0, "lt": 1},
        kind="number",
        is_switch=True,
    ),
    Field(
        name="sample_growth",
        type=float,
        default=0.0,
        description="Exponent γ of the growth of the samples: the generation after g draws N (g + 1)^γ of "
        "them, rounded.",
        label="exponent of the growth of samples",
        limits={"ge": 0, "le": 10},
        kind="number",
        is_switch=True,
        when=When(
            "with finite samples of a generation: a refit, batch_size = inf, or minibatches of a stored corpus",
            _draws_samples,
        ),
    ),
)
EVALUATION = Field(
    name="evaluation_temperature",
    type=float,
    default=1.0,
    description="Temperature at which observables are computed.",
    label="evaluation temperature",
    limits={"ge": 0},
    kind="number",
    is_switch=True,
)
RESETS = Field(
    name="reset_every",
    type=Count,
    default=math.inf,
    description="Interval of generations at which training restarts from p0, on the samples of the model; inf: never.",
    label="period of resets",
    units="generation",
    kind="count",
    is_switch=True,
    when=When("with update = 'gradient' or 'policy_gradient', or a refit with mixing below 1", _trains_partly),
)
