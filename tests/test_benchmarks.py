"""Benchmarks never rot: every suite runs at tiny size; and peers that are compared are right."""

import json
import math
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import jax
import numpy as np
import pytest
import xarray as xr

import benchmarks
from benchmarks import __main__ as command
from benchmarks import fresh
from benchmarks.__main__ import Name
from benchmarks.bits.suite import BITS
from benchmarks.bits.suite import measure as measure_bits
from benchmarks.contender import Contender, present
from benchmarks.counts import suite as counts
from benchmarks.estimates.suite import ESTIMATES, SWEEPS
from benchmarks.finished.suite import COMMANDS, FINISHED
from benchmarks.finished.suite import measure as measure_finished
from benchmarks.growth.suite import GROWTH
from benchmarks.growth.suite import measure as measure_growth
from benchmarks.kernel import contenders as kernel
from benchmarks.kernel.point import LEARNING_RATE, TEMPERATURE, Point, initial_logits
from benchmarks.kernel.suite import KERNEL
from benchmarks.kernel.suite import measure as measure_kernel
from benchmarks.observables.suite import OBSERVABLES
from benchmarks.observables.suite import measure as measure_observables
from benchmarks.refit import contenders as refit
from benchmarks.refit import point as drift
from benchmarks.refit.suite import REFIT
from benchmarks.refit.suite import measure as measure_refit
from benchmarks.rewards import contenders as rewards
from benchmarks.rewards import point as rewarded
from benchmarks.rewards.suite import REWARDS
from benchmarks.rewards.suite import measure as measure_rewards
from benchmarks.sampling.suite import SAMPLING
from benchmarks.sampling.suite import measure as measure_sampling
from benchmarks.sequence import contenders as sequence
from benchmarks.sequence.point import Point as Generation
from benchmarks.sequence.point import parameters
from benchmarks.sequence.suite import SEQUENCE
from benchmarks.sequence.suite import measure as measure_sequence
from benchmarks.sequence.transformer import cross_entropy
from benchmarks.suite import Effort, Row, Suite, keep
from benchmarks.sweep.grid import Grid
from benchmarks.sweep.suite import SWEEP
from benchmarks.sweep.suite import measure as measure_sweep
from jaxcollapse import Sweep, open_study
from jaxcollapse.parameterisations.pretraining import cross_entropy as of_engine
from jaxcollapse.parameterisations.transformer import Blocks, Transformer, Weights
from jaxcollapse.theory import policy_gradient_step
from tests.reference.laws import softmax
from tests.support.statistics import assert_mean

TINY = Effort(seconds=0.01, rounds=1)
GRID = Grid([16, 24], [0.9], [0.5], [4], replicates=256, recorded=[0, 10, 20])


def name_of(contender: Contender) -> str:
    return contender.name


def assert_shown(suite: Suite, rows: list[Row], folder: Path, lines: int = 1) -> None:
    """A suite's figures make a table of so many lines for each, a file and a picture."""
    assert suite.table(rows).row_count == len(rows) * lines
    figures, picture = keep(suite, rows, TINY, "a machine", folder)
    assert json.loads(figures.read_text())["rows"] == rows
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_everything_can_be_imported() -> None:
    contenders = (*kernel.CONTENDERS, *refit.CONTENDERS, *rewards.CONTENDERS, *sequence.CONTENDERS)
    absent = {contender.module for contender in contenders} - {contender.module for contender in present(contenders)}
    for module in walk_packages(benchmarks.__path__, "benchmarks."):
        if module.name not in absent:
            import_module(module.name)


def test_the_kernel_suite_times_every_contender(tmp_path: Path) -> None:
    rows = measure_kernel(TINY, [Point(16, 2)])
    for contender in present(kernel.CONTENDERS):
        assert 0 < rows[0]["microseconds"][contender.name] < math.inf
    assert_shown(KERNEL, rows, tmp_path)


