"""Exact multinomial counts: totals, laws, covariances, tails and limits, by single draws and by splitting.

In JAX each way is forced on any number of draws; native code chooses, and is made to choose either.
"""

import itertools
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxcollapse import native
from jaxcollapse.sampling import tree
from jaxcollapse.sampling.multinomial import NATIVE, Method, _visits, fewest_split, multinomial
from tests.reference.counts import law, outcomes
from tests.support.engines import leaner_jit
from tests.support.statistics import SIGMAS, assert_counts, assert_mean

SPLITTING = Method(native=False)
SINGLE = Method(native=False, block=64)
REPEATS = 256  # of most draws, so that few programs are compiled
LARGEST = 2**31 - 1
VOCABULARIES = [1, 2, 3, 16, 17, 256, 1500, 4096]
KINDS = ["equal", "random", "one token", "staircase", "logits", "half impossible", "padded"]


@dataclass(frozen=True)
class Native:
    """Native code that splits from `fewest` draws on."""

    fewest: int

    @property
    def splits(self) -> bool:
        return self.fewest == 0

    def blocks(self, draws: int) -> int:
        return 0


How = Method | Native
NATIVE_SPLITTING, NATIVE_SINGLE = Native(0), Native(LARGEST)
WAYS = {"splitting": SPLITTING, "single": SINGLE, "native splitting": NATIVE_SPLITTING, "native single": NATIVE_SINGLE}
each_way = pytest.mark.parametrize("how", WAYS.values(), ids=WAYS)
each_splitting = pytest.mark.parametrize("how", [SPLITTING, NATIVE_SPLITTING], ids=["jax", "native"])


def counts_of(key: jax.Array, weights: jax.Array, draws: jax.Array, how: How, blocks: jax.Array) -> jax.Array:
    """Counts of one lane."""
    if isinstance(how, Method):
        return multinomial(key, weights, draws, how, blocks)
    apart = tree.columns(len(weights)) == 1
    return native.count(key, weights, draws, fewest_split=how.fewest, apart=apart)


@partial(leaner_jit, static_argnames="how")
def _draw(keys: jax.Array, weights: jax.Array, draws: jax.Array, how: How, blocks: jax.Array) -> jax.Array:
    return jax.vmap(lambda key: counts_of(key, weights, draws, how, blocks))(keys)


@partial(leaner_jit, static_argnames="how")
def _draw_lanes(keys: jax.Array, weights: jax.Array, draws: jax.Array, how: How, blocks: jax.Array) -> jax.Array:
    return jax.vmap(lambda *lane: counts_of(*lane, how, blocks))(keys, weights, draws)


def keys_of(number: int, seed: int) -> jax.Array:
    return jax.random.key_data(jax.random.split(jax.random.key(seed), number))


def draw(weights: np.ndarray, draws: int, how: How, repeats: int, seed: int = 0) -> np.ndarray:
    """Counts [repeat, token]."""
    blocks = jnp.int32(how.blocks(draws))
    return np.asarray(_draw(keys_of(repeats, seed), jnp.asarray(weights, jnp.float32), jnp.int32(draws), how, blocks))


def draw_lanes(weights: np.ndarray, draws: np.ndarray, how: How, seed: int = 0) -> np.ndarray:
    """Counts [lane, token] for weights and numbers of draws of each lane's own."""
    blocks, numbers = jnp.int32(how.blocks(int(draws.max()))), jnp.asarray(draws, jnp.int32)
    return np.asarray(_draw_lanes(keys_of(len(draws), seed), jnp.asarray(weights, jnp.float32), numbers, how, blocks))


