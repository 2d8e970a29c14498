"""A study on its way to Slurm: planned here, computed there by an array of jobs, assembled by a job after them."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from submitit import SlurmExecutor
from submitit.core.utils import FailedJobError, FailedSubmissionError

from jaxcollapse.cluster.request import Request
from jaxcollapse.cluster.task import Task, assemble
from jaxcollapse.errors import InputError
from jaxcollapse.planning import Machine, distant_machine
from jaxcollapse.planning.share import Share
from jaxcollapse.running import Prospect, foresee, prepare
from jaxcollapse.store.lock import locked
from jaxcollapse.sweep.sweep import Sweep
from jaxcollapse.system.devices import check
from jaxcollapse.system.kernels import SAME_BITS
from jaxcollapse.system.paths import checked

LOGS = "slurm"  # the folder in the study where scripts and logs are
_MOST_TIMEOUTS = 1000  # how often a task whose time is up is queued again, as long as the study gets further


@dataclass(frozen=True)
class Submission:
    """A sweep, the study that it becomes, and the settings of the tasks that compute it.

    Attributes:
        sweep: what is to be computed.
        study: the study folder.
        request: what to ask Slurm for.
        platform: cpu, gpu or tpu; None for the one that the request implies.
        devices: number of devices of a task; None for as many as the request gives it.
        chunk_size: number of trajectories of a chunk; None for a suitable one.
        kernel: one of `KERNELS` in kernels.py.
    """

    sweep: Sweep
    study: Path
    request: Request
    platform: str | None = None
    devices: int | None = None
    chunk_size: int | None = None
    kernel: str = SAME_BITS

    def __post_init__(self) -> None:
        check(self.platform, self.devices)
        checked(self.study.absolute(), "out")
        for sign in "%\\":
            if sign in str(self.study.absolute()):
                told = f"Slurm gives {sign} a special meaning in the paths of logs; choose a folder without it"
                raise InputError("out", f"{self.study}: {told}")
        if self.logs.is_symlink() or any(path.is_symlink() for path in self._logged):
            raise InputError(
                "out", f"jobs would write to {self.logs}, which is a link or contains links; remove the links"
            )

    @property
    def plugins(self) -> tuple[str, ...]:
        """What tasks load first.

        Raises:
            InputError: a notebook or a script defines a part, which tasks would lack.
        """
        for plugin in self.sweep.needed:
            if plugin.source is None:
                raise InputError(
                    "plugins",
                    "a script defines a part, which the tasks would lack; move it to a file and give --plugin FILE",
                )
        return tuple(str(plugin.source) for plugin in self.sweep.needed)

    @property
    def logs(self) -> Path:
        """Where the scripts and logs of jobs are."""
        return self.study.absolute() / LOGS

    @property
    def _logged(self) -> Iterator[Path]:
        return self.logs.iterdir() if self.logs.is_dir() else iter(())

    @property
    def tasks(self) -> list[Task]:
        """What the jobs of the array do."""
        shares = [Share(index, self.request.tasks) for index in range(self.request.tasks)]
        study, platform = self.study.absolute(), self._machine.platform
        told = (platform, self.devices, self.chunk_size, self.plugins, self.kernel)
        return [Task(study, share, *told) for share in shares]

    def foresee(self) -> Prospect:
        """What is to be computed; nothing is written.

        Raises:
            InputError: it cannot be submitted.
        """
        return foresee(self.sweep, self.study, self._machine, self.chunk_size)

    def prepare(self) -> Prospect:
        """Makes or extends the study, and returns what is to be computed.

        Raises:
            InputError: it cannot be submitted.
        """
        return prepare(self.sweep, self.study, self._machine, self.chunk_size)

    def scripts(self) -> tuple[str, str]:
        """What would be submitted: the script of the array, and that of the job after it."""
        array = _Scripts(self.logs)
        array.update_parameters(**self.request.of_tasks)
        after = _Scripts(self.logs)
        after.update_parameters(**self.request.of_assembly("ARRAY_JOB_ID"))
        return array.text(self.request.tasks), after.text(1)

    @staticmethod
    def check_commands() -> None:
        """Raises `InputError` if Slurm cannot be spoken to from this machine."""
        lacking = [name for name in ("sbatch", "srun") if shutil.which(name) is None]
        if lacking:
            told = f"the command {lacking[0]} is not found: submit from a machine of a Slurm cluster"
            raise InputError("", f"{told}, or start `jaxcollapse run --share I/N` in another way (docs/cluster.md)")

    def submit(self) -> tuple[str, str]:
        """Submits both; their job ids.

        Raises:
            InputError: Slurm refuses it.
        """
        self.logs.mkdir(exist_ok=True)
        with _outside_of_any_job(), self._submitting():
            executor = SlurmExecutor(self.logs, max_num_timeout=_MOST_TIMEOUTS)
            executor.update_parameters(**self.request.of_tasks)
            try:
                with redirect_stderr(StringIO()):  # the error tells the same
                    first, *_ = executor.submit_array(self.tasks)
            except (FailedJobError, FailedSubmissionError) as error:
                raise InputError("slurm", _told(error)) from None
            array = str(first.job_id).partition("_")[0]
            executor = SlurmExecutor(self.logs)
            executor.update_parameters(**self.request.of_assembly(array))
            try:
                with redirect_stderr(StringIO()):
                    after = executor.submit(assemble, self.study.absolute(), self.plugins)
            except (FailedJobError, FailedSubmissionError) as error:
                told = f"array job {array} was submitted, but not the job that assembles the dataset: {_told(error)}"
                raise InputError("slurm", told) from None
        return array, str(after.job_id)

    @contextmanager
    def _submitting(self) -> Iterator[None]:
        """While this context lasts, nobody else submits this study. No script is left that submitit wrote meanwhile."""
        with locked(self.logs / ".lock", "submits"):
            try:
                yield
            finally:
                for script in self.logs.glob(".submission_file_*.sh"):
                    script.unlink(missing_ok=True)

    @property
    def _machine(self) -> Machine:
        """What tasks run on. It has nothing to do with the machine that submits, where there may be no GPU."""
        platform = self.platform or self.request.platform
        count = self.devices or (self.request.gpus if platform == "gpu" else 1)
        return distant_machine(platform, count, self.request.cpus_per_task or 1, self.kernel)


class _Scripts(SlurmExecutor):
    """Writes the scripts that submitit would submit, also where there is no Slurm."""

    @classmethod
    def affinity(cls) -> int:
        return 1

    def text(self, tasks: int) -> str:
        parameters: dict[str, Any] = self.parameters
        if tasks > 1:
            parameters["map_count"] = tasks
        return self._make_submission_file_text(self._submitit_command_str, "")


@contextmanager
def _outside_of_any_job() -> Iterator[None]:
    """Hides the environment variables of the Slurm job that this process runs in, which new jobs would inherit."""
    inside = "SLURM_JOB_ID" in os.environ
    names = [name for name in os.environ if inside and name.startswith(("SLURM_", "SLURMD_", "SRUN_", "SUBMITIT_"))]
    hidden = {name: os.environ.pop(name) for name in names if name != "SLURM_CONF"}
    try:
        yield
    finally:
        os.environ.update(hidden)


def _told(error: Exception) -> str:
    """What sbatch said, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return "; ".join(lines) or "sbatch failed without a message"
