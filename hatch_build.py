"""Builds the native library when the package is installed, with the machine's C++ compiler or else with Zig's.

`CXX` names another compiler. With `JAXCOLLAPSE_NATIVE=0` nothing is built, and CPUs are served by XLA alone, as
accelerators are. With `JAXCOLLAPSE_WERROR=1` a warning of the compiler is an error. The Makefile sets it for developers
and continuous integration. Users install without it, so that a new warning of an unknown compiler does not stop them.
"""

import hashlib
import os
import platform
import re
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
OBJECTS = ".objects"  # where a developer's builds keep what need not be compiled again
STRICT = "JAXCOLLAPSE_WERROR"
LEVELS = ("x86-64-v3", "x86-64-v4")  # of x86-64 processors; others have one program


class NativeLibrary(BuildHookInterface[Any]):
    """What hatchling calls."""

    def dependencies(self) -> list[str]:
        """What the build needs beside `build-system.requires`: Zig, where there is no compiler."""
        return [] if not is_wanted() or machine_compiler() else ["ziglang>=0.13"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compiles the library into the package's folder; a wheel has the shipped sweeps and their data, too."""
        if version == "standard":
            build_data["force_include"][str(Path(self.root) / "sweeps")] = "jaxcollapse/sweeps"
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


def build(folder: Path, *flags: str, objects: Path | None = None) -> None:
    """Compiles the sources in a folder into the library there, which is replaced when the new one is whole.

    flags: more of them, for the compiler. objects: a folder in which object files stay for the next build, which
    compiles only what has changed; it holds nothing else.

    Raises:
        RuntimeError: there is no compiler, or it fails.
    """
    import jaxlib

    sources = load_sources(folder)
    command = [*any_compiler(), *FLAGS, *(["-Werror"] if os.environ.get(STRICT) == "1" else []), *flags]
    interface = Path(jaxlib.__file__).parent / "include"
    pieces = [["sources.cpp", f'-DSOURCES="{sources.digest()}"'], ["library.cpp", "-isystem", str(interface)]]
    pieces += [["gpu.cpp", "-isystem", str(interface)]] if sys.platform == "linux" else []
    if platform.machine() in ("x86_64", "AMD64"):
        whole = WHOLE if makes_libraries(command, *WHOLE) else ()
        pieces += [[*of_level(level, is_zig="ziglang" in command), *whole] for level in LEVELS]
    else:
        pieces.append(["variant.cpp", "-DVARIANT=kernels"])
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(os.cpu_count()) as pool:
        kept = objects or Path(scratch)
        kept.mkdir(parents=True, exist_ok=True)
        made = list(pool.map(lambda piece: compiled([*command, *piece], folder / piece[0], kept), pieces))
        library = folder / f"{sources.LIBRARY}.{os.getpid()}"
        run([*command, "-shared", "-o", str(library), *map(str, made)], folder)
        library.replace(folder / sources.LIBRARY)
        for stale in set(kept.glob("*.o")) - set(made):
            stale.unlink(missing_ok=True)


def compiled(command: list[str], source: Path, objects: Path) -> Path:
    """The object file of a source; it is compiled unless there is one of the same command and the same files."""
    told = hashlib.sha256(repr([command, source.name]).encode())
    for path in sorted(included(source)):
        told.update(path.read_bytes())
    made = objects / f"{told.hexdigest()[:16]}.o"
    if not made.exists():
        part = made.with_suffix(f".{os.getpid()}")
        run([*command, "-c", "-o", str(part)], source.parent)
        part.replace(made)
    return made


def included(source: Path) -> set[Path]:
    """A source, and all files beside it that it includes."""
    found, new = set(), {source}
    while new:
        found |= new
        text = "".join(path.read_text(encoding="utf-8") for path in new)
        names = re.findall(r'#include "(\w+\.h)"', text)
        new = {source.with_name(name) for name in names if source.with_name(name).exists()} - found
    return found


def is_current(folder: Path) -> bool:
    """Whether the library in a folder was compiled from the sources there."""
    sources = load_sources(folder)
    library = folder / sources.LIBRARY
    return library.exists() and sources.digest().encode() in library.read_bytes()


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


if __name__ == "__main__":  # for developers: `make native`
    ROOT = Path(__file__).resolve().parent
    if is_wanted() and not is_current(ROOT / "jaxcollapse" / "native"):
        build(ROOT / "jaxcollapse" / "native", objects=ROOT / OBJECTS)
