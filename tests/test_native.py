"""Native code does what the loop in JAX does, on any processor, for any neighbours; and is what its sources say."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import hatch_build
import jaxcollapse as jc
from jaxcollapse import native
from jaxcollapse.errors import InputError
from jaxcollapse.native import sources
from jaxcollapse.observables.snapshot import SweepThresholds, origin
from jaxcollapse.sampling import tree
from jaxcollapse.sampling.multinomial import fewest_split
from jaxcollapse.walks.categorical import Categorical
from tests.conftest import ROOT
from tests.observables.measuring import ONE_TOKEN
from tests.support.engines import xla_alone
from tests.support.sweeps import run, together

INF = float("inf")


def test_native_code_is_here() -> None:
    """All other tests are of it, where it has a part."""
    assert native.processor() is not None
    assert native.trains("cpu", "float32")
    assert not native.trains("cpu", "float64")
    assert not native.trains("tpu", "float32")


# The same trajectories as the loop in JAX.

PROCESSES: dict[str, list[dict[str, Any]]] = {
    "tiny": [{"vocab_size": 1, "batch_size": 3}, {"vocab_size": 2, "batch_size": 1, "temperature": 0.5}],
    "small": [
        {"batch_size": 5},
        {"batch_size": 4, "temperature": 0.0},
        {"batch_size": 4, "temperature": INF},
        {"batch_size": 4, "steps": 3, "temperature": 0.8},
        {"batch_size": 100, "steps": 2, "temperature": 1.3},
        {"batch_size": 400, "steps": 2, "temperature": 1.1},
        {"batch_size": 10**6, "steps": 2, "temperature": 0.9},
        {"batch_size": INF, "steps": 2, "temperature": 0.9},
        {"batch_size": INF, "steps": 2, "temperature": 0.0, "learning_rate": 0.1},
        {"batch_size": INF, "steps": 4, "temperature": INF},
        {"update": "refit", "samples": 2},
        {"update": "refit", "samples": 1000, "temperature": 1.2},
    ],
    "large": [
        {"vocab_size": 1100, "batch_size": INF, "temperature": 1.2, "steps": 2},
        {"vocab_size": 1100, "batch_size": 1, "temperature": 0.9},
        {"vocab_size": 1100, "batch_size": 20},
        {"vocab_size": 1100, "batch_size": 2000, "temperature": 0.9},
        {"vocab_size": 1100, "update": "refit", "samples": 50, "temperature": 0.9},
        {"vocab_size": 1100, "update": "refit", "samples": 3000},
    ],
    "rewarded": [
        *(
            {"batch_size": 24, "group_size": 8, "baseline": baseline, "normalise": normalise, "true_positive_rate": 0.9}
            for baseline in native.BASELINES
            for normalise in ("std", "none")
        ),
        {"batch_size": 48, "group_size": 3, "temperature": 0.7, "correct": "tail"},
        {"batch_size": 20, "group_size": 20, "reward": "coin", "temperature": 1.3},
        {"batch_size": 20, "group_size": 20, "reward": "score"},
        {"batch_size": 64, "group_size": 4, "reward": "score", "normalise": "none", "baseline": "none"},
        {"batch_size": 7, "group_size": 1, "baseline": "none", "normalise": "none"},
        {"batch_size": 32, "group_size": 16, "reward": "original_likelihood"},
        {"batch_size": 32, "group_size": 16, "temperature": 0.0},
        {"batch_size": 32, "group_size": 16, "temperature": INF},
        {"batch_size": 5000, "group_size": 10},
    ],
}
REWARDED = {"update": "policy_gradient", "reward": "verifier", "false_positive_rate": 0.1, "learning_rate": 2.0}
PROCESSES["many rewarded"] = [{"vocab_size": 1100, **process} for process in PROCESSES["rewarded"]]
for size in ("rewarded", "many rewarded"):
    tokens = 1100 if size.startswith("many") else 30
    scores = np.linspace(-1, 2, tokens).tolist()
    PROCESSES[size] = [{**REWARDED, "scores": scores, **process} for process in PROCESSES[size]]


@pytest.mark.parametrize("size", PROCESSES)
def test_trajectories_are_those_of_the_loop_in_jax(size: str) -> None:
    """The same counts in ten generations, so that logits differ by rounding alone; the same events."""
    processes = [{"vocab_size": 30, **process} for process in PROCESSES[size]]
    settings: dict[str, Any] = {
        "generations": 10,
        "replicates": 20,
        "record": {"every": 3, "logits": True},
        "observables": ["entropy", "kl_from_initial", "events", "answers"],
        "support_threshold": 1e-4,
        "seed": 2,
    }
    all_here = run({}, {"process": together(processes)}, **settings)
    with xla_alone():
        all_there = run({}, {"process": together(processes)}, **settings)
    assert all_here.attrs["provenance"] != all_there.attrs["provenance"]
    for place, process in enumerate(processes):
        here, there = (data.isel(process=place, token=slice(process["vocab_size"])) for data in (all_here, all_there))
        same = np.isclose(here.logits, there.logits, atol=2e-5).all(axis=-1)
        assert same.mean() > 0.97, place  # else a rounding has tipped a sample
        for name in ("entropy", "kl_from_initial"):
            one, other = here[name].values[same], there[name].values[same]
            np.testing.assert_allclose(one, other, rtol=2e-3, atol=2e-6, err_msg=f"{name} {place}")
        whole = same.all(axis=1)
        for event in ("collapse_time", "first_extinction_time", "first_correct_extinction_time", "half_life"):
            one, other = here[event].values[whole], there[event].values[whole]
            np.testing.assert_array_equal(one, other, err_msg=f"{event} {place}")


def test_other_processes_draw_the_same_counts_too() -> None:
    """Those that XLA trains, on native counts: optimisers with moments, truncation, real data, old corpora."""
    settings: dict[str, Any] = {"generations": 6, "replicates": 10, "record": {"every": 6, "logits": True}}
    processes: list[dict[str, Any]] = [
        {"batch_size": 20, "optimizer": "momentum"},
        {"batch_size": 5, "top_k": 7, "fresh_fraction": 0.2, "temperature": 0.8},
        {"update": "refit", "samples": 100, "corpus": "accumulate", "mixing": 0.5},
    ]
    axes = {"process": together(processes)}
    here = run({"vocab_size": 30}, axes, **settings).logits
    with xla_alone():
        there = run({"vocab_size": 30}, axes, **settings).logits
    close = np.isclose(here, there, atol=1e-4) | (np.isneginf(here) & np.isneginf(there))
    assert (close.all(axis=(2, 3)).mean(axis=1) > 0.8).all()


def test_what_is_recorded_does_not_change_what_is_measured() -> None:
    """One call for a whole trajectory; a call for each record, where XLA measures or logits are kept; any records."""
    descent = {"batch_size": 5, "temperature": 0.9}
    absorbed_soon = {"update": "refit", "samples": 3}
    axes = {"process": together([descent, absorbed_soon])}
    common: dict[str, Any] = {"generations": 40, "replicates": 20, "record": {"every": 5}}
    common["observables"] = ["default"]
    plain = run({"vocab_size": 30}, axes, **common)
    for other in (
        {"record": {"every": 5, "logits": True}},
        {"observables": ["all"]},
        {"observables": ["half_life", "tail_mass"], "record": {"every": 1}},
        {"observables": ["rank_correlation", "entropy"]},
    ):
        same = run({"vocab_size": 30}, axes, **{**common, **other}).sel(generation=plain.generation)
        shared = plain.data_vars.keys() & same.data_vars.keys()
        assert shared
        for name in shared:
            np.testing.assert_array_equal(plain[name].values, same[name].values, err_msg=str(name))


def test_plans_and_datasets_say_what_computes() -> None:
    sweep = jc.Sweep.from_dict({"process": {"vocab_size": 20, "batch_size": 8}})
    assert f"native code for {native.processor()}" in repr(jc.plan(sweep))
    assert '"kernel": "native"' in run({"vocab_size": 4}, generations=1).attrs["provenance"]
    with xla_alone():
        assert "XLA" in repr(jc.plan(sweep))
        assert jc.plan(sweep).to_dict()["kernel"] == "XLA"
        assert '"kernel": "xla"' in run({"vocab_size": 4}, generations=1).attrs["provenance"]


# The same bits, whatever the neighbours and the processor.


@partial(jax.jit, static_argnames=("refit", "groups"))
def _train(*operands: jax.Array, refit: bool, groups: native.Rewarding | None) -> Any:
    tokens, gaps = operands[0].shape[1], jnp.array([0, 3, 1, 4], jnp.int32)
    schedule = jnp.array([3, 1 if refit else 2], jnp.int32)

    def train(*lane: jax.Array) -> Any:
        scale = jax.nn.sigmoid(lane[0] + 2) if groups else jnp.zeros(0)
        return native.train(
            *lane,
            schedule,
            gaps,
            scale,
            native.Origins(lane[0], jnp.where(lane[0] < -5, 0.5, 0), jnp.float32(1e-4), lane[4].astype(jnp.float32)),
            fewest_split=fewest_split(tokens),
            apart=tree.columns(tokens) == 1,
            refit=refit,
            groups=groups,
            watched=native.STATISTICS,
            wanted=native.MEASURED,
        )

    return jax.vmap(train)(*operands)


@jax.jit
def _origins(start: jax.Array) -> native.Origins:
    thresholds = SweepThresholds(jnp.float32(1e-9), jnp.float32(0.01))
    p0 = jax.vmap(lambda row: origin(row[None], row[None], thresholds, Categorical(), ONE_TOKEN))(start)
    return native.Origins(p0.logits, p0.rarest, jnp.full(len(start), thresholds.support), jnp.full(len(start), 50.0))


@jax.jit
def _measure(now: jax.Array, start: native.Origins) -> jax.Array:
    return jax.vmap(lambda now, start: native.measure(now, start, wanted=native.MEASURED))(now, start)


def trained(
    lanes: np.ndarray, tokens: int, refit: bool = False, groups: native.Rewarding | None = None
) -> list[np.ndarray]:
    """Logits and times of these of many trajectories that differ in all they can."""
    rng = np.random.default_rng(tokens)
    many = 64
    logits = -rng.gamma(1.0, 3.0, (many, tokens)).astype(np.float32)
    logits[rng.uniform(size=logits.shape) < 0.1] = -np.inf
    logits[:, 0] = 0
    numbers = [1 if refit else 0, 2, 7, fewest_split(tokens), 10 * tokens, 10**6]
    draws = rng.choice(numbers, many).astype(np.int32)
    if groups:
        draws = groups.size * rng.choice([1, 1, 2, 40], many if tokens > 100 else 1).astype(np.int32)
        draws = np.broadcast_to(draws, many)
    operands = (
        logits,
        rng.integers(0, 2**32, (many, 2), dtype=np.uint32),
        rng.choice([1, 1, 1.1, 0.8, 1e-37, 3e38], many).astype(np.float32),
        rng.choice([0.0, 0.3, 2.0], many).astype(np.float32),
        draws,
        np.isfinite(logits),
        np.arange(tokens) % 3 < np.arange(many)[:, np.newaxis] % 3,
        np.tile(np.array([0.9, 0.6, 1e-5, 1e-4], np.float32), (many, 1)),
        np.full((many, 4), -1, np.int32),
    )
    some = (jnp.asarray(operand[lanes]) for operand in operands)
    return [np.asarray(each) for each in _train(*some, refit=refit, groups=groups)]


def measured(lanes: np.ndarray, tokens: int) -> list[np.ndarray]:
    """What is measured of these of many models, some of which have lost tokens or turned p0 upside down."""
    rng = np.random.default_rng(tokens)
    start = -rng.gamma(1.0, 3.0, (64, tokens)).astype(np.float32)
    now = start * rng.choice([0.3, 1.0, 2.0, -1.0], (64, 1)) + rng.choice([0, 0.1, 2.0]) * rng.normal(size=start.shape)
    now = now.astype(np.float32)
    now[rng.uniform(size=now.shape) < rng.choice([0, 0.2], (64, 1))] = -np.inf
    now[:, 0] = 0
    return [np.asarray(_measure(*jax.tree.map(lambda each: each[lanes], (now, _origins(start)))))]


CALLS = {
    "sgd": trained,
    "refit": partial(trained, refit=True),
    "groups by chance": partial(trained, groups=native.Rewarding(5, "mean", True, True)),
    "one group by score": partial(trained, groups=native.Rewarding(20, "leave_one_out", True, False)),
    "groups without baseline": partial(trained, groups=native.Rewarding(4, "none", False, True)),
    "measures": measured,
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("tokens", [1, 2, 16, 100, 1024, 1500])
def test_a_trajectory_does_not_depend_on_its_neighbours(
    tokens: int, call: Callable[[np.ndarray, int], list[np.ndarray]]
) -> None:
    """Sixteen are computed side by side, or one alone: in any order, any number, beside any others."""
    everything = call(np.arange(64), tokens)
    orders = (
        np.arange(64)[::-1],
        np.random.default_rng(0).permutation(64),
        np.arange(5),
        np.array([63]),
        np.full(17, 9),
    )
    for lanes in orders:
        for whole, part in zip(everything, call(lanes, tokens), strict=True):
            np.testing.assert_array_equal(whole[lanes].view(np.uint32), part.view(np.uint32))


def other_processors() -> list[str]:
    """Lesser ones that this one can act as."""
    library = native._library()
    assert library is not None
    best = native.processor()
    names = ["x86-64-v4", "x86-64-v3", "generic"]
    found = [name for name in names if name != best and library.jaxcollapse_act_as(name.encode())]
    assert best is not None
    assert library.jaxcollapse_act_as(best.encode())
    return found


@pytest.mark.parametrize("tokens", [3, 300, 1500])
def test_every_processor_computes_the_same_bits(tokens: int) -> None:
    """On vector registers of all widths."""
    library, best = native._library(), native.processor()
    assert library is not None
    assert best is not None
    here = [call(np.arange(64), tokens) for call in CALLS.values()]
    try:
        for name in other_processors():
            assert library.jaxcollapse_act_as(name.encode())
            assert native.processor() == name
            there = [call(np.arange(64), tokens) for call in CALLS.values()]
            np.testing.assert_equal(there, here)
    finally:
        library.jaxcollapse_act_as(best.encode())


# What a user may get wrong, and what installation does.


def test_a_library_of_other_sources_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "digest", lambda: "another")
    with pytest.raises(InputError, match=r"from other sources.*install the package again"):
        native._library.__wrapped__()


MANY = len(native.MEASURED)


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("MEASURED", native.MEASURED[1:], r"measures\[0\] is entropy in .*so, but collision_probability in"),
        ("MEASURED", native.MEASURED[:-1], rf"measures\[{MANY - 1}\] is uniform_kl_to_initial in .*so, but missing in"),
        ("MEASURED", (*native.MEASURED, "more"), rf"measures\[{MANY}\] is missing in .*so, but more in"),
        ("STATISTICS", dict(reversed(native.STATISTICS.items())), r"statistics\[0\] is modal_probability in"),
        ("BASELINES", ("mean", "none"), r"baselines\[1\] is leave_one_out in .*so, but none in"),
        ("COLUMNS", 8, r"columns\[0\] is 16 in .*so, but 8 in"),
    ],
)
def test_a_library_with_another_list_is_refused(
    name: str, wrong: Any, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else numbers of one observable would get the name of another."""
    monkeypatch.setattr(native, name, wrong)
    with pytest.raises(InputError, match=message):
        native._library.__wrapped__()


