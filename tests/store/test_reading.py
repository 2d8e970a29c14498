"""Reading a study takes nothing away from it, follows links, and tells what is damaged from what cannot be read."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import netCDF4
import numpy as np
import pytest

import jaxcollapse as jc
from jaxcollapse.store.foreign import opened
from jaxcollapse.store.study import Study
from jaxcollapse.system.atomic import is_sealed, seal
from tests.support.studies import assert_same_numbers, copied, run, shards, stamps


def listing(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, with what is in it or in what it leads to."""
    paths = sorted(path for path in folder.rglob("*") if path.is_symlink() or path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() if path.exists() else b"" for path in paths}


def link_out(files: list[Path], store: Path) -> None:
    """Moves files to a store, and leaves links to them, as git-annex does."""
    store.mkdir()
    for path in files:
        kept = path.rename(store / path.name)
        kept.chmod(0o444)
        path.symlink_to(os.path.relpath(kept, path.parent))


def test_a_study_of_links_is_read_and_left_as_it_is(finished: Path, tmp_path: Path) -> None:
    study = copied(finished, tmp_path)
    link_out([path for path in study.rglob("*") if path.is_file()], tmp_path / "store")
    before = listing(study)
    assert Study.open(study).summary()["missing"] == 0
    with jc.open_study(study) as data, jc.open_study(finished) as undisturbed:
        assert_same_numbers(undisturbed.load(), data.load())
    with Study.open(study).finalize() as data:
        assert (data.status > 0).all()
    assert listing(study) == before
    assert (study / "result.nc").is_symlink()


def test_a_run_replaces_links_and_does_not_follow_them(finished: Path, tmp_path: Path) -> None:
    study = copied(finished, tmp_path)
    link_out([path for path in study.rglob("*") if path.is_file()], tmp_path / "store")
    before = listing(tmp_path / "store")
    assert (run(study, replicates=5).status > 0).all()
    assert listing(tmp_path / "store") == before
    assert not (study / "result.nc").is_symlink()
    assert sum(path.is_symlink() for path in shards(study)) == 4


def test_what_a_link_does_not_lead_to_is_neither_damaged_nor_computed_again(finished: Path, tmp_path: Path) -> None:
    """As in a clone by git-annex, to which not every file has been brought."""
    study = copied(finished, tmp_path)
    link_out([*shards(study)[:2], study / "result.nc"], tmp_path / "store")
    shutil.rmtree(tmp_path / "store")
    before = listing(study)
    told = Study.open(study).summary()
    assert told["missing"] == 8
    assert len(told["bad_shards"]) == 2
    assert all("a link to a missing file" in reason for reason in told["bad_shards"].values())
    with jc.open_study(study) as data:
        assert int((data.status == 0).sum()) == 8
    with pytest.raises(FileNotFoundError, match="git annex get"):
        run(study)
    assert listing(study) == before


def test_reading_gives_no_file_another_name_and_finalizing_none_that_is_taken(finished: Path, tmp_path: Path) -> None:
    study = copied(finished, tmp_path)
    with jc.open_study(finished) as data:
        undamaged = data.load()
    for aside in ("result.damaged.nc", "result.damaged.2.nc", "result.damaged.3.nc"):
        damaged = b"damaged" + aside.encode()
        (study / "result.nc").write_bytes(damaged)
        before = listing(study)
        with jc.open_study(study) as data:
            assert_same_numbers(undamaged, data.load())
        assert listing(study) == before
        with Study.open(study).finalize() as data:
            assert_same_numbers(undamaged, data.load())
        assert (study / aside).read_bytes() == damaged
        assert is_sealed(study / "result.nc")


@contextmanager
def without_permission() -> Iterator[None]:
    """As a user whom permissions keep out, which they do not the superuser."""
    is_superuser = os.geteuid() == 0
    if is_superuser:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_superuser:
            os.seteuid(0)


@pytest.mark.parametrize("victim", ["shard", "dataset"])
@pytest.mark.parametrize("error", ["Permission denied", "Input/output error"])
def test_what_cannot_be_read_is_not_damaged(error: str, victim: str, finished: Path) -> None:
    """A file without permissions; and one that Linux has for the memory of a process, which cannot be read at 0."""
    with tempfile.TemporaryDirectory() as folder:
        study = copied(finished, Path(folder))
        for each in (Path(folder), study, study / "shards"):
            each.chmod(0o777)
        path = shards(study)[0] if victim == "shard" else study / "result.nc"
        if error == "Permission denied":
            path.chmod(0)
        else:
            path.unlink()
            path.symlink_to("/proc/self/mem")
        names = sorted(study.rglob("*"))
        with without_permission() if error == "Permission denied" else nullcontext():
            for read in (jc.open_study, lambda study: Study.open(study).finalize()):
                with pytest.raises(OSError, match=error) as caught:
                    read(study)
                assert caught.value.filename in (None, str(path))
        assert sorted(study.rglob("*")) == names


