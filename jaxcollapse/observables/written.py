"""What a network writes, and what it makes of held-out text, each with its sampling error.

Texts are 64 of 32 tokens at temperature 1, drawn at each record, without their prompts. Probes are the same contexts of
held-out text at all records.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int32

from jaxcollapse.observables.possible import Ends, Sizes, share
from jaxcollapse.observables.registry import observable
from jaxcollapse.observables.snapshot import Scalar, Snapshot

OPENING = 3  # tokens
_NETWORKS = ("sequence",)


@observable("log loss on held-out text", "nat", "texts", default=False, models=_NETWORKS)
def held_out_loss(now: Snapshot) -> Scalar:
    """Mean over the probes of −ln p of the token that follows in the held-out text, nat per token."""
    return jnp.mean(_losses(now))


@observable("standard error of the log loss on held-out text", "nat", "texts", default=False, models=_NETWORKS)
def held_out_loss_error(now: Snapshot) -> Scalar:
    """Standard deviation of the loss over the probes, divided by the root of their number: the standard error of
    `held_out_loss` as an estimate for the text that the probes are from, if probes count as independent. Differences
    between generations have a much smaller one, since the probes are the same.
    """
    return _standard_error(_losses(now))


def _of_opening(of: Sizes) -> Ends:
    """Possible range of the entropy of three tokens: 0 to 3 ln V, nat."""
    return 0.0, OPENING * np.log(of.tokens)


@observable("entropy of openings", "nat", "texts", default=False, models=_NETWORKS, possible=_of_opening)
def opening_entropy(now: Snapshot) -> Scalar:
    """Entropy of the first three tokens after the prompt, given the prompt: the sum of the entropies of the network's
    laws of these tokens, given those before, the mean of 64 sampled texts. Without bias, whatever the number of texts.
    """
    return jnp.mean(_opening_entropies(now))


@observable("standard error of the entropy of openings", "nat", "texts", default=False, models=_NETWORKS)
def opening_entropy_error(now: Snapshot) -> Scalar:
    """Standard error of `opening_entropy`: standard deviation over the 64 texts, divided by the root of 64."""
    return _standard_error(_opening_entropies(now))


@observable("share of texts", "1", "texts", default=False, models=_NETWORKS, dim="source", possible=share)
def source_share(now: Snapshot) -> Float[Array, " source"]:
    """Share of 64 sampled texts that are like each of the learned texts (such as languages), by naive Bayes over pairs
    of tokens. A share s has the standard error √(s(1 − s)/64). How often held-out text is recognised, `source_recall`.
    """
    assert now.author is not None
    assert now.author.likelihoods is not None
    found = recognised(now.written, now.author.likelihoods)
    sources = jnp.arange(len(now.author.likelihoods), dtype=jnp.int32)
    return jnp.mean((found[:, jnp.newaxis] == sources[jnp.newaxis]).astype(now.table.dtype), axis=0)


def recognised(texts: Int32[Array, "text place"], log_p: Float[Array, "source before token"]) -> Int32[Array, " text"]:
    """The number of the source that each text is most likely from; see `distributions/recognition.py`."""
    before = jnp.concatenate([jnp.full((len(texts), 1), -1, jnp.int32), texts[:, :-1]], axis=1)
    rows = before + 1 if log_p.shape[1] > 1 else jnp.zeros_like(before)
    found = log_p[:, rows, jnp.maximum(texts, 0)]
    scores = jnp.sum(jnp.where((texts >= 0)[jnp.newaxis], found, 0), axis=-1)
    return jnp.argmax(scores, axis=0).astype(jnp.int32)


def _losses(now: Snapshot) -> Float[Array, " probe"]:
    assert now.author is not None
    return -jnp.take_along_axis(now.log_rows, now.author.held_out[:, jnp.newaxis], axis=-1)[:, 0]


def _opening_entropies(now: Snapshot) -> Float[Array, " text"]:
    """The entropy of the opening of each text, as the sum over its places."""
    assert now.author is not None
    laws, exists = now.author.openings(now.whole_texts, OPENING)
    log_p = jax.nn.log_softmax(laws, axis=-1)
    entropies = -jnp.sum(jnp.where(log_p > -jnp.inf, jnp.exp(log_p) * log_p, 0), axis=-1)
    return jnp.sum(jnp.where(exists, entropies, 0), axis=-1)


def _standard_error(values: Float[Array, " value"]) -> Scalar:
    return jnp.std(values, ddof=1) / jnp.sqrt(jnp.asarray(len(values), values.dtype))
