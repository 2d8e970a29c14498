"""When a field matters: elsewhere it has no effect, and is refused."""

from collections.abc import Callable

import numpy as np

from jaxcollapse.sweep.cell_kinds import (
    Cells,
    draws_from_generator,
    has_verifier,
    is_refit,
    of_initial,
    samples,
    takes_gradient_steps,
    takes_vocab_size,
)
from jaxcollapse.sweep.grid import Grid
from jaxcollapse.training.constants import CONSTANTS, LOSS


def _refit(grid: Grid) -> Cells:
    return grid.has("update", "refit")


def _has_fresh_data(grid: Grid) -> Cells:
    return grid.numbers("fresh_fraction") > 0


def _draws_minibatches(grid: Grid) -> Cells:
    return takes_gradient_steps(grid) & np.isfinite(grid.numbers("batch_size")) & np.isfinite(samples(grid))


def _reads(constant: str) -> Callable[[Grid], Cells]:
    names = [name for name, constants in CONSTANTS.items() if constant in constants]
    return lambda grid: takes_gradient_steps(grid) & grid.has("optimizer", *names)


def _brings_rows(grid: Grid) -> Cells:
    return of_initial(grid, lambda spec: spec.brings_rows)


def _brings_weights(grid: Grid) -> Cells:
    return of_initial(grid, lambda spec: getattr(spec, "weights", None) is not None)


USED_WHEN: dict[str, tuple[str, Callable[[Grid], Cells]]] = {
    "vocab_size": ("unless the initial distribution brings its own number of tokens (file, values)", takes_vocab_size),
    "trace_length": ("with model = 'persona' or 'markov'", lambda grid: grid.has("model", "persona", "markov")),
    "personas": (
        "with model = 'persona', unless the initial distribution brings its own personas (words, table)",
        lambda grid: grid.has("model", "persona") & ~_brings_rows(grid),
    ),
    "persona_exponent": (
        "with model = 'persona', unless the initial distribution brings its own weights (words)",
        lambda grid: grid.has("model", "persona") & ~_brings_weights(grid),
    ),
    "temperature_on": ("with model = 'persona'", lambda grid: grid.has("model", "persona")),
    "first_token": ("with model = 'markov'", lambda grid: grid.has("model", "markov")),
    "end_token": ("with model = 'markov'", lambda grid: grid.has("model", "markov")),
    "models": ("with model = 'ensemble'", lambda grid: grid.has("model", "ensemble")),
    "exchange": ("with model = 'ensemble'", lambda grid: grid.has("model", "ensemble")),
    "rank": ("with parameters = 'lowrank'", lambda grid: grid.has("parameters", "lowrank")),
    "bias": ("with parameters = 'lowrank'", lambda grid: grid.has("parameters", "lowrank")),
    **dict.fromkeys(
        ("embedding_size", "hidden_size", "hidden_layers"),
        ("with parameters = 'mlp'", lambda grid: grid.has("parameters", "mlp")),
    ),
    "window": ("with corpus = 'window'", lambda grid: grid.has("corpus", "window")),
    "mixing": ("with update = 'refit'", _refit),
    "batch_size": ("with update = 'gradient'; for a refit give samples", takes_gradient_steps),
    "steps": ("with update = 'gradient'; for a refit give samples", takes_gradient_steps),
    "replacement": ("with update = 'gradient', finite batch_size and finite samples", _draws_minibatches),
    **dict.fromkeys(
        ("optimizer", "learning_rate", "schedule", "optimizer_state", "clip_norm", *LOSS),
        ("with update = 'gradient'", takes_gradient_steps),
    ),
    "smoothing": ("with update = 'refit' and finite samples", lambda grid: _refit(grid) & np.isfinite(samples(grid))),
    **dict.fromkeys(
        ("fresh_every", "fresh_sampling", "real_samples"), ("with fresh_fraction above 0", _has_fresh_data)
    ),
    "sample_growth": (
        "with finite samples of a generation: a refit, batch_size = inf, or minibatches of a stored corpus",
        lambda grid: np.isfinite(samples(grid)) & (is_refit(grid) | ~draws_from_generator(grid)),
    ),
    **dict.fromkeys(
        ("candidates", "reward", "reward_scale"),
        ("with curation = 'bradley_terry' or 'argmax'", lambda grid: ~grid.has("curation", "none")),
    ),
    "scores": (
        "with curation and reward = 'score'",
        lambda grid: ~grid.has("curation", "none") & grid.has("reward", "score"),
    ),
    "correct_share": (
        "with a verifier: true_positive_rate or false_positive_rate below 1",
        has_verifier,
    ),
    "schedule_time": (
        "with update = 'gradient' and a schedule that is not constant",
        lambda grid: takes_gradient_steps(grid) & ~grid.has("schedule", "constant"),
    ),
    "reset_every": (
        "with update = 'gradient', or a refit with mixing below 1",
        lambda grid: takes_gradient_steps(grid) | (grid.numbers("mixing") < 1),
    ),
    **{
        name: (f"with optimizer = {' or '.join(repr(o) for o, c in CONSTANTS.items() if name in c)}", _reads(name))
        for name in sorted({name for constants in CONSTANTS.values() for name in constants})
    },
}