def test_too_little_memory_is_no_damage(finished: Path) -> None:
    path = shards(finished)[0]
    with pytest.raises(MemoryError, match=path.name), opened(path) as file:
        np.empty(2**57)[: len(file.variables)] = 0


def forge(shard: Path) -> None:
    """Writes other numbers into a shard, and seals it."""
    shard.write_bytes(shard.read_bytes()[:-32])
    with netCDF4.Dataset(shard, "a") as file:
        file["entropy"][:] = 7
    seal(shard)


def test_a_forged_study_has_another_dataset_in_the_cache_than_the_genuine_one(finished: Path, tmp_path: Path) -> None:
    """Although all its names are the same."""
    studies = []
    for name in ("forged", "genuine"):
        study = copied(finished, tmp_path / name)
        (study / "result.nc").write_bytes(b"in the way, so that the dataset goes to the cache")
        studies.append(study)
    for shard in shards(studies[0]):
        forge(shard)
    with jc.open_study(studies[0]) as data:
        assert (data.entropy == 7).all()
        places = {data.encoding["source"]}
    with jc.open_study(studies[1]) as data, jc.open_study(finished) as undisturbed:
        assert_same_numbers(undisturbed.load(), data.load())
        places.add(data.encoding["source"])
    assert len(places) == 2
    assert not any(str(tmp_path) in place for place in places)


def test_a_whole_shard_of_somebody_else_is_set_aside_before_its_name_is_written(finished: Path, tmp_path: Path) -> None:
    study = copied(finished, tmp_path)
    (study / "result.nc").unlink()
    victim = shards(study)[0]
    victim.write_bytes(victim.read_bytes()[:-32])
    with netCDF4.Dataset(victim, "a") as file:
        file.setncattr("format", 2)
    seal(victim)
    theirs = victim.read_bytes()
    (reason,) = Study.open(study).summary()["bad_shards"].values()
    assert reason == "is in another format, of a later jaxcollapse; this one reads format 1"
    with jc.open_study(finished) as undisturbed:
        assert_same_numbers(undisturbed.load(), run(study))
    assert victim.with_suffix(".other").read_bytes() == theirs


def test_a_study_in_a_later_format_is_left_alone(finished: Path, tmp_path: Path) -> None:
    study = copied(finished, tmp_path)
    plan = (study / "plan.json").read_text()
    (study / "plan.json").write_text(plan.replace('"format": 1', '"format": 2', 1))
    before = stamps([path for path in study.rglob("*") if path.is_file()])
    for use in (jc.open_study, run):
        with pytest.raises(jc.InputError, match="is in format 2, of a later jaxcollapse; this one reads format 1"):
            use(study)
    assert stamps([path for path in study.rglob("*") if path.is_file()]) == before


def test_shards_of_another_seed_are_reported(finished: Path, tmp_path: Path) -> None:
    study = copied(finished, tmp_path)
    text = (study / "sweep.toml").read_text()
    (study / "sweep.toml").write_text(text.replace("seed = 5", "seed = 6"))
    told = Study.open(study).summary()
    assert (told["missing"], len(told["bad_shards"])) == (16, 4)
    assert all("another seed" in reason for reason in told["bad_shards"].values())
    (study / "sweep.toml").write_text(text.replace("replicates = 4", "replicates = 3"))
    told = Study.open(study).summary()
    assert (told["complete"], told["not_in_sweep"], told["bad_shards"]) == (12, 4, {})


def test_without_a_cache_a_dataset_is_put_together_for_this_process(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = copied(finished, tmp_path)
    (tmp_path / "cache").write_text("a file, in which no folder can be made")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with jc.open_study(study) as data:
        undamaged = data.load()
        assert data.encoding["source"] == str(study / "result.nc")
    (study / "result.nc").write_bytes(b"in the way")
    with jc.open_study(study) as data:
        assert_same_numbers(undamaged, data.load())
