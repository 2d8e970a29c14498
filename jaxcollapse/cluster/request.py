"""What Slurm is asked for, in the words of sbatch, and checked before anything is written or submitted."""

import re
from dataclasses import dataclass, field
from typing import Any

from jaxcollapse.errors import InputError, shown

DEFAULT_TIME = "1:00:00"

_TIMES = (  # sbatch's forms of a time, and in seconds what its numbers are
    (r"(\d+)", (60,)),
    (r"(\d+):(\d+)", (60, 1)),
    (r"(\d+):(\d+):(\d+)", (3600, 60, 1)),
    (r"(\d+)-(\d+)", (86400, 3600)),
    (r"(\d+)-(\d+):(\d+)", (86400, 3600, 60)),
    (r"(\d+)-(\d+):(\d+):(\d+)", (86400, 3600, 60, 1)),
)
_FORMS = {
    "gpus-per-node": (r"([\w.-]+:)*0*[1-9]\d*", "a number of 1 or more, or type:number"),
    "mem": (r"\d+[KMGT]?", "a number of megabytes, or a number with K, M, G or T, as in 16G"),
}
_TAKEN = {  # what the task array is made with, and how it is said instead
    "array": "--tasks and --max-parallel",
    "ntasks": "--tasks, as each task is one process on one node",
    "ntasks_per_node": "--tasks, as each task is one process on one node",
    "nodes": "--tasks, as each task is one process on one node",
    **dict.fromkeys(("output", "error", "open_mode"), "nothing: logs are written to slurm/ in the study"),
    "signal": "nothing: jaxcollapse sets the signal that announces the time limit",
    "wrap": "--setup",
    **{name: f"--{name.replace('_', '-')}" for name in ("partition", "time", "gpus_per_node", "cpus_per_task")},
    **{name: f"--{name}" for name in ("mem", "account", "qos", "constraint")},
}


@dataclass(frozen=True)
class Request:
    """What to ask Slurm for. Names and values are those of sbatch's options.

    Attributes:
        tasks: number of jobs that share the work.
        name: name of the jobs.
        max_parallel: number of jobs that may run at once; None for no limit.
        partition: partition of the cluster.
        time: time limit of a task.
        gpus_per_node: GPUs of a task.
        cpus_per_task: CPU cores of a task.
        mem: memory of a task.
        account: account that is charged.
        qos: quality of service.
        constraint: features that nodes must have.
        setup: shell commands to run before each task.
        slurm: further options, as KEY=VALUE or KEY.
    """

    tasks: int
    name: str
    max_parallel: int | None = None
    partition: str | None = None
    time: str = DEFAULT_TIME
    gpus_per_node: str | None = None
    cpus_per_task: int | None = None
    mem: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    setup: tuple[str, ...] = ()
    slurm: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        for key in ("partition", "account", "qos", "constraint"):
            _check_line(key, getattr(self, key) or "")
        for key, (form, allowed) in _FORMS.items():
            value = getattr(self, key.replace("-", "_"))
            if value is not None and not re.fullmatch(form, value):
                raise InputError(key, f"{shown(value)} is not {allowed}")
        for command in self.setup:
            _check_line("setup", command)
        _ = self.minutes, self.others  # are checked as they are read

    @property
    def minutes(self) -> int:
        """The time limit, rounded up.

        Raises:
            InputError: it is not a time.
        """
        for form, units in _TIMES:
            found = re.fullmatch(form, self.time, re.ASCII)
            seconds = (
                sum(int(number) * unit for number, unit in zip(found.groups(), units, strict=True)) if found else 0
            )
            if seconds:
                return -(-seconds // 60)
        raise InputError(
            "time", f"{shown(self.time)} is not a time limit of sbatch; use minutes, H:M:S, D-H or D-H:M:S"
        )

    @property
    def others(self) -> dict[str, str | bool]:
        """The further options of sbatch, with underscores in their names.

        Raises:
            InputError: one is not an option, or has a field of its own.
        """
        told: dict[str, str | bool] = {}
        for option in self.slurm:
            key, given, value = option.partition("=")
            key = key.removeprefix("--").replace("-", "_")
            if not re.fullmatch(r"[a-z][a-z_]+", key):
                raise InputError("slurm", f"{shown(option)} is not KEY=VALUE with the long name of an sbatch option")
            if key in _TAKEN:
                raise InputError("slurm", f"{shown(option)} cannot be given here; use {_TAKEN[key]}")
            _check_line("slurm", value)
            told[key] = value if given else True
        return told

    @property
    def platform(self) -> str:
        """The platform of tasks, if none is given: GPUs if the request has some."""
        asked = self.gpus_per_node or any("gpu" in f"{key}={value}" for key, value in self.others.items())
        return "gpu" if asked else "cpu"

    @property
    def gpus(self) -> int:
        """How many GPUs a task gets, as far as it is said here."""
        return int(self.gpus_per_node.rpartition(":")[2]) if self.gpus_per_node else 1

    @property
    def of_tasks(self) -> dict[str, Any]:
        """What the array is submitted with, in the words of submitit."""
        return {
            **self._of_both,
            "job_name": self.name,
            "array_parallelism": self.max_parallel or self.tasks,
            "gpus_per_node": self.gpus_per_node,
            "cpus_per_task": self.cpus_per_task,
            "mem": self.mem,
            "constraint": self.constraint,
            # What a job has, its steps have only if they ask for it again, since Slurm 22.05.
            "srun_args": ["--cpus-per-task", str(self.cpus_per_task)] if self.cpus_per_task else None,
            # So that tasks which are stopped are queued again also where that is not the default.
            "additional_parameters": {"requeue": True, **self.others},
        }

    def of_assembly(self, array: str) -> dict[str, Any]:
        """What the job is submitted with that assembles the dataset: no GPUs, and nothing chosen for their sake."""
        for_tasks = ("constraint", "dependency", "exclusive", "gres", "mem_per_cpu")
        others = {key: value for key, value in self.others.items() if "gpu" not in key and key not in for_tasks}
        return {
            **self._of_both,
            "job_name": f"{self.name}-finalize",
            "dependency": f"afterany:{array}",
            "mem": self.mem,
            "additional_parameters": others,
        }

    @property
    def _of_both(self) -> dict[str, Any]:
        return {
            "partition": self.partition,
            "time": self.minutes,
            "account": self.account,
            "qos": self.qos,
            "setup": list(self.setup) or None,
            "signal_delay_s": min(90, 60 * self.minutes // 5),  # for a task to store what it has computed
            "stderr_to_stdout": True,
            "wckey": None,
        }


def _check_line(key: str, value: str) -> None:
    if not value.isprintable():
        raise InputError(key, f"{shown(value)} is not a single line of text")
