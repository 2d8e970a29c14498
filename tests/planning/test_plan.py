"""The plan: every trajectory once, costs that are upper bounds, and a refusal of what does not fit."""

import dataclasses
import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jaxcollapse as jc
from jaxcollapse.native import processor
from jaxcollapse.planning.cells import padded
from jaxcollapse.planning.chunk import chunk_id
from jaxcollapse.planning.estimate import estimate
from jaxcollapse.program.compiling import compiling
from tests.conftest import ROOT
from tests.support.engines import optimised, unoptimised, xla_alone

INF = float("inf")
MIXED: dict[str, Any] = {
    "title": "Mixed",
    "replicates": 7,
    "generations": 20,
    "axes": {
        "vocab_size": [10, 16, 300],
        "update": ["gradient", "refit"],
        "temperature": [0.9, 1.0, 1.1],
        "batch_size": [1, 16, 500, INF],
    },
}


def sweep_of(process: dict[str, Any] | None = None, **top: Any) -> jc.Sweep:
    return jc.Sweep.from_dict({"observables": ["entropy"], **top, "process": process or {}})


@pytest.mark.parametrize("chunk_size", [None, 1, 10, 1000])
def test_chunks_hold_every_trajectory_once(chunk_size: int | None) -> None:
    sweep = jc.Sweep.from_dict(MIXED)
    planned = jc.plan(sweep, chunk_size=chunk_size)
    counted = np.zeros((sweep.grid.cells, sweep.replicates), int)
    for chunk in planned.chunks:
        np.add.at(counted, (chunk.cells, chunk.replicates), 1)
        assert np.isin(chunk.cells, planned.buckets[chunk.bucket].cells).all()
        assert 0 < len(chunk) <= (chunk_size or sweep.trajectories)
    assert (counted == 1).all()
    assert planned.trajectories == sweep.trajectories == counted.size
    assert len({chunk.id for chunk in planned.chunks}) == len(planned.chunks)


def test_buckets_partition_the_cells_and_share_a_program() -> None:
    planned = jc.plan(jc.Sweep.from_dict(MIXED))
    cells = np.concatenate([bucket.cells for bucket in planned.buckets])
    np.testing.assert_array_equal(np.sort(cells), np.arange(3 * 2 * 3 * 4))
    programs = [bucket.program for bucket in planned.buckets]
    assert len(set(programs)) == len(programs)
    sizes = planned.sweep.grid.numbers("vocab_size")
    for bucket in planned.buckets:
        assert (sizes[bucket.cells] <= bucket.program.structure.tokens).all()
    assert {bucket.program.structure.tokens for bucket in planned.buckets} == {16, 320}


def test_what_is_done_is_not_planned_again() -> None:
    sweep = jc.Sweep.from_dict(MIXED)
    done = np.random.default_rng(0).random((sweep.grid.cells, sweep.replicates)) < 0.6
    planned = jc.plan(sweep, done=done, chunk_size=10)
    left = np.zeros_like(done)
    for chunk in planned.chunks:
        left[chunk.cells, chunk.replicates] = True
    np.testing.assert_array_equal(left, ~done)
    assert not jc.plan(sweep, done=np.ones_like(done)).chunks


PROGRAMS: dict[str, dict[str, Any]] = {
    "sgd": {"batch_size": 16},
    "many traces": {"batch_size": 100_000},
    "many traces by XLA": {"batch_size": 100_000},
    "expectation": {"batch_size": INF},
    "expectation by XLA": {"batch_size": INF},
    "remedies": {
        "optimizer": "adam",
        "fresh_fraction": 0.1,
        "fresh_sampling": "stratified",
        "real_samples": 50,
        "label_smoothing": 0.1,
        "entropy_bonus": 0.1,
        "forward_kl": 0.1,
        "reverse_kl": 0.1,
        "clip_norm": 1.0,
        "reset_every": 5,
        "schedule": "cosine",
    },
    "adam on a corpus": {"optimizer": "adam", "samples": 64, "batch_size": 16, "steps": 8},
    "window": {"update": "refit", "samples": 20, "corpus": "window", "window": 8},
    "best personas": {"model": "persona", "batch_size": 100, "curation": "argmax"},
    "best chains": {"model": "markov", "update": "refit", "samples": 5, "curation": "argmax", "end_token": 0},
}
NETWORK: dict[str, Any] = {
    "model": "sequence",
    "initial": {"kind": "text", "path": str(ROOT / "sweeps/data/shakespeare.txt"), "tokenizer": "characters"},
    "optimizer": "adam",
    "pretraining_steps": 0,
}
NETWORKS: list[dict[str, Any]] = [
    {"batch_size": 1},
    {"batch_size": 16},
    {"batch_size": 16, "context_length": 32, "width": 32, "samples": 64},
    {"batch_size": 16, "parameters": "gru"},
]
RECORDS: dict[str, dict[str, Any]] = {
    "few": {"generations": 100},
    "many": {"generations": 2000, "record": {"every": 1}},
    "all and logits": {"generations": 50, "record": {"every": 1, "logits": True}, "observables": ["all"]},
    "texts": {"generations": 50, "record": {"every": 1, "texts": 8, "text_length": 256}},
    "double": {"generations": 50, "record": {"every": 1, "logits": True}, "precision": "float64"},
}
COSTS = [
    *((name, tokens, "few") for name, tokens in [("sgd", 16), ("expectation", 4096), ("window", 256)]),
    *((name, tokens, "few") for name in ("many traces", "many traces by XLA") for tokens in (16, 4096)),
    ("adam on a corpus", 16, "few"),
    ("expectation by XLA", 4096, "few"),
    *(("remedies", tokens, "few") for tokens in (16, 4096)),
    ("sgd", 16, "many"),
    *(("sgd", tokens, "all and logits") for tokens in (16, 4096)),
    ("window", 256, "double"),
    ("best personas", 16, "few"),
    ("best chains", 256, "few"),
    ("best personas", 256, "texts"),
    ("best chains", 64, "texts"),
]


