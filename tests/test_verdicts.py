"""What docs/verdicts.md says follows from data, and would be otherwise if the data were."""

from functools import cache

import numpy as np
import pytest
import xarray as xr

from experiments.studies import HALF, at_level
from experiments.verdicts.claim import Claim, Data, section
from experiments.verdicts.claims import CLAIMS, IN_TRANSFORMERS
from experiments.verdicts.coin import COIN, self_training
from experiments.verdicts.experiment import measured
from experiments.verdicts.finding import Finding, exactly, verdict
from experiments.verdicts.forgetting import PATH, half_lost_at, half_lost_in_theory, original
from experiments.verdicts.verifier_errors import RATES, reached
from jaxcollapse.analysis.verdict import TOLERANCE
from tests.conftest import ROOT

pytestmark = pytest.mark.optimised  # pages have the digits that users get
NAN = float("nan")
C1, C2, C3, C4, C5, C6, C7, C8 = CLAIMS
T1, T2, T3, T4, T5 = IN_TRANSFORMERS
CHEAP = [C2, C3, C4, C5]  # C1 has thirty programs to compile, and the last three claims have about ten each


def found(when: str, low: float, high: float, *, in_limit: bool = False) -> Finding:
    """A finding of which the claim says that it is between 0 and 1."""
    return Finding(when, "a number", ((low + high) / 2, low, high), (0, 1), in_limit)


@cache
def run(claim: Claim) -> Data:
    return claim.run()


INSIDE, OUTSIDE, ACROSS = (0.2, 0.4), (1.2, 1.4), (0.8, 1.2)


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([found("A", *INSIDE), found("B", *INSIDE)], "holds"),
        ([found("A", *OUTSIDE), found("B", *OUTSIDE)], "fails"),
        ([found("A", *INSIDE, in_limit=True), found("B", *OUTSIDE)], "holds in the limit only; fails when B"),
        (
            [found("A", *INSIDE, in_limit=True), found("B", *INSIDE), found("C", *OUTSIDE)],
            "holds in the limit, and when B; fails when C",
        ),
        (
            [found("A", *INSIDE, in_limit=True), found("B", *OUTSIDE, in_limit=True), found("C", *OUTSIDE)],
            "holds when A; fails when B or C",
        ),
        ([found("A", *INSIDE), found("A", *OUTSIDE), found("B", *INSIDE)], "holds when B; fails when A"),
        ([found("A", *INSIDE), found("B", *ACROSS)], "holds when A; undecided when B"),
        ([found("A", *INSIDE), found("B", NAN, NAN)], "holds when A; undecided when B"),
    ],
)
def test_the_verdict_follows_its_rule(findings: list[Finding], expected: str) -> None:
    assert verdict(findings) == expected


def test_an_interval_decides_only_on_one_side_of_what_is_claimed() -> None:
    assert [found("A", *each).holds for each in (INSIDE, OUTSIDE, ACROSS)] == [True, False, None]
    assert Finding("A", "a number", exactly(0), (0, 0)).holds
    assert Finding("A", "a number", exactly(float("inf")), (0, 1)).holds is False


def _with(data: Data, name: str, **variables: xr.DataArray) -> Data:
    return {**data, name: data[name].assign(variables)}


def test_a_model_that_does_change_at_temperature_1_is_told() -> None:
    """C1 fails in the limit for logits that move by a bit, and holds beyond it for diversity that stays."""
    still = xr.DataArray(np.zeros((1, 6, 2)), dims=("replicate", "generation", "token")).assign_coords(optimizer="sgd")
    frame = xr.Dataset({"logits": still.expand_dims(optimizer=["sgd"], kind=[0])})
    moved = frame.copy(deep=True)
    moved.logits[..., -1, 0] = 1e-7
    spread = np.random.default_rng(0).normal(0, 1e-3, (50, 3))
    kept = xr.Dataset(
        dict.fromkeys(
            ("collision_probability", "original_mode_probability"),
            (("temperature", "samples", "replicate", "generation"), 0.3 + spread[None, None]),
        ),
        {"generation": [0, 50, 100]},
    )
    noise = np.random.default_rng(1).normal(0, 1e-4, (4, 50, 2, 2))
    noise[:, :, 0] = [0.3, 0.1]
    noise[:, :, 1] += [0.3, 0.1]
    steps = xr.Dataset(
        {"logits": (("optimizer", "replicate", "generation", "token"), noise)},
        {"optimizer": ["sgd", "momentum", "adam", "sign_sgd"], "generation": [0, 10], "learning_rate": 0.01},
    )
    data = {"limit": frame, "refitted": frame, "drift": kept, "steps": steps}
    assert verdict(C1.find(data)) == "holds"
    assert "fails when N = ∞" in verdict(C1.find({**data, "limit": moved}))


