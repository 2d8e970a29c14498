"""The decisions of a rule for replicates: what they follow from, and how often intervals cover when they are fixed."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

import jaxcollapse as jc
from jaxcollapse.planning.measured import Measured, measured
from jaxcollapse.planning.rounds import next_round
from jaxcollapse.planning.until import Asked, Evidence, asked, half_widths
from jaxcollapse.sweep.stopping import Stopping

NAME = "x"
REPETITIONS = 10_000


def quantity(cells: int, *, is_share: bool = False) -> Measured:
    return Measured(NAME, is_share, (NAME,), np.ones(cells, bool), lambda known, cells: known[NAME])


def evidence_of(values: np.ndarray, counts: np.ndarray | None = None) -> Evidence:
    """All of these values [cell, replicate]."""
    cells, replicates = (each.reshape(-1) for each in np.indices(values.shape))
    counts = np.ones(values.shape, bool) if counts is None else counts
    return Evidence(cells, replicates, counts.reshape(-1), {NAME: values.reshape(-1).astype(float)})


def asked_of(values: np.ndarray, rule: Stopping, counts: np.ndarray | None = None, *, is_share: bool = False) -> Asked:
    cells = len(values)
    return asked(rule, [quantity(cells, is_share=is_share)], evidence_of(values, counts), cells)


def rule_of(width: float, least: int, most: int) -> Stopping:
    return Stopping(until={NAME: width}, least=least, most=most)


def test_the_rounds_double_up_to_the_most() -> None:
    assert rule_of(1, 64, 4096).rounds == (64, 128, 256, 512, 1024, 2048, 4096)
    assert rule_of(1, 10, 35).rounds == (10, 20, 35)
    assert rule_of(1, 8, 8).rounds == (8,)


def test_half_widths_are_those_of_student_and_of_wilson() -> None:
    rng = np.random.default_rng(0)
    sizes = [2, 3, 10, 64]
    cells = np.repeat(np.arange(4), sizes)
    values = rng.gamma(2.0, size=len(cells))
    widths = half_widths(values, cells, 4, is_share=False)
    happened = (values > 3).astype(float)
    shares = half_widths(happened, cells, 4, is_share=True)
    for cell in range(4):
        own = values[cells == cell]
        low, high = stats.t.interval(0.95, len(own) - 1, own.mean(), stats.sem(own))
        assert widths[cell] == pytest.approx((high - low) / 2)
        told = stats.binomtest(int(happened[cells == cell].sum()), len(own)).proportion_ci(0.95, "wilson")
        assert max(shares[cell], 0.5 * (told.high - told.low)) == pytest.approx(shares[cell])
        assert shares[cell] == pytest.approx((told.high - told.low) / 2, rel=0.05)


def test_none_of_some_is_not_known() -> None:
    """The interval of a share is as wide as the number of replicates allows, also where nothing varies."""
    values = np.zeros((1, 256))
    found = asked_of(values, rule_of(0.02, 16, 256), is_share=True)
    assert found.number.tolist() == [128]
    z = stats.norm.ppf(0.975)
    assert z**2 / 2 / (64 + z**2) > 0.02 > z**2 / 2 / (128 + z**2)


def test_a_decision_uses_the_first_replicates_only_whatever_else_is_there() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(200, 512)) * rng.choice([0.5, 1.0, 3.0], (200, 1))
    rule = rule_of(0.3, 16, 512)
    found = asked_of(values, rule)
    assert not found.is_open.any()
    assert len(set(found.number.tolist())) > 3
    for cell, number in enumerate(found.number.tolist()):
        before = [n for n in rule.rounds if n < number]
        for n in [*before, *[number] * (number < rule.most)]:
            spread = stats.t.ppf(0.975, n - 1) * stats.sem(values[cell, :n])
            assert (spread <= 0.3) == (n == number)
    beyond = values.copy()
    beyond[np.arange(512) >= found.number[:, None]] = np.nan
    whole = evidence_of(beyond)
    kept = whole.replicates < found.number[whole.cells]
    some = Evidence(whole.cells[kept], whole.replicates[kept], whole.counts[kept], {NAME: whole.values[NAME][kept]})
    for evidence in (whole, some):
        again = asked(rule, [quantity(200)], evidence, 200)
        np.testing.assert_array_equal(again.number, found.number)
        assert not again.is_open.any()


def test_a_cell_that_lacks_a_replicate_waits_for_it() -> None:
    whole = evidence_of(np.random.default_rng(2).normal(size=(3, 64)))
    kept = ~((whole.cells == 1) & (whole.replicates == 7))
    some = Evidence(whole.cells[kept], whole.replicates[kept], whole.counts[kept], {NAME: whole.values[NAME][kept]})
    rule = rule_of(0.01, 16, 64)
    found = asked(rule, [quantity(3)], some, 3)
    assert found.number.tolist() == [64, 16, 64]
    assert found.is_open.tolist() == [False, True, False]
    following = next_round(rule, found)
    assert following is not None
    assert (following.since, following.until, following.cells.tolist()) == (0, 16, [True] * 3)
    assert next_round(rule, found, np.array([True, False, True])) is None


def test_what_is_infinite_or_missing_goes_on_to_the_most_and_what_diverged_is_left_out() -> None:
    values = np.random.default_rng(3).normal(size=(4, 64)) * 0.1
    values[1, 3], values[2, 5], values[3, :4] = np.inf, np.nan, np.nan
    counts = np.ones(values.shape, bool)
    counts[3, :4] = False
    found = asked_of(values, rule_of(0.2, 16, 64), counts)
    assert found.number.tolist() == [16, 64, 64, 16]
    assert not found.is_open.any()
    assert found.wide == found.unknown == {NAME: 2}


def test_a_cell_whose_model_lacks_a_quantity_does_not_wait_for_it() -> None:
    values = np.full((2, 32), np.nan)
    values[0] = np.random.default_rng(4).normal(size=32)
    lacks = Measured(NAME, False, (NAME,), np.array([True, False]), lambda known, cells: known[NAME])
    found = asked(rule_of(0.01, 16, 32), [lacks], evidence_of(values), 2)
    assert found.number.tolist() == [32, 16]


def test_the_share_of_a_verdict_is_the_one_that_classification_counts() -> None:
    """Also where models of one row and of several are in one sweep."""
    words = ("unchanged", "forgetting", "collapsed", "distorted")
    common: dict[str, Any] = {
        "generations": 30,
        "observables": ["verdict"],
        "process": {"vocab_size": 16, "batch_size": 8},
        "axes": {"model": ["categorical", "persona"], "learning_rate": [0.1, 1.0, 4.0]},
    }
    data = jc.run({**common, "replicates": 12}, progress=False)
    share = data.collapse.classify().share.transpose("model", "learning_rate", "outcome")
    rule = {"until": {f"share_{word}": 0.1 for word in words}}
    quantities = list(measured(jc.Sweep.from_dict({**common, "replicates": rule})))
    last = data.isel(generation=-1).transpose("model", "learning_rate", "replicate")
    cells, seen = np.repeat(np.arange(6), 12), set()
    for word, each in zip(words, quantities, strict=True):
        assert each.is_share
        values = each.of({name: last[name].values.reshape(-1) for name in each.variables}, cells)
        shares = values.reshape(2, 3, 12).mean(axis=-1)
        np.testing.assert_allclose(shares, share.sel(outcome=word))
        seen |= set(shares.ravel().tolist())
    assert len(seen) > 3


def _covered(values: np.ndarray, expected: float, rule: Stopping, *, is_share: bool) -> float:
    """How often the interval at the number of replicates at which a cell stops has the expectation."""
    number = asked_of(values, rule, is_share=is_share).number
    used = np.arange(values.shape[1]) < number[:, None]
    mean = np.where(used, values, 0).sum(axis=1) / number
    if is_share:
        z = stats.norm.ppf(0.975)
        return float(np.mean(np.abs(mean - expected) <= z * np.sqrt(expected * (1 - expected) / number)))
    spread = np.sqrt(np.where(used, (values - mean[:, None]) ** 2, 0).sum(axis=1) / (number - 1) / number)
    return float(np.mean(np.abs(mean - expected) <= stats.t.ppf(0.975, number - 1) * spread))


def error_of(share: float, number: int) -> float:
    """Four standard errors of a measured share."""
    return 4 * math.sqrt(share * (1 - share) / number)


@pytest.mark.parametrize(
    ("width", "least", "told"), [(0.5, 8, 0.933), (0.5, 16, 0.942), (0.3, 16, 0.946), (0.3, 64, 0.95), (0.1, 64, 0.951)]
)
def test_intervals_of_a_normal_law_cover_as_often_as_the_documentation_says(
    width: float, least: int, told: float
) -> None:
    values = np.random.default_rng(5).normal(size=(REPETITIONS, 512))
    covered = _covered(values, 0.0, rule_of(width, least, 512), is_share=False)
    assert abs(covered - told) < error_of(told, REPETITIONS)


@pytest.mark.parametrize("width", [0.1, 0.05])
@pytest.mark.parametrize("share", [0.01, 0.05, 0.2, 0.5])
def test_intervals_of_a_share_cover_at_least_93_percent(share: float, width: float) -> None:
    """Wilson's interval has a share p where |mean − p| ≤ z √(p (1 − p) / n)."""
    values = np.random.default_rng(6).random((REPETITIONS, 512)) < share
    covered = _covered(values, share, rule_of(width, 16, 512), is_share=True)
    assert covered > 0.93 - error_of(0.93, REPETITIONS)


