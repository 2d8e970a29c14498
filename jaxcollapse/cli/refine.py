"""`jaxcollapse refine`: cells where neighbours disagree, until a boundary is known to a width."""

import json
import sys
from typing import Annotated, Any

import typer

from jaxcollapse.cli.arguments import INCOMPLETE, AsJson, ChunkSize, Plain, PluginFiles, StudyFolder, tells_bad_input
from jaxcollapse.errors import InputError, printable
from jaxcollapse.system.signals import ending


@tells_bad_input
@ending(INCOMPLETE)
def refine(
    study: StudyFolder,
    axis: Annotated[list[str], typer.Option("--axis", metavar="AXIS", help="Axis to refine; may be repeated.")],
    to: Annotated[
        list[str],
        typer.Option(
            "--to",
            metavar="WIDTH",
            help="How far apart neighbours may be that disagree: a number in the axis's units, or a share of its range "
            "as in 1%; one for all axes, or one for each.",
        ),
    ],
    of: Annotated[
        str, typer.Option("--of", metavar="NAME", help="What has the boundary: `verdict`, an observable or an event.")
    ] = "verdict",
    level: Annotated[
        float | None, typer.Option("--level", metavar="X", help="Value at the boundary; by default 0.5 for shares.")
    ] = None,
    verdict: Annotated[
        list[str] | None,
        typer.Option(
            "--verdict",
            metavar="WORD",
            help="Verdict whose share is meant; may be repeated. By default forgetting and collapsed.",
        ),
    ] = None,
    statistic: Annotated[
        str, typer.Option("--statistic", metavar="mean|median", help="Statistic of an observable over replicates.")
    ] = "mean",
    rounds: Annotated[
        int | None, typer.Option("--rounds", metavar="N", min=0, help="Largest number of rounds; by default no limit.")
    ] = None,
    share: Annotated[
        str | None,
        typer.Option(
            "--share",
            metavar="I/N",
            help="Compute one share of each round, 0/N to N-1/N; `slurm` is that of this task in a Slurm job array.",
        ),
    ] = None,
    chunk_size: ChunkSize = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Show what the next round would cost, and change nothing.")
    ] = False,
    plugin: PluginFiles = None,
    plain: Plain = False,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> int:
    """Add cells to a study where neighbours disagree, until a boundary is known to a width.

    Each round halves the boxes of the grid through which the boundary runs, and extends the study by these cells.
    Simultaneous calls share the work. With --share a round begins when all shares of the one before are there.
    """
    from jaxcollapse.analysis.boundary import LOST
    from jaxcollapse.analysis.refinement import extended, refined_axes
    from jaxcollapse.planning import this_machine
    from jaxcollapse.planning.share import Share
    from jaxcollapse.refining import Computing, Sought, cost_of, next_cells, refined
    from jaxcollapse.running import foresee
    from jaxcollapse.store.study import Study

    if len(to) not in (1, len(axis)):
        raise InputError("to", f"{len(to)} widths for {len(axis)} axes; give one for all, or one for each")
    widths: dict[str, Any] = dict(zip(axis, to * len(axis) if len(to) == 1 else to, strict=True))
    sought, machine = Sought(of, level, tuple(verdict) if verdict else LOST, statistic), this_machine(None)
    if plan:
        opened = Study.open(study)
        axes = refined_axes(opened.sweep, widths)
        if missing := opened.summary()["missing"]:
            raise InputError("", f"{missing} trajectories are missing; compute them first", str(study))
        more = next_cells(opened, axes, sought)
        told = cost_of(foresee(extended(opened.sweep, axes, more), study, machine).todo)
        print(json.dumps(told, indent=1) if as_json else told["text"])
        return 0
    part = None if share is None else Share.parse(share)
    if part:
        print(f"jaxcollapse: computing share {part}", file=sys.stderr)
    done = refined(study, widths, sought, Computing(machine, chunk_size, share=part, progress=not quiet), rounds)
    told = done.summary()
    if part and told["missing"]:
        lacks = f"{told['missing']} trajectories of other shares are missing"
        print(f"share {part} of this round is complete; {lacks}; the next round begins after them", file=sys.stderr)
        print(json.dumps(told, indent=1) if as_json else f"study: {printable(study)}")
        return 0
    with done.finalize() as data:
        told = done.summary()
        print(json.dumps(told, indent=1) if as_json else f"cells: {_cells(data):,}")
    if not as_json:
        print(f"dataset: {printable(study / 'result.nc')}")
        print(f"study: {printable(study)}")
    return INCOMPLETE if told["missing"] else 0


def _cells(data: Any) -> int:
    """Number of cells of a dataset."""
    from jaxcollapse.analysis.status import own_cells

    return int(own_cells(data).sum())