def test_an_original_mode_that_always_wins_or_never_is_told() -> None:
    """C2 holds everywhere if it wins in all trajectories, and fails in the limit if it gets less likely."""
    data = run(C2)
    won = {
        name: data[name].assign(mode_is_original=xr.ones_like(data[name].mode_is_original))
        for name in ("pair", "story")
    }
    assert verdict(C2.find({**data, **won})) == "holds"
    falling = data["limit"].original_mode_probability.isel(generation=slice(None, None, -1)).values
    turned = data["limit"].original_mode_probability.copy(data=falling)
    assert "fails when T < 1 and N = ∞" in verdict(C2.find(_with(data, "limit", original_mode_probability=turned)))


def test_a_gap_that_opens_or_closes_is_told() -> None:
    """C3 fails for fits that leave a gap or another temperature, and holds where descent and few samples leave none."""
    data = run(C3)
    gap = data["fitted"].recovery_gap + 0.1
    assert "fails when fitted to N = ∞ samples" in verdict(C3.find(_with(data, "fitted", recovery_gap=gap)))
    off = data["fitted"].effective_temperature * 1.1
    assert "fails when fitted to N = ∞ samples" in verdict(C3.find(_with(data, "fitted", effective_temperature=off)))
    closed = _with(data, "flow", recovery_gap=data["flow"].recovery_gap * 0)
    closed["few"] = data["few"].assign(recovery_gap=data["few"].recovery_gap.where(False, 0.0))
    closed["shared"] = data["shared"].assign(shared_recovery_gap=data["shared"].shared_recovery_gap * 0)
    assert verdict(C3.find({**data, **closed})) == "holds"


def test_gradient_flow_leaves_the_tempered_family_at_low_rank_and_without() -> None:
    family = {
        "parameters": ["lowrank", "lowrank", "table", "table"],
        "rank": [2, 2, 2, 2],
        "update": ["gradient", "gradient", "gradient", "refit"],
        "learning_rate": [0.01, 0.005, 0.5, 0.5],
    }
    axes = {"temperature": [0.9, 1.0], "family": {"zip": family}}
    observables = ["within_entropy", "shared_recovery_gap"]
    data = measured("low_rank", axes=axes, generations=110, observables=observables).squeeze("replicate")
    assert (data.shared_recovery_gap.sel(temperature=1.0) < 1e-10).all()
    low, slower, table, fitted = (
        at_level(data.sel(temperature=0.9).isel(family=place), "shared_recovery_gap", HALF) for place in range(4)
    )
    np.testing.assert_allclose(low, slower, rtol=0.03)  # the steps are small enough
    assert 0.02 < low < table
    assert fitted < 1e-5


def test_gaps_that_stay_or_close_are_told() -> None:
    """C4 fails if nothing is lost after large steps, and if all is lost after tiny ones; if forgetting begins elsewhere
    than in theory; and if the learning rate alone decides, whatever the batch.
    """
    data = run(C4)
    gap = data["steps"].recovery_gap
    nothing, all_ = gap * 0, gap * 0 + 1
    assert "fails when single traces" in verdict(C4.find(_with(data, "steps", recovery_gap=nothing)))
    assert "fails when steps are tiny" in verdict(C4.find(_with(data, "steps", recovery_gap=all_)))
    assert "fails when forgetting begins" in verdict(C4.find(_with(data, "steps", recovery_gap=gap * 3)))
    alike = xr.where(gap.batch_size == 16, gap.sel(batch_size=4), gap).transpose(*gap.dims)
    assert "fails when forgetting begins" in verdict(C4.find(_with(data, "steps", recovery_gap=alike)))


