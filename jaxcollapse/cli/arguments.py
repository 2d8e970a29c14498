"""What the commands of the command line have in common: their arguments, and how they report what is wrong."""

import errno
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jaxcollapse.errors import InputError, printable, shown
from jaxcollapse.system.environment import check_environment
from jaxcollapse.system.paths import user_path

if TYPE_CHECKING:
    from jaxcollapse.sweep import Sweep

INCOMPLETE, BAD_INPUT = 1, 2


def path(text: str) -> Path:
    """A path as it is typed. An empty one, of a variable that is not set, is not the working folder."""
    try:
        return user_path(text)
    except InputError as error:
        raise typer.BadParameter(error.problem) from None


SweepFile = Annotated[
    Path, typer.Argument(metavar="SWEEP", parser=path, help="A sweep file (TOML), or a study folder to continue.")
]
StudyFolder = Annotated[Path, typer.Argument(metavar="STUDY", parser=path, help="A study folder written by `run`.")]
StudyOrFile = Annotated[
    Path,
    typer.Argument(
        metavar="STUDY", parser=path, help="A study folder written by `run`, or a dataset's file written by `join`."
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="STUDY", parser=path, help="Study folder; by default results/<name of the file>."),
]
Platform = Annotated[
    str | None,
    typer.Option("--platform", metavar="cpu|gpu|tpu", help="Platform to run on; by default the fastest available."),
]
Devices = Annotated[
    int | None, typer.Option("--devices", metavar="N", help="Number of devices to use; by default all.")
]
Kernel = Annotated[
    str,
    typer.Option(
        "--kernel",
        metavar="same-bits|fastest",
        help="On GPUs: the same bits as on a CPU, or the fastest code, whose last bits differ.",
    ),
]
ChunkSize = Annotated[
    int | None, typer.Option("--chunk-size", metavar="N", min=1, help="Largest number of trajectories in a shard file.")
]
Inputs = Annotated[
    Path | None,
    typer.Option(
        "--inputs",
        metavar="FOLDER",
        parser=path,
        help="Folder of the sweep's input files: paths are relative to it and cannot leave it; by default "
        "the file's own.",
    ),
]
PluginFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--plugin",
        metavar="FILE",
        help="Python file that adds parts (docs/plugins.md), or name of an installed plug-in; may be repeated.",
    ),
]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change a key of the sweep file, as in process.temperature=0.9 or replicates=4; may be repeated.",
    ),
]


def _set_plain(wanted: bool) -> bool:
    if wanted:
        os.environ.update(TERM="dumb", NO_COLOR="1")
    return wanted


Plain = Annotated[
    bool,
    typer.Option(
        "--plain",
        callback=_set_plain,
        help="Show lines without colours, not a moving bar. So do NO_COLOR, TERM=dumb, and output to a file or a pipe.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def tells_bad_input(command: Callable[..., int], *, uses_jax: bool = True) -> Callable[..., None]:
    """Turns `InputError` into one message on stderr and exit code 2, and a command's number into its exit code."""

    @wraps(command)
    def wrapped(**arguments: Any) -> None:
        try:
            if uses_jax:
                check_environment()
            if plugins := arguments.get("plugin"):
                from jaxcollapse.parts.plugin import load_plugins

                load_plugins(plugins)
            code = command(**arguments)
        except InputError as error:
            source = error.source or str(arguments.get("sweep") or arguments.get("study") or "")
            print(*(f"jaxcollapse: {one}" for one in error.of(source).errors), sep="\n", file=sys.stderr)
            raise typer.Exit(BAD_INPUT) from None
        except OSError as error:
            parts = ("jaxcollapse", error.filename, error.strerror or str(error))
            print(": ".join(printable(part) for part in parts if part), file=sys.stderr)
            raise typer.Exit(INCOMPLETE) from None
        except MemoryError as error:
            print(f"jaxcollapse: {str(error) or 'out of memory'}", file=sys.stderr)
            raise typer.Exit(INCOMPLETE) from None
        except KeyboardInterrupt as stopped:
            print(f"jaxcollapse: {str(stopped) or 'interrupted'}", file=sys.stderr)
            raise typer.Exit(INCOMPLETE) from None
        raise typer.Exit(code)

    return wrapped


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Says which file it was where the numbers of a dataset cannot be read.

    Raises:
        OSError: they cannot.
    """
    try:
        yield
    except RuntimeError as error:  # which is how netCDF says it
        raise OSError(errno.EIO, f"cannot be read: {error}", str(path)) from None


def sweep_and_study(
    path: Path, out: Path | None = None, inputs: Path | None = None, changes: Sequence[str] = ()
) -> "tuple[Sweep, Path]":
    """The sweep that a path names, and its study folder.

    Args:
        path: a sweep file, or a study.
        out: the study folder; by default `results/NAME`.
        inputs: where paths in a sweep file start.
        changes: of keys of the sweep file, as "KEY=VALUE".

    Raises:
        InputError: it does not name a sweep.
    """
    from jaxcollapse.store.study import Study
    from jaxcollapse.sweep import Sweep

    if path.is_dir():
        if inputs is not None:
            raise InputError(
                "inputs", "a study reads input files from its own folder inputs/; give --inputs with a sweep file only"
            )
        if changes:
            raise InputError("set", "a study has its own sweep; give --set with a sweep file only")
        return Study.open(path).sweep, out or path
    if inputs is not None and not inputs.is_dir():
        raise InputError("inputs", f"{shown(str(inputs))} is not a folder")
    return Sweep.from_toml(path, folder=inputs, changes=changes), out or Path("results") / path.stem
