"""Models of several rows: what is within contexts and what is between them, and whether one temperature serves all.

A *context* is what a token of a trace is drawn given: its persona, the token before it, or the model of an ensemble.
Rows that choose a trace's persona or its first token are not among them, but for what is said to be of all rows.

τ_T applies to those rows that the sampling temperature of the process applies to (`temperature_on`). The others stay as
they are, so that T is a knob that the process has.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Num

from jaxcollapse.observables.cooling import uniform_divergence
from jaxcollapse.observables.order import order_gap_of
from jaxcollapse.observables.possible import entropy_of_tokens, share, shared_entropy
from jaxcollapse.observables.registry import SEVERAL_ROWS, observable
from jaxcollapse.observables.smoothing import Left, left_of
from jaxcollapse.observables.snapshot import Snapshot
from jaxcollapse.observables.tempering import Tempering, kl_divergence, nearest_common_tempering, nearest_tempering
from jaxcollapse.walks.walk import Table, Visits

Scalar = Float[Array, ""]
_TINY = 1e-37


@observable("entropy given the context", "nat", "structure", models=SEVERAL_ROWS, possible=entropy_of_tokens)
def within_entropy(now: Snapshot) -> Scalar:
    """Σ_c w_c S(p_c): mean entropy of a token in a known context c (persona, previous token, model) of share w_c.

    The row that begins a trace is not a context.
    """
    return jnp.sum(_shares(now, now.visits) * _entropies(_contexts(now, now.log_rows)))


@observable("mutual information of context and token", "nat", "structure", models=SEVERAL_ROWS, possible=shared_entropy)
def mutual_information(now: Snapshot) -> Scalar:
    """S(Σ_c w_c p_c) − Σ_c w_c S(p_c): mutual information of token and context; the entropy between contexts.

    The row that begins a trace is not a context.
    """
    weights, log_rows = _shares(now, now.visits), _contexts(now, now.log_rows)
    log_mean = jax.nn.logsumexp(log_rows + jnp.log(weights)[:, None], axis=0)
    divergence = jax.vmap(kl_divergence, in_axes=(0, None))(log_rows, log_mean)
    return _sum(weights, divergence)


@observable("divergence from the original within contexts", "nat", "structure", models=SEVERAL_ROWS)
def within_divergence(now: Snapshot) -> Scalar:
    """Σ_c w_c KL(p_c ‖ p0_c); the row that begins a trace is not a context c."""
    return _mean_divergence(_shares(now, now.visits), _contexts(now, now.log_rows), _contexts(now, now.log_start))


@observable("divergence from the original between contexts", "nat", "structure", models=SEVERAL_ROWS)
def between_divergence(now: Snapshot) -> Scalar:
    """Σ_c w_c ln(w_c/w0_c): with `within_divergence` it gives the KL divergence of the pair (context, token).

    The row that begins a trace is not a context.
    """
    weights = _shares(now, now.visits)
    divergence = kl_divergence(jnp.log(weights), jnp.log(_shares(now, now.start_visits)))
    return jnp.where(jnp.any(weights > 0), divergence, 0)


@observable("excess log loss on original traces", "nat", "structure", models=SEVERAL_ROWS)
def shared_kl_to_initial(now: Snapshot) -> Scalar:
    """Σ_r w0_r KL(p0_r ‖ p_r) over all rows r: excess log loss per token of traces of p0, whose rows are known."""
    return _mean_divergence(now.start_visits, now.log_start, now.log_rows)


@observable("recovery gap with a temperature for each row", "nat", "structure", default=False, models=SEVERAL_ROWS)
def row_recovery_gap(now: Snapshot) -> Scalar:
    """Σ_r w0_r min_T KL(p0_r ‖ τ_T(p_r)) over all rows r: loss left by one temperature for each tempered row."""
    stays = _untempered(now)
    gaps = jax.vmap(nearest_tempering)(now.log_start, now.scaled.table).gap
    if stays.any():
        gaps = jnp.where(stays, jax.vmap(kl_divergence)(now.log_start, now.log_rows), gaps)
    return _sum(now.start_visits, gaps)


@observable("recovery gap with one temperature for all rows", "nat", "structure", models=SEVERAL_ROWS)
def shared_recovery_gap(now: Snapshot) -> Scalar:
    """min_T Σ_r w0_r KL(p0_r ‖ τ_T(p_r)) over all rows r: excess log loss that no sampling temperature recovers."""
    return _back_to_start(now).gap


@observable("recovery temperature for all rows", "1", "structure", models=SEVERAL_ROWS)
def shared_recovery_temperature(now: Snapshot) -> Scalar:
    """T ≥ 0 that minimises Σ_r w0_r KL(p0_r ‖ τ_T(p_r)): the sampling temperature that best recovers p0."""
    return _back_to_start(now).temperature


@observable("effective temperature for all rows", "1", "structure", models=SEVERAL_ROWS)
def shared_effective_temperature(now: Snapshot) -> Scalar:
    """T* ≥ 0 that minimises Σ_r w_r KL(p_r ‖ τ_T(p0_r)): the temperature at which all rows of p0 look most like p."""
    return _from_start(now).temperature


@observable("tempering gap with one temperature for all rows", "nat", "structure", default=False, models=SEVERAL_ROWS)
def shared_tempering_gap(now: Snapshot) -> Scalar:
    """min_T Σ_r w_r KL(p_r ‖ τ_T(p0_r)) over all rows r: how far p is from every tempered copy of p0."""
    return _from_start(now).gap


@observable("smoothed excess log loss on original traces", "nat", "structure", models=SEVERAL_ROWS)
def shared_smoothed_kl_to_initial(now: Snapshot) -> Scalar:
    """Σ_r w0_r KL(p0_r ‖ p_r) after a refit to N traces, if the tokens that a row has lost count together as one more
    sample of N + 1. N counts as 1000 at least. Equals `shared_kl_to_initial` if no token is lost, or if N is infinite.
    """
    left = _left(now)
    losses = jax.vmap(Left.loss)(left, jax.vmap(kl_divergence)(left.log_p, now.log_rows))
    return _sum(now.start_visits, losses)


@observable("smoothed recovery temperature of all rows", "1", "structure", models=SEVERAL_ROWS)
def shared_smoothed_recovery_temperature(now: Snapshot) -> Scalar:
    """The sampling temperature that brings p0 back best, rows smoothed as for `shared_smoothed_kl_to_initial`."""
    return _smoothed_back(now).temperature


@observable("smoothed recovery gap of all rows", "nat", "structure", models=SEVERAL_ROWS)
def shared_smoothed_recovery_gap(now: Snapshot) -> Scalar:
    """min_T Σ_r w0_r KL(p0_r ‖ τ_T(p_r)), rows smoothed as for `shared_smoothed_kl_to_initial`."""
    return _smoothed_back(now).gap


@observable("order gap of all rows", "nat", "structure", models=SEVERAL_ROWS)
def shared_order_gap(now: Snapshot) -> Scalar:
    """Σ_r w0_r min over increasing functions f of KL(p0_r ‖ f(p_r)), to 0.02 nat: what is left of the loss if
    each row has the right order of tokens. Infinite if a row has lost a token.
    """
    return _sum(now.start_visits, jax.vmap(order_gap_of)(now.log_start, now.scaled.table))


@observable("share of rows with the original mode", "1", "structure", models=SEVERAL_ROWS, possible=share)
def shared_mode_is_original(now: Snapshot) -> Scalar:
    """Share of the tokens of p0's traces that are drawn from rows whose most likely token is the original one."""
    modes = [rows == jnp.max(rows, axis=-1, keepdims=True) for rows in (now.log_start, now.log_rows)]
    return jnp.sum(jnp.where(jnp.any(modes[0] & modes[1], axis=-1), now.start_visits, 0))


