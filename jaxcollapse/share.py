"""A share of a study's work: one of several machines' equal parts."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from jaxcollapse.errors import InputError, shown

_FORM = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")


@dataclass(frozen=True)
class Share:
    """Number `index` of `count` shares, from 0 to count − 1."""

    index: int
    count: int

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.count:
            allowed = f"0/{self.count} to {self.count - 1}/{self.count}" if self.count > 0 else "a count of 1 or more"
            raise InputError("shard", f"{self} is none; allowed: {allowed}")

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    @classmethod
    def parse(cls, text: str) -> "Share":
        """A share as it is written: "2/8" is the third of eight.

        Raises:
            InputError: it is no share.
        """
        parts = _FORM.fullmatch(text)
        if parts is None:
            raise InputError("shard", f"{shown(text)} is not of the form i/n, as in 0/4, 1/4, 2/4, 3/4")
        return cls(int(parts[1]), int(parts[2]))

    @classmethod
    def of_slurm(cls, environment: Mapping[str, str] = os.environ) -> "Share | None":
        """The share of this task of a Slurm job array; None outside of one.

        Raises:
            InputError: the array's numbers have gaps.
        """
        names = ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_STEP")
        told = [environment.get(name, default) for name, default in zip(names, ("", "", "0", "1"), strict=True)]
        if not all(number.isdecimal() for number in told):
            return None
        task, count, first, step = map(int, told)
        index, rest = divmod(task - first, max(1, step))
        if rest or not 0 <= index < count:
            raise InputError(
                "shard",
                f"task {task} of a job array of {count} that begins at {first} in steps of {step}: "
                "which share is it? Say so with --shard i/n, or number the array without gaps",
            )
        return cls(index, count)
