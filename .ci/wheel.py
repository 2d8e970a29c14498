"""Builds sdist and wheel, installs the wheel in an empty environment elsewhere, and runs a shipped sweep there.

`make wheel` calls it. It needs Python alone: all else goes into a temporary folder, but for the two files in dist/. The
wheel is built from the sdist, so that the sdist must have all that a build takes. Program, sweep and data come from the
wheel, and the dataset is opened by an xarray that has not imported jaxcollapse.
"""

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
import tomllib
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SWEEP = "quickstart"
# What would let the checkout, or settings of the caller, into the new environment.
INHERITED = ("PYTHON", "VIRTUAL_ENV", "JAX", "XLA")

INSTALLED = """
import json, jaxcollapse
from jaxcollapse import native
print(json.dumps([jaxcollapse.__version__, jaxcollapse.__file__, native.processor()]))
"""
OPENED = """
import json, sys, xarray
with xarray.open_dataset(sys.argv[1]) as data:
    sizes = {str(name): size for name, size in data.sizes.items()}
    complete = bool((data.status == 1).all()) and bool(data.entropy.notnull().all())
assert not any(name.split(".")[0] == "jaxcollapse" for name in sys.modules)
print(json.dumps([xarray.__version__, sizes, complete]))
"""


def main() -> None:
    """Does it all, with a line about each step.

    Raises:
        SystemExit: a step fails.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="wheel-") as folder:
        scratch = Path(folder).resolve()
        python = install(build(scratch), scratch)
        run(python, scratch)
    print(f"Done in {time.monotonic() - began:.0f} s.")


def build(scratch: Path) -> Path:
    """The wheel, which is built from the sdist; both are in dist/, too."""
    step(f"Python {sys.version.split()[0]} builds the sdist, and the wheel from the sdist")
    python = environment(scratch / "tools")
    install_into(python, "build")
    call([python, "-m", "build", "--outdir", scratch / "dist", ROOT], scratch)
    made = sorted((scratch / "dist").iterdir())
    (ROOT / "dist").mkdir(exist_ok=True)
    for path in made:
        (ROOT / "dist" / path.name).write_bytes(path.read_bytes())
        print(f"  dist/{path.name}, {path.stat().st_size / 1e6:.1f} MB")
    [wheel] = (path for path in made if path.suffix == ".whl")
    return wheel


def install(wheel: Path, scratch: Path) -> Path:
    """The Python of an empty environment into which the wheel was installed, without extras."""
    step("An empty environment installs the wheel with constraints.txt")
    python = environment(scratch / "user")
    install_into(python, str(wheel))
    version, file, processor = json.loads(call([python, "-c", INSTALLED], scratch))
    require(Path(file).is_relative_to(scratch / "user"), f"{file} is not from the wheel")
    require(processor is not None, "the wheel has no native library")
    print(f"  jaxcollapse {version}, native library for {processor}")
    return python


def run(python: Path, scratch: Path) -> None:
    """Copies the shipped sweep into an empty folder, runs it there, and opens its dataset."""
    step(f"The installed command copies {SWEEP}.toml into an empty folder, and runs it")
    folder, command = scratch / "elsewhere", python.parent / "jaxcollapse"
    folder.mkdir()
    call([command, "init", SWEEP], folder)
    call([command, "run", "--quiet", f"{SWEEP}.toml"], folder, XDG_CACHE_HOME=str(scratch / "cache"))
    result = f"results/{SWEEP}/result.nc"
    version, sizes, is_complete = json.loads(call([python, "-c", OPENED, result], folder))
    sweep = tomllib.loads((folder / f"{SWEEP}.toml").read_text())
    wanted = {name: len(values) for name, values in sweep["axes"].items()} | {"replicate": sweep["replicates"]}
    require(wanted.items() <= sizes.items(), f"the dataset has {sizes}, the sweep {wanted}")
    require(is_complete, "trajectories are missing, or have no entropy")
    print(f"  xarray {version} alone opens {result}: {sizes}")


def environment(folder: Path) -> Path:
    """The Python of a new virtual environment."""
    venv.create(folder, with_pip=True)
    return folder / "bin" / "python"


def install_into(python: Path, what: str) -> None:
    """Installs a package and what it needs, in the versions of constraints.txt."""
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    call([*pip, "-c", str(ROOT / "constraints.txt"), what], python.parent)


def call(command: Sequence[str | Path], folder: Path, **environment: str) -> str:
    """Runs a command and gives what it printed; ends with what it said if it fails."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(INHERITED)}
    words = [str(word) for word in command]
    began = time.monotonic()
    done = subprocess.run(words, cwd=folder, env=kept | environment, capture_output=True, text=True, check=False)
    shown = shlex.join(word if "\n" not in word else "..." for word in words)
    require(done.returncode == 0, f"{shown} ended with exit code {done.returncode}:\n{done.stdout}{done.stderr}")
    print(f"  {time.monotonic() - began:4.0f} s  {shown}", flush=True)
    return done.stdout


def step(text: str) -> None:
    """Prints what comes next."""
    print(f"{text}.", flush=True)


def require(holds: bool, otherwise: str) -> None:
    """Ends with a message unless something holds."""
    if not holds:
        sys.exit(f"make wheel: {otherwise}")


if __name__ == "__main__":
    main()
