"""The command line: plan, run, submit, status, finalize, refine, join, report, explore, fields, examples, init."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from jaxcollapse._version import __version__
from jaxcollapse.cli.arguments import (
    INCOMPLETE,
    AsJson,
    Changes,
    ChunkSize,
    Devices,
    Inputs,
    Kernel,
    Out,
    Plain,
    Platform,
    PluginFiles,
    StudyFolder,
    SweepFile,
    readable,
    sweep_and_study,
    tells_bad_input,
)
from jaxcollapse.cli.examples import examples, init
from jaxcollapse.cli.explore import explore
from jaxcollapse.cli.fields import fields
from jaxcollapse.cli.join import join
from jaxcollapse.cli.refine import refine
from jaxcollapse.cli.report import report
from jaxcollapse.cli.streams import standard_streams
from jaxcollapse.cli.submit import submit
from jaxcollapse.errors import printable
from jaxcollapse.system.kernels import SAME_BITS
from jaxcollapse.system.signals import ending

app = typer.Typer(
    name="jaxcollapse",
    help="Run sweeps of self-training trajectories from a TOML file and get a labelled dataset.\n\n"
    "Start with: jaxcollapse init quickstart && jaxcollapse run quickstart.toml",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> bool:
    if wanted:
        print(f"jaxcollapse {__version__}")
        raise typer.Exit
    return wanted


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options before the command."""


@app.command()
@tells_bad_input
def plan(
    sweep: SweepFile,
    inputs: Inputs = None,
    changes: Changes = None,
    plugin: PluginFiles = None,
    platform: Platform = None,
    devices: Devices = None,
    kernel: Kernel = SAME_BITS,
    as_json: AsJson = False,
) -> int:
    """Show what a run would compile, compute and store.

    Nothing is computed. For a study, the plan covers what is missing.
    """
    from jaxcollapse.planning import plan as make_plan
    from jaxcollapse.planning import this_machine
    from jaxcollapse.running import foresee
    from jaxcollapse.system.devices import choose

    what, study = sweep_and_study(sweep, inputs=inputs, changes=changes or ())
    machine = this_machine(choose(platform, devices), kernel)
    made = foresee(what, study, machine).todo if sweep.is_dir() else make_plan(what, machine=machine)
    if as_json:
        print(json.dumps(made.to_dict(), indent=1))
    else:
        print(made)
    made.check_fits()
    return 0


@app.command()
@tells_bad_input
@ending(INCOMPLETE)
def run(
    sweep: SweepFile,
    out: Out = None,
    inputs: Inputs = None,
    changes: Changes = None,
    plugin: PluginFiles = None,
    share: Annotated[
        str | None,
        typer.Option(
            "--share",
            metavar="I/N",
            help="Compute one share only, 0/N to N-1/N; `slurm` is the share of this task in a Slurm job array.",
        ),
    ] = None,
    shard: Annotated[str | None, typer.Option("--shard", hidden=True)] = None,
    platform: Platform = None,
    devices: Devices = None,
    kernel: Kernel = SAME_BITS,
    chunk_size: ChunkSize = None,
    as_json: AsJson = False,
    plain: Plain = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress and no table.")] = False,
) -> int:
    """Compute a sweep, or continue it.

    Finished shards are kept, and a sweep that has grown extends its study. Simultaneous runs share the work. A run with
    --share assembles the dataset at its end if nothing is missing.
    """
    from jaxcollapse.planning import this_machine
    from jaxcollapse.planning.share import Share, in_slurm_array
    from jaxcollapse.running import compute
    from jaxcollapse.system.devices import choose

    asked = shard if share is None else share
    part = None if asked is None else Share.parse(asked)
    if part:
        print(f"jaxcollapse: computing share {part}", file=sys.stderr)
    elif in_slurm_array():
        print("jaxcollapse: computing the whole sweep; --share slurm computes this task's share", file=sys.stderr)
    what, folder = sweep_and_study(sweep, out, inputs, changes or ())
    machine = this_machine(choose(platform, devices), kernel)
    study = compute(what, folder, machine, chunk_size, share=part, progress=not quiet)
    if part and (told := study.summary())["missing"]:
        print(f"share {part} is complete; {told['missing']} trajectories of other shares are missing", file=sys.stderr)
        print(json.dumps(told, indent=1) if as_json else f"study: {printable(folder)}")
        return 0
    failure: Exception | None = None
    with study.finalize() as data:
        told = study.summary()
        if as_json:
            print(json.dumps(told, indent=1))
        elif not quiet:
            try:
                with readable(study.result):
                    _show_result(data, folder)
            except OSError:
                raise
            except Exception as error:  # what was computed is worth more than its table
                failure = error
                print(
                    f"jaxcollapse: the summary failed: {printable(repr(error))}; all results are stored",
                    file=sys.stderr,
                )
    if told["missing"]:
        bad = "".join(f"; {name} {reason}" for name, reason in told["bad_shards"].items())
        lost = f"{told['missing']} trajectories are missing: shards were deleted or damaged during the run{bad}"
        print(f"jaxcollapse: {printable(lost)}; run the same command again to compute them", file=sys.stderr)
    if told["diverged"]:
        print(f"jaxcollapse: {told['diverged']} trajectories left the floating-point range", file=sys.stderr)
    if not as_json:
        print(f"dataset: {printable(folder / 'result.nc')}")
        print(f"study: {printable(folder)}")
    return INCOMPLETE if told["missing"] or failure else 0


