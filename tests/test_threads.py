"""Native code for GPUs, without one: fibres of a CPU in the place of threads, and NVRTC, which needs no device."""

import ctypes
import subprocess
from pathlib import Path
from typing import Any

import jax
import jaxlib
import numpy as np
import pytest

import hatch_build
from jaxcollapse import native
from jaxcollapse.native import gpu
from jaxcollapse.sampling.multinomial import fewest_split
from tests.conftest import ROOT
from tests.test_native import CALLS

SOURCES, EMULATED = ROOT / "jaxcollapse/native", ROOT / "tests/support/emulated"


@pytest.fixture(scope="module")
def fibres(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What native code calls on a GPU, as targets of XLA named `fibres_…`."""
    library = tmp_path_factory.mktemp("fibres") / "fibres.so"
    interface = Path(jaxlib.__file__).parent / "include"
    if hatch_build.machine_compiler() is None:
        pytest.skip("there is no C++ compiler")
    command = [*hatch_build.any_compiler(), "-std=c++17", "-O0", "-fPIC", *hatch_build.EXACTLY, "-Wno-psabi", "-shared"]
    command += ["-isystem", str(interface), f"-I{SOURCES}", f"-I{EMULATED}", "-DONE_PROGRAM"]
    command += [str(SOURCES / "library.cpp"), str(EMULATED / "variant.cpp"), "-o", str(library)]
    subprocess.run(command, check=True, capture_output=True)
    loaded = ctypes.CDLL(str(library))
    for name in ("count", "train", "measure"):
        function = getattr(loaded, f"jaxcollapse_{name}")
        jax.ffi.register_ffi_target(f"fibres_{name}", jax.ffi.pycapsule(function), platform="cpu")


@pytest.fixture
def by_fibres(fibres: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def call(name: str, gives: Any, *operands: jax.Array, **attributes: Any) -> Any:
        return jax.ffi.ffi_call(f"fibres_{name}", gives, vmap_method="broadcast_all")(*operands, **attributes)

    monkeypatch.setattr(native, "_call", call)
    jax.clear_caches()
    yield
    jax.clear_caches()


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("tokens", [1, 100, 1500])
def test_threads_compute_the_bits_of_registers(tokens: int, call: str, by_fibres: None, request: Any) -> None:
    """A sheet's columns may be threads: training with all numbers of draws, refits, and what is measured."""
    some = np.arange(0, 64, 3)
    there = CALLS[call](some, tokens)
    request.getfixturevalue("monkeypatch").undo()
    jax.clear_caches()
    here = CALLS[call](some, tokens)
    for one, other in zip(here, there, strict=True):
        np.testing.assert_array_equal(one.view(np.uint32), other.view(np.uint32))


@pytest.mark.parametrize("tokens", [1, 30, 1100])
@pytest.mark.parametrize("fewest", [1, None])
def test_threads_draw_the_counts_of_registers(
    tokens: int, fewest: int | None, by_fibres: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(tokens)
    keys, weights = rng.integers(0, 2**32, (20, 2), dtype=np.uint32), rng.gamma(0.3, 1, (20, tokens)).astype(np.float32)
    draws = rng.choice([0, 1, 5, 100, 10**6], 20).astype(np.int32)
    split = fewest_split(tokens) if fewest is None else fewest

    def counts() -> np.ndarray:
        def one(*lane: jax.Array) -> jax.Array:
            return native.count(*lane, fewest_split=split, apart=tokens < 1024)

        return np.asarray(jax.vmap(one)(keys, weights, draws))

    there = counts()
    monkeypatch.undo()
    np.testing.assert_array_equal(counts(), there)
    assert (there.sum(axis=1) == draws).all()


def test_integers_of_threads_wrap_around_by_definition(tmp_path: Path) -> None:
    """At the ends of their range, compiled so that the program ends where C++ leaves undefined what comes out."""
    if hatch_build.machine_compiler() is None:
        pytest.skip("there is no C++ compiler")
    checks = ["-fsanitize=signed-integer-overflow,shift", "-fsanitize-undefined-trap-on-error"]
    command = [*hatch_build.any_compiler(), "-std=c++17", "-O0", *hatch_build.EXACTLY, *checks, f"-I{SOURCES}"]
    command += [f"-I{EMULATED}", str(EMULATED / "wrapping.cpp"), "-o", str(tmp_path / "wrapping")]
    subprocess.run(command, check=True, capture_output=True)
    numbers = [-(2**31), 2**31 - 1, -1, 0, 1, 0x3F3504F3, -1_000_000_007]
    run = subprocess.run([str(tmp_path / "wrapping"), *map(str, numbers)], capture_output=True, text=True, check=True)
    expected = []
    for x in numbers:
        expected += [-x, ~x, x << 5, x >> 5]
        for y in numbers:
            expected += [x + y, x - y, x * y]
    assert [int(line) for line in run.stdout.split()] == [(each + 2**31) % 2**32 - 2**31 for each in expected]


def test_the_kernels_compile_for_a_device_that_is_not_here() -> None:
    """For the oldest that is supported. Later ones can do all that it can, and no source asks which one it is."""
    assert not [path.name for path in SOURCES.glob("*.[ch]*") if "__CUDA_ARCH" in path.read_text(encoding="utf-8")]
    try:
        gpu.nvrtc()
    except OSError as error:
        pytest.skip(str(error))
    for name in gpu.KERNELS:
        assert gpu.compiled(name, "sm_80")[1:4] == b"ELF"