def test_half_is_lost_where_the_share_crosses_one_half() -> None:
    """Of shares 0, ¼, ¾, 1 at η/B = 10⁻³, 10⁻², 10⁻¹, 1 it is the geometric mean of the middle two."""
    lost = np.arange(400) < np.array([0, 100, 300, 400])[:, None]
    gaps = xr.DataArray(
        lost[:, None].astype(float),
        {"learning_rate": [0.001, 0.01, 0.1, 1.0], "batch_size": [1.0]},
        ("learning_rate", "batch_size", "replicate"),
    )
    middle, low, high = half_lost_at(gaps)
    assert middle == pytest.approx(10**-1.5)
    assert low < middle < high
    assert all(np.isnan(half_lost_at(gaps * 0)))


def test_theory_of_the_first_order_has_half_lost_where_draws_from_p0_have() -> None:
    """x = (η/B)(n − g p₀) of counts n that are drawn while p stays p₀; of its variance, what ln p₀ does not explain."""
    p0, ratio = original(), half_lost_in_theory()
    draws = round(PATH / ratio)
    moved = ratio * (np.random.default_rng(0).multinomial(draws, p0, 4000) - draws * p0)
    x, heat = moved - (moved @ p0)[:, None], np.log(p0) - p0 @ np.log(p0)
    gaps = ((x**2) @ p0 - ((x * heat) @ p0) ** 2 / (p0 @ heat**2)) / 2
    assert abs((gaps > TOLERANCE).mean() - 0.5) < 4 * 0.5 / np.sqrt(4000)


def test_languages_that_stay_or_fade_together_are_told() -> None:
    """C5 fails if languages stay; if what is within them goes, too; and if cooling leaves a gap."""
    data = run(C5)
    cells = data["languages"]
    stay = cells.persona_entropy.where(np.isinf(cells.samples), 1.0)
    assert "fails when texts are few" in verdict(C5.find(_with(data, "languages", persona_entropy=stay)))
    fade = cells.within_entropy * 0.9 ** (cells.generation * np.isfinite(cells.samples))
    assert "fails when texts are few" in verdict(C5.find(_with(data, "languages", within_entropy=fade)))
    gap = cells.shared_recovery_gap + 1
    assert "fails when the model only cools" in verdict(C5.find(_with(data, "languages", shared_recovery_gap=gap)))


def both(policy_gradient: float, fine_tuning: float, before: float = 1.0) -> xr.Dataset:
    """Both rules, solved in generation 10, with so much entropy of the right answers then and at the end."""
    noise = np.random.default_rng(0).normal(0, 1e-3, (2, 20, 1))
    ends = np.array([policy_gradient, fine_tuning])[:, np.newaxis, np.newaxis]
    entropy = np.concatenate([np.full((2, 20, 2), before), before * (ends + noise)], axis=-1)
    accuracy = np.broadcast_to([0.02, 0.96, 0.99], entropy.shape)
    dims = ("update", "replicate", "generation")
    coords = {"update": ["policy_gradient", "gradient"], "generation": [0, 10, 100]}
    return xr.Dataset({"correct_entropy": (dims, entropy), "accuracy": (dims, accuracy)}, coords)


def test_answers_that_are_kept_or_lost_are_told() -> None:
    """C6 fails where a policy gradient goes on losing right answers, and where fine-tuning keeps them."""
    names = ["groups have 64 answers", "there is no baseline"]
    assert verdict(C6.find(dict.fromkeys(names, both(1, 0.3)))) == "holds"
    told = verdict(C6.find({names[0]: both(1, 0.3), names[1]: both(0.5, 0.3)}))
    assert told.endswith("; fails when there is no baseline")
    assert "fails when accepted answers are fine-tuned on" in verdict(C6.find(dict.fromkeys(names, both(1, 1))))


