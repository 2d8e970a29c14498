"""What is too much is refused before it is made; what is much, but can be done, is not."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

import jaxcollapse as jc
from jaxcollapse import limits
from jaxcollapse.distributions.allowed_paths import within
from jaxcollapse.distributions.labels import as_names
from jaxcollapse.store.study import Study
from jaxcollapse.sweep.process_fields import fields
from jaxcollapse.sweep.reading import read_toml
from jaxcollapse.sweep.toml import as_toml

ALLOWED: dict[str, dict[str, Any]] = {
    "ten million trajectories": {"replicates": 10**7},
    "a hundred million trajectories": {"replicates": 10**8, "observables": ["entropy"]},
    "the largest vocabulary": {"replicates": 1, "process": {"vocab_size": 2**24}},
    "a thousand exponents": {"axes": {"initial.exponent": {"linspace": [0, 2, 1000]}}},
    "a hundred thousand values": {"replicates": 1, "axes": {"temperature": {"linspace": [0.5, 1, 100_000]}}},
    "a vocabulary written out": {
        "process": {"initial": {"kind": "values", "logits": [0.5] * 260_000, "tokens": ["token"] * 260_000}}
    },
    "two billion generations": {"generations": 2**31 - 1},
    "eight thousand personas": {"process": {"model": "persona", "personas": 8192, "vocab_size": 8192}},
}


@pytest.mark.parametrize("name", ALLOWED)
def test_what_can_be_done_is_allowed(name: str) -> None:
    jc.Sweep.from_dict(ALLOWED[name])


def test_a_large_sweep_can_be_read_back(tmp_path: Path) -> None:
    """Written and read in a time that grows with its length only."""
    start = time.process_time()
    number = 60_000
    sweep = jc.Sweep.from_dict(
        {"process": {"initial": {"kind": "values", "logits": [0.5] * number, "tokens": ["token"] * number}}}
    )
    (tmp_path / "sweep.toml").write_text(sweep.to_toml())
    assert jc.Sweep.from_toml(tmp_path / "sweep.toml") == sweep
    assert time.process_time() - start < 15


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a trillion tokens": ({"process": {"vocab_size": 1e12}}, "vocab_size: 1000000000000.0: .* 1 to 16777216"),
    "a billion cells": (
        {"axes": {name: {"linspace": [0.5, 1, 1000]} for name in ("temperature", "top_p", "min_p")}},
        "axes: the grid has 1,000,000,000 cells; at most 2,000,000",
    ),
    "many values": ({"axes": {"temperature": list(range(200_000))}}, "has 200000 values; at most 100000"),
    "a large table": (
        {"process": {"model": "persona", "personas": 8192, "vocab_size": 2**24}},
        "makes a table of 8192 × 16777216 numbers; at most 8192 rows and 134217728 numbers",
    ),
    "many large vocabularies": (
        {"axes": {"vocab_size": {"linspace": [16_000_000, 16_777_216, 50]}}},
        "axes.vocab_size: the initial distributions have 819430400 numbers together; at most 134217728",
    ),
    "many random numbers": (
        {"process": {"vocab_size": 2**24, "initial": {"kind": "dirichlet", "shared": True}}},
        "16777216 numbers that are drawn together; at most 8388608",
    ),
    "many initials": (
        {"axes": {"initial.exponent": {"linspace": [0, 1, 20_000]}}},
        "makes 20000 initial distributions, with initial.exponent; at most 16384",
    ),
    "many values in all": (
        {"process": {"initial": {"kind": "table", "logits": np.zeros((2**11, 2**10))}}},
        "has more than 1048576 values",
    ),
    "a long title": ({"title": "x" * 1001}, "title: 'xx.*at most 1000 characters"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_too_much_is_refused_before_it_is_made(name: str) -> None:
    table, told = REFUSED[name]
    jc.plan(jc.Sweep.from_dict({"replicates": 1}))  # what has to be imported and compiled, is
    before, start = psutil.Process().memory_info().rss, time.process_time()
    with pytest.raises(jc.InputError, match=told):
        jc.plan(jc.Sweep.from_dict(table))
    assert time.process_time() - start < 5
    assert psutil.Process().memory_info().rss - before < 100 * 2**20


@pytest.mark.parametrize("name", ["pipe", "/dev/zero", "/proc/version", "/proc/kmsg"])
def test_a_sweep_is_an_ordinary_file(name: str, tmp_path: Path) -> None:
    """Others may keep a reader waiting for ever."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(jc.InputError, match=r"is not an ordinary file|cannot be read: "):
        jc.Sweep.from_toml(tmp_path / name)


