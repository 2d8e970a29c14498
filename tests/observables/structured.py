"""Observables of models of several rows: measured, many cases by one program, and cases that are easy to get wrong."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxcollapse.observables import OBSERVABLES
from jaxcollapse.observables.snapshot import Snapshot, SweepThresholds, origin
from jaxcollapse.walks.markov import Markov
from jaxcollapse.walks.persona import Persona
from jaxcollapse.walks.walk import Numbers
from tests.support.engines import hurried_jit

SUPPORT, LANES = 1e-9, 32
SAMPLES = 5000.0  # of the refit that p comes from
GROUPS = ("structure", "personas", "chain", "texts")
WHOLE_TRACES = ("entropy", "kl_to_initial")  # of tokens whatever their context
Several = Markov | Persona


class Case(NamedTuple):
    """Logits [context, token] of p0, of what real data are drawn from, and of p; the rows visited so far."""

    start: Any
    given: Any
    now: Any
    visited: Any
    trace_length: Any = 5
    end_token: Any = -1


def names(walk: Several, groups: tuple[str, ...] = GROUPS) -> list[str]:
    """What is measured of such a model here."""
    own = [entry.name for entry in OBSERVABLES.values() if entry.group in groups and entry.is_of(walk)]
    return [*own, *(WHOLE_TRACES if "structure" in groups else ())]


def filled(table: np.ndarray, walk: Several, width: int) -> np.ndarray:
    """A table made as large as the model's, the way the engine does: rows that are never visited have one token."""
    rows, tokens = table.shape
    whole = np.full((walk.contexts, width), -np.inf, np.float32)
    whole[rows:, 0] = 0
    whole[:rows, :tokens] = table
    return whole


def key_of(place: int) -> np.ndarray:
    """The key of the texts of a case."""
    return np.array([7, place], np.uint32)


@partial(hurried_jit, static_argnames=("walk", "groups"))
def _measured(walk: Several, groups: tuple[str, ...], cases: Case, keys: jax.Array) -> dict[str, jax.Array]:
    def one(case: Case, key: jax.Array) -> dict[str, jax.Array]:
        numbers = Numbers(case.trace_length, case.end_token)
        thresholds = SweepThresholds(jnp.float32(SUPPORT), jnp.float32(0.01))
        p0 = origin(case.start, case.given, thresholds, walk, numbers, jnp.float32(SAMPLES))
        snapshot = Snapshot(case.now, p0, thresholds, walk, numbers, key, case.visited)
        found = {name: OBSERVABLES[name].measure(snapshot) for name in names(walk, groups)}
        return {**found, "sampled": snapshot.texts} if "texts" in groups else found

    return jax.vmap(one)(cases, keys)