def test_theory_of_the_answers_left_is_that_of_their_mean_field() -> None:
    """Equally likely ones stay so; of others, likelier ones gain while the probability of the wrong one falls."""
    equal, _ = C6.find({"right answers are equally likely": both(1, 0.3)})[:2]
    assert equal.theory == pytest.approx(1)
    skewed, _ = C6.find({"some right answers are likelier": both(1, 0.3)})[:2]
    assert skewed.theory is not None
    assert 0.3 < skewed.theory < 0.9


def verified(*entropies: float, times: tuple[int, ...] = (10, 20, 40)) -> xr.Dataset:
    """Training with three verifiers, which comes to accuracy 0.9 at different times with these entropies."""
    noise = np.random.default_rng(0).normal(0, 1e-3, (3, 30, 1))
    generation = np.arange(0, 101, 10)
    accuracy = np.minimum(0.9 * generation / np.array(times)[:, np.newaxis], 1)[:, np.newaxis]
    entropy = np.array(entropies)[:, np.newaxis, np.newaxis] + noise
    dims, shape = ("errors", "replicate", "generation"), (3, 30, 11)
    rates = {name: ("errors", values) for name, values in RATES.items()}
    data = {"accuracy": np.broadcast_to(accuracy, shape), "correct_entropy": np.broadcast_to(entropy, shape)}
    return xr.Dataset({name: (dims, values) for name, values in data.items()}, {"generation": generation, **rates})


def test_errors_that_cost_answers_are_told() -> None:
    """C7 holds whenever an accuracy is reached, if as much is left then; and fails if less is left, or more."""
    same = verified(1.2, 1.2, 1.2)
    assert verdict(C7.find({"groups are small": same})) == "holds"
    for other in (0.9, 1.5):
        assert verdict(C7.find({"groups are small": same, "large": verified(1.2, 1.2, other)})) == (
            "holds when groups are small; fails when large"
        )


def test_an_accuracy_is_reached_between_records() -> None:
    """At 0.9 of the way to the record at which all are right; never, if it is not."""
    grid = {"generation": [0, 10]}
    dims = ("replicate", "generation")
    data = xr.Dataset({"accuracy": (dims, [[0.0, 1.0], [0.0, 0.8]]), "correct_entropy": (dims, [[2.0, 1.0]] * 2)}, grid)
    times, entropies = reached(data)
    np.testing.assert_allclose(times, [9, NAN])
    np.testing.assert_allclose(entropies, [1.1, NAN])


def test_a_coin_that_drifts_otherwise_is_told() -> None:
    """C8 fails in a setting in which diversity goes at another speed, or one answer is favoured."""
    rng, dims = np.random.default_rng(0), ("replicate", "generation")

    def drifting(collision: float, accuracy: float) -> xr.Dataset:
        noise = rng.normal(0, 1e-3, (50, 101))
        values = {"collision_probability": collision + noise, "accuracy": accuracy + noise}
        return xr.Dataset({name: (dims, each) for name, each in values.items()}, {"generation": np.arange(0, 2001, 20)})

    data = {name: drifting(0.5, 0.5) for when in COIN for name in (when, self_training(when))}
    assert verdict(C8.find(data)) == "holds"
    faster, biased = list(COIN)[:2]
    assert f"fails when {faster}" in verdict(C8.find({**data, faster: drifting(0.7, 0.5)}))
    assert f"fails when {biased}" in verdict(C8.find({**data, biased: drifting(0.5, 0.7)}))


def networks(axes: dict[str, list[float]], generations: list[int], **values: np.ndarray) -> xr.Dataset:
    """Observables [axis, …, generation] of two networks, each with ten trajectories that differ by a thousandth."""
    noise = 1 + np.random.default_rng(0).normal(0, 1e-3, (2, 10, *(1,) * len(axes), 1))
    dims = ("network", "replicate", *axes, "generation")
    return xr.Dataset(
        {name: (dims, noise * each) for name, each in values.items()}, {**axes, "generation": generations}
    )