@pytest.mark.parametrize(("name", "tokens", "records"), COSTS)
def test_a_call_needs_no_more_device_memory_than_planned(name: str, tokens: int, records: str) -> None:
    """The compiler's own account of arguments, results and temporaries.

    Optimised code has the same, but for XLA's loops over blocks of draws, which need less if nothing is fused.
    """
    with optimised() if "XLA" in name else unoptimised(), xla_alone() if "XLA" in name else nullcontext():
        planned = jc.plan(sweep_of({**PROGRAMS[name], "vocab_size": tokens}, **RECORDS[records]))
        (bucket,) = planned.buckets
        device, number = jax.local_devices()[0], len(planned.sweep.recorded)
        ready = compiling.__wrapped__(bucket.program, device, number, bucket.lanes, ()).result()
    used = ready.memory_analysis()
    assert used is not None
    needed = used.temp_size_in_bytes + used.argument_size_in_bytes + used.output_size_in_bytes
    assert needed <= bucket.device_bytes < 8 * needed
    assert planned.device_bytes == bucket.device_bytes * planned.machine.workers
    assert bucket.record_bytes >= used.output_size_in_bytes - bucket.lanes


@pytest.mark.parametrize(
    "top",
    [
        {"replicates": 3},
        {"replicates": 700, "record": {"every": 1}},
        {"replicates": 200, "record": {"every": 1, "logits": True}, "precision": "float64"},
    ],
    ids=["small", "records", "logits"],
)
def test_a_study_needs_no_more_disk_than_planned(top: dict[str, Any], tmp_path: Path) -> None:
    sweep = sweep_of({"vocab_size": 16, "temperature": 1.1}, **{"generations": 40, **top})
    planned = jc.plan(sweep, chunk_size=300)
    jc.run(sweep, tmp_path / "s", chunk_size=300, progress=False).close()
    files = [tmp_path / "s" / "result.nc", *(tmp_path / "s" / "shards").iterdir()]
    assert len(files) == 1 + len(planned.chunks)
    assert sum(file.stat().st_size for file in files) <= planned.disk_bytes


def test_the_plan_reads_well() -> None:
    planned = jc.plan(jc.Sweep.from_dict(MIXED), chunk_size=100)
    text = repr(planned)
    assert f"<Plan 'Mixed': 504 trajectories on 2 cpu devices, native code for {processor()}>" in text
    told = planned.to_dict()
    assert f"{told['compiles']} compiles, {told['chunks']} chunks" in text
    assert "16 tokens: sgd, fresh minibatches" in text
    assert "320 tokens: refit" in text
    assert "GB on a device" in text
    assert "time: about " in text
    assert "any number of draws" in text
    assert len(text.splitlines()) == 5 + len(planned.buckets)
    with xla_alone():
        assert "draws, 16 at once" in repr(jc.plan(jc.Sweep.from_dict(MIXED)))
    assert repr(jc.plan(sweep_of({"vocab_size": 16}))).startswith("<Plan 64 trajectories on "), "there is no title"


def test_the_plan_tells_a_time_for_processors_only() -> None:
    """It grows with the work; constants were measured on no accelerator."""
    small, large = (jc.plan(sweep_of({"vocab_size": 64}, replicates=number)) for number in (10, 1000))
    assert 0 < 50 * small.seconds < large.seconds < 200 * small.seconds
    told = large.to_dict()
    assert all(told[f"{part}_seconds"] > 0 for part in ("start", "compile", "run", "finish"))
    assert repr(large).splitlines()[-3].startswith("time: about ")


