"""A shard counts only if it is whole, this study's, and under its own name; whatever else lies there does not."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import jaxcollapse as jc
from jaxcollapse.store.shard import BadShardError, read_header, read_variable
from jaxcollapse.store.study import Study
from jaxcollapse.system.atomic import is_sealed, replacing, seal
from tests.support.studies import assert_same_numbers, copied, run, shards


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study whose shards have other settings, but cells of the same names."""
    folder = tmp_path_factory.mktemp("foreign") / "study"
    run(folder, collapse_threshold=0.5)
    return folder


def flip(place: float) -> Callable[[Path, Path], None]:
    def damage(shard: Path, foreign: Path) -> None:
        content = bytearray(shard.read_bytes())
        content[int(place * (len(content) - 1))] ^= 0x10
        shard.write_bytes(content)

    return damage


def truncate(share: float) -> Callable[[Path, Path], None]:
    def damage(shard: Path, foreign: Path) -> None:
        content = shard.read_bytes()
        shard.write_bytes(content[: int(share * len(content))])

    return damage


def replace_by_netcdf(shard: Path, foreign: Path) -> None:
    shard.unlink()
    xr.Dataset({"entropy": ("trajectory", np.zeros(4))}).to_netcdf(shard)


DAMAGES: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    **{f"a bit flipped at {place}": (flip(place), "damaged") for place in (0.0, 0.02, 0.1, 0.3, 0.6, 0.9, 1.0)},
    **{f"cut to {share}": (truncate(share), "damaged") for share in (0.001, 0.5, 0.999)},
    "empty": (lambda shard, foreign: shard.write_bytes(b""), "damaged"),
    "longer": (lambda shard, foreign: shard.write_bytes(shard.read_bytes() + b"x"), "damaged"),
    "some other netCDF file": (replace_by_netcdf, "not a shard"),
    "of another study": (
        lambda shard, foreign: shard.write_bytes((foreign / "shards" / shard.name).read_bytes()),
        "another study",
    ),
    "the dataset of another study": (
        lambda shard, foreign: shard.write_bytes((foreign / "result.nc").read_bytes()),
        "another study",
    ),
    "renamed": (lambda shard, foreign: shard.rename(shard.with_stem("0123456789abcdef")), "was renamed"),
    "under the name of another": (
        lambda shard, foreign: shard.write_bytes(shards(shard.parent.parent)[1].read_bytes()),
        "was renamed",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_shard_that_is_not_what_was_written_is_reported_and_repaired(
    damage: str, finished: Path, foreign: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    study = copied(finished, tmp_path)
    (study / "result.nc").unlink()
    victim = shards(study)[0]
    DAMAGES[damage][0](victim, foreign)

    told = Study.open(study).summary()
    assert told["missing"] == 4
    ((name, reason),) = told["bad_shards"].items()
    assert DAMAGES[damage][1] in reason
    with jc.open_study(study) as partial:
        assert int((partial.status == 0).sum()) == 4
        assert int(partial.entropy.isnull().sum()) == 4 * 3

    with jc.open_study(finished) as undamaged:
        assert_same_numbers(undamaged.load(), run(study))
    assert f"{name} is ignored: {reason}" in caplog.text
    left = Study.open(study).summary()
    assert left["missing"] == 0
    assert set(left["bad_shards"]) <= {"0123456789abcdef.nc"}  # one that we did not write is left alone


def test_a_damaged_dataset_is_assembled_again(finished: Path, tmp_path: Path) -> None:
    study = copied(finished, tmp_path)
    result = study / "result.nc"
    with jc.open_study(finished) as data:
        undamaged = data.load()
    for place in (0.3, 0.7):
        flip(place)(result, result)
        with Study.open(study).finalize() as data:
            assert_same_numbers(undamaged, data.load())
        assert is_sealed(result)
        assert not is_sealed(study / "result.damaged.nc"), "what was there is set aside"


def test_a_shard_tells_what_is_in_it(finished: Path) -> None:
    study = Study.open(finished)
    path = shards(finished)[0]
    header = read_header(path, study.fingerprint, study.sweep)
    assert np.isin(header.cells, study.identities).all()
    assert header.status.tolist() == [1] * 4
    with xr.open_dataset(path) as data:
        assert dict(data.sizes) == {"trajectory": 4, "generation": 3}
        assert data.generation.values.tolist() == [0, 3, 6]
        np.testing.assert_array_equal(read_variable(path, "entropy", slice(1, 3)), data.entropy.values[1:3])
    with pytest.raises(BadShardError, match="cannot be read"):
        read_header(finished / "shards" / "not there.nc", study.fingerprint, study.sweep)


COUNTED = """
import json, sys
from collections import Counter

opened = Counter()

def hook(event, arguments):
    if event == "open" and str(arguments[0]).endswith(".nc"):
        opened[str(arguments[0])] += 1

sys.addaudithook(hook)
from jaxcollapse.running import run
from jaxcollapse.store.study import Study

study = Study.open(sys.argv[1])
run(study.sweep, study.folder, chunk_size=4, progress=False).close()
print(json.dumps([opened, study.summary()["complete"]]))
"""


def test_a_shard_is_verified_once_in_a_run(finished: Path, tmp_path: Path) -> None:
    """Before it, after it and for the summary it must be known which shards count; netCDF opens them by other means."""
    study = copied(finished, tmp_path)
    lost, *kept = shards(study)
    lost.unlink()
    (study / "result.nc").unlink()
    time.sleep(2.1)  # until the files' times have settled
    command = [sys.executable, "-c", COUNTED, str(study)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    opened, complete = json.loads(done.stdout)
    assert complete == 16
    assert [opened[str(path)] for path in kept] == [1, 1, 1]
    assert opened[str(lost)] > 0


def test_a_verified_file_that_changes_is_verified_again(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc" * 1000)
    seal(path)
    time.sleep(2.1)
    assert is_sealed(path)
    assert is_sealed(path)
    times = path.stat()
    flip(0.5)(path, path)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert not is_sealed(path), "although its size is what it was, and it says that its content is as old"


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(FileNotFoundError), replacing(path) as temporary:
        (temporary.parent / "not there" / "half").write_text("half")
    assert path.read_text() == "old"
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"", b"x", b"x" * 32, b"abc" * 10**6])
def test_a_seal_holds_until_any_bit_changes(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert not is_sealed(path)
    seal(path)
    sealed = path.read_bytes()
    assert sealed[:-32] == content
    assert is_sealed(path)
    for changed in (
        sealed[:-1],
        sealed[1:],
        sealed + b"\0",
        sealed[:-1] + bytes([sealed[-1] ^ 1]),
        sealed[-32:] + sealed,
    ):
        path.write_bytes(changed)
        assert not is_sealed(path)
