"""What came out, in sentences: of datasets whose verdicts are known."""

import numpy as np
import pytest
import xarray as xr

from jaxcollapse.analysis.verdict import NEEDED, NEEDED_OF_ROWS
from jaxcollapse.report.answer import Answer, Item, answer_of
from jaxcollapse.report.outcome import outcome_of
from jaxcollapse.report.view import View
from tests.report.holes import with_holes
from tests.report.known import known
from tests.support.datasets import SHAPES

LEARNING_RATES = [0.1, 1.0, 10.0]
BATCHES = [1.0, 16.0, 256.0, float("inf")]


def answered(data: xr.Dataset) -> Answer:
    return answer_of(data, outcome_of(data))


def headline(answer: Answer) -> list[str]:
    return [point.text for point in answer.headline]


def lines(items: list[Item], depth: int = 0) -> list[str]:
    return [line for item in items for line in (". " * depth + item.text, *lines(item.items, depth + 1))]


def test_cells_are_counted_by_their_verdicts_and_said_where_they_are() -> None:
    told = answered(
        known(
            {"temperature": [0.5, 1.0, 2.0], "samples": [1, 2]},
            [["collapsed", "cooled"], ["unchanged"] * 2, ["heated"] * 2],
        )
    )
    assert headline(told)[:3] == [
        "2 of 6 cells are unchanged after 50 generations: all with temperature 1.",
        "Of the 4 cells that changed, 3 come back at another sampling temperature (1 cooled at T = 2, 2 heated at T = "
        "0.5): all with temperature 2; all with temperature 0.5 and samples 2.",
        "Of the 4 cells that changed, 1 cannot be brought back by any sampling temperature (collapsed): all with "
        "temperature 0.5 and samples 1.",
    ]
    assert [(word.word, word.cells, word.where) for word in told.words] == [
        ("unchanged", 2, "temperature 1"),
        ("cooled", 1, "temperature 0.5, samples 2"),
        ("heated", 2, "temperature 2"),
        ("collapsed", 1, "temperature 0.5, samples 1"),
    ]


def test_where_it_forgets_is_told_by_the_axes_that_decide() -> None:
    """Single traces forget at steps of 1 and more, batches of 16 at steps of 10, whatever the temperature."""
    table = np.full((2, 3, 4), "unchanged", "U10")
    table[:, 1:, 0] = "forgetting"
    table[:, 2, 1] = "collapsed"
    told = answered(known({"temperature": [0.9, 1.1], "learning_rate": LEARNING_RATES, "batch_size": BATCHES}, table))
    assert lines(told.where) == [
        "Learning rate 0.1: no loss.",
        "Learning rate 1: loss at batch size 1, no loss at 16 to ∞.",
        "Learning rate 10: loss at batch size 1 and 16, no loss at 256 and ∞.",
    ]
    assert [headline(told)[-1], *told.along] == [
        "As learning rate grows and all else is fixed, loss begins at 1 or 10 in 4 of 8 cases and nothing changes in "
        "4.",
        "As batch size grows and all else is fixed, loss ends after 1 or 16 in 4 of 6 cases and nothing changes in 2.",
    ]


def test_three_axes_that_matter_are_told_one_within_the_other() -> None:
    table = np.full((2, 2, 3), "unchanged", "U10")
    table[0, 0] = "forgetting"
    table[1, 1, 2] = "forgetting"
    told = answered(known({"temperature": [0.9, 1.0], "samples": [10, 100], "learning_rate": LEARNING_RATES}, table))
    assert lines(told.where) == [
        "Temperature 0.9: loss at samples 10, no loss at 100.",
        "Temperature 1:",
        ". Samples 10: no loss.",
        ". Samples 100: no loss at learning rate 0.1 and 1, loss at 10.",
    ]


def test_a_loss_that_comes_and_goes_is_not_monotone() -> None:
    words = ["collapsed", "unchanged", "unchanged", "unchanged", "forgetting"]
    told = answered(known({"temperature": [0.8, 0.9, 1.0, 1.1, 1.2]}, words))
    assert lines(told.where) == ["Loss at temperature 0.8 and 1.2, no loss at 0.9 to 1.1."]
    assert headline(told)[-1] == "As temperature grows, loss begins or ends more than once."


def test_values_are_told_by_their_size_not_by_their_order() -> None:
    told = answered(known({"temperature": [1.0, 0.5, 2.0, 1.5]}, ["unchanged", "collapsed", "unchanged", "unchanged"]))
    assert lines(told.where) == ["No loss at temperature 1 to 2, loss at 0.5."]
    assert headline(told)[-1] == "As temperature grows, loss ends after 0.5."