def test_the_plan_takes_lanes_without_a_trajectory_into_account() -> None:
    """A device call computes all of its lanes, and no machine computes a call on several cores."""
    few, many = (jc.plan(sweep_of({"vocab_size": 64}, replicates=number)) for number in (10, 512))
    (bucket,) = many.buckets
    assert bucket.lanes == 512
    assert (
        estimate(few).compute
        == pytest.approx(estimate(many).compute)
        == pytest.approx(many.seconds * many.machine.cores)
    )


@pytest.mark.parametrize("process", NETWORKS)
def test_a_call_of_a_network_needs_no_more_device_memory_than_planned(process: dict[str, Any]) -> None:
    """Optimised, as it runs: what XLA keeps of traces depends on what it fuses."""
    with optimised():
        (bucket,) = jc.plan(sweep_of({**NETWORK, **process})).buckets
        ready = compiling.__wrapped__(bucket.program, jax.local_devices()[0], 16, bucket.lanes, ()).result()
    used = ready.memory_analysis()
    assert used is not None
    needed = used.temp_size_in_bytes + used.argument_size_in_bytes + used.output_size_in_bytes
    assert needed <= bucket.device_bytes < 8 * needed


def test_the_plan_counts_what_a_network_reads() -> None:
    """In proportion to traces and places; most products of a layer grow with the square of its width."""

    def seconds(**more: Any) -> float:
        return jc.plan(sweep_of({**NETWORK, "batch_size": 16, **more}, generations=1000)).seconds

    plain = seconds()
    assert 1.8 * plain < seconds(batch_size=32) < 2.1 * plain
    assert 1.8 * plain < seconds(context_length=128) < 2.2 * plain
    assert 1.8 * plain < seconds(layers=4) < 2.1 * plain
    assert 3.5 * plain < seconds(width=128) < 4.1 * plain


def test_a_plan_adds_up_what_a_user_waits_for() -> None:
    told = estimate(jc.plan(jc.Sweep.from_dict(MIXED)))
    assert told.first == told.later + told.compile == told.start + told.compute + told.finish + told.compile
    alone = estimate(jc.plan(sweep_of({"vocab_size": 16}))).compile
    assert told.compile > alone, "it has more programs"


def test_the_plan_counts_the_work_of_candidates_and_of_rejected_traces() -> None:
    """Which are drawn one by one: in proportion to candidates, places and samples, as long as these are most of it."""
    process = {"model": "persona", "vocab_size": 64, "update": "refit", "samples": 1000, "curation": "argmax"}

    def seconds(**more: Any) -> float:
        return jc.plan(sweep_of({**process, **more})).seconds

    plain = seconds()
    assert 1.8 * plain < seconds(candidates=5) < 2.2 * plain
    assert 1.8 * plain < seconds(samples=2000) < 2.2 * plain
    assert 1.7 * plain < seconds(trace_length=33) < 2.2 * plain
    assert 3 * plain < seconds(true_positive_rate=0.2, false_positive_rate=0.2) < 6 * plain


def test_the_plan_is_json() -> None:
    planned = jc.plan(jc.Sweep.from_dict(MIXED), chunk_size=100)
    told = planned.to_dict()
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert told["trajectories"] == 504
    assert told["shape"] == [3, 2, 3, 4]
    assert sum(bucket["cells"] for bucket in told["buckets"]) == told["cells"] == 72
    assert sum(bucket["chunks"] for bucket in told["buckets"]) == told["chunks"] == len(planned.chunks)
    assert told["token_updates"] == planned.token_updates > 0


