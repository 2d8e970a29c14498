"""Published formulas hold in the engine where their assumptions do, and an error of 3 % would be seen."""

import re
from functools import cache

import numpy as np
import pytest

from experiments.published import entropy_and_reward, noisy_verifier, rare_answers, whitened_rewards
from experiments.published.paper import Data, Paper, Point, row
from experiments.published.papers import PAPERS
from jaxcollapse import theory
from tests.conftest import ROOT

pytestmark = pytest.mark.optimised  # programs run longer than they compile
SIGMAS = 4.0
OFF = (0.97, 1.03)
# How many times fewer trajectories run than for the page.
FEWER = {noisy_verifier.PAPER: 4, rare_answers.PAPER: 1, whitened_rewards.PAPER: 4, entropy_and_reward.PAPER: 2}
EACH = pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.name)


@cache
def run(paper: Paper) -> Data:
    return paper.run(FEWER[paper])


@cache
def points(paper: Paper) -> list[Point]:
    return paper.compare(run(paper))


@EACH
def test_a_published_formula_holds_where_its_assumptions_do(paper: Paper) -> None:
    for each in points(paper):
        if each.holds:
            assert abs(each.z) <= SIGMAS, each


@EACH
def test_the_mean_over_groups_holds_at_every_size(paper: Paper) -> None:
    for each in points(paper):
        assert abs(each.z_of_groups) <= SIGMAS, each


@EACH
def test_an_error_of_three_percent_would_be_seen(paper: Paper) -> None:
    """In half of the numbers at least: the rest are masses of answers that are rarely drawn."""
    held = [each for each in points(paper) if each.holds]
    seen = [min(abs(each.z_if(factor)) for factor in OFF) > SIGMAS for each in held]
    assert np.mean(seen) >= 0.5


@EACH
def test_where_the_page_says_that_a_formula_does_not_hold_it_does_not(paper: Paper) -> None:
    for each in points(paper):
        if not each.holds:
            assert abs(each.z) > SIGMAS, each


def test_the_sign_of_j_decides_between_learning_drift_and_unlearning() -> None:
    last = {each.quantity: each.measured for each in points(noisy_verifier.PAPER) if "g = 1000" in each.quantity}
    wrong = [last[f"b, J = {j}, G = 512, g = 1000"] for j in ("1", "0.6", "0.2", "0", "−0.2")]
    assert wrong == sorted(wrong)
    assert wrong[2] < 0.1
    assert wrong[3] == pytest.approx(0.5, abs=0.01)
    assert wrong[4] > 0.9


def test_medium_groups_keep_least_of_equal_right_answers() -> None:
    """Four lose more in 60 generations than two, which step less often, and than large ones, which miss less."""
    cells = run(rare_answers.PAPER)[rare_answers.EQUAL]
    small, medium, large = (rare_answers.kept(cells, rare_answers.EQUAL, size, 60) for size in (2, 4, 256))
    for other in (small, large):
        error = np.sqrt((medium.var(ddof=1) + other.var(ddof=1)) / medium.size)
        assert other.mean() - medium.mean() > SIGMAS * error


def test_a_rare_answer_beside_a_common_one_loses_most_in_large_groups() -> None:
    cells = run(rare_answers.PAPER)[rare_answers.BESIDE]
    left = [rare_answers.kept(cells, rare_answers.BESIDE, size, 10).mean() for size in (2, 8, 256)]
    assert left == sorted(left, reverse=True)
    assert left[0] < 0.6


def test_the_iterated_formula_ends_at_the_fixed_point_of_theory() -> None:
    for p, beta in ((0.1, 2.0), (0.3, 1.5), (0.6, 4.5)):
        told = theory.verified_fixed_point(correct_mass=p, reverse_kl=beta)
        assert whitened_rewards.iterates(p, beta, None)[-1] == pytest.approx(told, abs=1e-6)


def test_groups_pull_at_most_by_a_bound_which_large_ones_do_not_feel() -> None:
    """√(G − 1) where hardly any answer is wrong; 1/√(p (1 − p)) for large groups."""
    assert whitened_rewards.pull(1 - 1e-9, 16) == pytest.approx(np.sqrt(15), rel=1e-6)
    assert whitened_rewards.pull(0.6, 4096) == pytest.approx(1 / np.sqrt(0.24), rel=2e-4)


def test_three_wrong_answers_for_a_right_one_are_near_the_exponential_law_and_other_rows_are_not() -> None:
    """The largest deviation as a share of the reward gained, by the formula and simulated."""
    found = entropy_and_reward.deviations(run(entropy_and_reward.PAPER))
    for formula, simulated in found.values():
        assert simulated == pytest.approx(formula, rel=0.05)
    near = found.pop(entropy_and_reward.FEW)
    assert max(near) < 0.04
    assert all(min(far) > 0.1 for far in found.values())


def test_a_coin_lowers_the_entropy_and_leaves_the_reward() -> None:
    first, last = (run(entropy_and_reward.PAPER)[entropy_and_reward.COIN].isel(generation=place) for place in (0, -1))
    error = last.accuracy.std(ddof=1) / np.sqrt(last.accuracy.size)
    assert abs(last.accuracy.mean() - first.accuracy.mean()) < SIGMAS * error
    assert last.entropy.mean() < 0.8 * first.entropy.mean()


@EACH
def test_the_page_shows_what_is_compared(paper: Paper) -> None:
    """The shipped page has these settings, with the predictions of the code as it is, and the picture."""
    page = (ROOT / "docs/published.md").read_text(encoding="utf-8")
    told = "run `python -m experiments.published`"
    section = next(part for part in re.split(r"^## ", page, flags=re.MULTILINE) if part.startswith(paper.title))
    for text in (*paper.says, *paper.simulated, f"pictures/{paper.picture}"):
        assert text in section, told
    for each in points(paper):
        quantity, formula, of_groups, *_ = row(each)
        predicted = " | ".join(filter(None, (quantity, formula, of_groups)))
        assert f"| {predicted} | " in section, told
    assert (ROOT / "docs/pictures" / paper.picture).stat().st_size > 10_000
