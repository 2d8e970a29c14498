"""The command `jaxcollapse submit`."""

import json
import re
import shlex
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jaxcollapse.cli.arguments import (
    AsJson,
    ChunkSize,
    Devices,
    Inputs,
    Kernel,
    Out,
    PluginFiles,
    SweepFile,
    sweep_and_study,
    tells_bad_input,
)
from jaxcollapse.cluster.request import DEFAULT_TIME, Request
from jaxcollapse.errors import InputError, printable
from jaxcollapse.limits import MOST_SHARES
from jaxcollapse.system.kernels import SAME_BITS

if TYPE_CHECKING:
    from jaxcollapse.cluster.submission import Submission
    from jaxcollapse.planning import Plan
    from jaxcollapse.running import Prospect

_Name = Annotated[str | None, typer.Option(metavar="NAME", help="Passed to sbatch.")]


@tells_bad_input
def submit(
    sweep: SweepFile,
    out: Out = None,
    inputs: Inputs = None,
    plugin: PluginFiles = None,
    tasks: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, max=MOST_SHARES, help="Number of tasks in the job array; each computes one share."
        ),
    ] = 8,
    max_parallel: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Largest number of tasks that run at once.")
    ] = None,
    time: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="Time limit of a task, as for sbatch; a task that reaches it is queued again and continues.",
        ),
    ] = DEFAULT_TIME,
    partition: _Name = None,
    account: _Name = None,
    qos: _Name = None,
    constraint: _Name = None,
    gpus_per_node: Annotated[str | None, typer.Option(metavar="[TYPE:]N", help="Passed to sbatch.")] = None,
    cpus_per_task: Annotated[int | None, typer.Option(metavar="N", min=1, help="Passed to sbatch.")] = None,
    mem: Annotated[str | None, typer.Option(metavar="SIZE", help="Passed to sbatch.")] = None,
    slurm: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Another option of sbatch; may be repeated.")
    ] = None,
    setup: Annotated[
        list[str] | None,
        typer.Option(metavar="COMMAND", help="Shell command to run before each task; may be repeated."),
    ] = None,
    platform: Annotated[
        str | None,
        typer.Option(
            metavar="cpu|gpu|tpu", help="Platform of the tasks; by default gpu if GPUs are requested, else cpu."
        ),
    ] = None,
    devices: Devices = None,
    kernel: Kernel = SAME_BITS,
    chunk_size: ChunkSize = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be submitted, without submitting it.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Compute a sweep on a Slurm cluster.

    Each task of a job array computes one share, and a final job assembles the dataset. Submitting again computes what
    is missing. On other clusters, start `jaxcollapse run --share I/N`.
    """
    from jaxcollapse.system.devices import choose

    try:
        from jaxcollapse.cluster.submission import Submission
    except ModuleNotFoundError as error:
        if error.name != "submitit":
            raise
        raise InputError("", "submitting needs submitit: pip install 'jaxcollapse[slurm]'") from None

    what, study = sweep_and_study(sweep, out, inputs)
    request = Request(
        tasks=tasks,
        name=f"jaxcollapse-{re.sub('[^A-Za-z0-9_.-]', '_', study.name)}",
        max_parallel=max_parallel,
        partition=partition,
        time=time,
        gpus_per_node=gpus_per_node,
        cpus_per_task=cpus_per_task,
        mem=mem,
        account=account,
        qos=qos,
        constraint=constraint,
        setup=tuple(setup or ()),
        slurm=tuple(slurm or ()),
    )
    submission = Submission(what, study, request, platform, devices, chunk_size, kernel)
    choose("cpu")  # no accelerator of the machine that submits is used, or need be there
    if not dry_run:
        submission.check_commands()
    prospect = submission.foresee() if dry_run else submission.prepare()
    if prospect.todo.chunks:
        _warn(prospect.todo, request)
        # With a rule for replicates a share is of whole cells, whose later rounds have more chunks.
        most = what.grid.cells if what.stopping else len(prospect.todo.chunks)
        submission = replace(submission, request=replace(request, tasks=min(tasks, most)))
    if dry_run:
        _show(submission, prospect, as_json)
        return 0
    if not prospect.todo.chunks:
        nothing = _nothing_to_do(study, prospect.study.result.exists())
        print(json.dumps({"study": str(study), "array_job": None}) if as_json else nothing)
        return 0
    array, assembly = submission.submit()
    if as_json:
        told = {"study": str(study), "tasks": tasks, "array_job": array, "finalize_job": assembly}
        print(json.dumps({**told, "logs": str(submission.logs)}, indent=1))
    else:
        print(_shape(submission, prospect))
        print(f"array job {array}; job {assembly} assembles the dataset after it")
        print(f"logs: {printable(submission.logs / f'{array}_*_log.out')}")
        print(f"watch: jaxcollapse status {shlex.quote(printable(study))} --watch")
    return 0


def _shape(submission: "Submission", prospect: "Prospect") -> str:
    """A line of text: what is missing, and about how many chunks each task computes."""
    tasks, chunks = submission.request.tasks, len(prospect.todo.chunks)
    if submission.sweep.stopping:
        told = f"{prospect.todo.trajectories} trajectories in the next round for {tasks} tasks"
        return f"{told} on {prospect.todo.machine.platform}: each goes on with its cells until they have enough"
    each = f"{chunks // tasks} to {-(-chunks // tasks)}" if chunks % tasks else f"{chunks // tasks}"
    missing = f"{prospect.todo.trajectories} trajectories in {chunks} chunks"
    return f"{missing} for {tasks} tasks on {prospect.todo.machine.platform}: about {each} for each"


def _nothing_to_do(study: Path, has_dataset: bool) -> str:
    lacks = "" if has_dataset else f" but its dataset: jaxcollapse finalize {shlex.quote(printable(study))}"
    return f"nothing is missing in {printable(study)}{lacks}"


def _warn(plan: "Plan", request: Request) -> None:
    """Says that there are more tasks than chunks, or that a chunk takes longer than a task may."""
    from jaxcollapse.planning.display import as_seconds
    from jaxcollapse.sweep.display import count

    chunks = plan.sweep.grid.cells if plan.sweep.stopping else len(plan.chunks)
    lanes = max(plan.buckets[chunk.bucket].lanes for chunk in plan.chunks)
    if chunks < request.tasks and plan.sweep.stopping:
        told = f"{count(chunks, 'cell')} for {request.tasks} tasks, so --tasks {chunks} suffices"
        print(f"jaxcollapse: {told}; a share has whole cells", file=sys.stderr)
    elif chunks < request.tasks:
        # A device call takes as long for a few trajectories as for all of its lanes, so smaller chunks gain nothing.
        together = Counter[tuple[int, tuple[int, ...]]]()
        for chunk in plan.chunks:
            together[chunk.bucket, chunk.loops] += len(chunk)
        hint = "smaller chunks would not be faster, as each is about one device call"
        if sum(-(-trajectories // lanes) for trajectories in together.values()) > chunks:
            hint = f"--chunk-size {lanes} makes more of them"
        told = f"{count(chunks, 'chunk')} for {request.tasks} tasks, so --tasks {chunks} suffices; {hint}"
        print(f"jaxcollapse: {told}", file=sys.stderr)
    longest, allowed = plan.longest_chunk, 60 * request.minutes
    if longest > allowed and plan.machine.platform == "cpu":
        told = f"a chunk takes about {as_seconds(longest)}, and a task is stopped after {as_seconds(allowed)}"
        print(f"jaxcollapse: {told}, before the chunk is stored; use a longer --time", file=sys.stderr)


def _show(submission: "Submission", prospect: "Prospect", as_json: bool) -> None:
    """Prints the scripts that would be submitted, or their plan as JSON."""
    todo = prospect.todo
    array, assembly = submission.scripts() if todo.chunks else (None, None)
    if as_json:
        told = {"study": str(submission.study), "tasks": submission.request.tasks, "plan": todo.to_dict()}
        print(json.dumps({**told, "array_script": array, "finalize_script": assembly}, indent=1))
        return
    if not todo.chunks:
        print(_nothing_to_do(submission.study, prospect.study.result.exists()))
        return
    print(todo)
    print(_shape(submission, prospect))
    print(f"\n# The array job:\n{array}\n# The job after it:\n{assembly}", end="")