def test_too_little_device_memory_is_refused_with_the_numbers(tmp_path: Path) -> None:
    """The most tokens there may be, a thousand generations kept."""
    process = {"vocab_size": 2**24, "update": "refit", "samples": 5, "corpus": "window", "window": 1000}
    with pytest.raises(jc.InputError, match=r"process\.vocab_size: needs .* GB on one cpu device, which has .* GB"):
        jc.run(sweep_of({**process, "initial": {"kind": "uniform"}}, replicates=1), tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_a_smaller_device_refuses_what_a_larger_one_takes() -> None:
    planned = jc.plan(jc.Sweep.from_dict(MIXED))
    planned.check_fits()
    exactly = dataclasses.replace(planned.machine, device_bytes=planned.device_bytes)
    dataclasses.replace(planned, machine=exactly).check_fits()
    less = dataclasses.replace(planned.machine, device_bytes=planned.device_bytes - 1)
    with pytest.raises(jc.InputError, match=r"axes\.vocab_size: needs .* which has"):
        dataclasses.replace(planned, machine=less).check_fits()


def test_records_that_do_not_fit_on_the_device_are_named() -> None:
    sweep = sweep_of({"vocab_size": 4096}, generations=1_000_000, record={"every": 1, "logits": True})
    with pytest.raises(jc.InputError, match=r"record: needs .* on one cpu device"):
        jc.plan(sweep).check_fits()


def test_too_little_disk_is_refused_with_the_numbers_before_anything_is_written(tmp_path: Path) -> None:
    sweep = sweep_of({"vocab_size": 4096}, replicates=10_000_000, generations=1_000_000, record={"every": 1})
    planned = jc.plan(sweep, chunk_size=2**20)
    with pytest.raises(jc.InputError, match=r"record: needs .* TB on disk .* free at .*; record fewer") as caught:
        planned.check_fits(tmp_path / "not yet" / "there")
    assert str(tmp_path / "not yet" / "there") in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_million_trajectories_are_planned(in_root: Path) -> None:
    sweep = jc.Sweep.from_toml("sweeps/large.toml")
    planned = jc.plan(sweep)
    text = repr(planned)
    assert planned.trajectories == 2 * 11 * 9 * 5 * 1024 == sum(map(len, planned.chunks))
    assert "1,013,760 trajectories" in text


def test_the_name_of_a_chunk_follows_from_its_trajectories_alone() -> None:
    """Not from where its cells stand in the grid, nor from what else is in it."""
    base: dict[str, Any] = {"observables": ["entropy"], "replicates": 4, "process": {"vocab_size": 16}}
    few = jc.plan(jc.Sweep.from_dict({**base, "axes": {"temperature": [0.9, 1.1]}}), chunk_size=4)
    many = jc.plan(
        jc.Sweep.from_dict(
            {**base, "generations": 7, "axes": {"learning_rate": [0.1, 0.5], "temperature": [1.1, 2, 0.9]}}
        ),
        chunk_size=4,
    )
    assert len(few.chunks) == 2
    assert {chunk.id for chunk in few.chunks} < {chunk.id for chunk in many.chunks}
    other = jc.plan(jc.Sweep.from_dict({**base, "seed": 1, "axes": {"temperature": [0.9, 1.1]}}), chunk_size=4)
    assert not {chunk.id for chunk in few.chunks} & {chunk.id for chunk in other.chunks}
    identities, replicates = np.array([5, 5, 9], np.uint64), np.array([0, 1, 0], np.int32)
    names = {
        chunk_id(identities, replicates),
        chunk_id(identities[::-1], replicates),
        chunk_id(identities, replicates + 1),
        chunk_id(identities[:2], replicates[:2]),
    }
    assert len(names) == 4


@given(st.integers(1, 2**24))
def test_padding_is_enough_little_and_settles(tokens: int) -> None:
    width = padded(tokens)
    assert tokens <= width
    assert width % 16 == 0
    assert width < max(tokens + 16, 1.125 * tokens + 1)
    assert padded(width) == width
    assert padded(tokens + 1) >= width


def test_padding_gives_few_widths() -> None:
    assert [padded(size) for size in (1, 16, 17, 256, 257, 4096, 50_257)] == [16, 16, 32, 256, 288, 4096, 53_248]
    assert len({padded(size) for size in range(1, 10_000)}) < 70


def test_two_cells_of_one_process_are_refused(tmp_path: Path) -> None:
    """They would share their random numbers and their place in a study."""
    for name in ("a.npz", "b.npz"):
        np.savez(tmp_path / name, logits=np.zeros(3))
    axes = {"initial": [{"kind": "file", "path": str(tmp_path / name)} for name in ("a.npz", "b.npz")]}
    with pytest.raises(jc.InputError, match=r"axes: initial = file\(.*a\.npz.* and .*b\.npz.* are the same process"):
        jc.plan(jc.Sweep.from_dict({"axes": axes}))
    with pytest.raises(jc.InputError, match="occurs twice"):
        jc.plan(jc.Sweep.from_dict({"axes": {"initial": [{"kind": "zipf"}, {"kind": "zipf", "exponent": 1.0}]}}))


def test_more_trajectories_than_can_be_listed_are_refused() -> None:
    with pytest.raises(jc.InputError, match="replicates: 2000000000: makes 2,000,000,000 trajectories"):
        jc.Sweep.from_dict({"replicates": 2_000_000_000})


def test_a_plan_makes_no_table_of_a_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose first row, the stationary law, takes a time that grows with the cube of the tokens."""
    monkeypatch.setattr("jaxcollapse.walks.stationary.stationary", lambda chain: pytest.fail("is computed"))
    planned = jc.plan(sweep_of({"model": "markov", "vocab_size": 20, "update": "refit", "samples": 5}))
    assert planned.to_dict()["buckets"][0]["contexts"] == 33, "the start, and a padded row for each token"


def test_a_plan_shows_itself_in_a_notebook() -> None:
    shown = jc.plan(jc.Sweep.from_dict({"title": "a < b"}))._repr_html_()
    assert "a &lt; b" in shown
    assert "fresh minibatches" in shown
    assert shown.count("<tr>") == 2
