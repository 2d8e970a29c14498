"""The command line: plan, run, status, finalize."""

import errno
import json
import signal
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from jaxcollapse.errors import InputError, printable

app = typer.Typer(
    name="jaxcollapse",
    help="Run thousands of self-training trajectories from a sweep file and get a labelled dataset.\n\n"
    "Start with: jaxcollapse run sweeps/quickstart.toml",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

INCOMPLETE, BAD_INPUT = 1, 2

SweepFile = Annotated[
    Path, typer.Argument(metavar="SWEEP", help="A sweep file (TOML), or a study folder to go on with.")
]
StudyFolder = Annotated[Path, typer.Argument(metavar="STUDY", help="A study folder, as `run` made it.")]
Platform = Annotated[
    str | None, typer.Option("--platform", metavar="cpu|gpu|tpu", help="What to run on; by default the best there is.")
]
Devices = Annotated[
    int | None, typer.Option("--devices", metavar="N", help="How many devices of this machine; by default all.")
]
Inputs = Annotated[
    Path | None,
    typer.Option(
        "--inputs",
        metavar="FOLDER",
        exists=True,
        file_okay=False,
        help="Where paths in the sweep file start, and what none may leave; by default the file's own folder.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a machine to read.")]


def _tells_bad_input(command: Callable[..., int]) -> Callable[..., None]:
    """Turns `InputError` into one message on stderr and exit code 2, and a command's number into its exit code."""

    @wraps(command)
    def wrapped(**arguments: Any) -> None:
        try:
            code = command(**arguments)
        except InputError as error:
            source = error.source or str(arguments.get("sweep") or arguments.get("study"))
            print(f"jaxcollapse: {InputError(error.key, error.problem, source)}", file=sys.stderr)
            raise typer.Exit(BAD_INPUT) from None
        except BrokenPipeError:  # the reader has seen enough
            raise
        except OSError as error:
            parts = ("jaxcollapse", error.filename, error.strerror or str(error))
            print(": ".join(printable(part) for part in parts if part), file=sys.stderr)
            raise typer.Exit(INCOMPLETE) from None
        except MemoryError as error:
            print(f"jaxcollapse: {error or 'out of memory'}", file=sys.stderr)
            raise typer.Exit(INCOMPLETE) from None
        except KeyboardInterrupt as stopped:
            how = str(stopped) or "interrupted"
            print(f"jaxcollapse: {how}; finished shards are kept, the same command goes on", file=sys.stderr)
            raise typer.Exit(INCOMPLETE) from None
        raise typer.Exit(code)

    return wrapped


@app.command()
@_tells_bad_input
def plan(
    sweep: SweepFile,
    inputs: Inputs = None,
    platform: Platform = None,
    devices: Devices = None,
    as_json: AsJson = False,
) -> int:
    """Show what a run would compile, compute and store, without running it."""
    from jaxcollapse.devices import choose
    from jaxcollapse.planning import plan as make_plan

    what = _sweep_of(sweep, inputs)[0]
    made = make_plan(what, devices=choose(platform, devices))
    if as_json:
        print(json.dumps(made.to_dict(), indent=1))
    else:
        print(made)
    made.check_fits()
    return 0


@app.command()
@_tells_bad_input
def run(
    sweep: SweepFile,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="STUDY", help="Study folder; by default results/<name of the file>.")
    ] = None,
    inputs: Inputs = None,
    shard: Annotated[
        str | None,
        typer.Option(
            "--shard",
            metavar="I/N",
            help="Compute share I of N only, 0/N to N-1/N; in a Slurm job array, by default the task's.",
        ),
    ] = None,
    platform: Platform = None,
    devices: Devices = None,
    chunk_size: Annotated[
        int | None, typer.Option("--chunk-size", metavar="N", min=1, help="Trajectories of a shard file at most.")
    ] = None,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress and no table.")] = False,
) -> int:
    """Compute a sweep, or go on with it: finished shards are kept, and a sweep that has grown extends its study.

    Runs at the same time share the work. When a run of a share ends, the dataset is assembled if nothing is missing.
    """
    from jaxcollapse.devices import choose
    from jaxcollapse.planning import this_machine
    from jaxcollapse.running import compute
    from jaxcollapse.share import Share

    what, folder = _sweep_of(sweep, inputs)
    folder = out or folder or Path("results") / sweep.stem
    share = Share.parse(shard) if shard else Share.of_slurm()
    machine = this_machine(choose(platform, devices))
    signal.signal(signal.SIGTERM, _terminated)
    study = compute(what, folder, machine, chunk_size, share=share, progress=not quiet)
    told = study.summary()
    if share and told["missing"]:
        print(f"share {share} is complete; {told['missing']} trajectories of other shares are missing", file=sys.stderr)
        print(json.dumps(told, indent=1) if as_json else f"study: {folder}")
        return 0
    with study.finalize() as data:
        told = study.summary()
        if as_json:
            print(json.dumps(told, indent=1))
        elif not quiet:
            try:
                _show_result(data, folder)
            except RuntimeError as error:  # which is how netCDF says that numbers cannot be read
                raise OSError(errno.EIO, f"cannot be shown: {error}", str(study.result)) from None
    if told["diverged"]:
        print(f"jaxcollapse: {told['diverged']} trajectories left the floating-point range", file=sys.stderr)
    if not as_json:
        print(f"dataset: {printable(folder / 'result.nc')}")
        print(f"study: {printable(folder)}")
    return INCOMPLETE if told["missing"] else 0