def weights_of(kind: str, tokens: int) -> np.ndarray:
    """Weights as the engine may have them, the largest near 1."""
    rng, place = np.random.default_rng(tokens), np.arange(tokens)
    random = rng.gamma(0.5, size=tokens) + 1e-30
    made = {
        "equal": np.ones(tokens),
        "random": random / random.max(),
        "one token": np.where(place == tokens - 1, 1 - 1e-12, 1e-12 / max(tokens - 1, 1)),
        "staircase": 10.0 ** -np.linspace(0, 30, tokens),
        # As of logits: the last ones underflow gradually, to subnormal numbers and to zero.
        "logits": np.exp(-np.linspace(0, 110, tokens, dtype=np.float32)),
        "half impossible": np.where(place % 2, 0.0, 1.0),
        "padded": np.where(place < max(1, tokens * 9 // 16), random / random.max(), 0.0),
    }
    return made[kind].astype(np.float32)


def probabilities(weights: np.ndarray) -> np.ndarray:
    """What weights amount to as float32; those that the compiler may flush to zero do not count."""
    exact = np.where(weights >= np.finfo(np.float32).tiny, weights, 0).astype(float)
    return exact / exact.sum()


# Totals and laws over the grid.


@each_way
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tokens", VOCABULARIES)
def test_counts_have_the_exact_total_the_right_means_and_the_right_spread(tokens: int, kind: str, how: How) -> None:
    weights = weights_of(kind, tokens)
    p = probabilities(weights)
    for draws in sorted({0, 1, tokens, *((10**6, 10**9) if how.splits else (500,))}):
        counts = draw(weights, draws, how, REPEATS, seed=tokens)
        assert (counts.sum(axis=1) == draws).all()
        assert (counts >= 0).all()
        assert (counts[:, weights == 0] == 0).all()
        assert_counts(counts.sum(axis=0), len(counts) * draws * p)
        # Pearson's statistic of each repeat is as large as it should be, and for few draws so is how often they agree.
        often = draws * p * (1 - p) >= 5
        expected = draws * p[often]
        assert_mean(((counts[:, often] - expected) ** 2 / expected).sum(axis=1), (1 - p[often]).sum())
        if draws < 10**6:
            exact = counts.astype(float)
            assert_mean((exact * (exact - 1)).sum(axis=1), draws * (draws - 1) * (p**2).sum())


@each_way
def test_every_outcome_of_few_draws_has_its_probability(how: How) -> None:
    tokens, draws = 5, 4
    weights = np.array([0.3, 1.0, 0.07, 0.0, 0.2])
    counts = draw(weights, draws, how, 2**17, seed=1)
    possible = outcomes(draws, tokens)
    code = (draws + 1) ** np.arange(tokens)
    found = np.bincount(counts @ code, minlength=(draws + 1) ** tokens)[possible @ code]
    assert found.sum() == len(counts)
    assert_counts(found, len(counts) * law(possible, probabilities(weights.astype(np.float32))))


@pytest.mark.parametrize(
    ("tokens", "draws", "how"),
    [
        *[(17, 300, how) for how in WAYS.values()],
        *[(17, draws, how) for how in (SPLITTING, NATIVE_SPLITTING) for draws in (10**6, 10**9, LARGEST)],
    ],
    ids=str,
)
def test_counts_have_multinomial_variances_and_covariances(tokens: int, draws: int, how: How) -> None:
    """Of all pairs: children of one node, cousins, and tokens with the padding's neighbour."""
    weights = np.arange(1.0, tokens + 1) ** 2
    counts = draw(weights, draws, how, 2**14, seed=2)
    p = weights / weights.sum()
    centred = (counts - draws * p) / np.sqrt(draws)
    products = np.einsum("ri,rj->rij", centred, centred)
    assert_mean(products, np.diag(p) - np.outer(p, p))
    assert_mean(np.einsum("rii->ri", products)[:, p * draws > 5], (p * (1 - p))[p * draws > 5], resolves=0.15)


def assert_same_law(one: np.ndarray, other: np.ndarray) -> None:
    """Two samples of a number, cut into classes by the quantiles of both, differ no more than chance makes them."""
    edges = np.unique(np.quantile(np.append(one, other), np.linspace(0, 1, 21)))[1:]
    table = np.stack([np.bincount(np.searchsorted(edges, x), minlength=len(edges)) for x in (one, other)])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] > 1:
        assert stats.chi2_contingency(table, correction=False).pvalue > 1e-5


def test_all_ways_give_the_same_law() -> None:
    tokens, draws = 48, 200
    weights = weights_of("random", tokens)
    ways = [draw(weights, draws, how, 4096, seed=3 + i) for i, how in enumerate(WAYS.values())]
    largest = np.argsort(-weights)
    measures = {
        "largest count": lambda c: c.max(axis=1),
        "agreement": lambda c: (c.astype(float) ** 2).sum(axis=1),
        "tokens seen": lambda c: (c > 0).sum(axis=1),
        "tokens seen once": lambda c: (c == 1).sum(axis=1),
        "mean place": lambda c: c @ np.arange(tokens),
        "the first half": lambda c: c[:, : tokens // 2].sum(axis=1),
        "even places": lambda c: c[:, ::2].sum(axis=1),
        "the likeliest": lambda c: c[:, largest[0]],
        "the two likeliest": lambda c: c[:, largest[0]] - c[:, largest[1]],
        "one in the middle": lambda c: c[:, largest[tokens // 2]],
    }
    for measure in measures.values():
        for one, other in itertools.pairwise(ways):
            assert_same_law(measure(one), measure(other))


# Rare tokens.


def zipf_with_rare_tokens(rare: int) -> tuple[np.ndarray, np.ndarray]:
    """Zipf's law over a million tokens, of which `rare`, here and there, have a probability of 1e-9 each."""
    p = 1 / np.arange(1.0, 10**6 + 1)
    is_rare = np.zeros(len(p), bool)
    is_rare[np.random.default_rng(4).choice(len(p), rare, replace=False)] = True
    p[~is_rare] *= (1 - rare * 1e-9) / p[~is_rare].sum()
    p[is_rare] = 1e-9
    return p, is_rare


@each_splitting
def test_splitting_gives_tokens_of_probability_1e_9_their_counts(how: How) -> None:
    """Each of a thousand, in two lanes, has a Poisson count of mean 2."""
    p, is_rare = zipf_with_rare_tokens(1000)
    counts = draw(p, 2 * 10**9, how, 2)
    assert (counts.sum(axis=1, dtype=np.int64) == 2 * 10**9).all()
    rare = counts[:, is_rare]
    assert abs(rare.sum() - 4000) < SIGMAS * np.sqrt(4000)
    assert_counts(np.bincount(rare.ravel(), minlength=30), rare.size * stats.poisson(2).pmf(np.arange(30)))
    assert_counts(counts[:, ~is_rare].sum(axis=0, dtype=np.int64), 4e9 * p[~is_rare])


@pytest.mark.parametrize("how", [Method(native=False, block=4096), NATIVE_SINGLE], ids=["jax", "native"])
def test_single_draws_give_tokens_of_probability_1e_9_their_counts(how: How) -> None:
    """Five million draws fall on the hundred thousand of them 500 times, and hardly ever twice on one."""
    p, is_rare = zipf_with_rare_tokens(100_000)
    counts = draw(p, 1_250_000, how, 4).sum(axis=0)
    assert counts.sum() == 5 * 10**6
    rare = counts[is_rare]
    assert abs(rare.sum() - 500) < SIGMAS * np.sqrt(500)
    assert (rare > 1).sum() < 10
    edges = [0, 1, 10, 100, 1000, 10_000, 100_000, 500_000, 900_000]
    assert_counts(np.add.reduceat(counts, edges), 5e6 * np.add.reduceat(p, edges))


@each_way
def test_rare_tokens_beside_heavy_ones_are_not_lost(how: How) -> None:
    """Neighbours in every order: a token of 1e-6 is drawn as often first, in the middle or last of 48."""
    for place in (0, 23, 24, 47):
        p = np.full(48, 1e-12)
        p[place] = 1e-6
        p[(place + 7) % 48] = 1.0
        counts = draw(p, 100_000, how, REPEATS)
        expected = counts.sum() * 1e-6 / p.sum()
        assert abs(counts[:, place].sum() - expected) < SIGMAS * np.sqrt(expected)


@each_splitting
def test_a_token_left_over_by_a_heavy_one_has_a_poisson_count(how: How) -> None:
    """Of 1e9 draws, 1 − 1e-9 of the mass on one token: the rest shares about one draw, a Poisson number of them."""
    weights = np.full(17, 1e-9 / 16)
    weights[5] = 1.0
    counts = draw(weights, 10**9, how, 2**14)
    rest = np.delete(counts, 5, axis=1)
    assert (counts.sum(axis=1) == 10**9).all()
    law = stats.poisson(float(np.float32(1e-9 / 16)) * 16e9)
    assert_counts(np.bincount(rest.sum(axis=1), minlength=30), len(rest) * law.pmf(np.arange(30)))
    assert_counts(rest.sum(axis=0), np.full(16, len(rest) * law.mean() / 16))


# Limits.


@each_way
def test_the_only_possible_token_gets_every_draw(how: How) -> None:
    """Wherever it is, and beside subnormal weights, too: they are next to nothing."""
    only = np.arange(REPEATS) % 17
    draws = np.full(REPEATS, 10**9 if how.splits else 100)
    for rest in (0.0, 1e-45, 1e-40):
        weights = np.where(np.arange(17) == only[:, None], 1.0, rest)
        counts = draw_lanes(weights, draws, how)
        assert (counts[np.arange(REPEATS), only] == draws).all()
        assert (counts.sum(axis=1) == draws).all()


@each_way
def test_impossible_tokens_are_never_drawn(how: How) -> None:
    """Beside any two or three others of 17, of weights as small as floating-point numbers are."""
    chosen = [some for size in (2, 3) for some in itertools.combinations(range(17), size)]
    weights = np.zeros((REPEATS * -(-len(chosen) // REPEATS), 17))
    for row, some in zip(weights, itertools.cycle(chosen), strict=False):
        row[list(some)] = [1.0, 2e-38, 0.25][: len(some)]
    for part in weights.reshape(-1, REPEATS, 17):
        counts = draw_lanes(part, np.full(REPEATS, 1000), how)
        assert (counts.sum(axis=1) == 1000).all()
        assert (counts[part == 1] > 700).all()
        assert (counts[part < 0.25] == 0).all()  # those of 2e-38 are as good as impossible


@each_splitting
@pytest.mark.parametrize("draws", [2**24 + 1, 10**9, 2 * 10**9, LARGEST - 1, LARGEST])
@pytest.mark.parametrize("tokens", [1, 2, 3, 17, 256])
def test_up_to_2_31_draws_are_all_counted(tokens: int, draws: int, how: How) -> None:
    for kind in ("equal", "random", "staircase"):
        weights = weights_of(kind, tokens)
        counts = draw(weights, draws, how, REPEATS)
        assert (counts.sum(axis=1, dtype=np.int64) == draws).all()
        assert counts.min() >= 0
        assert_counts(counts.sum(axis=0, dtype=np.int64), REPEATS * draws * probabilities(weights))


@pytest.mark.parametrize("how", [SPLITTING, SINGLE], ids=["splitting", "single"])
def test_double_precision_gives_the_same_law(how: How) -> None:
    p = np.arange(1.0, 18) / 153
    with jax.enable_x64(True):
        weights, draws = jnp.asarray(p, jnp.float64), jnp.int32(1000)
        counts = np.asarray(_draw(keys_of(4096, 5), weights, draws, how, jnp.int32(how.blocks(1000))))
    assert counts.dtype == np.int32
    assert (counts.sum(axis=1) == 1000).all()
    assert_mean(counts, 1000 * p)
    assert_mean((counts - 1000 * p) ** 2, 1000 * p * (1 - p), resolves=0.15)


# What counts do not depend on.


def varied(tokens: int, lanes: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights and numbers of draws of lanes that differ in both: some nearly fixed, some without draws."""
    rng = np.random.default_rng(tokens)
    weights = rng.gamma(rng.choice([0.05, 0.5, 5.0], (lanes, 1)), size=(lanes, tokens))
    weights[:, 0] += 1e-6
    draws = np.floor(most ** rng.uniform(0, 1, lanes)).astype(np.int64)
    draws[rng.uniform(size=lanes) < 0.05] = 0
    return weights / weights.max(axis=1, keepdims=True), draws


@pytest.mark.parametrize(
    ("tokens", "lanes", "fewer", "how"),
    [
        *[(48, 1024, 512, SPLITTING), (4096, 32, 16, SPLITTING), (48, 1024, 512, SINGLE)],
        *[(48, 1024, 300, Native(0)), (48, 1024, 37, Native(LARGEST)), (48, 1024, 1, Native(50))],
        *[(4096, 32, 3, Native(0)), (4096, 32, 1, Native(LARGEST))],
    ],
    ids=str,
)
def test_counts_of_a_lane_do_not_depend_on_how_many_share_the_call(
    tokens: int, lanes: int, fewer: int, how: Method
) -> None:
    weights, draws = varied(tokens, lanes, LARGEST if how.splits else 200)
    together = draw_lanes(weights, draws, how)
    keys, blocks = keys_of(lanes, 0), jnp.int32(how.blocks(int(draws.max())))
    for start in range(0, lanes, fewer):
        some = slice(start, start + fewer)
        chosen = jnp.asarray(weights[some], jnp.float32), jnp.asarray(draws[some], jnp.int32)
        np.testing.assert_array_equal(_draw_lanes(keys[some], *chosen, how, blocks), together[some])


@pytest.mark.parametrize("tokens", [1, 2, 17, 100, 1024, 1040, 1500])
def test_native_code_draws_the_same_counts_as_jax(tokens: int) -> None:
    """All of them, but for roundings next to an edge: one count in a hundred thousand."""
    fewest, lanes = fewest_split(tokens), 37
    weights, _ = varied(tokens, lanes, 2)
    rng = np.random.default_rng(tokens)
    for how, draws in (
        (SINGLE, rng.integers(0, fewest, lanes)),
        (SPLITTING, rng.integers(fewest, 10**6, lanes)),
        (SPLITTING, rng.integers(fewest, 2 * fewest, lanes)),
    ):
        here = draw_lanes(weights, draws, Method(native=True))
        assert (here.sum(axis=1) == draws).all()
        assert (here != draw_lanes(weights, draws, how)).sum() <= 4 + 1e-5 * here.size


@each_way
def test_one_lane_is_the_same_without_a_batch(how: How) -> None:
    weights, draws = varied(17, REPEATS, 1000)
    together = draw_lanes(weights, draws, how)[:8]
    blocks = jnp.int32(how.blocks(int(draws.max())))
    chosen = weights[:8].astype(np.float32), draws[:8].astype(np.int32)
    alone = jax.jit(lambda key, p, number: counts_of(key, p, number, how, blocks))
    lanes = zip(keys_of(REPEATS, 0)[:8], *map(jnp.asarray, chosen), strict=True)
    np.testing.assert_array_equal(np.stack([alone(*lane) for lane in lanes]), together)


@pytest.mark.parametrize("tokens", [1, 48])
def test_single_draws_do_not_depend_on_the_size_and_the_number_of_blocks(tokens: int) -> None:
    weights, draws = varied(tokens, 64, 200)
    chosen = keys_of(64, 0), jnp.asarray(weights, jnp.float32), jnp.asarray(draws, jnp.int32)
    each = [
        np.asarray(_draw_lanes(*chosen, Method(False, size), jnp.int32(-(-200 // size) + 3))) for size in (1, 16, 256)
    ]
    assert (each[0].sum(axis=1) == draws).all()
    np.testing.assert_array_equal(each, [each[0]] * 3)


@pytest.mark.parametrize("tokens", [48, 1040])
def test_split_draws_do_not_depend_on_how_many_nodes_are_visited_at_once(tokens: int) -> None:
    weights, draws = varied(tokens, 64, 10**6)
    each = [draw_lanes(weights, draws, Method(False, at_once=number)) for number in (1, 64 * 3, 2**20)]
    assert (each[0].sum(axis=1) == draws).all()
    np.testing.assert_array_equal(each, [each[0]] * 3)


def test_another_key_gives_other_counts() -> None:
    for how in WAYS.values():
        assert len(np.unique(draw(np.ones(48), 1000, how, REPEATS), axis=0)) == REPEATS


# The choice between the two ways, and the order in which nodes are visited.


def test_blocks_hold_all_draws() -> None:
    assert [Method(False, 16).blocks(draws) for draws in (0, 1, 16, 17)] == [0, 1, 1, 2]
    assert not Method(False, 16).splits
    assert SPLITTING.blocks(10**9) == Method(True).blocks(10**9) == 0
    assert SPLITTING.splits
    assert not Method(True).splits


@pytest.mark.parametrize("tokens", [*VOCABULARIES, 10**6])
def test_draws_are_split_from_where_that_is_cheaper(tokens: int) -> None:
    """And a single draw never is: it needs one path through the tree."""
    fewest, splitting, single = fewest_split(tokens), NATIVE.splitting(tokens), NATIVE.single_draw(tokens)
    assert fewest > 1
    assert splitting < fewest * single
    assert fewest == 2 or splitting >= (fewest - 2) * single


def test_larger_vocabularies_are_split_for_more_draws() -> None:
    fewest = [fewest_split(tokens) for tokens in (*VOCABULARIES, 10**6)]
    assert fewest == sorted(fewest)
    assert fewest[0] == 2
    assert fewest[-1] < 10**6


@pytest.mark.parametrize("tokens", [2, 3, 4, 5, 7, 16, 17, 33, 100, 1030])
def test_visits_reach_every_node_and_no_parent_before_its_own_counts(tokens: int) -> None:
    layout = tree.layout(tokens)
    nodes = 1 + sum(2 * half for _, half in layout)
    for rows in (1, 2, 3, max(1, tokens // 4)):
        known = np.zeros(nodes + rows, int)
        known[0] = 1
        for depth, parents, children, half, first in _visits(tokens, rows):
            assert (children, half) == layout[depth]
            row = np.arange(first, min(first + rows, half))
            assert known[parents + row].all()
            known[1 + children + row] = known[1 + children + half + row] = 1
        assert known[:nodes].all()


def test_trees_of_lanes_are_the_trees_of_each() -> None:
    weights = np.random.default_rng(6).gamma(1.0, size=(37, 5)).astype(np.float32)
    each = jax.jit(jax.vmap(tree.build, 1, 1))(weights)
    np.testing.assert_array_equal(jax.jit(tree.build)(weights), each)