def test_a_library_that_was_tampered_with_is_refused(copied_sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two measures have changed places in a copy of it."""
    shipped = (ROOT / "jaxcollapse" / "native" / sources.LIBRARY).read_bytes()
    tampered = shipped.replace(b" kl_from_initial kl_to_initial ", b" kl_to_initial kl_from_initial ")
    assert tampered != shipped
    (copied_sources / sources.LIBRARY).write_bytes(tampered)
    monkeypatch.setattr(native, "__file__", str(copied_sources / "__init__.py"))
    with pytest.raises(InputError, match=r"measures\[5\] is kl_to_initial in .*so, but kl_from_initial in"):
        native._library.__wrapped__()


def test_calls_are_those_that_the_library_lists() -> None:
    library = native._library()
    assert library is not None
    listed = native._lists(library, Path())["calls"]
    assert set(listed) == {"count", "train", "measure", "binomial", "words"}
    assert all(callable(getattr(native, name)) for name in listed)


Shapes = dict[str, tuple[int, ...]]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"key": (3,)}, r"key has shape \[3\], not \[2\]"),
        ({"draws": (1,)}, r"draws has shape \[1\], not \[\]"),
        ({"counts": (5,)}, r"counts has shape \[5\], not \[4\]"),
        ({"weights": ()}, r"too few dimensions: \[\]"),
        ({"weights": (2, 4)}, r"key has shape \[2\], not \[2, 2\]"),
    ],
)
def test_an_array_of_another_shape_is_refused(wrong: Shapes, message: str) -> None:
    """The library reads nothing beyond the end of an array, whatever it is given."""
    shapes: Shapes = {"key": (2,), "weights": (4,), "draws": (), "counts": (4,), **wrong}
    call = jax.ffi.ffi_call("jaxcollapse_count", jax.ShapeDtypeStruct(shapes["counts"], jnp.int32))
    operands = [
        jnp.ones(shapes["key"], jnp.uint32),
        jnp.ones(shapes["weights"], jnp.float32),
        jnp.ones(shapes["draws"], jnp.int32),
    ]
    with pytest.raises(jax.errors.JaxRuntimeError, match=message):
        call(*operands, fewest_split=np.int32(1), apart=True)


@pytest.mark.parametrize(
    "name", ["thresholds", "times", "schedule", "key", "present", "learning_rate", "scale", "rarest", "samples"]
)
def test_every_array_of_training_is_held_to_its_shape(name: str) -> None:
    tokens = 4
    operands = {
        "logits": jnp.zeros(tokens),
        "key": jnp.ones(2, jnp.uint32),
        "inverse_temperature": jnp.float32(1),
        "learning_rate": jnp.float32(1),
        "draws": jnp.int32(1),
        "present": jnp.ones(tokens, jnp.uint8),
        "thresholds": jnp.ones(len(native.STATISTICS)),
        "times": jnp.full(len(native.STATISTICS), -1, jnp.int32),
        "schedule": jnp.ones(2, jnp.int32),
        "gaps": jnp.ones(1, jnp.int32),
        "scale": jnp.zeros(tokens),
        "start": jnp.zeros(tokens),
        "rarest": jnp.zeros(tokens),
        "support": jnp.float32(0),
        "samples": jnp.float32(0),
    }
    operands[name] = jnp.zeros((*operands[name].shape, 1), operands[name].dtype)
    assert native.trains("cpu", "float32"), "which makes the library known to XLA"
    shapes = [(tokens, jnp.float32), (len(native.STATISTICS), jnp.int32), ((0, 1), jnp.float32)]
    call = jax.ffi.ffi_call(
        "jaxcollapse_train", [jax.ShapeDtypeStruct(np.atleast_1d(shape), dtype) for shape, dtype in shapes]
    )
    none = np.int32(0)
    groups = {"group_size": np.int32(2), "baseline": none, "normalises": True, "by_chance": True}
    with pytest.raises(jax.errors.JaxRuntimeError, match=rf"{name} has shape \[.*1\], not"):
        call(*operands.values(), fewest_split=np.int32(1), apart=True, refit=False, watched=none, wanted=none, **groups)


def told(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "jaxcollapse", "plan", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_a_processor_that_is_none_is_refused() -> None:
    done = told("sweeps/quickstart.toml", JAXCOLLAPSE_PROCESSOR="z80")
    assert done.returncode == 2
    assert "JAXCOLLAPSE_PROCESSOR" in done.stderr
    assert "'z80'" in done.stderr
    assert "Traceback" not in done.stderr


def test_xla_can_be_told_to_do_everything() -> None:
    done = told("sweeps/quickstart.toml", JAXCOLLAPSE_NATIVE="0")
    assert done.returncode == 0
    assert "on 1 cpu device, XLA" in done.stdout


def test_without_a_compiler_the_build_asks_for_zig(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "/nowhere/c++")
    hook: Any = object.__new__(hatch_build.NativeLibrary)
    assert hook.dependencies() == ["ziglang>=0.13"]
    monkeypatch.setattr(hatch_build, "find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match=r"no C\+\+ compiler works.*JAXCOLLAPSE_NATIVE=0"):
        hatch_build.any_compiler()
    monkeypatch.setenv("JAXCOLLAPSE_NATIVE", "0")
    assert hook.dependencies() == []


@pytest.fixture
def copied_sources(tmp_path: Path) -> Path:
    """A folder with a copy of the sources, to build in."""
    folder = tmp_path / "native"
    folder.mkdir()
    for path in (ROOT / "jaxcollapse" / "native").glob("*"):
        if path.suffix in (".h", ".cpp", ".cu", ".py"):
            (folder / path.name).write_bytes(path.read_bytes())
    return folder


@pytest.fixture
def broken_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiler that passes trials and fails otherwise."""
    compiler = tmp_path / "compiler"
    compiler.write_text('#!/bin/sh\ncase "$*" in *trial*) exit 0;; esac\necho "out of registers" >&2\nexit 1\n')
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))