def test_networks_that_change_more_than_noise_does_are_told() -> None:
    """C1 holds in transformers if many traces change a sixteenth of what one does, and fails if they change as much."""

    def losses(many: float) -> Data:
        here = np.array([0.016, many])[np.newaxis, :, np.newaxis] * np.ones((2, 1, 2))
        axes: dict[str, list[float]] = {"rule": [0, 1], "batch_size": [1, 16]}
        return {"still": networks(axes, [0, 8], shared_kl_to_initial=here)}

    assert verdict(T1.find(losses(0.001))) == "holds"
    assert verdict(T1.find(losses(0.009))) == "fails"
    assert verdict(T1.find(losses(0.1))) == "fails"


def test_networks_that_cool_or_lose_their_modes_are_told() -> None:
    """C2 holds in transformers if they get colder or hotter and keep modes; C3 if a temperature helps."""

    def cooled(cold: float, kept: float, gap: float) -> Data:
        shape = np.ones((2, 2))
        temperature = np.array([[cold], [1.3]]) * shape
        values = {"shared_effective_temperature": temperature, "shared_mode_is_original": kept * shape}
        return {"tempered": networks({"temperature": [0.7, 1.3]}, [0, 32], **values, shared_recovery_gap=gap * shape)}

    good = cooled(0.7, 0.99, 0.001)
    assert verdict(T2.find(good)) == verdict(T3.find(good)) == "holds"
    for other in (cooled(1.0, 0.99, 0.1), cooled(0.7, 0.5, 0.1)):
        assert "fails when T = 0.7 (width 32) or T = 0.7 (width 64)" in verdict(T2.find(other))
        assert verdict(T3.find(other)) == "fails"


def test_networks_that_forget_nothing_on_single_traces_are_told() -> None:
    """C4 holds in transformers if large steps forget and tiny ones do not."""

    def forgetting(tiny: float, large: float) -> Data:
        gap = np.array([[tiny], [large]]) * np.ones((2, 2))
        values = {"shared_kl_to_initial": gap, "shared_recovery_gap": gap}
        return {"single": networks({"learning_rate": [0.001, 0.03]}, [1, 32], **values)}

    assert verdict(T4.find(forgetting(0.01, 1.0))) == "holds"
    assert verdict(T4.find(forgetting(0.01, 0.01))).startswith("holds when η = 0.001")
    assert verdict(T4.find(forgetting(1.0, 1.0))).startswith("holds when a single step of")


def test_networks_that_keep_some_languages_are_told() -> None:
    """C5 holds in transformers if some languages are kept and others forgotten; not if all are, or none is."""

    def speaking(kept: int) -> Data:
        logits = np.random.default_rng(0).normal(0, 2, (2, 20, 2, 6, 2, 9))
        logits[..., 0, :, :, :] = logits[:1, :1, :1, :, :, :][:, :, 0]
        logits[..., 1, :kept, :, :] = logits[..., 0, :kept, :, :] * 2  # colder only
        dims = ("learning_rate", "replicate", "generation", "context", "token")
        coords = {"learning_rate": [0.003, 0.01], "generation": [0, 200], "context_length": 2}
        return {"languages": xr.Dataset({"logits": (dims, logits.reshape(2, 20, 2, 12, 9))}, coords)}

    assert verdict(T5.find(speaking(2))) == "holds"
    assert verdict(T5.find(speaking(0))) == verdict(T5.find(speaking(6))) == "fails"


@pytest.mark.parametrize("claim", CHEAP, ids=lambda claim: claim.name)
def test_the_page_has_what_running_gives(claim: Claim) -> None:
    page = (ROOT / "docs/verdicts.md").read_text(encoding="utf-8")
    assert section(claim, claim.find(run(claim))) in page, "run `python -m experiments.verdicts`"


@pytest.mark.parametrize("claim", [*CLAIMS, *IN_TRANSFORMERS], ids=lambda claim: claim.name)
def test_the_page_has_each_claim_and_its_picture(claim: Claim) -> None:
    page = (ROOT / "docs/verdicts.md").read_text(encoding="utf-8")
    assert f"## {claim.name}. {claim.text}" in page
    assert (ROOT / "docs/pictures" / claim.picture).stat().st_size > 10_000
