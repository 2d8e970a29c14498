"""Markov models in the long run: where an endless trace is, how much information it has, and whether it gets stuck."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int32, Num, Shaped

from jaxcollapse.observables.possible import entropy_of_contexts, entropy_of_tokens, number_of_classes
from jaxcollapse.observables.registry import observable
from jaxcollapse.observables.snapshot import Row, Scalar, Snapshot
from jaxcollapse.walks.markov import Markov
from jaxcollapse.walks.windows import Windows

_RESTART = 1e-20  # chance of a chain to start anew, which decides between the places where it may get stuck
Chain = Float[Array, "from to"]


@observable(
    "entropy of the stationary distribution",
    "nat",
    "chain",
    default=False,
    models=("markov",),
    possible=entropy_of_contexts,
)
def stationary_entropy(now: Snapshot) -> Scalar:
    """Entropy of π, the share of time an endless trace spends at each token (at each window, if `order` is above 1).

    After an end token it starts again.
    """
    law = _stationary(now)
    return -jnp.sum(jnp.where(law > 0, law * jnp.log(jnp.where(law > 0, law, 1)), 0))


@observable("entropy rate", "nat", "chain", default=False, models=("markov",), possible=entropy_of_tokens)
def entropy_rate(now: Snapshot) -> Scalar:
    """Σ_c π_c S(p_c), π the stationary distribution: mean entropy of the next token in an endless trace."""
    log_chain = jnp.log(_chain(now))
    terms = jnp.where(log_chain > -jnp.inf, jnp.exp(log_chain) * log_chain, 0)
    return -jnp.sum(_stationary(now) * jnp.sum(terms, axis=-1))


@observable(
    "recurrent classes", "1", "chain", default=False, whole=True, models=("markov",), possible=number_of_classes
)
def recurrent_classes(now: Snapshot) -> Int32[Array, ""]:
    """Number of sets of tokens (windows) that a trace can reach but not leave, by steps of p > support_threshold."""
    is_possible = _steps(now, (_chain(now) > now.thresholds.support).astype(jnp.int32)) > 0
    size = len(is_possible)
    reaches = is_possible | jnp.eye(size, dtype=bool)
    for _ in range(max(size - 1, 1).bit_length()):
        reaches = _product(reaches, reaches)
    can_start = _begun((jax.nn.softmax(now.table[0]) > now.thresholds.support)[None], size)[0]
    is_reached = jnp.any(can_start[:, None] & reaches, axis=0)
    is_recurrent = is_reached & jnp.all(~reaches | reaches.T, axis=1)
    is_first = ~jnp.any(jnp.tril(reaches & reaches.T, -1), axis=1)  # of its class
    return jnp.sum(is_recurrent & is_first, dtype=jnp.int32)


def _product(left: Bool[Array, "from via"], right: Bool[Array, "via to"]) -> Bool[Array, "from to"]:
    return jnp.matmul(left.astype(jnp.float32), right.astype(jnp.float32)) > 0


def _chain(now: Snapshot) -> Float[Array, "window token"]:
    """Probabilities of the next token; what follows an end token is the start of another trace."""
    chain, first = jnp.exp(now.log_rows[1:]), jnp.exp(now.log_rows[0])
    return jnp.where(_ends(now), first[None], chain)


def _ends(now: Snapshot) -> Bool[Array, "window 1"]:
    """Windows that end with the end token."""
    windows = _windows(now)
    last = np.concatenate([windows.last_tokens(length) for length in range(1, windows.order + 1)])
    return jnp.asarray(last)[:, None] == now.numbers.end_token


def _windows(now: Snapshot) -> Windows:
    assert isinstance(now.walk, Markov)
    return now.walk.windows


def _begun(first: Shaped[Array, "1 token"], size: int) -> Shaped[Array, "1 to"]:
    """Where a trace is after its first token, of so many windows of one token or more."""
    width = first.shape[1]
    return first if width == size else jnp.pad(first, ((0, 0), (0, max(0, size - width))))[:, :size]


def _steps(now: Snapshot, chain: Num[Array, "window token"]) -> Num[Array, "from to"]:
    """What leads from each window to each, if so much leads on by each token."""
    windows = _windows(now)
    if windows.order == 1:
        return chain
    rows, tokens = jnp.arange(1, windows.number, dtype=jnp.int32), jnp.arange(windows.tokens, dtype=jnp.int32)
    to = windows.following(rows[:, None], tokens[None]) - 1
    to = jnp.where(_ends(now), tokens[None], to)
    made = jnp.zeros((len(rows), len(rows)), chain.dtype)
    return made.at[rows[:, None] - 1, to].add(chain[:, : windows.tokens])


def _stationary(now: Snapshot) -> Row:
    """By elimination of states one after the other, without a subtraction (Grassmann, Taksar, Heyman 1985).

    State 0 is the start, where the chain is again once in 1 / `_RESTART` steps: so every other state has a way there.
    """
    chain = _steps(now, _chain(now))
    first = _begun(jnp.exp(now.log_rows[:1]), len(chain))
    restart = jnp.full((len(chain), 1), _RESTART, chain.dtype)
    start = jnp.block([[jnp.zeros((1, 1), chain.dtype), first], [restart, chain]])
    size = len(start)
    place = jnp.arange(size, dtype=jnp.int32)

    def eliminate(step: Array, work: Chain) -> Chain:
        state = size - 1 - step
        below = place < state
        onward = jnp.where(below, work[state], 0)
        into = jnp.where(below, work[:, state] / jnp.sum(onward), 0)
        work = work.at[:, state].set(jnp.where(below, into, work[:, state]))
        return work + into[:, None] * onward[None]

    work = jax.lax.fori_loop(0, size - 1, eliminate, start)

    def substitute(state: Array, law: Row) -> Row:
        return law.at[state].set(jnp.sum(jnp.where(place < state, law * work[:, state], 0)))

    law = jax.lax.fori_loop(1, size, substitute, jnp.where(place == 0, 1, 0).astype(start.dtype))[1:]
    return law / jnp.sum(law)
