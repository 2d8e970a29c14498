"""What Slurm runs on a node: a share of a study, or the assembly of its dataset."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from submitit.helpers import Checkpointable

from jaxcollapse.errors import InputError
from jaxcollapse.share import Share


@dataclass(frozen=True)
class Task(Checkpointable):
    """Computes a share of a study.

    When it is preempted, or its time is up, it stores what it has computed, and submitit has Slurm queue it again: a
    task that begins again goes on, since finished shards are kept. So nothing of it has to be saved.
    """

    study: Path
    share: Share
    platform: str
    devices: int | None = None
    chunk_size: int | None = None

    def __call__(self) -> None:
        """Computes what is missing of the share."""
        from jaxcollapse.devices import choose
        from jaxcollapse.planning import this_machine
        from jaxcollapse.running import compute
        from jaxcollapse.store.study import Study

        try:
            machine = this_machine(choose(self.platform, self.devices))
            compute(Study.open(self.study).sweep, self.study, machine, self.chunk_size, share=self.share)
        except InputError as error:  # in one line, as on the command line
            print(f"jaxcollapse: {error}", file=sys.stderr)
            sys.exit(2)
        print(f"share {self.share} of {self.study} is complete")


def assemble(study: Path) -> None:
    """Assembles the dataset, complete or not, and says what is missing; exit code 1 if something is."""
    from jaxcollapse.store.study import Study

    opened = Study.open(study)
    opened.finalize().close()
    told = opened.summary()
    print(json.dumps(told, indent=1))
    if told["missing"]:
        print(f"{told['missing']} of {told['trajectories']} trajectories are missing: submit the study again")
        sys.exit(1)
