"""Every observable against its definition, in float64 NumPy and SciPy, on kind and on adversarial pairs of rows."""

from collections.abc import Callable
from functools import cache, cached_property
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from jaxcollapse.observables import OBSERVABLES, select
from jaxcollapse.observables.possible import Sizes
from jaxcollapse.observables.snapshot import ATTEMPTS, SweepThresholds
from tests.observables import measuring
from tests.observables.measuring import RATES, SAMPLES, each_engine
from tests.reference.laws import TINY, kl, log
from tests.reference.order import left, order_gap, smoothed
from tests.reference.tempering import Nearest, nearest

WIDTH = 31
SUPPORT, COLLAPSE = 1e-9, 0.01


class Pair(NamedTuple):
    """Logits of p0 and of p, in float32."""

    start: np.ndarray
    now: np.ndarray


def _pair(start: np.ndarray | list[float], now: np.ndarray | list[float]) -> Pair:
    return Pair(np.asarray(start, np.float32), np.asarray(now, np.float32))


def _without(row: np.ndarray, *tokens: int | slice) -> np.ndarray:
    row = np.array(row)
    for token in tokens:
        row[token] = -np.inf
    return row


def _pairs() -> dict[str, Pair]:
    """Pairs of rows of `WIDTH` tokens."""
    random = np.random.default_rng(3)
    tokens = np.arange(WIDTH)
    zipf, uniform, stairs = -1.1 * np.log1p(tokens), np.zeros(WIDTH), -np.log(10) * tokens
    nearly_one = log(np.where(tokens == 4, 1 - 1e-12, 1e-12 / (WIDTH - 1)))
    pairs = {
        "unchanged": _pair(zipf, zipf),
        "cooled": _pair(zipf, 1.7 * zipf),
        "heated": _pair(zipf, 0.2 * zipf),
        "uniform to zipf": _pair(uniform, zipf),
        "zipf to uniform": _pair(zipf, uniform),
        "uniform, unchanged": _pair(uniform, uniform),
        "reversed": _pair(zipf, zipf[::-1]),
        "one token nearly alone": _pair(zipf, nearly_one),
        "from one token nearly alone": _pair(nearly_one, zipf),
        "both nearly alone, differently": _pair(nearly_one, np.roll(nearly_one, 3)),
        "a point mass": _pair(zipf, _without(zipf, slice(0, 7), slice(8, None))),
        "a token lost": _pair(zipf, _without(zipf, 5)),
        "the mode lost": _pair(zipf, _without(zipf, 0)),
        "the tail lost": _pair(zipf, _without(zipf, slice(10, None))),
        "never there": _pair(_without(zipf, 3, 8), _without(zipf[::-1], 3, 8)),
        "never there and lost": _pair(_without(zipf, 3, 8), _without(zipf, 3, 8, 20)),
        "tied modes": _pair(np.minimum(zipf, -2), np.where(tokens == 1, 0.0, zipf - 1)),
        "modes tie later": _pair(zipf, np.minimum(zipf, -2)),
        "ties everywhere": _pair(-(tokens // 4) * 0.5, -(tokens % 5) * 0.5),
        "ties at the tail's edge": _pair(np.where(tokens < 25, 0.5, -0.5), zipf),
        "tail within one tie": _pair(np.where(tokens < 2, 0.5, -0.5), zipf),
        "a staircase of 30 decades": _pair(stairs, stairs[::-1]),
        "up the staircase": _pair(uniform, stairs),
        "down from the staircase": _pair(stairs, uniform),
        "huge logits": _pair(np.where(tokens % 2, 80.0, -80.0), np.where(tokens % 3, 80.0, -80.0)),
        "far from uniform": _pair(uniform, np.where(tokens % 3, 80.0, -80.0)),
        "offset upwards": _pair(zipf + 1e4, 1.3 * zipf + 1e4),
        "offset downwards": _pair(zipf, 0.7 * zipf - 1e4),
    }
    for vocabulary in (9, 10, 11, 20, 30):
        outside = slice(vocabulary, None)
        other = np.float32(random.normal(size=WIDTH))
        pairs[f"only {vocabulary} tokens"] = _pair(_without(zipf, outside), _without(other, outside))
    for scale in (1e-2, 1e-3, 1e-4):
        pairs[f"moved by {scale:g}"] = _pair(zipf, zipf + scale * random.normal(size=WIDTH))
    for concentration in (0.02, 0.3, 1.0, 30.0):
        for number in range(10):
            rows = random.dirichlet(np.full(WIDTH, concentration), size=2)
            rows = np.maximum(rows, 1e-35)
            lost = random.choice(WIDTH, size=number // 3, replace=False)
            pairs[f"dirichlet {concentration:g}, {number}"] = _pair(log(rows[0]), _without(log(rows[1]), *lost))
    return pairs


PAIRS = _pairs()
SHORT = {
    "one token": _pair([0.0], [0.0]),
    "one token, moved": _pair([0.3], [-50.0]),
    "two tokens": _pair(log([0.7, 0.3]), log([0.2, 0.8])),
    "two tokens, tied": _pair([0.0, 0.0], log([0.2, 0.8])),
    "two tokens, then tied": _pair(log([0.7, 0.3]), [0.0, 0.0]),
    "two tokens, one lost": _pair(log([0.7, 0.3]), log([0.0, 1.0])),
    "two tokens, one never there": _pair(log([0.0, 1.0]), log([0.0, 1.0])),
    "two tokens, one nearly alone": _pair(log([0.4, 0.6]), log([1e-12, 1 - 1e-12])),
}


def _thresholds(support: float = SUPPORT, collapse: float = COLLAPSE) -> SweepThresholds:
    return SweepThresholds(jnp.float32(support), jnp.float32(collapse))


def measure(pairs: list[Pair], engine: str, thresholds: SweepThresholds | None = None) -> dict[str, np.ndarray]:
    """All observables of all pairs, which have one width."""
    start, now = (np.stack(rows) for rows in zip(*pairs, strict=True))
    return measuring.measure(start, now, thresholds or _thresholds(), engine)


@cache
def _measured_pairs(engine: str) -> dict[str, dict[str, np.ndarray]]:
    """pair → observable → value."""
    table: dict[str, dict[str, np.ndarray]] = {}
    for width in (1, 2, WIDTH):
        named = {name: pair for name, pair in {**SHORT, **PAIRS}.items() if len(pair.now) == width}
        measured = measure(list(named.values()), engine)
        for place, name in enumerate(named):
            table[name] = {key: values[place].astype(float) for key, values in measured.items()}
    return table


class Exact:
    """A pair in float64: logits, ln p, and p, for p0 and p, and the nearest temperings of one to the other."""

    def __init__(self, pair: Pair):
        self.z0, self.z = pair.start.astype(float), pair.now.astype(float)
        self.log_p0, self.log_p = special.log_softmax(self.z0), special.log_softmax(self.z)
        self.p0, self.p = np.exp(self.log_p0), np.exp(self.log_p)

    @cached_property
    def from_start(self) -> Nearest:
        return nearest(self.log_p, self.z0)

    @cached_property
    def back_to_start(self) -> Nearest:
        return nearest(self.log_p0, self.z)

    @cached_property
    def smoothed_back(self) -> Nearest:
        """Only what is left can be brought back, so that it alone decides on the temperature."""
        found = nearest(left(self.log_p0, self.z), self.z)
        if not (np.isfinite(self.z0) & np.isinf(self.z)).any():
            return self.back_to_start
        temperature = 1.0 if np.isnan(found.temperature) else min(found.temperature, 1e30)
        return found._replace(gap=kl(self.log_p0, smoothed(self.log_p0, self.z, SAMPLES, temperature)))


@cache
def _exact_pairs() -> dict[str, Exact]:
    return {name: Exact(pair) for name, pair in {**SHORT, **PAIRS}.items()}


def _a_mode_is_shared(e: Exact) -> float:
    return float(not set(np.flatnonzero(e.z == e.z.max())).isdisjoint(np.flatnonzero(e.z0 == e.z0.max())))


def _mass_of_the_rarest(e: Exact) -> float:
    """Tokens of p0 in rising order, a tenth of them taken: the mean over all orders in which ties may come."""
    possible = np.isfinite(e.z0)
    wanted = int(np.ceil(possible.sum() / 10))
    edge = np.sort(e.z0[possible])[wanted - 1]
    below, tied = possible & (e.z0 < edge), e.z0 == edge
    return float(e.p[below].sum() + (wanted - below.sum()) * e.p[tied].mean())


def _spearman(e: Exact) -> float:
    here, there = e.z[np.isfinite(e.z0)], e.z0[np.isfinite(e.z0)]
    if (here == here[0]).all() or (there == there[0]).all():
        return np.nan
    return float(stats.spearmanr(here, there).statistic)


def _has_halved(e: Exact) -> float:
    before, after = 1 - (e.p0**2).sum(), 1 - (e.p**2).sum()
    return float(before > 0 and after <= before / 2)


def _entropy_of_the_correct(e: Exact) -> float:
    """Every second token is correct, from the first."""
    return float(stats.entropy(e.p[::2])) if e.p[::2].sum() > 0 else 0.0


def _lost_share_of_the_correct(e: Exact) -> float:
    start, now = e.p0[::2], e.p[::2]
    return float(start[(start > SUPPORT) & (now <= SUPPORT)].sum() / start.sum()) if start.sum() > 0 else 0.0


def _one_of_k_is_correct(e: Exact) -> np.ndarray:
    wrong = max(1 - e.p[::2].sum(), 0.0)
    return 1 - wrong ** np.array(ATTEMPTS, float) if e.p[::2].sum() > 1e-6 else np.array(ATTEMPTS) * e.p[::2].sum()


ORACLES: dict[str, Callable[[Exact], Any]] = {
    "entropy": lambda e: float(stats.entropy(e.p)),
    "collision_probability": lambda e: float(e.p @ e.p),
    "modal_probability": lambda e: float(e.p.max()),
    "support_size": lambda e: float(np.count_nonzero(e.p > SUPPORT)),
    "hill_number_1": lambda e: float(np.prod(e.p**-e.p)),
    "hill_number_2": lambda e: 1 / float((e.p**2).sum()),
    "hill_number_inf": lambda e: 1 / float(e.p.max()),
    "original_mode_probability": lambda e: float(e.p[e.p0 == e.p0.max()].sum()),
    "mode_is_original": _a_mode_is_shared,
    "kl_from_initial": lambda e: kl(e.log_p, e.log_p0),
    "kl_to_initial": lambda e: kl(e.log_p0, e.log_p),
    "total_variation": lambda e: float(np.maximum(e.p - e.p0, 0).sum()),
    "tail_mass": _mass_of_the_rarest,
    "rank_correlation": _spearman,
    "effective_temperature": lambda e: e.from_start.temperature,
    "tempering_gap": lambda e: e.from_start.gap,
    "recovery_temperature": lambda e: e.back_to_start.temperature,
    "recovery_gap": lambda e: e.back_to_start.gap,
    "smoothed_kl_to_initial": lambda e: kl(e.log_p0, smoothed(e.log_p0, e.z, SAMPLES)),
    "smoothed_recovery_temperature": lambda e: e.smoothed_back.temperature,
    "smoothed_recovery_gap": lambda e: e.smoothed_back.gap,
    "order_gap": lambda e: order_gap(e.log_p0, e.z),
    "uniform_kl_to_initial": lambda e: float(np.log(np.isfinite(e.z0).sum()) - stats.entropy(e.p0)),
    "accuracy": lambda e: float(e.p[::2].sum()),
    "pass_at_k": _one_of_k_is_correct,
    "correct_entropy": _entropy_of_the_correct,
    "correct_support": lambda e: float(np.count_nonzero(e.p[::2] > SUPPORT)),
    "lost_mass": lambda e: float(e.p0[(e.p0 > SUPPORT) & (e.p <= SUPPORT)].sum()),
    "lost_correct_mass": _lost_share_of_the_correct,
    "mean_reward": lambda e: float(RATES[0] * e.p[::2].sum() + RATES[1] * e.p[1::2].sum()),
    "first_correct_extinction_time": lambda e: float(((e.p0 > SUPPORT) & (e.p <= SUPPORT))[::2].any()),
    "collapse_time": lambda e: float(e.p.max() >= 1 - COLLAPSE),
    "first_extinction_time": lambda e: float(((e.p0 > SUPPORT) & (e.p <= SUPPORT)).any()),
    "half_life": _has_halved,
}

EXACTLY = (
    "support_size",
    "correct_support",
    "mode_is_original",
    "collapse_time",
    "first_extinction_time",
    "first_correct_extinction_time",
    "half_life",
)
# Sums of positive terms keep the relative precision of p; a difference or a sum of logarithms an absolute one.
RELATIVELY = (
    "collision_probability",
    "modal_probability",
    "hill_number_1",
    "hill_number_2",
    "hill_number_inf",
    "original_mode_probability",
    "tail_mass",
    "accuracy",
    "pass_at_k",
    "mean_reward",
    "lost_mass",
    "lost_correct_mass",
)
ABSOLUTELY = ("entropy", "correct_entropy", "total_variation", "rank_correlation", "uniform_kl_to_initial")
DIVERGENCES = (
    "kl_from_initial",
    "kl_to_initial",
    "tempering_gap",
    "recovery_gap",
    "smoothed_kl_to_initial",
    "smoothed_recovery_gap",
)
TEMPERATURES = ("effective_temperature", "recovery_temperature", "smoothed_recovery_temperature")
BY_LEVELS = ("order_gap",)  # tokens of one level count as equal


def assert_close(name: str, value: Any, expected: Any, case: str) -> None:
    """`value` of an observable is `expected` as closely as float32 allows."""
    told = f"{name} of {case!r}"
    if name in EXACTLY or not np.all(np.isfinite(expected)):
        np.testing.assert_array_equal(value, expected, told)
    elif name in RELATIVELY:
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=TINY, err_msg=told)
    elif name in ABSOLUTELY:
        np.testing.assert_allclose(value, expected, rtol=0, atol=2e-6, err_msg=told)
    elif name in DIVERGENCES:
        # Quadratic in the distance of the two: rounding of ln p enters squared.
        assert value >= 0, told
        np.testing.assert_allclose(np.sqrt(value), np.sqrt(max(expected, 0)), rtol=5e-7, atol=2e-6, err_msg=told)
    elif name in BY_LEVELS:
        np.testing.assert_allclose(value, expected, rtol=0.05, atol=0.02, err_msg=told)
    else:
        assert name in TEMPERATURES
        np.testing.assert_allclose(value, expected, rtol=1e-3, err_msg=told)


def test_every_observable_has_a_definition_here() -> None:
    of_one_row = {entry.name for entry in select(["all"], ["categorical"])}
    assert set(ORACLES) == of_one_row
    assert sorted(of_one_row) == sorted(EXACTLY + RELATIVELY + ABSOLUTELY + DIVERGENCES + TEMPERATURES + BY_LEVELS)


@each_engine
@pytest.mark.parametrize("name", ORACLES)
def test_an_observable_is_what_its_definition_says(name: str, engine: str) -> None:
    for case, exact in _exact_pairs().items():
        assert_close(name, _measured_pairs(engine)[case][name], ORACLES[name](exact), case)


@each_engine
@pytest.mark.parametrize("name", ORACLES)
def test_an_observable_is_within_its_range(name: str, engine: str) -> None:
    """The range is that of a model with as many tokens as the case has."""
    seen = 0
    for case in _exact_pairs():
        value = np.asarray(_measured_pairs(engine)[case][name], float)
        tokens = len({**SHORT, **PAIRS}[case].now)
        least, most = OBSERVABLES[name].possible(Sizes(tokens=tokens, support_threshold=SUPPORT))
        if not np.isnan(value).any():
            assert ((float(least) - 1e-5 <= value) & (value <= float(most) + 1e-5)).all(), case
            seen += 1
    assert seen


@each_engine
@pytest.mark.parametrize("width", [1, 2, WIDTH])
def test_padding_changes_nothing(width: int, engine: str) -> None:
    """Tokens beyond the vocabulary, −inf in p0 and in p, have no influence."""
    named = {name: pair for name, pair in {**SHORT, **PAIRS}.items() if len(pair.now) == width}

    def padded(row: np.ndarray) -> np.ndarray:
        return np.concatenate([row, np.full(48 - width, -np.inf, np.float32)])

    measured = measure([Pair(padded(pair.start), padded(pair.now)) for pair in named.values()], engine)
    for name in ORACLES:
        for place, case in enumerate(named):
            assert_close(name, measured[name][place], _measured_pairs(engine)[case][name], case)


@each_engine
def test_values_do_not_depend_on_an_offset_of_the_logits(engine: str) -> None:
    """Logits on a lattice of 1/64, so that offsets of ±10⁴ are exact: the same numbers to the last bit."""

    def lattice(row: np.ndarray, offset: float) -> np.ndarray:
        return np.round(64 * row) / 64 + np.float32(offset)

    plain, *moved = (
        measure([Pair(lattice(pair.start, offset), lattice(pair.now, -offset)) for pair in PAIRS.values()], engine)
        for offset in (0, 1e4, -1e4)
    )
    for other in moved:
        for name in ORACLES:
            np.testing.assert_array_equal(other[name], plain[name], name)


@each_engine
def test_small_divergences_keep_their_relative_precision(engine: str) -> None:
    """Logits moved by 10⁻² … 10⁻⁴: divergences of 10⁻⁵ … 10⁻⁹ nat within 2 %; none at all is 0 within 10⁻¹²."""
    for scale in (1e-2, 1e-3, 1e-4):
        case = f"moved by {scale:g}"
        for name in ("kl_from_initial", "kl_to_initial"):
            expected = ORACLES[name](_exact_pairs()[case])
            assert 1e-3 * scale**2 < expected < scale**2
            assert _measured_pairs(engine)[case][name] == pytest.approx(expected, rel=0.02)
    for name in DIVERGENCES:
        assert 0 <= _measured_pairs(engine)["unchanged"][name] < 1e-12


@each_engine
@pytest.mark.parametrize("threshold", [0.0, 3e-31, 3e-16, 1e-9, 1e-3, 0.25, 0.5])
def test_the_support_ends_at_its_threshold(threshold: float, engine: str) -> None:
    """Tokens with p > support_threshold, one exactly at the threshold not among them."""
    stairs = PAIRS["a staircase of 30 decades"].start
    pairs = [_pair(stairs, stairs), _pair(stairs, np.where(np.arange(WIDTH) < 4, 0.0, -np.inf))]
    measured = measure(pairs, engine, _thresholds(support=threshold))
    p = special.softmax(stairs.astype(float))
    assert measured["support_size"].tolist() == [np.count_nonzero(p > threshold), 4 if threshold < 0.25 else 0]
    lost = (p > threshold)[4:].any() or (threshold >= 0.25 and p[0] > threshold)
    assert measured["first_extinction_time"].tolist() == [False, lost]


@pytest.mark.parametrize("threshold", [0.0, 1e-6, 0.1, 0.6])
def test_collapse_begins_at_its_threshold(threshold: float) -> None:
    """max p ≥ 1 − collapse_threshold; with 0 only a point mass will do."""
    tops = np.array([0.3, 0.5, 0.89, 0.91, 1 - 1e-5, 1 - 1e-7, 1.0])
    pairs = [_pair([0.0, 0.0], log([top, 1 - top])) for top in tops]
    collapsed = measure(pairs, "definitions", _thresholds(collapse=threshold))["collapse_time"]
    np.testing.assert_array_equal(collapsed, np.maximum(tops, 1 - tops) >= 1 - threshold)
