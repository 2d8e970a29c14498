"""Selection of samples: one of several candidates is kept, a verifier rejects others."""

import numpy as np

from jaxcollapse.parts.cell_kinds import (
    CURATED,
    REWARDED,
    has_long_traces,
    has_rates,
    has_verifier,
    is_curated,
    is_rewarded,
    samples,
)
from jaxcollapse.parts.field import Answer, AskedCells, Field, When
from jaxcollapse.parts.field_types import Count, Share, TokenSets
from jaxcollapse.parts.slot import Slot
from jaxcollapse.process.hardness import has_accuracy
from jaxcollapse.sampling.correct import CORRECT as SETS
from jaxcollapse.sampling.curation import CURATIONS as LAWS
from jaxcollapse.training.rewards import MOST_VOTES, REWARDS, draws, has_numbers
from jaxcollapse.walks import WALKS

CURATIONS = Slot(
    "curation",
    Field(
        name="curation",
        type=str,
        default="none",
        description="Selection of one trace among `candidates`: with probability ∝ e^reward "
        "(bradley_terry), or the one "
        "with the greatest reward (argmax).",
        label="curation",
        is_off=True,
    ),
)
CURATIONS.adds(name="none", skip=1)(lambda logits: logits)
for name, law in LAWS.items():
    CURATIONS.adds(name=name, skip=3)(law)
CURATIONS.close()

CANDIDATES = (
    Field(
        name="candidates",
        type=Count,
        default=2,
        description="Curation: number K of samples among which one is kept; inf: the limit K → ∞.",
        label="candidates",
        kind="number",
        when=CURATED,
    ),
)


def _has_scores(cells: AskedCells) -> Answer:
    return REWARDED.holds(cells) & cells.has("reward", *filter(has_numbers, REWARDS))


def has_known_mean(cells: AskedCells) -> Answer:
    """Cells whose traces have a reward, or are accepted or rejected, where its mean over all traces is known."""
    of_group = cells.has("reward", *REWARDS.named(lambda part: part.fact("is_of_group")))
    knows = ~has_long_traces(cells) | cells.has("model", *WALKS.named(lambda part: part.fact("knows_answers")))
    is_counted = ~of_group | (knows & (cells.numbers("group_size") <= MOST_VOTES))
    is_known = is_counted & ~cells.has("reward", *filter(draws, REWARDS))
    return np.where(is_curated(cells) | is_rewarded(cells), is_known, has_verifier(cells))


REWARD_SCALE = Field(
    name="reward_scale",
    type=float,
    default=1.0,
    description="Curation and policy gradient: factor of a reward that is a number for each token.",
    label="scale of the reward",
    limits={"ge": -100, "le": 100},
    kind="number",
    when=When("with a reward that is a number for each token", _has_scores),
)


def _has_listed(cells: AskedCells) -> Answer:
    return np.asarray(cells.has("correct", "listed"))


def _has_correct(cells: AskedCells) -> Answer:
    """Cells with a verifier or a given accuracy, or with another correct set than the head, for observables."""
    return has_rates(cells) | is_rewarded(cells) | has_accuracy(cells) | ~cells.has("correct", "head")


def _judges_long(cells: AskedCells) -> Answer:
    return has_long_traces(cells) & (has_rates(cells) | is_rewarded(cells) | has_accuracy(cells))


def _rejects_some(cells: AskedCells) -> Answer:
    return has_verifier(cells) & np.isfinite(samples(cells))


def _has_share(cells: AskedCells) -> Answer:
    return _has_correct(cells) & ~cells.has("correct", "listed", "file")


VERIFIER = (
    Field(
        name="true_positive_rate",
        type=Share,
        default=1.0,
        description="Verifier: share of correct samples that it accepts; a policy gradient rewards them.",
        label="true positive rate of the verifier",
        kind="number",
        is_switch=True,
    ),
    Field(
        name="false_positive_rate",
        type=Share,
        default=1.0,
        description="Verifier: share of incorrect samples that it accepts; with update = 'policy_gradient' 0 by "
        "default.",
        label="false positive rate of the verifier",
        kind="number",
        is_switch=True,
    ),
    Field(
        name="correct",
        type=tuple(SETS),
        default="head",
        description="Correct set, of each row of p0: the fewest most likely tokens that together have the "
        "probability correct_share (head); all but those that together have 1 − correct_share (tail); a random share "
        "of the tokens, another for each trajectory (random); correct_tokens (listed); or the variable "
        "`initial.correct` of the file with p0 (file).",
        label="correct set",
        when=When(
            "with a verifier, update = 'policy_gradient', initial_accuracy or observables of the correct", _has_correct
        ),
    ),
    Field(
        name="correct_share",
        type=float,
        default=0.9,
        description="Size of the correct set: as a probability of p0 (head, tail), or as a share of the tokens, at "
        "least one of them (random).",
        label="share of p0 that is correct",
        limits={"gt": 0, "le": 1},
        kind="number",
        when=When("with correct = 'head', 'tail' or 'random' and what reads it", _has_share),
    ),
    Field(
        name="correct_tokens",
        type=TokenSets | None,
        default=None,
        description="Labels or numbers of the correct tokens, for correct = 'listed': a list for all rows, or a list "
        "of lists, one for each row of tokens (persona, prompt, model of an ensemble).",
        label="correct tokens",
        kind="set",
        is_off=True,
        when=When("with correct = 'listed'", _has_listed),
    ),
    Field(
        name="correct_trace",
        type=("all", "last", "any"),
        default="all",
        description="Persona, Markov, sequence: a trace is correct if all of its tokens are, if its last one is, or if "
        "any one is. An end token is not an answer: last and any pass over it.",
        label="tokens that make a trace correct",
        when=When("with a verifier, or initial_accuracy, of traces that are longer than a token", _judges_long),
    ),
    Field(
        name="budget",
        type=("accepted", "drawn"),
        default="accepted",
        description="Verifier that selects: whether samples and batch_size count accepted traces, or all drawn ones. "
        "Training is on the accepted traces; without any, nothing is learned.",
        label="what is counted",
        is_switch=True,
        when=When("with a verifier that selects finitely many samples", _rejects_some),
    ),
)
