"""What Slurm runs on a node: a share of a study, or the assembly of its dataset."""

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from submitit.core.utils import DelayedSubmission, UncompletedJobError
from submitit.helpers import Checkpointable

from jaxcollapse.errors import InputError
from jaxcollapse.parts.plugin import load_plugins
from jaxcollapse.planning.share import Share
from jaxcollapse.system.kernels import SAME_BITS

MOST_IDLE = 5  # times that a task is queued again without progress


@dataclass(frozen=True)
class Task(Checkpointable):
    """Computes a share of a study.

    When it is preempted, or its time is up, it stores what it has computed, and submitit has Slurm queue it again: a
    task that begins again goes on, since finished shards are kept. So nothing of its work has to be saved, but only
    whether there is any progress.

    Attributes:
        study: the study folder.
        share: the share of the study to compute.
        platform: cpu, gpu or tpu.
        devices: number of devices to use; None for all of them.
        chunk_size: number of trajectories of a chunk; None for a suitable one.
        plugins: arguments of `load_plugin`.
        kernel: one of `KERNELS` in kernels.py.
        stored: number of shards of the study when the task was last queued again; −1 before.
        idle: number of times that it was queued again since a shard was last stored.
    """

    study: Path
    share: Share
    platform: str
    devices: int | None = None
    chunk_size: int | None = None
    plugins: tuple[str, ...] = ()
    kernel: str = SAME_BITS
    stored: int = -1
    idle: int = 0

    def checkpoint(self, *args: Any, **kwargs: Any) -> DelayedSubmission:
        """The task as it is queued again.

        Raises:
            UncompletedJobError: it has been queued again several times, and the study has got no further.
        """
        stored = len(list((self.study / "shards").glob("*.nc")))
        idle = 0 if stored > self.stored else self.idle + 1
        if idle >= MOST_IDLE:
            told = f"it reached its time limit or was preempted {idle} times without storing a new shard"
            raise UncompletedJobError(f"share {self.share} of {self.study} stops: {told}; use a longer --time")
        return DelayedSubmission(replace(self, stored=stored, idle=idle))

    def __call__(self) -> None:
        """Computes what is missing of the share."""
        from jaxcollapse.planning import this_machine
        from jaxcollapse.running import compute
        from jaxcollapse.store.study import Study
        from jaxcollapse.system.devices import choose

        try:
            load_plugins(self.plugins)
            machine = this_machine(choose(self.platform, self.devices), self.kernel)
            compute(Study.open(self.study).sweep, self.study, machine, self.chunk_size, share=self.share)
        except InputError as error:  # in one line, as on the command line
            print(f"jaxcollapse: {error}", file=sys.stderr)
            sys.exit(2)
        print(f"share {self.share} of {self.study} is complete")


def assemble(study: Path, plugins: tuple[str, ...] = ()) -> None:
    """Assembles the dataset, complete or not, and says what is missing; exit code 1 if something is."""
    from jaxcollapse.store.study import Study

    load_plugins(plugins)
    opened = Study.open(study)
    opened.finalize().close()
    told = opened.summary()
    print(json.dumps(told, indent=1))
    if told["missing"]:
        print(f"{told['missing']} of {told['trajectories']} trajectories are missing: submit the study again")
        sys.exit(1)