def test_what_a_sweep_reads_is_an_ordinary_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "empty.csv").touch()
    for name, told in (("pipe.csv", "is not an ordinary file"), ("empty.csv", "is empty")):
        table = {"process": {"initial": {"kind": "file", "path": str(tmp_path / name), "variable": "logits"}}}
        with pytest.raises(jc.InputError, match=told):
            jc.plan(jc.Sweep.from_dict(table))


def test_a_list_in_many_lines_is_no_header(tmp_path: Path) -> None:
    rows = "[\n" + "[0.5, 0.5],\n" * 40_000 + "]"
    (tmp_path / "sweep.toml").write_text(f"scores = {rows}")
    assert len(read_toml(tmp_path / "sweep.toml")["scores"]) == 40_000


def test_as_many_axes_as_are_allowed_fit_a_file(tmp_path: Path) -> None:
    """An array of HDF5 has 32 dimensions at most, which would be noticed only when all is computed."""
    plain = {name: field.default for name, field in fields().items()}
    changed = {"optimizer": "adamw", "schedule": "linear", "fresh_fraction": 0.5}
    names = (
        *("trace_length", "personas", "persona_exponent", "temperature_on", "temperature", "top_k", "top_p", "min_p"),
        *("corpus", "fresh_fraction", "fresh_every", "fresh_sampling", "generator", "collapsed_start", "optimizer"),
        *("evaluation_temperature", "learning_rate", "schedule", "schedule_time", "batch_size", "optimizer_state"),
        *("b1", "b2", "eps", "weight_decay", "label_smoothing", "entropy_bonus", "forward_kl"),
    )
    assert len(names) == limits.MOST_AXES
    axes = {name: [changed.get(name, plain[name])] for name in names}
    process = {"model": "persona", "vocab_size": 4}
    table = {"process": process, "axes": axes, "record": {"logits": True}, "replicates": 1, "generations": 1}
    with Study.create(tmp_path / "study", jc.Sweep.from_dict(table)).finalize() as data:
        assert data.logits.ndim == 32
    with pytest.raises(jc.InputError, match="there are 29 axes; at most 28 are allowed"):
        jc.Sweep.from_dict({**table, "axes": {**axes, "reverse_kl": [0.0]}})


def test_depth_is_bounded() -> None:
    table: dict[str, Any] = {}
    for _ in range(10_000):
        table = {"a": table}
    with pytest.raises(jc.InputError, match="more than 32 deep"):
        jc.Sweep.from_dict(table)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("#" * (limits.MOST_SWEEP_BYTES + 1), "is longer than 33554432 bytes"),
        ("title = [" + "1," * 2**21 + "1]", "has more than 1048576 values"),
        ("a" + ".a" * 100_000 + " = 1", "a key of more than 32 parts"),
        ("a" + " . 'a'" * 100_000 + " = 1", "a key of more than 32 parts"),
        ("".join(f"[a{number}]\n" for number in range(2_000_000)), "more than 524288 lists"),
        ("".join(f"[a.b{number}]\r\n" for number in range(100_000)), "more than 32768 tables"),
        ("[[a]]\n" * 100_000, "more than 32768 tables"),
        ("axes = [" + "{}," * 1_000_000 + "]", "more than 65536 tables"),
        ("[axes]\n" + "".join(f"a{number} = [1]\n" for number in range(100_000)), "more than 65536 keys"),
        ("[axes]\n" + "".join(f"a{number} = [1]\n" for number in range(50_000)), "there are 50000 axes; at most 28"),
        (
            "[axes]\na = { zip = {" + ", ".join(f"b{number} = [1]" for number in range(50_000)) + "}}",
            "has 50000 fields",
        ),
        ("observables = [" + '"entropy", ' * 10_000 + "]", "at most 1000 items"),
        ("#\n" * 10_000_000, "more than 2097152 lines"),
        ('title = "' + "\\n" * 10_000_000 + '"', "more than 4194304 escapes"),
    ],
    ids=[
        *("long", "many values", "many parts", "many quoted parts", "many tables", "tables in a table"),
        *("a list of tables", "many inline tables", "many keys", "many axes", "a wide zip", "many observables"),
        *("many lines", "many escapes"),
    ],
)
def test_a_text_that_keeps_the_parser_busy_is_not_parsed(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "sweep.toml").write_text(text)
    start = time.process_time()
    with pytest.raises(jc.InputError, match=told):
        jc.Sweep.from_toml(tmp_path / "sweep.toml")
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    "text", ["x" * 2**22, '"' * 2**22, "'\"" * 2**21, "a." * 30 + "\n", "0.1, " * 2**19, " " * 2**22]
)
def test_the_search_for_long_keys_takes_a_time_that_grows_with_the_text(text: str, tmp_path: Path) -> None:
    (tmp_path / "sweep.toml").write_text(f"# {text}\n")
    start = time.process_time()
    assert read_toml(tmp_path / "sweep.toml") == {}
    assert time.process_time() - start < 5


