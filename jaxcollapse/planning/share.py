"""A share of a study's work: one of several machines' equal parts."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from jaxcollapse.errors import InputError, shown
from jaxcollapse.limits import MOST_SHARES

_FORM = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")
_OF_SLURM = "slurm"  # the share that the environment of a task says
_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class Share:
    """One of several shares of a study.

    Attributes:
        index: number of this share, from 0 to `count` − 1.
        count: number of shares.
    """

    index: int
    count: int

    def __post_init__(self) -> None:
        if self.count > MOST_SHARES:
            raise InputError("share", f"{self}: at most {MOST_SHARES} shares are allowed")
        if not 0 <= self.index < self.count:
            allowed = f"0/{self.count} to {self.count - 1}/{self.count}" if self.count > 0 else "a count of 1 or more"
            raise InputError("share", f"{self} is not a valid share; use {allowed}")

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    @classmethod
    def parse(cls, text: str) -> "Share":
        """A share as it is written: "2/8" is the third of eight; "slurm" is that of this task of a Slurm job array.

        Raises:
            InputError: it is not a share.
        """
        if text == _OF_SLURM:
            return cls.of_slurm()
        parts = _FORM.fullmatch(text)
        if parts is None:
            raise InputError("share", f"{shown(text)} is not of the form i/n, as in 0/4 or 3/4, nor 'slurm'")
        return cls(int(parts[1]), int(parts[2]))

    @classmethod
    def of_slurm(cls, environment: Mapping[str, str] = os.environ) -> "Share":
        """The share of this task of a Slurm job array.

        Raises:
            InputError: this is not a task of an array, or the array's numbers have gaps.
        """
        defaults = {"ID": "", "COUNT": "", "MIN": "0", "STEP": "1"}
        found = {key: environment.get(f"SLURM_ARRAY_TASK_{key}", default) for key, default in defaults.items()}
        for key, text in found.items():
            if not _NUMBER.fullmatch(text):
                told = f"SLURM_ARRAY_TASK_{key} is {shown(text)}" if text else "this is not a task of a Slurm job array"
                raise InputError("share", f"{told}; give the share, as in --share 0/4")
        task, count, first, step = (int(text) for text in found.values())
        index, rest = divmod(task - first, max(1, step))
        last = environment.get("SLURM_ARRAY_TASK_MAX", "")
        has_gaps = last.isdecimal() and last != str(first + (count - 1) * step)
        if has_gaps or rest or not 0 <= index < count:
            array = f"task {task} of a job array of {count} tasks from {first} to {last or '?'} in steps of {step}"
            raise InputError("share", f"{array}: its numbers have gaps; give the share, as in --share 0/4")
        return cls(index, count)


def in_slurm_array(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process is a task of a Slurm job array, whose tasks may share a study or compute different ones."""
    return "SLURM_ARRAY_TASK_ID" in environment