@observable("excess log loss of uniform rows", "nat", "structure", models=SEVERAL_ROWS)
def shared_uniform_kl_to_initial(now: Snapshot) -> Scalar:
    """Σ_r w0_r KL(p0_r ‖ uniform over the tokens of p0_r): what a model loses that knows the vocabulary only."""
    return _sum(now.start_visits, jax.vmap(uniform_divergence)(now.log_start))


@observable("excess log loss on real traces", "nat", "structure", models=SEVERAL_ROWS)
def excess_log_loss(now: Snapshot) -> Scalar:
    """Σ_r w_r KL(q_r ‖ p_r), a mean over the tokens of traces of the table q. In generation 0: error of the fit."""
    visits = now.walk.visits(now.start.given, now.numbers)
    return _mean_divergence(visits, jax.nn.log_softmax(now.start.given, axis=-1), now.log_rows)


@observable("drift of rows never visited", "nat", "structure", default=False, models=SEVERAL_ROWS)
def unvisited_drift(now: Snapshot) -> Scalar:
    """Mean KL(p0_r ‖ p_r) of the rows that no trace has visited so far; NaN if all were visited. 0 for a free table."""
    assert now.visited is not None
    # Rows of one token only, such as those that fill up the table, cannot drift.
    unvisited = ~now.visited & (jnp.sum(now.start.table > -jnp.inf, axis=-1, dtype=jnp.int32) > 1)
    drift = jax.vmap(kl_divergence)(now.log_start, now.log_rows)
    return jnp.sum(jnp.where(unvisited, drift, 0)) / jnp.sum(unvisited, dtype=drift.dtype)