def _terminated(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt("terminated")


@app.command()
@_tells_bad_input
def status(study: StudyFolder, as_json: AsJson = False) -> int:
    """Say how much of a study has been computed, and which of its files do not count."""
    from jaxcollapse.store.study import Study

    told = Study.open(study).summary()
    if as_json:
        print(json.dumps(told, indent=1))
    else:
        title, done = printable(told["title"] or study), told["complete"] + told["diverged"]
        print(f"{title}: {done} of {told['trajectories']} trajectories")
        for key in ("complete", "diverged", "missing", "shards"):
            print(f"    {key:9} {told[key]}")
        if told["computing"]:
            print(f"    computing {told['computing']} chunks now")
        for name, reason in told["bad_shards"].items():
            print(f"    {printable(name)} does not count: {printable(reason)}")
        print(f"    result    {printable(told['result'] or 'not assembled yet')}")
    return INCOMPLETE if told["missing"] else 0


@app.command()
@_tells_bad_input
def finalize(study: StudyFolder, as_json: AsJson = False) -> int:
    """Assemble the shards into result.nc, complete or not."""
    from jaxcollapse.store.study import Study

    opened = Study.open(study)
    opened.finalize().close()
    told = opened.summary()
    print(json.dumps(told, indent=1) if as_json else printable(told["result"]))
    return INCOMPLETE if told["missing"] else 0


def _sweep_of(path: Path, inputs: Path | None) -> tuple[Any, Path | None]:
    """The sweep that a path stands for, and the study folder if it is one."""
    from jaxcollapse.store.study import Study
    from jaxcollapse.sweep import Sweep

    if path.is_dir():
        return Study.open(path).sweep, path
    return Sweep.from_toml(path, folder=inputs), None


def _show_result(data: Any, folder: Path) -> None:
    """A short table, and the phase diagram where matplotlib is installed."""
    from rich.console import Console

    from jaxcollapse.analysis.phase import save_phase_diagram
    from jaxcollapse.analysis.summary import WIDTH, summary_table
    from jaxcollapse.analysis.verdict import NEEDED

    lacking = [name for name in NEEDED if name not in data]
    if lacking:
        print(f"no verdicts: they need the observables {', '.join(lacking)}")
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    console.print(summary_table(data, console.width))
    picture = folder / "phase.png"
    try:
        save_phase_diagram(data, picture)
    except ImportError:
        print("phase diagram: needs matplotlib, pip install 'jaxcollapse[report]'")
    else:
        print(f"phase diagram: {printable(picture)}")


def main() -> None:
    """Entry point of the command `jaxcollapse`."""
    from jaxcollapse import patience

    patience.lose()
    app()
