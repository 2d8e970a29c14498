"""Compiled programs are kept on disk and used again, and nothing that happens to their files does any harm."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
import xarray as xr

import jaxcollapse as jc
from jaxcollapse.program.compiling import compiling
from jaxcollapse.system import on_disk
from tests.conftest import Compiles, counted
from tests.support.engines import unoptimised

SWEEP: dict[str, Any] = {
    "replicates": 5,
    "generations": 6,
    "observables": ["entropy", "collapse_time"],
    "process": {"vocab_size": 20, "learning_rate": 1.0},
    "axes": {"optimizer": ["sgd", "adam"]},
}


PROGRAMS = Path("jaxcollapse", "programs")


@contextmanager
def keeping(home: Path) -> Iterator[Path]:
    """Programs are kept in this folder of caches."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(home))
        jax.config.update("jax_enable_compilation_cache", True)
        compiling.cache_clear()
        try:
            yield home / PROGRAMS
        finally:
            jax.config.update("jax_enable_compilation_cache", False)
            compiling.cache_clear()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where programs are kept during a test; there are none yet."""
    with keeping(tmp_path) as programs:
        yield programs


@pytest.fixture(autouse=True, scope="module")
def _unoptimised() -> Iterator[None]:
    with unoptimised():
        yield


@dataclass(frozen=True)
class First:
    """A first run of the sweep: the folder of caches that it filled, its results, and how often it compiled."""

    home: Path
    data: xr.Dataset
    compiles: int


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> First:
    home = tmp_path_factory.mktemp("first")
    with keeping(home), counted() as compiles:
        return First(home, run(), compiles())


@pytest.fixture
def kept(first: First, folder: Path) -> Path:
    """Where programs are kept during a test: those of the first run."""
    shutil.copytree(first.home / PROGRAMS, folder)
    return folder


def run(**changed: Any) -> xr.Dataset:
    compiling.cache_clear()  # as in a new process
    sweep = jc.Sweep.from_dict({**SWEEP, **changed})
    return jc.run(sweep, progress=False, devices=jax.local_devices()[:1])


def test_a_second_run_compiles_nothing_and_gives_the_same_bits(first: First, kept: Path, compiles: Compiles) -> None:
    assert first.compiles >= len(list(kept.iterdir())) == 2
    second = run()
    assert compiles() == 0
    for name in first.data:
        np.testing.assert_array_equal(first.data[name].values, second[name].values)


def test_each_device_has_programs_of_its_own(first: First, kept: Path) -> None:
    """A program is made for one device; the other one gives the same bits."""
    for device in jax.local_devices()[1::-1] * 2:
        compiling.cache_clear()
        other = jc.run(jc.Sweep.from_dict(SWEEP), progress=False, devices=[device])
        np.testing.assert_array_equal(first.data.entropy.values, other.entropy.values)
    assert len(list(kept.iterdir())) == 4


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content[:1000] + bytes([content[1000] ^ 1]) + content[1001:],
        lambda content: b"something else",
    ],
    ids=["empty", "truncated", "flipped bit", "foreign"],
)
def test_a_damaged_file_is_compiled_again(
    first: First, kept: Path, compiles: Compiles, spoil: Callable[[bytes], bytes]
) -> None:
    for path in kept.iterdir():
        path.write_bytes(spoil(path.read_bytes()))
    np.testing.assert_array_equal(first.data.entropy.values, run().entropy.values)
    assert compiles() == 2
    run()
    assert compiles() == 2


def test_a_program_of_another_kind_in_its_place_is_not_used(kept: Path) -> None:
    """Whatever has come to stand under a program's name must at least be called as that program is."""
    files = sorted(kept.iterdir())
    expected = run(record={"logits": True}, generations=6)
    others = sorted(set(kept.iterdir()) - set(files))
    assert len(others) == 2
    for path, other in zip(files, others, strict=True):
        other.write_bytes(path.read_bytes())
    found = run(record={"logits": True}, generations=6)
    np.testing.assert_array_equal(expected.logits.values, found.logits.values)


def test_a_folder_that_cannot_be_made_does_no_harm(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "jaxcollapse").write_text("in the way")
    assert run(axes={}).status.values.all()


def test_nothing_is_kept_where_jax_keeps_nothing(folder: Path) -> None:
    jax.config.update("jax_enable_compilation_cache", False)
    run(axes={})
    assert not folder.exists()


def test_names_tell_settings_flags_and_programs_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    device = jax.local_devices()[0]
    names = {on_disk.name(device, ["a"]), on_disk.name(device, ["b"])}
    with jax.default_matmul_precision("float32"):
        names.add(on_disk.name(device, ["a"]))
    monkeypatch.setenv("XLA_FLAGS", os.environ.get("XLA_FLAGS", "") + " --xla_cpu_enable_fast_math=false")
    names.add(on_disk.name(device, ["a"]))
    assert len(names) == 4


def test_the_oldest_files_go_first(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = sorted(kept.iterdir())
    for path in old:
        os.utime(path, (1, 1))
    size = sum(path.stat().st_size for path in old)
    monkeypatch.setattr("jaxcollapse.system.program_cache._MOST_BYTES", int(1.2 * size))
    run(process={"vocab_size": 40, "learning_rate": 1.0}, axes={})
    left = list(kept.iterdir())
    assert len(set(left) - set(old)) == 1
    assert sum(path.stat().st_size for path in left) <= 1.2 * size


def test_programs_are_kept_under_the_source_that_was_imported(tmp_path: Path) -> None:
    """Not under one that is edited, or installed, while the process lives: the next process would be given old code.

    An edit of what no program is made of changes no name.
    """
    root = Path(jc.__file__).parent
    shutil.copytree(root, tmp_path / "jaxcollapse", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    code = (
        "import jax; from jaxcollapse.system import on_disk; from pathlib import Path; import sys; "
        "Path('jaxcollapse', sys.argv[1]).write_text(''); print(on_disk.name(jax.local_devices()[0], []))"
    )
    here = {**os.environ, "PYTHONPATH": str(tmp_path)}
    shipped, same, edited = (
        subprocess.run(
            [sys.executable, "-c", code, file], cwd=tmp_path, env=here, capture_output=True, text=True, check=True
        ).stdout
        for file in ("report/answer.py", "sampling/subset.py", "cli/watch.py")
    )
    assert shipped == same
    assert same != edited