def _left(now: Snapshot) -> Left:
    """What each row has left of that of p0."""
    return jax.vmap(partial(left_of, samples=now.start.samples))(now.log_start, now.log_rows)


def _smoothed_back(now: Snapshot) -> Tempering:
    left, weights = _left(now), now.start_visits
    temperature, gap = _nearest(now, left.log_p, now.scaled.table, now.log_rows, weights * left.mass)
    return Tempering(now.at_scale(temperature), gap + _sum(weights, left.rest))


def _back_to_start(now: Snapshot) -> Tempering:
    return _smoothed_back(now).unless(jnp.any(_left(now).is_lost & (now.start_visits > 0)))


def _from_start(now: Snapshot) -> Tempering:
    return _nearest(now, now.log_rows, now.start.table, now.log_start, now.visits)


def _nearest(now: Snapshot, log_target: Table, base: Table, log_base: Table, weights: Visits) -> Tempering:
    """The one temperature of the tempered rows of a base that brings all of its rows nearest to a target."""
    stays = _untempered(now)
    if not stays.any():
        return nearest_common_tempering(log_target, base, weights)
    nearest = nearest_common_tempering(log_target, base, jnp.where(stays, 0, weights))
    divergence = jax.vmap(kl_divergence)(log_target, log_base)
    rest = _sum(jnp.where(stays, weights, 0), divergence)
    return Tempering(jnp.where(jnp.isinf(rest), jnp.nan, nearest.temperature), nearest.gap + rest)


def _untempered(now: Snapshot) -> Bool[np.ndarray, " row"]:
    """The trained rows that the sampling temperature does not apply to."""
    return now.walk.counted() & ~now.walk.sampled()[0]


def _contexts(now: Snapshot, rows: Num[Array, "row ..."]) -> Num[Array, "context ..."]:
    """The part of an array over all rows that belongs to the contexts of tokens."""
    return rows[now.walk.first_context :]


def _shares(now: Snapshot, visits: Float[Array, " row"]) -> Float[Array, " context"]:
    """Shares of the contexts in the tokens of traces."""
    chosen = _contexts(now, visits)
    return chosen / jnp.maximum(jnp.sum(chosen), _TINY)


def _entropies(log_rows: Float[Array, "context token"]) -> Float[Array, " context"]:
    return -jnp.sum(jnp.where(log_rows > -jnp.inf, jnp.exp(log_rows) * log_rows, 0), axis=-1)


def _mean_divergence(
    visits: Float[Array, " context"], log_p: Float[Array, "context token"], log_q: Float[Array, "context token"]
) -> Scalar:
    weights = visits / jnp.maximum(jnp.sum(visits), _TINY)
    return _sum(weights, jax.vmap(kl_divergence)(log_p, log_q))


def _sum(weights: Float[Array, " row"], values: Float[Array, " row"]) -> Scalar:
    """Σ w x over the rows that have any weight: others may be infinitely far away."""
    return jnp.sum(jnp.where(weights > 0, weights * values, 0))