def measure(
    walk: Several, cases: list[Case], width: int, groups: tuple[str, ...] = GROUPS[:2]
) -> dict[str, np.ndarray]:
    """All observables of these groups [case], and the texts that they are about, if they are about texts."""
    lanes = -(-len(cases) // LANES) * LANES  # so that few programs serve all
    filled_up = [cases[place if place < len(cases) else 0] for place in range(lanes)]
    tables = [
        np.stack([filled(table, walk, width) for table in tables]) for tables in list(zip(*filled_up, strict=True))[:3]
    ]
    visited = [np.pad(case.visited, (0, walk.contexts - len(case.visited))) for case in filled_up]
    lengths, ends = (np.array([case[place] for case in filled_up], np.int32) for place in (4, 5))
    stacked = Case(*map(jnp.asarray, (*tables, np.stack(visited), lengths, ends)))
    keys = jnp.asarray(np.stack([key_of(place) for place in range(lanes)]))
    found = _measured(walk, groups, stacked, keys)
    return {name: np.asarray(values)[: len(cases)] for name, values in found.items()}


def log(p: np.ndarray | list) -> np.ndarray:
    """ln p in float32, −∞ for what is impossible."""
    with np.errstate(divide="ignore"):
        return np.log(np.asarray(p, float)).astype(np.float32)


def _without(table: np.ndarray, *places: tuple[int, int]) -> np.ndarray:
    table = np.array(table)
    for place in places:
        table[place] = -np.inf
    return table


def _of(start: np.ndarray, now: np.ndarray, **rest: int) -> Case:
    """What real data are drawn from is a little off p0; every other row has been visited."""
    given = np.where(
        np.isfinite(start), start + np.float32(0.1) * np.cos(np.arange(start.size)).reshape(start.shape), start
    )
    return Case(start, given.astype(np.float32), now, np.arange(len(start)) % 2 == 0, **rest)


def _random(random: np.random.Generator, shape: tuple[int, int], concentration: float) -> np.ndarray:
    return log(np.maximum(random.dirichlet(np.full(shape[1], concentration), shape[0]), 1e-12))


def persona_cases() -> dict[str, Case]:
    """Three personas of six tokens."""
    random, cases = np.random.default_rng(11), {}
    weights = log([[0.5, 0.3, 0.2, 0, 0, 0]])
    rows = _random(random, (3, 6), 1.0)
    start = np.concatenate([weights, rows])
    moved = np.concatenate([log([[0.1, 0.2, 0.7, 0, 0, 0]]), _random(random, (3, 6), 1.0)])
    for number in range(6):
        tables = [
            np.concatenate([np.pad(_random(random, (1, 3), 1.0), ((0, 0), (0, 3)), constant_values=-np.inf),
                            _random(random, (3, 6), (0.1, 1.0, 20.0)[number % 3])])
            for _ in range(2)
        ]  # fmt: skip
        cases[f"random {number}"] = _of(*tables, trace_length=number + 1)
    cases["unchanged"] = _of(start, start)
    cases["cooled"] = _of(start, np.float32(2.5) * start)
    cases["heated"] = _of(start, np.where(start > -np.inf, np.float32(0.25) * start, start))
    cases["moved"] = _of(start, moved)
    cases["two tokens lost"] = _of(start, _without(moved, (1, 2), (3, 0)))
    cases["a persona lost"] = _of(start, _without(moved, (0, 1)))
    cases["a persona never there"] = _of(_without(start, (0, 1)), _without(moved, (0, 1)))
    cases["a persona comes back"] = _of(_without(start, (0, 1)), moved)
    cases["a token lost by a persona never there"] = _of(_without(start, (0, 1)), _without(moved, (0, 1), (2, 3)))
    cases["personas have no token in common"] = _of(
        np.concatenate([weights, log(np.kron(np.eye(3), [0.6, 0.4]))]),
        np.concatenate([weights, log(np.kron(np.eye(3), [0.9, 0.1]))]),
    )
    cases["a rare persona is still there"] = _of(start, np.concatenate([log([[0.9, 0.0301, 0.0699, 0, 0, 0]]), rows]))
    cases["a rare persona is not"] = _of(start, np.concatenate([log([[0.9, 0.0299, 0.0701, 0, 0, 0]]), rows]))
    equal = np.zeros((4, 6), np.float32)
    equal[0, 3:] = -np.inf
    cases["all equal"] = _of(equal, equal)
    cases["from all equal"] = _of(equal, moved)
    cases["to all equal"] = _of(start, equal)
    cases["nearly one token each"] = _of(
        start, np.concatenate([weights, log(np.full((3, 6), 1e-12) + np.eye(6)[[1, 1, 4]])])
    )
    return cases


def markov_cases() -> dict[str, Case]:
    """Chains of one to eight tokens."""
    random, cases = np.random.default_rng(12), {}
    for number in range(12):
        tokens = (2, 3, 5, 8)[number % 4]
        start, now = (_random(random, (tokens + 1, tokens), (0.1, 1.0, 20.0)[number % 3]) for _ in range(2))
        end = number % tokens if number % 2 else -1
        cases[f"random {number}"] = _of(start, now, trace_length=(1, 2, 7, 40)[number // 3], end_token=end)
    start, now = (_random(random, (7, 6), 1.0) for _ in range(2))
    cases["unchanged"] = _of(start, start)
    cases["cooled"] = _of(start, np.float32(3) * start)
    cases["heated"] = _of(start, np.float32(0.2) * start)
    cases["two tokens lost"] = _of(start, _without(now, (2, 3), (0, 1)))
    cases["one token"] = _of(log([[1], [1]]), log([[1], [1]]))
    cases["all equal"] = _of(np.zeros((7, 6), np.float32), np.zeros((7, 6), np.float32))
    cases["to all equal"] = _of(start, np.zeros((7, 6), np.float32))
    cases["ends at once"] = _of(start, log([[0, 1, 0, 0, 0, 0], *np.exp(now[1:])]), end_token=1)
    for name, first, chain in _chains():
        cases[name] = _of(log([np.full(len(first), 1 / len(first)), *np.full_like(chain, 1)]), log([first, *chain]))
    return cases


def _chains() -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Name, law of the first token, chain: such as get stuck, go round, or move very rarely."""
    random = np.random.default_rng(13)
    closed = np.zeros((7, 7))  # {0, 1}, {2}, {3, 4, 5} are closed; 6 leads to all of them
    closed[:2, :2], closed[2, 2], closed[3:6, 3:6] = random.dirichlet([1, 1], 2), 1, random.dirichlet([1, 1, 1], 3)
    closed[6] = [0.1, 0.15, 0.2, 0.05, 0.05, 0.05, 0.4]
    around = np.roll(np.eye(5), 1, axis=1)
    two_rounds = np.kron(np.eye(2), np.roll(np.eye(3), 1, axis=1))
    rare = random.dirichlet(np.ones(4), 4)
    rare[:, 3], rare[3] = 1e-20, [0.2, 0.3, 0.5, 0]
    blocks = np.kron(np.eye(2), random.dirichlet([1, 1], 2))
    blocks[0, 2], blocks[1, 3], blocks[3, 0] = 1e-12, 2e-12, 5e-12
    below = np.kron(np.eye(2), random.dirichlet([1, 1], 2))
    below[0, 2], below[2, 0] = 2e-9, 0.5e-9  # one above the support threshold, one below
    ladder = 1e-4 * np.eye(6, k=1) + 1e-8 * np.eye(6, k=-1)
    np.fill_diagonal(ladder, 1 - ladder.sum(axis=1))
    return [
        ("stuck in one of three", np.array([0, 0.1, 0.2, 0.2, 0, 0, 0.5]), closed),
        ("stuck where it starts", np.array([0.3, 0, 0, 0, 0.7, 0, 0]), closed),
        ("stuck for sure", np.array([0, 0, 0, 1.0, 0, 0, 0]), closed),
        ("goes round", np.array([0.5, 0.5, 0, 0, 0]), around),
        ("goes round in one of two", np.array([0.1, 0.1, 0.1, 0.2, 0.3, 0.2]), two_rounds),
        ("every token for ever", np.array([0.1, 0.2, 0.3, 0.4]), np.eye(4)),
        ("hardly ever at a token", np.full(4, 0.25), rare),
        ("hardly ever between two blocks", np.array([0.7, 0.1, 0.1, 0.1]), blocks),
        ("above the threshold one way", np.array([0.4, 0.3, 0.2, 0.1]), below),
        ("up a ladder", np.array([1.0, 0, 0, 0, 0, 0]), ladder),
        ("there and back", np.array([1.0, 0]), np.array([[0, 1.0], [1.0, 0]])),
    ]
