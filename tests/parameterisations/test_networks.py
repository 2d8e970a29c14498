"""Networks: logits and gradients of a plain loop; nothing of the future; the next token is that of the whole window."""

from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcollapse as jc
from jaxcollapse.parameterisations.gru import Gru
from jaxcollapse.parameterisations.network import Network
from jaxcollapse.parameterisations.pretraining import cross_entropy
from jaxcollapse.parameterisations.transformer import Transformer
from tests.reference import networks
from tests.support.engines import hurried_jit

TOKENS, PLACES = 5, 6
NETWORKS: dict[str, tuple[Network, networks.Forward]] = {
    "transformer": (
        Transformer(4, 2, 2, "learned", "full"),
        partial(networks.transformer, heads=2, rotary=False),
    ),
    "transformer with rotary positions": (
        Transformer(8, 1, 2, "rotary", "full"),
        partial(networks.transformer, heads=2, rotary=True),
    ),
    "GRU": (Gru(5, 2, "full"), networks.gru),
}
each_network = pytest.mark.parametrize("name", NETWORKS)
WINDOWS = np.random.default_rng(1).integers(0, TOKENS, (3, PLACES)).astype(np.int32)


def parameters(network: Network, tokens: int = TOKENS, places: int = PLACES) -> Any:
    """Weights of about the size of trained ones, in double precision."""
    random = np.random.default_rng(2)
    begun = network.begun(places, tokens, random)
    return jax.tree.map(lambda each: each + random.normal(0, 0.4, each.shape), begun)


@cache
def _compiled(network: Network) -> Any:
    return hurried_jit(network.next_tokens)


def forward(network: Network, weights: Any, windows: np.ndarray) -> np.ndarray:
    with jax.enable_x64(True):
        return np.asarray(_compiled(network)(weights, windows))


def _one_by_one(network: Network, weights: Any, windows: Any) -> Any:
    """Logits at all places, each from what is remembered of those before."""

    def place(carry: Any, index: Any) -> tuple[Any, Any]:
        memory, token = carry
        logits, memory = network.following(weights, memory, index, token)
        return (memory, windows[:, index]), logits

    begin = network.memory(weights, len(windows), windows.shape[1]), jnp.full(len(windows), 3, jnp.int32)
    found = jax.lax.scan(place, begin, jnp.arange(windows.shape[1], dtype=jnp.int32))[1]
    return found.transpose(1, 0, 2)


@each_network
def test_logits_are_those_of_a_plain_loop(name: str) -> None:
    network, expected = NETWORKS[name]
    weights = parameters(network)
    np.testing.assert_allclose(forward(network, weights, WINDOWS), expected(weights, WINDOWS), rtol=1e-10, atol=1e-12)
    single = jax.tree.map(np.float32, weights)
    np.testing.assert_allclose(_compiled(network)(single, WINDOWS), expected(weights, WINDOWS), atol=5e-5)


@each_network
def test_the_gradient_is_that_of_a_plain_loop(name: str) -> None:
    """Of the mean cross-entropy, with respect to each parameter."""
    network, plain = NETWORKS[name]
    weights = parameters(network)
    traces, places = np.indices(WINDOWS.shape)

    def loss(weights: Any) -> Any:
        return -networks.log_p(plain(weights, WINDOWS))[traces, places, WINDOWS].mean()

    with jax.enable_x64(True):
        value, found = hurried_jit(jax.value_and_grad(partial(cross_entropy, network)))(weights, WINDOWS)
    np.testing.assert_allclose(value, loss(weights), rtol=1e-12)
    expected = networks.slope(loss, weights)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-8, atol=1e-12), found, expected)
    assert all(np.abs(each).max() > 1e-4 for each in jax.tree.leaves(expected))