app.command()(submit)


@app.command()
@tells_bad_input
def status(
    study: StudyFolder,
    plugin: PluginFiles = None,
    watch: Annotated[bool, typer.Option("--watch", help="Refresh until nothing is missing; Ctrl-C to stop.")] = False,
    plain: Plain = False,
    as_json: AsJson = False,
) -> int:
    """Report how much of a study has been computed, and about how long the rest takes on this machine's CPU cores.

    Files of the study that are ignored are listed with the reason.
    """
    from jaxcollapse.planning.display import as_seconds
    from jaxcollapse.running import seconds_left
    from jaxcollapse.store.study import Study

    if watch:
        from jaxcollapse.cli.watch import watch_study

        try:
            watch_study(study)
        except KeyboardInterrupt:
            print("jaxcollapse: stopped watching; the computation goes on", file=sys.stderr)
            return INCOMPLETE
    opened = Study.open(study)
    told = opened.summary()
    if told["missing"]:
        told["seconds_left"] = seconds_left(opened)
    if as_json:
        print(json.dumps(told, indent=1))
    else:
        title, done = printable(told["title"] or study), told["complete"] + told["diverged"]
        print(f"{title}: {done} of {told['trajectories']} trajectories")
        for key in ("complete", "diverged", "missing", "shards"):
            print(f"    {key:9} {told[key]}")
        if "decided" in told:
            print(f"    decided   {_decided(told)}")
        if told["missing"]:
            left = told["seconds_left"]
            about = "`jaxcollapse plan` estimates it"
            if left is not None:
                about = f"about {as_seconds(left)} on this machine's CPU cores"
            print(f"    time left {about}{' for the next round' * ('decided' in told)}")
        if told["computing"]:
            print(f"    computing {told['computing']} chunks now")
        for name, reason in told["bad_shards"].items():
            print(f"    {printable(name)} is ignored: {printable(reason)}")
        if told["not_in_sweep"]:
            lost = "sweep.toml lacks their cells: it was changed, or lines were lost"
            print(f"    the shards hold {told['not_in_sweep']} more trajectories; {lost}")
        print(f"    result    {printable(told['result'] or 'not assembled yet')}")
    return INCOMPLETE if told["missing"] else 0


def _decided(told: dict[str, Any]) -> str:
    """How many cells have enough replicates, by the rule of their study, and how many these are."""
    least, most = told["replicates"] or (0, 0)
    numbers = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    return f"{told['decided']:,} of {told['cells']:,} cells" + (f", with {numbers} replicates" if most else "")


@app.command()
@tells_bad_input
def finalize(
    study: StudyFolder,
    plugin: PluginFiles = None,
    zarr: Annotated[bool, typer.Option("--zarr", help="Also write result.zarr, for cloud storage and Dask.")] = False,
    as_json: AsJson = False,
) -> int:
    """Assemble the shards into result.nc, complete or not."""
    from jaxcollapse.store.study import Study
    from jaxcollapse.store.zarr import export

    opened = Study.open(study)
    with opened.finalize() as data:
        store = export(data, opened.zarr) if zarr else None
        where = Path(data.encoding["source"])
    told = {**opened.summary(), **({"zarr": str(store)} if store else {})}
    if where.name != opened.result.name:  # it is kept elsewhere, as the study may not be written to
        told["result"] = str(where)
    print(json.dumps(told, indent=1) if as_json else printable(store or told["result"]))
    return INCOMPLETE if told["missing"] else 0


app.command()(refine)
app.command()(join)
app.command()(report)
app.command()(explore)
app.command()(fields)
app.command()(examples)
app.command()(init)


def _show_result(data: Any, folder: Path) -> None:
    """A short table, and the phase diagram where matplotlib is installed."""
    from rich.console import Console

    from jaxcollapse.analysis.table import WIDTH, summary_table
    from jaxcollapse.analysis.verdict import lacking
    from jaxcollapse.system.atomic import replacing
    from jaxcollapse.system.up_to_date import is_up_to_date

    if missing := lacking(data):
        print(f"no verdicts: they need the observables {', '.join(missing)}")
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    console.print(summary_table(data, console.width))

    picture = folder / "phase.png"
    if not is_up_to_date(picture, Path(data.encoding["source"])):
        try:
            from jaxcollapse.analysis.plot.phase import save_phase_diagram
        except ImportError:
            print("phase diagram: needs matplotlib, pip install 'jaxcollapse[report]'")
            return
        with replacing(picture) as temporary:
            save_phase_diagram(data, temporary)
    print(f"phase diagram: {printable(picture)}")


def main() -> None:
    """Entry point of the command `jaxcollapse`."""
    from jaxcollapse.system import watchdog

    watchdog.lose()
    try:
        with standard_streams():
            app()
    except OSError as error:
        print(f"jaxcollapse: {error.filename}: {error.strerror}", file=sys.stderr)
        sys.exit(INCOMPLETE)
