"""Hostile shards and studies: a seal can be made by anybody, so they are sealed."""

import hashlib
import json
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
from hypothesis import reject
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from jaxcollapse.planning.chunk import chunk_id
from jaxcollapse.store.study import Study
from tests.hostile.sweeps import TEXTS
from tests.hostile.trial import Case
from tests.support.studies import sweep_of
from tests.support.synthetic import write


def sealed(content: bytes) -> bytes:
    """With the seal that a writer gives it."""
    return content + hashlib.sha256(content).digest()


@cache
def honest() -> dict[str, bytes]:
    """The files of a small finished study."""
    with tempfile.TemporaryDirectory() as folder:
        study = write(Path(folder) / "study", sweep_of(), chunk_size=8)
        Study.open(study.folder).finalize().close()
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(study.folder.rglob("*"))
            if path.is_file()
        }


def shard_names() -> list[str]:
    """The shards among them."""
    return [name for name in honest() if "/shards/" in name]


def study_case(kind: str, command: str, changed: dict[str, bytes], **others: Any) -> Case:
    """The honest study with other files in the place of its own."""
    files = {name: content for name, content in honest().items() if command != "finalize" or "result.nc" not in name}
    return Case(kind, (command, "study"), {**files, **changed}, **others)


@st.composite
def mutated_shards(draw: DrawFn) -> Case:
    """A shard, or the dataset, with bytes changed, and sealed again."""
    name = draw(st.sampled_from([*shard_names(), "study/result.nc"]))
    content = bytearray(honest()[name][:-32])
    told = [place for place in range(len(content)) if any(content[max(0, place - 4) : place + 4])]
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.sampled_from(told))
        if draw(st.booleans()):
            content[place] ^= 1 << draw(st.integers(0, 7))
        else:
            filling = draw(st.sampled_from([b"\xff" * 8, bytes(8), b"\x00\x00\x00\x00\x01\x00\x00\x00", b"\x7f"]))
            content[place : place + len(filling)] = filling
    if draw(st.integers(0, 9)) == 0:
        del content[draw(st.integers(0, len(content) - 1)) :]
    is_sealed = draw(st.integers(0, 9)) > 0
    held = {name: sealed(bytes(content)) if is_sealed else bytes(content)}
    return study_case("shard, bytes", draw(st.sampled_from(["status", "finalize"])), held)


@dataclass
class Form:
    """What a shard is made of. variables: dimensions, values and options of netCDF4 by name."""

    attributes: dict[str, Any]
    sizes: dict[str, int | None]
    variables: dict[str, tuple[tuple[str, ...], Any, dict[str, Any]]]
    depth: int = 0
    name: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


def form_of(content: bytes) -> Form:
    """The form of an honest shard."""
    with netCDF4.Dataset("memory", memory=content) as file:
        file.set_auto_maskandscale(False)
        variables = {
            name: (variable.dimensions, variable[:], {"zlib": True, "chunksizes": variable.chunking()})
            for name, variable in file.variables.items()
            if name != "generation"
        }
        return Form(
            {name: file.getncattr(name) for name in file.ncattrs()},
            {name: len(dimension) for name, dimension in file.dimensions.items()},
            variables,
        )


HUGE = (10**6, 2**31, 10**12, 2**62)
TOLD: list[Any] = [
    " ",
    "{",
    "[]",
    "null",
    "1e999",
    "[" * 100_000,
    json.dumps({"end": "x"}),
    json.dumps({"versions": {}, "start": 1, "end": None}),
    json.dumps(dict.fromkeys(["versions", "device_kind", "platform", "kernel", "git_commit", "start", "end"], "x")),
    '{"a": "' + "x" * 2_000_000 + '"}',
    7,
    np.arange(5),
    ["a", "b"],
]


@st.composite
def strange_shards(draw: DrawFn) -> Case:
    """A netCDF file that is like a shard but for a few things, and sealed."""
    old = draw(st.sampled_from(shard_names()))
    form = form_of(honest()[old])
    for _ in range(draw(st.integers(1, 2))):
        _make_strange(draw, form)
    try:
        content = sealed(written(form))
    except RuntimeError:  # too strange for netCDF to write
        reject()
    name, known = old, [form.variables[key][1] for key in ("cell", "replicate") if key in form.variables]
    with suppress(TypeError, ValueError, AttributeError):  # a careful attacker names it as it should be named
        name = f"study/shards/{chunk_id(*known)}.nc"
    held = {old: b"", name: content}
    return study_case("shard, structure", draw(st.sampled_from(["status", "finalize", "finalize"])), held)