def test_a_sweep_that_could_not_be_read_back_is_not_written() -> None:
    with pytest.raises(jc.InputError, match="longer than 33554432 bytes as a sweep file"):
        as_toml({"title": "x" * limits.MOST_SWEEP_BYTES})


def test_names_that_would_fill_memory_are_refused() -> None:
    """An array of texts gives each the room of the longest."""
    assert as_names(["a", "bc"]).tolist() == ["a", "bc"]
    with pytest.raises(jc.InputError, match="too many or too long"):
        as_names(["a" * 1001])
    with pytest.raises(jc.InputError, match="too many or too long"):
        as_names(["a" * 1000, *["b"] * 300_000])


def file_sweep(folder: Path, path: str) -> jc.Sweep:
    return jc.Sweep.from_dict({"process": {"initial": {"kind": "file", "path": path}}}, folder=folder)


def test_a_long_file_is_not_read(tmp_path: Path) -> None:
    """A billion rows, of which the disk has none."""
    with (tmp_path / "p0.csv").open("wb") as file:
        file.truncate(2 * 10**9)
    start = time.process_time()
    with pytest.raises(jc.InputError, match="has 2000000000 bytes; at most 1073741824 are read"):
        jc.plan(file_sweep(tmp_path, "p0.csv"))
    assert time.process_time() - start < 5


BOMBS = """
import sys, zipfile
header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (%d,), }" % 10**9
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as archive, archive.open("p.npy", "w") as file:
    file.write(b"\\x93NUMPY\\x01\\x00" + len(header).to_bytes(2, "little") + header)
    for _ in range(1100):
        file.write(bytes(2**20))
"""


def test_what_is_unpacked_is_bounded(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", BOMBS, tmp_path / "p0.npz"], check=True)
    assert (tmp_path / "p0.npz").stat().st_size < 2 * 2**20
    with pytest.raises(jc.InputError, match=r"p\.npy has 1153433\d+ bytes; at most 1073741824"):
        jc.plan(file_sweep(tmp_path, "p0.npz"))


@pytest.mark.parametrize("place", ["dimension", "variable"])
def test_a_netcdf_file_that_declares_too_much_is_refused(place: str, tmp_path: Path) -> None:
    import netCDF4

    with netCDF4.Dataset(tmp_path / "p0.nc", "w") as file:
        size = 10**12 if place == "dimension" else 2**14
        for name in ("token", "row"):
            file.createDimension(name, size)
        dims = ("token",) if place == "dimension" else ("row", "token")
        file.createVariable("logits", "f8", dims, zlib=True, chunksizes=[1000] * len(dims))
    told = "has 1000000000000 entries" if place == "dimension" else "has 268435456 numbers left"
    with pytest.raises(jc.InputError, match=told):
        jc.plan(file_sweep(tmp_path, "p0.nc"))


def test_a_path_with_a_null_character_is_refused(tmp_path: Path) -> None:
    with pytest.raises(jc.InputError, match=r"process\.initial\.path: .* contains a control character"):
        file_sweep(tmp_path, "a\0.csv")


@pytest.mark.parametrize("path", ["../p0.csv", "a/../../p0.csv", "link.csv", "folder/p0.csv", "circle.csv"])
def test_a_path_may_not_leave_its_folder(path: str, tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (tmp_path / "p0.csv").write_text("p\n1\n2\n")
    (here / "link.csv").symlink_to(tmp_path / "p0.csv")
    (here / "folder").symlink_to(tmp_path)
    (here / "circle.csv").symlink_to(here / "circle.csv")
    with pytest.raises(jc.InputError, match=r"leads out of .*, where paths start; .* --inputs FOLDER"):
        within(here, path)
    with pytest.raises(jc.InputError, match=r"process\.initial\.path: .* leads out of"):
        file_sweep(here, path)
    with pytest.raises(jc.InputError, match="leads out of"):
        file_sweep(here, str(tmp_path / "p0.csv"))


def test_the_user_may_name_another_folder(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "p0.csv").write_text("p\n1\n2\n")
    for path in ("p0.csv", "here/../p0.csv", str(tmp_path / "p0.csv")):
        assert jc.plan(file_sweep(tmp_path, path)).trajectories == 64
    table = {"process": {"initial": {"kind": "file", "path": str(tmp_path / "p0.csv")}}}
    assert jc.plan(jc.Sweep.from_dict(table)).trajectories == 64, "whoever calls from Python has named the path"


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_what_has_no_end_is_not_read(kind: str, tmp_path: Path) -> None:
    import os

    if kind == "pipe":
        os.mkfifo(tmp_path / "p0.csv")
    else:
        (tmp_path / "p0.csv").mkdir()
    with pytest.raises(jc.InputError, match="is not an ordinary file"):
        jc.plan(file_sweep(tmp_path, "p0.csv"))
