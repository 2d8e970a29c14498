"""Native code under sanitizers: `python -m tests.support.sanitized`, after which arguments for pytest may follow.

A copy of the package is compiled with checks of addresses and of undefined behaviour, and tests/test_native.py runs in
it. A copy, so that there is no way to make an installed package load another library than its own.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import hatch_build

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("jaxcollapse", "tests", "sweeps", "hatch_build.py", "pyproject.toml")
FLAGS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g1", "-O1")


def main(arguments: list[str]) -> int:
    """Compiles and runs; gives the exit code of pytest.

    Raises:
        RuntimeError: the compiler has no sanitizers.
    """
    # Python itself is compiled without the sanitizer, so that it must be loaded first; and with it what throws.
    first = [library("libasan.so"), library("libstdc++.so.6")]
    with tempfile.TemporaryDirectory() as scratch:
        for part in map(ROOT.__truediv__, PARTS):
            if part.is_dir():
                shutil.copytree(part, Path(scratch) / part.name, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
            else:
                shutil.copy(part, scratch)
        hatch_build.build(
            Path(scratch) / "jaxcollapse" / "native", *FLAGS, objects=ROOT / hatch_build.OBJECTS / "sanitized"
        )
        environment = {
            **os.environ,
            "LD_PRELOAD": " ".join(first),
            "ASAN_OPTIONS": "detect_leaks=0",  # of Python's memory, which stays until the end
            "UBSAN_OPTIONS": "print_stacktrace=1",
        }
        side_by_side = ["--numprocesses=logical", "--maxprocesses=4"]  # any test in any process
        pytest = [sys.executable, "-m", "pytest", "-s", "-p", "no:cacheprovider", *side_by_side]
        command = [*pytest, "tests/test_native.py", *arguments]
        return subprocess.run(command, cwd=scratch, env=environment, check=False).returncode


def library(name: str) -> str:
    """The path of one of the compiler's own libraries."""
    command = [*hatch_build.any_compiler(), f"-print-file-name={name}"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    if not Path(found).is_absolute():
        raise RuntimeError(f"{command[0]} has no {name}: install GCC, with its sanitizers")
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