def _make_strange(draw: DrawFn, form: Form) -> None:
    kinds = [
        "drop",
        "type",
        "dims",
        "huge",
        "attribute",
        "text",
        "values",
        "layout",
        "told",
        "depth",
        "unlimited",
        "extra",
    ]
    kind = draw(st.sampled_from(kinds))
    name = draw(st.sampled_from(sorted(form.variables)))
    dims, values, options = form.variables[name]
    if values is None or values.dtype == object:  # it is strange enough
        return
    if kind == "drop":
        del form.variables[name]
    elif kind == "type" and values.dtype != object:
        form.variables[name] = dims, values.astype(draw(st.sampled_from(["i8", "u1", "f8", "i2", "u8"]))), options
    elif kind == "text":
        form.variables[name] = dims, np.full(values.shape, "text", object), {}
    elif kind == "dims" and values.ndim:
        form.variables[name] = dims[:-1], values[..., 0], {}
    elif kind == "huge":
        form.sizes["huge"] = draw(st.sampled_from(HUGE))
        chunk = draw(st.sampled_from([1, 1000, 2**20]))
        form.variables[name] = ("huge",), None, {"dtype": values.dtype, "zlib": True, "chunksizes": (chunk,)}
    elif kind == "attribute":
        del form.attributes[draw(st.sampled_from(sorted(form.attributes)))]
    elif kind == "told":
        key = draw(st.sampled_from(sorted(form.attributes)))
        form.attributes[key] = draw(st.sampled_from([*TOLD, *TEXTS[:-1]]))
    elif kind == "values":
        filling = draw(st.sampled_from([-1, 0, 1, 7, 2**31 - 1, np.nan, np.inf]))
        with np.errstate(all="ignore"):
            form.variables[name] = dims, np.full(values.shape, filling).astype(values.dtype), options
    elif kind == "layout":
        form.variables[name] = dims, values, {"contiguous": True}
    elif kind == "depth":
        form.depth = draw(st.sampled_from([1, 50, 500]))
    elif kind == "unlimited":
        form.sizes[draw(st.sampled_from(sorted(form.sizes)))] = None
    else:
        form.variables[draw(st.sampled_from(["logits", "generation", "a/b", "x" * 200]))] = dims, values, options


def written(form: Form) -> bytes:
    """The netCDF file of a form; what netCDF4 cannot write is left out."""
    with tempfile.NamedTemporaryFile(suffix=".nc") as place:
        with netCDF4.Dataset(place.name, "w") as file:
            for name, size in form.sizes.items():
                file.createDimension(name, size)
            for name, (dims, values, options) in form.variables.items():
                try:
                    dtype = options.get("dtype") or (str if values.dtype == object else values.dtype)
                    told = {key: value for key, value in options.items() if key != "dtype"}
                    if None in (form.sizes[dim] for dim in dims):
                        told.pop("contiguous", None)
                    variable = file.createVariable(name.replace("/", "_"), dtype, dims, **told)
                    variable.set_auto_maskandscale(False)
                    if values is not None:
                        variable[:] = values
                except (RuntimeError, ValueError, KeyError, IndexError, TypeError):
                    continue
            group = file
            for _ in range(form.depth):
                group = group.createGroup("g")
            for name, value in form.attributes.items():
                file.setncattr(name, value)
        return Path(place.name).read_bytes()


def _plans() -> list[bytes]:
    return [
        b"",
        b"{",
        b"[" * 10**5,
        b'{"partition": {"of": 1}}',
        b'{"partition": {"of": "a", "without": [1]}}',
        b"\xff",
    ]


@st.composite
def strange_studies(draw: DrawFn) -> Case:
    """Studies with something else in the place of a file or folder; and links that lead out of them."""
    victim = draw(st.sampled_from([*shard_names(), "study/result.nc", "study/plan.json", "study/sweep.toml"]))
    command = draw(st.sampled_from(["status", "finalize", "run"]))
    how = draw(st.sampled_from(["link", "pipe", "folder", "folder link", "plan", "sweep", "lock", "garbage"]))
    changed: dict[str, bytes] = {}
    others: dict[str, Any] = {}
    if how == "link":
        others["links"] = {victim: draw(st.sampled_from(["OUTSIDE/secret.csv", "/dev/zero", "nowhere", victim[6:]]))}
    elif how == "pipe":
        others["pipes"] = (victim,)
    elif how == "folder link":
        folder = draw(st.sampled_from(["study/inputs", "study/elsewhere"]))
        others["links"] = {folder: "OUTSIDE"}
        path = "secret.csv" if folder == "study/inputs" else "../elsewhere/secret.csv"
        changed["study/sweep.toml"] = FILE % path.encode()
    elif how == "plan":
        changed["study/plan.json"] = draw(st.sampled_from(_plans()))
    elif how == "sweep":
        text = honest()["study/sweep.toml"]
        added = b'\n[process.initial]\nkind = "file"\npath = "OUTSIDE/secret.csv"\n'
        changed["study/sweep.toml"] = draw(
            st.sampled_from([b"", text[:40], text.replace(b"16", b"1000000000000"), text + added])
        )
    elif how == "lock":
        others["links"] = {
            draw(st.sampled_from(["study/.lock", "study/.result.lock", "study/shards/.a.lock"])): "OUTSIDE/secret.csv"
        }
    elif how == "garbage":
        changed[victim] = sealed(draw(st.binary(max_size=200)))
    case = study_case("study", command, changed, **others)
    if how == "folder":
        files = {name: content for name, content in case.files.items() if name != victim}
        return Case(case.kind, case.arguments, {**files, f"{victim}/inside": b"x"})
    return case


FILE = b'generations = 2\nreplicates = 1\n[process]\ninitial = { kind = "file", path = "%s" }\n'
