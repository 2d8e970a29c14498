"""Studies in whose folder lies what nobody would put there: names, locks, holes, torn files, odd attributes, links."""

import random
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.hostile.shards import honest, sealed, shard_names, study_case
from tests.hostile.trial import Case

COMMANDS = ["status", "finalize", "run", "report"]
NAMES = ["[a", "**", "?", "a*b", "{a,b}", "", " ", "..", "-rf", "~", "a\nb", "\x1b[31m", "%s", "\u202e", "x" * 200]


@st.composite
def strange_names(draw: DrawFn) -> Case:
    """Shards, locks and leftovers of names with a meaning elsewhere; and thousands of locks."""
    endings = st.sampled_from([".nc", ".lock", ".tmp", ".nc.00000000000000000000000000000000.tmp"])
    dots = st.sampled_from(["", "."])
    names = draw(st.lists(st.tuples(dots, st.sampled_from(NAMES), endings), min_size=1, max_size=6))
    content = draw(st.sampled_from([b"", b"x", honest()[shard_names()[0]]]))
    changed = {f"study/shards/{''.join(parts)}": content for parts in names}
    if draw(st.integers(0, 3)) == 0:
        number = draw(st.sampled_from([100, 5000]))
        ending = draw(st.sampled_from(["lock", "nc.00000000000000000000000000000000.tmp"]))
        changed |= {f"study/shards/.{place:016x}.{ending}": b"" for place in range(number)}
    return study_case("study, names", draw(st.sampled_from(COMMANDS[:3])), changed)


@st.composite
def sparse_files(draw: DrawFn) -> Case:
    """Files that say that they are large, of which little is on the disk."""
    victims = [*shard_names(), "study/result.nc", "study/plan.json", "study/sweep.toml", "study/inputs/p0.csv"]
    size = draw(st.sampled_from([2**26, 2**31, 2**36, 2**40]))
    case = study_case("study, holes", draw(st.sampled_from(COMMANDS[:3])), {})
    return replace(case, sizes={draw(st.sampled_from(victims)): size})


@st.composite
def torn_files(draw: DrawFn) -> Case:
    """Files that have lost their end, or all."""
    victim = draw(st.sampled_from(["study/sweep.toml", "study/sweep.toml", *honest()]))
    content = honest()[victim]
    lines = content.splitlines(keepends=True)
    torn = draw(
        st.one_of(
            st.just(b""),
            st.integers(0, len(content)).map(lambda size: content[:size]),
            st.integers(0, len(lines)).map(lambda number: b"".join(lines[:number])),
        )
    )
    return study_case("study, torn", draw(st.sampled_from(COMMANDS)), {victim: torn})


ODD: list[Any] = [
    "",
    "x",
    "days since 2000-01-01",
    "seconds",
    "\x1b[2J",
    "<script>alert(1)</script>",
    "{",
    "x" * 100_000,
    0,
    -1.0,
    1e308,
    float("nan"),
    np.arange(3),
    np.array([np.inf, -np.inf]),
    ["a", "b"],
]
ADDED = ["scale_factor", "add_offset", "missing_value", "_Unsigned", "dtype", "calendar", "coordinates", "valid_range"]


@st.composite
def odd_attributes(draw: DrawFn) -> Case:
    """A dataset with attributes that mean something else, sealed."""
    shuffled = random.Random(draw(st.integers(0, 2**32)))
    content = _with_odd_attributes(honest()["study/result.nc"], shuffled, draw(st.integers(1, 2)))
    command = draw(st.sampled_from(COMMANDS))
    case = study_case("dataset, attributes", command, {})
    return replace(case, files={**case.files, "study/result.nc": sealed(content)})


def _with_odd_attributes(content: bytes, shuffled: random.Random, number: int) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.nc"
        path.write_bytes(content[:-32])
        with netCDF4.Dataset(path, "a") as file:
            for _ in range(number):
                owner = shuffled.choice([file, *file.variables.values()])
                name = shuffled.choice([*(name for name in owner.ncattrs() if name != "_FillValue"), *ADDED])
                if shuffled.random() < 0.2 and name in owner.ncattrs():
                    owner.delncattr(name)
                else:
                    owner.setncattr(name, shuffled.choice(ODD))
        return path.read_bytes()


OUTPUTS = ["phase.png", "report.html", "slurm", "result.zarr", ".lock", ".result.lock", "shards", "inputs", "result.nc"]


@st.composite
def links(draw: DrawFn) -> Case:
    """Links in the place of what is written, or read: outwards, to nothing, in a circle, to a device."""
    names = draw(st.lists(st.sampled_from([*OUTPUTS, *(name[6:] for name in honest())]), min_size=1, max_size=3))
    targets = ["OUTSIDE", "OUTSIDE/secret.csv", "OUTSIDE/nothing", "nowhere", "/dev/zero", "/dev/full", "."]
    apart = [name for name in dict.fromkeys(names) if name.split("/")[0] == name or name.split("/")[0] not in names]
    made = {f"study/{name}": draw(st.sampled_from([*targets, name])) for name in apart}
    case = study_case("study, links", draw(st.sampled_from(COMMANDS)), {})
    kept = {name: content for name, content in case.files.items() if not any(name.startswith(link) for link in made)}
    return replace(case, files=kept, links=made)
