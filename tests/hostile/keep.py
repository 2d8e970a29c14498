"""`python -m tests.hostile.keep`: writes the shards of the corpus anew, after the form of shards has changed.

Each is the first shard of the honest study but for one thing, sealed.
"""

import random
from collections.abc import Callable
from pathlib import Path

import netCDF4
import numpy as np

from tests.hostile.shards import Form, form_of, honest, sealed, shard_names, written

SHARDS = Path(__file__).with_name("corpus") / "shards"


def _without(name: str) -> Callable[[Form], None]:
    return lambda form: form.variables.pop(name) and None


def _huge(form: Form) -> None:
    form.sizes["trajectory"] = 10**12
    for name, (dims, values, _) in form.variables.items():
        form.variables[name] = dims, None, {"dtype": values.dtype, "zlib": True, "chunksizes": (9,) * len(dims)}
    for name in form.sizes.keys() - {"trajectory"}:
        form.sizes[name] = max(9, form.sizes[name] or 0)


def _filled(name: str, value: float) -> Callable[[Form], None]:
    def change(form: Form) -> None:
        dims, values, options = form.variables[name]
        form.variables[name] = dims, np.full_like(values, value), options

    return change


def _told(name: str, value: object) -> Callable[[Form], None]:
    return lambda form: form.attributes.__setitem__(name, value)


def _stored(name: str) -> Callable[[Form], None]:
    def change(form: Form) -> None:
        dims, values, _ = form.variables[name]
        form.variables[name] = dims, values, {"contiguous": True}

    return change


def _texts(form: Form) -> None:
    form.variables["status"] = ("trajectory",), np.full(8, "complete", object), {}


# What is strange about a shard, how it is made so, and why it does not count.
STRANGE: dict[str, tuple[Callable[[Form], None], str]] = {
    "a trillion trajectories": (_huge, "larger than its file can hold"),
    "no cells": (_without("cell"), "has no variable cell"),
    "no entropies": (_without("entropy"), "has no variable entropy"),
    "statuses in words": (_texts, "status is not of type int8"),
    "statuses of another kind": (_filled("status", 7), "has contents that a shard cannot have"),
    "negative replicates": (_filled("replicate", -1), "was renamed"),
    "plain storage": (_stored("status"), "not stored in compressed chunks"),
    "no provenance": (_told("provenance", "{}"), "has contents that a shard cannot have"),
    "provenance that is none": (_told("provenance", "[" * 100_000), "cannot be read"),
    "a number for a study": (_told("study", 7), "another study"),
}


def made(name: str) -> bytes:
    """A strange shard."""
    form = form_of(honest()[shard_names()[0]])
    STRANGE[name][0](form)
    return sealed(written(form))


def unreadable(whole: bytes, name: str) -> bytes:
    """A sealed file of which all but one variable can be read."""
    content = whole[:-32]
    for place in range(len(content)):
        if content[place : place + 2] in (b"\x78\x01", b"\x78\x5e"):  # where something compressed begins
            changed = content[:place] + b"\xff\xff" + content[place + 2 :]
            if _cannot_be_read(changed) == [name]:
                return sealed(changed)
    raise AssertionError(f"{name} was not found")


def _cannot_be_read(content: bytes) -> list[str]:
    wrong = []
    with netCDF4.Dataset("memory", memory=content) as file:
        for name, variable in file.variables.items():
            try:
                variable[:]
            except RuntimeError:
                wrong.append(name)
    return wrong


def broken(number: int) -> bytes:
    """A shard in whose metadata some bits are flipped."""
    flips, content = random.Random(number), bytearray(honest()[shard_names()[0]][:-32])
    told = [place for place in range(len(content)) if content[place]]
    for _ in range(4):
        content[flips.choice(told)] ^= 1 << flips.randrange(3)
    return sealed(bytes(content))


if __name__ == "__main__":
    for name in STRANGE:
        (SHARDS / f"{name}.nc").write_bytes(made(name))
    for number in range(3):
        (SHARDS / f"broken {number}.nc").write_bytes(broken(number))
