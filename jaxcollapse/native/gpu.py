"""Native code for NVIDIA GPUs: whole generations, by the kernels of `gpu.cu`, compiled for the device that is there.

They are made of the headers that CPUs run, with a thread for each of a sheet's sixteen columns, and compute the same
bits. NVRTC compiles them, NVIDIA's library that comes with JAX's CUDA packages; that takes some twenty seconds, once
for each kind of device, and is kept. Where something is missing XLA does everything.
"""

import ctypes
import hashlib
import logging
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path

import jax

from jaxcollapse.native import sources
from jaxcollapse.system.program_cache import keep, kept

KERNELS = ("train_apart", "train_together")  # by the layout of sheets
# As for CPUs: nothing contracted; denormal numbers, quotients and roots are IEEE's. (161: pragmas of other compilers.)
_OPTIONS = ("-std=c++17", "-default-device", "-fmad=false", "-diag-suppress=161")
_HEADERS = {  # what NVRTC has not
    "cstdint": "typedef unsigned char uint8_t; typedef int int32_t; typedef unsigned int uint32_t; "
    "typedef long int64_t; typedef unsigned long uint64_t;",
    "cstring": "",
}
_log = logging.getLogger(__name__)


def start(library: ctypes.CDLL) -> str | None:
    """Makes the kernels known to XLA; the architecture that they are for, such as "sm_90", or None if they cannot run.

    library: the native library, which launches them.
    """
    try:
        architecture = _architecture()
        if architecture is None:
            return None
        with ThreadPoolExecutor(len(KERNELS)) as pool:
            programs = list(pool.map(partial(program, architecture=architecture), KERNELS))
    except (OSError, RuntimeError) as error:
        _log.warning("native code for this GPU is not available, so XLA computes everything: %s", error)
        return None
    library.jaxcollapse_gpu_load.restype = ctypes.c_char_p
    if (problem := library.jaxcollapse_gpu_load(*programs)) is not None:
        _log.warning("native code for this GPU cannot be loaded, so XLA computes everything: %s", problem.decode())
        return None
    handler = jax.ffi.pycapsule(library.jaxcollapse_gpu_train)
    jax.ffi.register_ffi_target("jaxcollapse_train", handler, platform="CUDA")
    return architecture


def _architecture() -> str | None:
    """The architecture of the NVIDIA GPUs of this machine, such as "sm_90"; None unless all are of one kind."""
    try:
        devices = jax.local_devices(backend="cuda")
    except RuntimeError:
        return None
    kinds = {device.compute_capability for device in devices}
    if len(kinds) > 1:
        _log.warning(
            "this machine has GPUs of several kinds (%s), so XLA computes everything", ", ".join(sorted(kinds))
        )
    return f"sm_{kinds.pop().replace('.', '')}" if len(kinds) == 1 else None


def program(name: str, architecture: str) -> bytes:
    """The machine code of one of the `KERNELS`, compiled or as kept.

    Raises:
        OSError: there is no NVRTC.
        RuntimeError: it does not compile.
    """
    compiler = nvrtc()
    major, minor = ctypes.c_int(), ctypes.c_int()
    compiler.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
    told = (sources.digest(), name, architecture, major.value, minor.value, _OPTIONS, _HEADERS)
    place = hashlib.sha256(repr(told).encode()).hexdigest()
    image = kept(place)
    if image is None:
        keep(place, image := compiled(name, architecture))
    return image


def compiled(name: str, architecture: str) -> bytes:
    """One of the `KERNELS`, compiled. Raises as `program`."""
    compiler, folder = nvrtc(), Path(__file__).parent
    headers = {**_HEADERS, **{path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.h")}}
    handle, source = ctypes.c_void_p(), (folder / "gpu.cu").read_bytes()
    texts, names = _strings(list(headers.values())), _strings(list(headers))
    _check(compiler.nvrtcCreateProgram(ctypes.byref(handle), source, b"gpu.cu", len(headers), texts, names))
    try:
        options = [*_OPTIONS, f"-arch={architecture}", f"-D{name.upper()}"]
        if compiler.nvrtcCompileProgram(handle, len(options), _strings(options)):
            raise RuntimeError(_told(handle, "ProgramLog").decode(errors="replace"))
        return _told(handle, "CUBIN")
    finally:
        compiler.nvrtcDestroyProgram(ctypes.byref(handle))


@cache
def nvrtc() -> ctypes.CDLL:
    """NVIDIA's compiler as a library.

    Raises:
        OSError: no library can be loaded.
    """
    for path in _candidates():
        try:
            return ctypes.CDLL(path)
        except OSError as error:
            _log.debug("%s", error)
    raise OSError("libnvrtc is not installed; jax[cuda13] and jax[cuda12] contain it")


def _candidates() -> Iterator[str]:
    """Where it may be: in NVIDIA's packages, the latest first, or where the system finds libraries."""
    folders = [Path(folder) / "nvidia" for folder in sys.path]
    yield from sorted((str(path) for each in folders for path in each.glob("*/lib/libnvrtc.so.*")), reverse=True)
    yield from ("libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so")


def _strings(texts: list[str]) -> "ctypes.Array[ctypes.c_char_p]":
    return (ctypes.c_char_p * len(texts))(*(text.encode() for text in texts))


def _told(handle: ctypes.c_void_p, what: str) -> bytes:
    """A text or an image of a program."""
    size = ctypes.c_size_t()
    _check(getattr(nvrtc(), f"nvrtcGet{what}Size")(handle, ctypes.byref(size)))
    text = ctypes.create_string_buffer(size.value)
    _check(getattr(nvrtc(), f"nvrtcGet{what}")(handle, text))
    return text.raw


def _check(error: int) -> None:
    if error:
        nvrtc().nvrtcGetErrorString.restype = ctypes.c_char_p
        raise RuntimeError(nvrtc().nvrtcGetErrorString(error).decode())