def test_values_without_an_order_are_listed() -> None:
    told = answered(known({"optimizer": ["sgd", "adam", "lion", "RMS"]}, ["unchanged"] * 3 + ["forgetting"]))
    assert lines(told.where) == ["No loss at optimizer sgd, adam and lion, loss at RMS."]
    assert told.along == []
    assert "Boundary" not in {point.lead for point in told.headline}


def test_a_zip_is_told_by_the_values_of_its_fields() -> None:
    data = known({"pair": [0, 1]}, ["unchanged", "forgetting"]).assign_attrs(
        sweep="[axes]\npair.zip = { learning_rate = [], batch_size = [] }\n"
    )
    data = data.assign_coords(learning_rate=("pair", [0.1, 1.0]), batch_size=("pair", [float("inf"), 1.0]))
    assert lines(answered(data).where) == ["No loss at pair (0.1, ∞), loss at (1, 1)."]


def test_where_all_cells_have_one_word_the_headline_says_all() -> None:
    told = answered(known({"temperature": [0.5, 1.0]}, "forgetting"))
    assert headline(told) == [
        "No cell is safe: all 2 cells changed after 50 generations.",
        "None of the 2 cells that changed comes back at another sampling temperature.",
        "None of the 2 cells that changed can be brought back by any sampling temperature (forgetting).",
    ]
    assert told.where == []
    (safe,) = headline(answered(known({"temperature": [0.5, 1.0]}, "unchanged")))
    meaning = "the log loss on original data is within 0.1 nat of the original's"
    assert safe == f"All 2 cells are unchanged after 50 generations: {meaning}."
    assert lines(answered(known({"temperature": [0.5, 1.0]}, ["forgetting", "collapsed"])).where) == [
        "Loss everywhere."
    ]


def test_a_single_cell_needs_no_axes() -> None:
    told = answered(known({}, "cooled"))
    meaning = "a sampling temperature above 1 brings at least 50 % of the log loss back, to within 0.1 nat"
    assert headline(told) == [f"After 50 generations the cell is cooled: {meaning}. It comes back at T = 2."]
    assert told.where == told.along == []
    agree = "the share of bootstrap samples that agree, and at most 1 − 2⁻ⁿ for n replicates"
    assert told.sure == [f"This verdict is over 99 % sure: {agree}."]


def test_cells_that_are_not_known_are_said_to_be() -> None:
    told = answered(known({"temperature": [0.5, 1.0, 2.0]}, ["missing", "diverged", "forgetting"], replicates=2))
    assert headline(told) == [
        "No cell is safe: the only known cell changed after 50 generations.",
        "The only cell that changed does not come back at another sampling temperature.",
        "The only cell that changed cannot be brought back by any sampling temperature (forgetting).",
        "1 diverged and 1 missing of 3 cells: nothing is said of them.",
    ]
    assert lines(told.where) == ["Not known at temperature 0.5 and 1, loss at 2."]
    assert told.sure[-2:] == [
        "2 of 6 trajectories are not computed yet.",
        "2 of 6 trajectories have left the floating-point range.",
    ]


def test_a_verdict_that_replicates_doubt_is_named() -> None:
    """5 of 9 replicates forget; that the median of a bootstrap sample does has probability P(Binomial(9, 5/9) ≥ 5)."""
    data = known({"temperature": [0.5, 1.0]}, ["forgetting", "unchanged"], other={"forgetting": 4})
    (told,) = answered(data).sure
    outcome = outcome_of(data)
    assert outcome is not None
    expected = 0.6358
    error = np.sqrt(expected * (1 - expected) / 1000)
    np.testing.assert_allclose(outcome.confidence, [expected, 1], atol=4 * error)
    assert told.startswith("1 of 2 verdicts is less than 90 % sure")
    assert told.endswith(f": temperature 0.5: forgetting, {100 * outcome.confidence[0]:.0f} %.")


def test_what_counts_as_a_loss_is_said_where_there_is_one() -> None:
    both = answered(known({"temperature": [0.5, 1.0, 2.0]}, ["unchanged", "forgetting", "collapsed"]))
    loss = "A loss is what no sampling temperature brings back: cells that are"
    assert both.loss == f"{loss} forgetting or collapsed."
    assert answered(known({"temperature": [0.5, 1.0]}, ["unchanged", "collapsed"])).loss == f"{loss} collapsed."
    assert answered(known({"temperature": [0.5, 1.0]}, ["unchanged", "cooled"])).loss == ""