@each_network
def test_token_by_token_is_the_whole_window(name: str) -> None:
    """What follows depends on the tokens so far, however they came: given in a prompt, or drawn."""
    network, _ = NETWORKS[name]
    weights = parameters(network)
    with jax.enable_x64(True):
        found = hurried_jit(partial(_one_by_one, network))(weights, WINDOWS)
    np.testing.assert_allclose(found, forward(network, weights, WINDOWS), rtol=1e-11, atol=1e-13)


@each_network
def test_later_tokens_have_no_effect(name: str) -> None:
    """And each earlier one has."""
    network, _ = NETWORKS[name]
    weights = parameters(network)
    whole = forward(network, weights, WINDOWS)
    for place in range(PLACES):
        other = WINDOWS.copy()
        other[:, place] = (other[:, place] + 1) % TOKENS
        moved = np.abs(forward(network, weights, other) - whole).max(axis=(0, 2))
        np.testing.assert_array_equal(moved[: place + 1], 0)
        assert (moved[place + 1 :] > 1e-6).all()


@each_network
def test_a_trace_is_read_as_if_it_were_alone(name: str) -> None:
    network, _ = NETWORKS[name]
    weights = parameters(network)
    for trace, alone in enumerate(forward(network, weights, WINDOWS)):
        np.testing.assert_allclose(forward(network, weights, WINDOWS[[trace]])[0], alone, rtol=1e-12, atol=1e-14)


@each_network
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_products_of_half_precision_are_near(name: str, precision: str) -> None:
    """Within what eight bits of a factor allow, but not the same; token by token, too, and in either precision."""
    network, _ = NETWORKS[name]
    half = type(network)(**{**vars(network), "matmuls": "bfloat16"})
    weights = jax.tree.map(lambda each: each.astype(precision), parameters(network))
    with jax.enable_x64(precision == "float64"):
        found = np.asarray(hurried_jit(half.next_tokens)(weights, WINDOWS))
        following = hurried_jit(partial(_one_by_one, half))(weights, WINDOWS)
    assert found.dtype == following.dtype == precision
    exact = forward(network, weights, WINDOWS)
    error = np.abs(found - exact)
    assert 1e-4 < error.max() < 0.03 * np.abs(exact).max()
    np.testing.assert_allclose(following, found, atol=0.03 * np.abs(exact).max())


@each_network
def test_shapes_and_their_number_are_those_of_the_parameters(name: str) -> None:
    network, _ = NETWORKS[name]
    weights, shapes = parameters(network), network.sizes(PLACES, TOKENS)
    jax.tree.map(lambda each, shape: np.testing.assert_equal(each.shape, shape), weights, shapes)
    assert network.numbers(PLACES, TOKENS) == sum(each.size for each in jax.tree.leaves(weights))


def test_rotary_positions_see_distances_alone() -> None:
    """Scores of queries and keys are the same if both move on by as many places."""
    network = Transformer(8, 1, 1, "rotary", "full")
    blocks = jax.tree.map(lambda each: each[0], parameters(network).blocks)
    state = np.random.default_rng(3).normal(size=(1, PLACES, 8))

    def scores(begin: int) -> np.ndarray:
        with jax.enable_x64(True):
            given = jax.tree.map(jnp.asarray, (state, blocks))
            query, key, _ = network._asked(*given, begin + jnp.arange(PLACES, dtype=jnp.int32))
        return np.einsum("thpu,thqu->thpq", query, key)

    np.testing.assert_allclose(scores(7), scores(0), rtol=1e-9, atol=1e-12)
    assert np.abs(scores(0) - np.einsum("tphu,tqhu->thpq", state[:, :, None], state[:, :, None])).max() > 0.1


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"heads": 3}, "process.heads: 3: must divide width = 8"),
        ({"heads": 8, "positions": "rotary"}, "process.heads: 8: a head has 1 units; rotary positions need an even"),
    ],
)
def test_heads_that_do_not_fit_are_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(jc.InputError, match=told):
        Transformer(**{"width": 8, "layers": 1, "positions": "learned", "matmuls": "full", **given}).check()