def test_intervals_of_a_process_cover_what_theory_expects() -> None:
    """Refits to N samples at T = 1 multiply the expected heterozygosity by 1 − 1/N in each generation."""
    samples, generations = np.arange(20, 820), 10
    rule = {"until": {"collision_probability": 0.01}, "least": 64, "most": 512}
    sweep = jc.Sweep.from_dict(
        {
            "replicates": rule,
            "generations": generations,
            "observables": ["collision_probability"],
            "process": {"vocab_size": 16, "update": "refit", "initial": {"kind": "zipf", "exponent": 1.0}},
            "axes": {"samples": samples},
        }
    )
    data = jc.run(sweep, progress=False)
    assert len(np.unique(data.replicates)) > 1
    values = data.collision_probability.isel(generation=-1)
    start = 1 - float(data.collision_probability.isel(generation=0, replicate=0, samples=0))
    expected = 1 - start * (1 - 1 / samples) ** generations
    number = data.replicates.values
    spread = stats.t.ppf(0.975, number - 1) * values.std("replicate", ddof=1).values / np.sqrt(number)
    np.testing.assert_array_equal(values.count("replicate"), number)
    assert (spread[number < rule["most"]] <= 0.01 * (1 + 1e-6)).all()
    covered = float(np.mean(np.abs(values.mean("replicate").values - expected) <= spread))
    assert abs(covered - 0.945) < error_of(0.945, len(samples))