def test_the_sequence_suite_times_every_contender(tmp_path: Path) -> None:
    """And names those that are absent."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        rows = measure_sequence(Effort(seconds=0.3, rounds=1), [Generation(2, models=2, places=4, width=8)])
    for kind in ("microseconds", "wall"):
        assert set(rows[0][kind]) == {contender.name for contender in present(sequence.CONTENDERS)}
        assert all(0 < time < math.inf for time in rows[0][kind].values())
    assert_shown(SEQUENCE, rows, tmp_path, lines=2)
    absent = [note for note in SEQUENCE.notes(rows) if "is not installed" in note]
    assert len(absent) == len(sequence.CONTENDERS) - len(present(sequence.CONTENDERS))


def test_the_transformer_in_plain_jax_is_that_of_the_engine() -> None:
    """The same loss of the same traces, so that both do the same work."""
    point = Generation(3, models=1, tokens=5, places=4, width=8)
    weights = {name: each[0] for name, each in parameters(point).items()}
    names = ("attends", "asked", "taken", "thinks", "wider", "back")
    blocks = Blocks(*(weights[name] for name in names))
    ours = Weights(weights["start"], weights["tokens"], weights["places"], blocks, weights["last"])
    traces = np.random.default_rng(1).integers(0, 5, (3, 4)).astype(np.int32)
    network = Transformer(8, 2, 4, "learned", "full")
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        expected = cross_entropy(weights, jax.numpy.asarray(traces))
    ours = jax.tree.map(jax.numpy.asarray, ours)
    assert float(of_engine(network, ours, jax.numpy.asarray(traces))) == pytest.approx(float(expected), rel=1e-5)


def test_the_bits_suite_times_all_ways_to_make_words(tmp_path: Path) -> None:
    rows = measure_bits(TINY, [2**8, 2**10])
    assert_shown(BITS, rows, tmp_path)
    assert all(time > 0 for row in rows for time in row["nanoseconds"].values())
    assert len(rows[0]["nanoseconds"]) == 3
    assert "jax.random.bits takes" in BITS.notes(rows)[0]


def test_the_counts_suite_times_all_ways_to_draw_counts(tmp_path: Path) -> None:
    rows = counts.measure(TINY, [counts.Point(8, 5)])
    assert_shown(counts.COUNTS, rows, tmp_path)
    times = rows[0]["microseconds"]
    assert all(time > 0 for time in times.values())
    slow = {**rows[0], "microseconds": dict.fromkeys(times, 1.0) | {counts.JAX: 3.0, "NumPy": 0.5}}
    assert counts.COUNTS.notes([slow]) == [
        "jax.random.multinomial takes 3 to 3× as long",
        "faster: NumPy at (V, n) = (8, 5)",
    ]


def test_the_ways_to_draw_counts_draw_from_the_same_law() -> None:
    p = 1 / np.arange(1, 6)
    for name, draw in counts.ways(counts.Point(5, 40), 4000).items():
        drawn = np.asarray(draw(), float)
        assert (drawn.sum(axis=1) == 40).all(), name
        for token, expected in enumerate(40 * p / p.sum()):
            assert_mean(drawn[:, token], expected, resolves=0.05)


def test_the_sampling_suite_times_both_ways_on_both_sides_of_the_edge(tmp_path: Path) -> None:
    rows = measure_sampling(TINY, [16, 1024])
    assert {row["tokens"] for row in rows} == {16, 1024}
    assert {row["draws"] >= row["fewest_split"] for row in rows} == {True, False}
    assert all(0 < time < math.inf for row in rows for time in row["nanoseconds"].values())
    assert_shown(SAMPLING, rows, tmp_path)
    dear = {**rows[0], "draws": 1, "nanoseconds": {"one by one": 9.0, "split": 3.0}}
    assert SAMPLING.notes([dear]) == ["chosen, though dearer: (V, draws) = (16, 1): 3.0×"]
    assert "never" in SAMPLING.notes([{**dear, "draws": 100}])[0]


def test_the_observables_suite_tells_their_share(tmp_path: Path) -> None:
    rows = measure_observables(TINY, [16])
    assert 0 < rows[0]["microseconds"]["max p at both ends"] < math.inf
    assert_shown(OBSERVABLES, rows, tmp_path)
    rows[0]["microseconds"] |= {"max p at both ends": 3.0, "default": 4.0}
    assert OBSERVABLES.notes(rows) == ["of a default run, observables take 25% at V = 16"]


def test_a_contender_that_cannot_run_is_left_out(tmp_path: Path) -> None:
    idiomatic = kernel.IDIOMATIC.name
    rows = measure_kernel(TINY, [Point(16, 10**5)])
    assert rows[0]["microseconds"][idiomatic] is None
    assert rows[0]["microseconds"]["jaxcollapse"] > 0
    assert not any(idiomatic in note for note in KERNEL.notes(rows))
    assert_shown(KERNEL, rows, tmp_path)


@pytest.mark.parametrize("contender", [peer for peer in present(kernel.PEERS) if peer != kernel.IDIOMATIC], ids=name_of)
@pytest.mark.parametrize(
    "point", [Point(16, 1), Point(16, 40), Point(20, 10**4), Point(200, 3), Point(200, 400)], ids=str
)
def test_a_peer_of_the_kernel_suite_is_right(contender: Contender, point: Point) -> None:
    assert_trained(contender, point, trajectories=10_000)


def test_idiomatic_jax_is_right() -> None:
    assert_trained(kernel.IDIOMATIC, Point(16, 4), trajectories=20_000)


def assert_trained(contender: Contender, point: Point, trajectories: int) -> None:
    """One generation has the exact mean, and gradients that sum to zero: no draw is lost."""
    run = contender.run_of(point, trajectories)
    assert run is not None
    before = initial_logits(point, 1)[0]
    after = np.asarray(run(1), float)
    drawn = softmax(before / TEMPERATURE)
    np.testing.assert_allclose(after.sum(axis=1), before.sum(), rtol=1e-5)
    assert_mean(
        after,
        before - LEARNING_RATE * (softmax(before) - drawn),
        variance=LEARNING_RATE**2 * drawn * (1 - drawn) / point.batch,
    )


def test_the_limit_is_the_expected_update() -> None:
    point = Point(16, 1)
    run = kernel.LIMIT.run_of(point, 2)
    assert run is not None
    before = initial_logits(point, 2)
    expected = before - LEARNING_RATE * (softmax(before) - softmax(before / TEMPERATURE))
    np.testing.assert_allclose(run(1), expected, rtol=1e-5, atol=1e-6)


def test_the_rewards_suite_times_every_contender(tmp_path: Path) -> None:
    rows = measure_rewards(TINY, [rewarded.Point(16, 4)])
    for contender in present(rewards.CONTENDERS):
        assert 0 < rows[0]["microseconds"][contender.name] < math.inf
    assert_shown(REWARDS, rows, tmp_path)
    assert REWARDS.notes(rows)[0].startswith("(V, G) = (16, 4): the best peer, ")


@pytest.mark.parametrize("contender", present(rewards.PEERS), ids=name_of)
@pytest.mark.parametrize("point", [rewarded.Point(16, 16), rewarded.Point(40, 5)], ids=str)
def test_a_peer_of_the_rewards_suite_is_right(contender: Contender, point: rewarded.Point) -> None:
    """One generation has the exact mean, and advantages that sum to zero."""
    run = contender.run_of(point, 40_000)
    assert run is not None
    before = rewarded.initial_logits(point, 1)[0].astype(float)
    after = np.asarray(run(1), float)
    np.testing.assert_allclose(after.sum(axis=1), before.sum(), rtol=1e-5)
    rates = {"true_positive_rate": rewarded.TRUE_POSITIVE_RATE, "false_positive_rate": rewarded.FALSE_POSITIVE_RATE}
    step = policy_gradient_step(
        softmax(before),
        correct=rewarded.chances(point) > 0.5,
        learning_rate=rewarded.LEARNING_RATE,
        group_size=point.group,
        **rates,
    )
    for token in np.argsort(-np.abs(step))[:3].tolist():
        assert_mean(after[:, token] - before[token], step[token], resolves=0.1)


def test_the_refit_suite_times_every_contender(tmp_path: Path) -> None:
    rows = measure_refit(TINY, [drift.Point(16, 4)])
    for contender in present(refit.CONTENDERS):
        assert 0 < rows[0]["microseconds"][contender.name] < math.inf
    assert_shown(REFIT, rows, tmp_path)


@pytest.mark.parametrize("contender", present(refit.PEERS), ids=name_of)
def test_a_peer_of_the_refit_suite_is_right(contender: Contender) -> None:
    """Drift keeps the expected frequencies and loses 1/N of the heterozygosity in each generation."""
    point = drift.Point(16, 8)
    run = contender.run_of(point, 20_000)
    assert run is not None
    early, late = np.asarray(run(1), float), np.asarray(run(4), float)
    np.testing.assert_allclose(late.sum(axis=1), 1)
    assert_mean(late, drift.initial_frequencies(point))
    lost = (1 - 1 / point.samples) ** 3
    assert_mean(1 - (late**2).sum(axis=1) - lost * (1 - (early**2).sum(axis=1)), 0.0)


def test_the_command_runs_the_sweep_suite_every_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = GRID._replace(vocab_size=[16], replicates=2)
    monkeypatch.setitem(command.SUITES, Name.SWEEP, SWEEP._replace(measure=lambda effort: measure_sweep(effort, tiny)))
    command.main([Name.SWEEP], rounds=1, out=tmp_path)
    rows = json.loads((tmp_path / "sweep.json").read_text())["rows"]
    assert len(rows) == 6
    assert all(row["seconds"] > 0 for row in rows)
    assert_shown(SWEEP, rows, tmp_path)


def test_all_ways_to_compute_a_sweep_agree(tmp_path: Path) -> None:
    """Their mean entropies do, within standard errors."""
    GRID.write(tmp_path / "grid.json")
    ways = [("engine",), ("numpy_loop", "float64"), ("numpy_loop", "float32"), ("xyzpy_harvest", "2")]
    for number, (module, *arguments) in enumerate(ways):
        folder = tmp_path / f"{number}"
        fresh.run(f"benchmarks.sweep.{module}", tmp_path / "grid.json", folder, *arguments)
    ours = open_study(tmp_path / "0").entropy.values
    others = [np.load(tmp_path / "1" / "entropy.npy"), np.load(tmp_path / "2" / "entropy.npy")]
    with xr.open_dataset(tmp_path / "3" / "entropy.h5", engine="h5netcdf") as harvested:
        others.append(harvested.entropy.values)
    assert ours.shape == (2, 1, 1, 1, 256, 3)
    for theirs in others:
        np.testing.assert_allclose(theirs[..., 0], ours[..., 0], rtol=1e-5)
        difference = (theirs - ours)[..., 1:]
        assert_mean(np.moveaxis(difference, -2, 0), np.zeros(()))


def test_the_growth_suite_measures_time_and_memory(tmp_path: Path) -> None:
    rows = measure_growth(TINY, trajectories=[(16, 10)], tokens=[(32, 10)], devices=[1, 2])
    assert [(row["tokens"], row["devices"]) for row in rows] == [(16, 1), (16, 2), (32, 1)]
    assert all(row["microseconds"] > 0 and row["peak_bytes"] > 10**8 for row in rows)
    assert_shown(GROWTH, rows, tmp_path)


def test_the_estimates_suite_tells_how_many_runs_took_what_was_planned(tmp_path: Path) -> None:
    """Ten sweeps, all of which are there; the arithmetic, not the time."""
    assert len(SWEEPS) == 10
    for sweep in SWEEPS:
        Sweep.from_toml(sweep)
    parts = {"start": 2.0, "compile": 4.0, "run": 1.0, "finish": 2.0, "first_planned": 9.0, "later_planned": 5.0}
    taken = {"first": 20.0, "first_processor": 22.0, "later": 4.0, "later_processor": 5.0}
    rows = [{"sweep": "a", **parts, **taken}, {"sweep": "b", **parts, **taken, "first": 9.0}]
    assert_shown(ESTIMATES, rows, tmp_path)
    assert ESTIMATES.notes(rows)[0].startswith("3 of 4 runs took between 0.5 and 2 times what the plan said")
    assert "0.80 and 2.22" in ESTIMATES.notes(rows)[0]


def test_the_finished_suite_has_each_command(tmp_path: Path) -> None:
    sweep = tmp_path / "s.toml"
    sweep.write_text("generations = 2\nreplicates = 2\n[process]\nvocab_size = 4\n")
    rows = measure_finished(Effort(seconds=0, rounds=1), sweep)
    assert [row["command"] for row in rows] == list(COMMANDS)
    assert all(row["processor"] > 0 for row in rows)
    assert_shown(FINISHED, rows, tmp_path)