def test_a_failed_build_says_why_and_leaves_the_library_alone(copied_sources: Path, broken_compiler: None) -> None:
    (copied_sources / sources.LIBRARY).write_bytes(b"the old one")
    with pytest.raises(RuntimeError, match="failed:\nout of registers"):
        hatch_build.build(copied_sources)
    assert (copied_sources / sources.LIBRARY).read_bytes() == b"the old one"
    assert not list(copied_sources.glob("*.so.*"))


@pytest.mark.parametrize("strict", ["0", "1"])
def test_a_warning_stops_developers_and_no_user(
    strict: str, copied_sources: Path, broken_compiler: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAXCOLLAPSE_WERROR", strict)
    with pytest.raises(RuntimeError, match="-Wall") as failure:
        hatch_build.build(copied_sources)
    assert ("-Werror" in str(failure.value)) is (strict == "1")


def test_a_library_is_current_while_its_sources_stay_as_they_are(copied_sources: Path) -> None:
    shutil.copy(ROOT / "jaxcollapse" / "native" / sources.LIBRARY, copied_sources)
    assert hatch_build.is_current(copied_sources)
    with (copied_sources / "jobs.h").open("a") as header:
        header.write("// Changed.\n")
    assert not hatch_build.is_current(copied_sources)


def test_developers_compile_only_what_has_changed(
    copied_sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is, what includes a changed file, and the file that holds the digest of all."""
    log, compiler = tmp_path / "log", tmp_path / "compiler"
    compiler.write_text(
        f'#!/bin/sh\necho "$*" >> {log}\nfor word; do [ "$option" = -o ] && : > "$word"; option=$word; done\nexit 0\n'
    )
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))

    def compiled(*flags: str) -> set[str]:
        log.write_text("")
        hatch_build.build(copied_sources, *flags, objects=tmp_path / "objects")
        commands = [line.split() for line in log.read_text().splitlines() if " -c " in line]
        return {word for command in commands for word in command if word.endswith(".cpp")}

    everything = compiled()
    assert everything >= {"sources.cpp", "library.cpp", "variant.cpp"}
    assert compiled() == set()
    for changed, again in {
        "measuring.h": {"variant.cpp"},
        "vector.h": {"variant.cpp"},
        "calls.h": everything - {"sources.cpp", "variant.cpp"},
        "jobs.h": everything - {"sources.cpp"},
        "gpu.cu": set(),
    }.items():
        with (copied_sources / changed).open("a") as file:
            file.write("// Changed.\n")
        assert compiled() == {"sources.cpp", *again}, changed
    assert compiled("-g") == everything
    assert compiled("-g") == set()
