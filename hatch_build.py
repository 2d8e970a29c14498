"""Builds the native library when the package is installed, with the machine's C++ compiler or else with Zig's.

`CXX` names another compiler. With `JAXCOLLAPSE_NATIVE=0` nothing is built, and CPUs are served by XLA alone, as
accelerators are. With `JAXCOLLAPSE_WERROR=1` a warning of the compiler is an error. The Makefile sets it for developers
and continuous integration. Users install without it, so that a new warning of an unknown compiler does not stop them.
"""

import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# The same bits on every processor: nothing contracted, nothing reordered.
EXACTLY = ("-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fno-strict-aliasing")
# Clang does not know all names of GCC's warnings, nor GCC those of Clang's.
WARNINGS = ("-Wall", "-Wextra", "-Wno-unknown-warning-option", "-Wno-psabi", "-Wno-maybe-uninitialized")
FLAGS = ("-std=c++17", "-O3", "-fPIC", *EXACTLY, *WARNINGS)
WHOLE = ("-mmove-max=256", "-mstore-max=256")  # GCC's, from 12 on: vectors are not moved in halves
STRICT = "JAXCOLLAPSE_WERROR"
LEVELS = ("x86-64-v3", "x86-64-v4")  # of x86-64 processors; others have one program


class NativeLibrary(BuildHookInterface[Any]):
    """What hatchling calls."""

    def dependencies(self) -> list[str]:
        """What the build needs beside `build-system.requires`: Zig, where there is no compiler."""
        return [] if not is_wanted() or machine_compiler() else ["ziglang>=0.13"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compiles the library into the package's folder."""
        if is_wanted():
            build(Path(self.root) / "jaxcollapse" / "native")
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{platform_tag()}"


def is_wanted() -> bool:
    """Whether the library is to be built."""
    return os.environ.get("JAXCOLLAPSE_NATIVE") != "0"


def platform_tag() -> str:
    """The last part of a wheel's name."""
    from packaging.tags import platform_tags

    return next(iter(platform_tags()))


def machine_compiler() -> list[str] | None:
    """A C++ compiler of this machine that can make a shared library."""
    names = [os.environ["CXX"]] if "CXX" in os.environ else ["c++", "g++", "clang++"]
    return next((command for name in names if makes_libraries(command := shlex.split(name))), None)


def makes_libraries(compiler: list[str], *flags: str) -> bool:
    """Whether a trial succeeds, with these flags."""
    if not shutil.which(compiler[0]):
        return False
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "trial.cpp"
        source.write_text("#include <vector>\nint trial() { return int(std::vector<int>(3).size()); }\n")
        command = [*compiler, "-std=c++17", *flags, "-shared", "-fPIC", "-o", f"{scratch}/trial.so", str(source)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


def any_compiler() -> list[str]:
    """The machine's, or Zig's.

    Raises:
        RuntimeError: there is none.
    """
    if found := machine_compiler():
        return found
    if find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", "c++"]
    raise RuntimeError("no C++ compiler works: install one, or ziglang, or set JAXCOLLAPSE_NATIVE=0 to do without")


def build(folder: Path) -> None:
    """Compiles the sources in a folder into the library there, which is replaced when the new one is whole.

    Raises:
        RuntimeError: there is no compiler, or it fails.
    """
    import jaxlib

    sources = load_sources(folder)
    command = [*any_compiler(), *FLAGS, *(["-Werror"] if os.environ.get(STRICT) == "1" else [])]
    interface = Path(jaxlib.__file__).parent / "include"
    pieces = [["library.cpp", "-isystem", str(interface), f'-DSOURCES="{sources.digest()}"']]
    pieces += [["gpu.cpp", "-isystem", str(interface)]] if sys.platform == "linux" else []
    if platform.machine() in ("x86_64", "AMD64"):
        whole = WHOLE if makes_libraries(command, *WHOLE) else ()
        pieces += [[*of_level(level, is_zig="ziglang" in command), *whole] for level in LEVELS]
    else:
        pieces.append(["variant.cpp", "-DVARIANT=kernels"])
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = [f"{scratch}/{number}.o" for number in range(len(pieces))]
        compiled = [
            pool.submit(run, [*command, *piece, "-c", "-o", made], folder)
            for piece, made in zip(pieces, objects, strict=True)
        ]
        for each in compiled:
            each.result()
        made = folder / f"{sources.LIBRARY}.{os.getpid()}"
        run([*command, "-shared", "-o", str(made), *objects], folder)
        made.replace(folder / sources.LIBRARY)


def is_current(folder: Path) -> bool:
    """Whether the library in a folder was compiled from the sources there."""
    sources = load_sources(folder)
    return sources.digest().encode() in (folder / sources.LIBRARY).read_bytes()


def of_level(level: str, *, is_zig: bool) -> list[str]:
    """How the kernels are compiled for a level of x86-64."""
    name = level.replace("-", "_")
    # GCC 12 warns of its own header for AVX-512. The same code is checked for the other level.
    wide = ["-mprefer-vector-width=512", "-Wno-uninitialized"] if level.endswith("v4") else []
    return ["variant.cpp", f"-march={name if is_zig else level}", *wide, f"-DVARIANT=kernels_{name}"]


def load_sources(folder: Path) -> Any:
    """The module `jaxcollapse.native.sources`, while the package is not installed yet."""
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("sources", folder / "sources.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(command: list[str], folder: Path) -> None:
    """Runs a compiler.

    Raises:
        RuntimeError: it fails, with what it said.
    """
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{shlex.join(command)} failed:\n{done.stderr}")