def test_where_nearly_all_gaps_are_infinite_it_is_said_what_tells_more() -> None:
    words = ["collapsed"] * 9 + ["unchanged"]
    data = known({"samples": list(range(10))}, words)
    why = "any token left without probability makes it so, and a refit leaves none to a token that it has not seen"
    told = f"In 9 of 10 cells the recovery gap is ∞: {why}."
    assert headline(answered(data))[-1] == f"{told} Entropy, kl_from_initial and total_variation would show more."
    entropy = data.smoothed_recovery_gap.assign_attrs(long_name="Shannon entropy")
    assert headline(answered(data.assign(entropy=entropy)))[-1] == f"{told} Shannon entropy shows more."
    assert "∞" not in " ".join(headline(answered(data.isel(samples=slice(1, None)))))


def test_few_replicates_make_nothing_sure() -> None:
    (told,) = answered(known({"temperature": [0.5, 1.0]}, ["forgetting", "unchanged"], replicates=2)).sure
    assert told.startswith("With 2 replicates no verdict is more than 75 % sure: ")
    data = known({"temperature": [0.5, 1.0]}, ["forgetting", "unchanged"], replicates=5)
    for kept in (data, data[["smoothed_recovery_gap", "status"]]):
        outcome = outcome_of(kept)
        assert outcome is not None
        assert outcome.confidence.tolist() == [1 - 2**-5] * 2


def test_cases_are_counted_in_a_sentence() -> None:
    table = np.full((5, 8), "unchanged", "U10")
    table[:3, :6], table[4, 6], table[1:3, 7] = "forgetting", "forgetting", "collapsed"
    told = answered(known({"temperature": [0.8, 0.9, 0.95, 1.0, 1.1], "corpus": list("abcdefgh")}, table))
    assert headline(told)[-1] == (
        "As temperature grows and all else is fixed, loss ends after 0.95 in 6 of 8 cases, it begins at 1.1 in 1 and "
        "it begins or ends more than once in 1."
    )


def test_sentences_have_numbers_and_names_that_do_not_break_them() -> None:
    data = known({"temperature": [0.5, 1.0]}, ["unchanged", "heated"])[["smoothed_recovery_gap", "status"]]
    data = data.assign_coords(temperature=[5e-7, 1.0])
    data["smoothed_recovery_gap"] = (data.smoothed_recovery_gap + 2.36e-15).assign_attrs(
        long_name="gap, of each row", units="nat"
    )
    median = "After 50 generations the median gap (of each row) is"
    assert headline(answered(data))[-1] == f"{median} 2.36·10⁻¹⁵ nat everywhere."
    data["smoothed_recovery_gap"][0] = 0.25
    ends = "2.36·10⁻¹⁵ nat (at temperature 1) and 0.25 nat (at temperature 5·10⁻⁷)"
    assert headline(answered(data))[-1] == f"{median} between {ends}."


def test_generations_may_stand_in_any_order() -> None:
    data = known({"temperature": [0.5, 1.0]}, ["collapsed", "unchanged"])
    assert answered(data.isel(generation=[1, 0])) == answered(data)


def test_one_replicate_says_nothing_of_how_sure_it_is() -> None:
    (told,) = answered(known({"temperature": [0.5, 1.0]}, ["forgetting", "unchanged"], replicates=1)).sure
    assert told == "Each cell has one replicate, so that it cannot be said how sure this is."


@pytest.mark.parametrize(
    ("kept", "words", "where"),
    [
        ("smoothed_recovery_gap", ["recoverable", "forgotten"], "Loss at temperature 0.5, no loss at 1."),
        ("smoothed_kl_to_initial", ["unchanged", "changed"], "Change at temperature 0.5, no change at 1."),
    ],
)
def test_fewer_observables_answer_less(kept: str, words: list[str], where: str) -> None:
    data = known({"temperature": [0.5, 1.0]}, ["collapsed", "unchanged"])[[kept, "status"]]
    told = answered(data)
    assert headline(told)[:2] == [
        f"1 of 2 cells is {word} after 50 generations: all with temperature {value}."
        for word, value in zip(words, ("1", "0.5"), strict=True)
    ]
    assert headline(told)[3].startswith("There are no verdicts: they need the observables ")
    assert headline(told)[4] == (
        f"After 50 generations the median {kept.replace('_', ' ')} is between 0 nat (at temperature 1) "
        "and ∞ nat (at temperature 0.5)."
    )
    assert lines(told.where) == [where]


def test_the_certainty_of_a_threshold_is_that_of_a_bootstrap() -> None:
    """With one observable it is computed without resampling, to what resampling gives."""
    data = known({"temperature": [0.5]}, ["forgetting"], other={"forgetting": 4})[["smoothed_recovery_gap", "status"]]
    outcome = outcome_of(data)
    assert outcome is not None
    draws = np.random.default_rng(0).integers(9, size=(40_000, 9))
    medians = np.sort(data.smoothed_recovery_gap.values[0, :, -1][draws], axis=-1)[:, 4]
    share = (medians > 0.1).mean()
    np.testing.assert_allclose(outcome.confidence, share, atol=4 * np.sqrt(share * (1 - share) / len(draws)))


def test_models_of_several_rows_have_verdicts_of_all_rows() -> None:
    """And less, if less is known; what is known of tokens in whatever context is no answer."""
    data = known({"temperature": [0.8, 1.0]}, ["collapsed", "unchanged"])
    names = {one: several for one, several in zip(NEEDED, NEEDED_OF_ROWS, strict=True) if one != several}
    several = data.rename(names).assign_coords(model="persona")
    other = known({"temperature": [0.8, 1.0]}, ["unchanged", "unchanged"])
    several = several.assign({name: other[name] for name in names})
    here, there = outcome_of(data), outcome_of(several)
    assert here is not None
    assert there is not None
    np.testing.assert_array_equal(here.codes, there.codes)
    assert View.of(several).value == "shared_smoothed_recovery_gap"
    less = outcome_of(several.drop_vars("shared_smoothed_kl_to_initial"))
    assert less is not None
    assert [less.word(code) for code in less.codes.tolist()] == ["forgotten", "recoverable"]
    assert outcome_of(several.drop_vars(list(names.values()))) is None
    told = headline(answer_of(several.drop_vars(list(names.values())), None))[0]
    assert told.startswith("There are no verdicts: they need the observables shared_smoothed_kl_to_initial, shared")


def test_very_many_trajectories_are_not_resampled_and_have_the_same_verdicts(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["missing", "diverged", "unchanged", "cooled", "heated", "forgetting", "collapsed"]
    data = known({"samples": [float(number) for number in range(7)]}, words)
    few = outcome_of(data)
    monkeypatch.setattr("jaxcollapse.report.outcome._MOST_RESAMPLED", 1)
    many = outcome_of(data)
    assert few is not None
    assert many is not None
    assert few.codes.tolist() == many.codes.tolist() == [-1, -2, 0, 1, 2, 4, 5]
    assert np.isnan(many.confidence).all()
    assert "How sure each verdict is has not been computed." in answer_of(data, many).sure


def test_without_any_of_them_there_is_no_word() -> None:
    data = known({"temperature": [0.5, 1.0]}, ["collapsed", "unchanged"])[["modal_probability", "status"]]
    told = answered(data)
    assert headline(told)[0].startswith(
        "There are no verdicts: they need the observables smoothed_kl_to_initial, smoothed_rec"
    )
    ends = "0.3 (at temperature 1) and 1 (at temperature 0.5)"
    assert headline(told)[1] == f"After 50 generations the median modal probability is between {ends}."
    assert told.where == told.words == []


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_has_an_answer(shape: str) -> None:
    told = answered(SHAPES[shape])
    assert all(text.endswith(".") for text in headline(told))
    assert sum(word.cells for word in told.words) == SHAPES[shape].status.isel(replicate=0).size


def test_places_without_a_cell_are_neither_missing_nor_unknown() -> None:
    told = answered(with_holes())
    texts = [*headline(told), *told.sure, *lines(told.where)]
    assert not [text for text in texts if "missing" in text or "not known" in text or "not computed" in text]
    assert sum(word.cells for word in told.words) == 8
    assert "" not in [word.word for word in told.words]


def test_a_line_with_holes_says_between_which_of_its_values_losses_begin() -> None:
    (found,) = (point.text for point in answered(with_holes(16)).headline if point.lead == "Boundary")
    assert found == (
        "As temperature grows, loss ends between 0.8 and 1.2 at batch size 1 and loss begins between 0.9 and 0.95 at "
        "batch size 16 (95 % bounds)."
    )


def test_bounds_that_are_not_sure_are_not_told() -> None:
    """Two replicates cannot say that more than half of all have lost something."""
    assert [point.lead for point in answered(with_holes(2)).headline if point.lead == "Boundary"] == []
