"""A study can be cut short anywhere, resumed, extended, moved and damaged, and never holds a wrong number."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
import xarray as xr

import jaxcollapse as jc
from jaxcollapse.store.study import Study
from tests.support import interruptible
from tests.support.studies import SWEEP, assert_same_numbers, copied, run, shards, stamps, sweep_of

AXES = SWEEP["axes"]


@pytest.fixture(scope="module")
def numbers(finished: Path) -> xr.Dataset:
    with jc.open_study(finished) as data:
        return data.load()


def test_a_finished_study_is_left_alone(finished: Path, tmp_path: Path, numbers: xr.Dataset) -> None:
    study = copied(finished, tmp_path)
    files = [*shards(study), study / "result.nc", study / "plan.json"]
    before, text = stamps(files), (study / "sweep.toml").read_text()
    assert_same_numbers(numbers, run(study))
    with jc.open_study(study) as opened:
        xr.testing.assert_identical(opened.load(), numbers)
    assert stamps(files) == before
    assert (study / "sweep.toml").read_text() == text
    assert sorted(path.name for path in study.iterdir()) == ["plan.json", "result.nc", "shards", "sweep.toml"]


@pytest.mark.parametrize("lost", [[0], [1, 3], [0, 1, 2, 3]])
def test_any_shards_that_are_lost_are_computed_again(
    lost: list[int], finished: Path, tmp_path: Path, numbers: xr.Dataset
) -> None:
    study = copied(finished, tmp_path)
    every = shards(study)
    kept = [path for place, path in enumerate(every) if place not in lost]
    before = stamps(kept)
    for place in lost:
        every[place].unlink()
    assert_same_numbers(numbers, run(study))
    assert stamps(kept) == before
    assert shards(study) == every


def test_an_incomplete_study_opens_with_what_is_missing_marked(
    finished: Path, tmp_path: Path, numbers: xr.Dataset
) -> None:
    study = copied(finished, tmp_path)
    for path in [*shards(study)[:2], study / "result.nc"]:
        path.unlink()
    with jc.open_study(study) as data:
        missing = data.status.values == 0
        assert missing.sum() == 8
        assert np.isnan(data.entropy.values[missing]).all()
        assert np.isnan(data.support_size.values[missing]).all()
        np.testing.assert_array_equal(data.entropy.values[~missing], numbers.entropy.values[~missing])
    told = Study.open(study).summary()
    assert (told["trajectories"], told["complete"], told["missing"], told["shards"]) == (16, 8, 8, 2)


def test_a_dataset_outlives_its_shards(finished: Path, tmp_path: Path, numbers: xr.Dataset) -> None:
    study = copied(finished, tmp_path)
    before = stamps([study / "result.nc"])
    for path in shards(study):
        path.unlink()
        with jc.open_study(study) as data:
            assert_same_numbers(numbers, data.load())
    assert stamps([study / "result.nc"]) == before


@pytest.mark.parametrize("there", ["all shards", "no shards"])
@pytest.mark.parametrize("changed", [{"seed": 6, "replicates": 2}, {"replicates": 2}])
def test_a_dataset_of_another_sweep_does_not_stay(
    changed: dict[str, Any], there: str, finished: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """However much more it holds than a study whose sweep file was changed by hand. One that was a larger one's stays
    where shards are missing: nothing else holds those numbers any more.
    """
    study = copied(finished, tmp_path)
    theirs = (study / "result.nc").read_bytes()
    (study / "sweep.toml").write_text(sweep_of(**changed).to_toml())
    if there == "no shards":
        shutil.rmtree(study / "shards")
        (study / "shards").mkdir()
        with jc.open_study(study) as opened:
            kept = "seed" not in changed
            assert opened.sizes["replicate"] == (4 if kept else 2)
            assert bool((opened.status == 0).all()) is not kept
    assert_same_numbers(run(study, **changed), jc.run(sweep_of(**changed), progress=False))
    assert (study / "result.other.nc").read_bytes() == theirs
    assert "result.nc belongs to another sweep; it is set aside as result.other.nc" in caplog.text


def test_leftover_temporary_files_do_not_matter(finished: Path, tmp_path: Path, numbers: xr.Dataset) -> None:
    study = copied(finished, tmp_path)
    shard = shards(study)[0]
    for name in (f".{shard.name}.123.tmp", f".{shard.name}.{os.getpid()}.tmp"):
        (study / "shards" / name).write_bytes(shard.read_bytes()[:5000])
    (study / f".result.nc.{os.getpid()}.tmp").write_bytes(b"half")
    shard.unlink()
    assert Study.open(study).summary()["bad_shards"] == {}
    assert_same_numbers(numbers, run(study))


EXTENSIONS: dict[str, dict[str, Any]] = {
    "new values": {"axes": {"temperature": [1.3, 1.1, 0.9], "learning_rate": [0.5, 1.0, 2.0]}},
    "replicates": {"replicates": 7},
    "a new axis with the constant on it": {"process": {"vocab_size": 16}, "axes": {**AXES, "batch_size": [4, 8]}},
    "a new axis with the default on it": {"axes": {**AXES, "top_p": [1.0, 0.8]}},
    "a new axis in front": {"axes": {"fresh_fraction": [0.0, 0.1], **AXES}},
    "the axes in another order": {"axes": dict(reversed(AXES.items()))},
    "another title": {"title": "Renamed"},
}


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_a_study_that_grows_keeps_its_shards(
    extension: str, finished: Path, tmp_path: Path, numbers: xr.Dataset
) -> None:
    """And its numbers are those of the larger sweep computed at once."""
    changed = EXTENSIONS[extension]
    study = copied(finished, tmp_path)
    old = shards(study)
    before = stamps(old)
    grown = run(study, **changed)
    assert stamps(old) == before
    assert (grown.status == 1).all()
    assert jc.Sweep.from_toml(study / "sweep.toml") == sweep_of(**changed)
    assert grown.entropy.dims == (*sweep_of(**changed).dims, "replicate", "generation")
    assert grown.title == changed.get("title", "Small")
    where = {"batch_size": 8, "top_p": 1.0, "fresh_fraction": 0.0}
    within = grown.sel({name: value for name, value in where.items() if name in grown.dims})
    within = within.sel(temperature=numbers.temperature, learning_rate=numbers.learning_rate, replicate=slice(0, 3))
    assert_same_numbers(numbers, within.transpose(*numbers.entropy.dims))
    assert_same_numbers(grown, jc.run(sweep_of(**changed), devices=jax.local_devices()[:1], progress=False))


CONTRADICTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "seed": ({"seed": 6}, "seed 5, not 6"),
    "generations": ({"generations": 9}, "generations is 6 in the study and 9 in the sweep"),
    "observables": ({"observables": ["entropy"]}, "observables is .*support_size"),
    "records": ({"record": {"every": 2}}, r"recorded is \[0, 3, 6\] in the study and \[0, 2, 4, 6\] in the sweep"),
    "a threshold": ({"collapse_threshold": 0.1}, "collapse_threshold is 0.01 in the study and 0.1 in the sweep"),
    "precision": ({"precision": "float64"}, "precision is float32 in the study and float64 in the sweep"),
    "random numbers": ({"common_random_numbers": ["temperature"]}, "common_random_numbers"),
    "fewer replicates": ({"replicates": 3}, "replicates: 3: the study has 4"),
    "a removed value": ({"axes": {**AXES, "temperature": [0.9, 1.0]}}, r"2 cells .*temperature = 1\.1"),
    "a removed axis": ({"axes": {"temperature": [0.9, 1.1]}}, r"learning_rate = 2\.0"),
    "another constant": ({"process": {"vocab_size": 16, "batch_size": 4}}, "batch_size = 8"),
}


REFUSED_LATER = {
    "a field more whose cells share streams": (
        {"common_random_numbers": ["tied"], "axes": {"tied": {"zip": {"learning_rate": [0.1, 1.0]}}}},
        {"axes": {"tied": {"zip": {"learning_rate": [0.1, 1.0, 0.1], "batch_size": [8, 8, 4]}}}},
        r"common_random_numbers is \['learning_rate'\] in the study and \['batch_size', 'learning_rate'\] in the sweep",
    ),
    "logits in several contexts": (
        {"record": {"every": 3, "logits": True}},
        {"axes": {"model": ["categorical", "markov"], **AXES}},
        "model = 'markov' has logits in several contexts, but the study has them in one",
    ),
    "observables of a further model": (
        {"observables": ["default"]},
        {"axes": {"model": ["categorical", "markov"], **AXES}},
        "model = 'markov' has observables that the study lacks, and a group includes all that its models have; "
        "name the observables of the study",
    ),
}


@pytest.mark.parametrize("case", REFUSED_LATER)
def test_what_shards_cannot_go_with_is_refused_with_the_reason(case: str, tmp_path: Path) -> None:
    begun, changed, problem = REFUSED_LATER[case]
    common: dict[str, Any] = {
        "generations": 3,
        "replicates": 1,
        "process": {"vocab_size": 16},
        "observables": ["entropy"],
    }
    run(tmp_path / "study", **{**common, **begun})
    before = stamps(shards(tmp_path / "study"))
    with pytest.raises(jc.InputError, match=problem):
        run(tmp_path / "study", **{**common, **begun, "process": {"vocab_size": 16}, **changed})
    assert stamps(shards(tmp_path / "study")) == before


@pytest.mark.parametrize("contradiction", CONTRADICTIONS)
def test_a_sweep_that_contradicts_the_study_is_refused(contradiction: str, finished: Path, tmp_path: Path) -> None:
    changed, problem = CONTRADICTIONS[contradiction]
    study = copied(finished, tmp_path)
    files = [path for path in study.rglob("*") if path.is_file()]
    before = stamps(files)
    with pytest.raises(jc.InputError, match=problem) as caught:
        run(study, **changed)
    assert str(study) in str(caught.value)
    assert [path for path in study.rglob("*") if path.is_file()] == files
    assert stamps(files) == before


def test_a_folder_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(jc.InputError, match="neither empty nor a study"):
        run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(jc.InputError, match="neither empty nor a study"):
        run(tmp_path / "thesis.tex")
    assert (tmp_path / "thesis.tex").read_text() == "mine"
    with pytest.raises(jc.InputError, match=r"is not a study: it lacks sweep\.toml"):
        jc.open_study(tmp_path)


def test_a_folder_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(jc.InputError, match="cannot be written: Not a directory"):
        run(tmp_path / "file" / "study")
    run(tmp_path / "new" / "folders" / "study")
    assert (tmp_path / "new" / "folders" / "study" / "result.nc").exists()


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder that even its owner cannot write to: a read-only mount, or where that is not allowed, permissions."""
    folder = tmp_path / "read only"
    folder.mkdir()
    mounted = _mount(folder, "ro")
    if not mounted:
        if os.geteuid() == 0:
            pytest.skip("the superuser may write everywhere, and mounting is not permitted")
        folder.chmod(0o500)
    yield folder
    if mounted:
        subprocess.run(["umount", folder], check=True)
    folder.chmod(0o700)


def test_a_read_only_folder_is_said_so(read_only: Path) -> None:
    with pytest.raises(jc.InputError, match=r"cannot be written: (Read-only file system|Permission denied)"):
        run(read_only / "study")


def _mount(folder: Path, options: str) -> bool:
    """Mounts a small disk in memory; whether that worked."""
    if shutil.which("mount") is None:
        return False
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_a_study_can_be_moved(finished: Path, tmp_path: Path) -> None:
    """With the file that it reads, which may be gone from where it was."""
    source = tmp_path / "here"
    source.mkdir()
    (source / "p0.csv").write_text("token,probability\n" + "\n".join(f"t{i},{i + 1}" for i in range(16)))
    (source / "sweep.toml").write_text(_with_file("../here/p0.csv", [0.9, 1.1]))
    first = jc.run(jc.Sweep.from_toml(source / "sweep.toml"), source / "study", progress=False).load()
    first.close()
    assert re.fullmatch(r'file\(path="p0-\w{8}\.csv"\)', first.initial.item()), "its name in inputs/, as in sweep.toml"
    study = Path(shutil.move(source / "study", tmp_path / "there"))
    kept = stamps(shards(study))
    text = (source / "p0.csv").read_text()
    shutil.rmtree(source)

    with jc.open_study(study) as moved:
        assert_same_numbers(first, moved.load())
        assert moved.initial.item() == first.initial.item()
    (study / "result.nc").unlink()
    with jc.open_study(study) as again:
        assert again.initial.item() == first.initial.item()
    assert stamps(shards(study)) == kept
    for shard in shards(study):
        shard.unlink()
    with jc.run(Study.open(study).sweep, study, progress=False) as resumed:
        assert_same_numbers(first, resumed.load())

    (tmp_path / "again.csv").write_text(text)
    (tmp_path / "sweep.toml").write_text(_with_file("again.csv", [0.9, 1.1, 1.3]))
    kept = stamps(shards(study))
    with jc.run(jc.Sweep.from_toml(tmp_path / "sweep.toml"), study, progress=False) as grown:
        assert_same_numbers(first, grown.load().sel(temperature=[0.9, 1.1]))
    assert kept.items() <= stamps(shards(study)).items()

    (tmp_path / "again.csv").write_text(text.replace("t3,4", "t3,5"))
    with pytest.raises(jc.InputError, match="cells that the sweep lacks"):
        jc.run(jc.Sweep.from_toml(tmp_path / "sweep.toml"), study, progress=False)


def _with_file(path: str, temperatures: list[float]) -> str:
    return (
        'generations = 4\nreplicates = 3\nrecord = { every = 2 }\nobservables = ["entropy"]\n'
        f'[process]\ninitial = {{ kind = "file", path = "{path}" }}\n[axes]\ntemperature = {temperatures}\n'
    )


def test_the_plan_is_kept_beside_the_shards(finished: Path) -> None:
    told = json.loads((finished / "plan.json").read_text())
    assert told["study"] == Study.open(finished).fingerprint
    assert sorted(told["chunk_ids"]) == [path.stem for path in shards(finished)]
    assert told["settings"]["observables"] == SWEEP["observables"]
    assert told["trajectories"] == 16


# What only happens to a whole process. Many small buckets, so that shards are finished one after the other.

LONG: dict[str, Any] = {
    **SWEEP,
    "replicates": 2,
    "generations": 30,
    "record": {"every": 15},
    "observables": ["entropy"],
    "process": {"vocab_size": 16},
    "axes": {"steps": list(range(1, 61)), "batch_size": [8], "temperature": [0.9, 1.1]},
}


@pytest.fixture(scope="module")
def uninterrupted() -> xr.Dataset:
    return jc.run(jc.Sweep.from_dict(LONG), progress=False)


@pytest.fixture
def sweep_file(tmp_path: Path) -> Path:
    path = tmp_path / "long.toml"
    path.write_text(jc.Sweep.from_dict(LONG).to_toml())
    return path


def _command(sweep_file: Path, study: Path) -> list[str]:
    return [sys.executable, "-m", "jaxcollapse", "run", str(sweep_file), "--out", str(study), "--quiet"]


def _assert_resumes(sweep_file: Path, study: Path, uninterrupted: xr.Dataset) -> None:
    with jc.run(jc.Sweep.from_toml(sweep_file), study, progress=False) as resumed:
        assert_same_numbers(uninterrupted, resumed.load())


def _stopped(sweep_file: Path, folder: Path, by: signal.Signals) -> tuple[Path, int, str]:
    """A study whose run got this signal when it had stored three shards; its exit code, and what it said."""
    study = folder / "study"
    command = [sys.executable, "-c", interruptible.signalled(by, shards=3), *_command(sweep_file, study)[3:]]
    ended = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    return study, ended.returncode, ended.stderr


def test_a_run_that_is_killed_goes_on(sweep_file: Path, tmp_path: Path, uninterrupted: xr.Dataset) -> None:
    study, code, told = _stopped(sweep_file, tmp_path, signal.SIGKILL)
    assert code == -signal.SIGKILL, told
    kept = shards(study)
    assert 3 <= len(kept) < 60
    before = stamps(kept)
    assert not (study / "result.nc").exists()
    summary = Study.open(study).summary()
    assert summary["bad_shards"] == {}
    assert 0 < summary["missing"] < 240
    _assert_resumes(sweep_file, study, uninterrupted)
    assert stamps(kept) == before


@pytest.mark.parametrize(
    ("by", "told_as"),
    [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated"), (signal.SIGUSR1, "stopped by SIGUSR1")],
)
def test_a_run_that_is_stopped_keeps_what_it_computed(
    by: signal.Signals, told_as: str, sweep_file: Path, tmp_path: Path, uninterrupted: xr.Dataset
) -> None:
    study, code, told = _stopped(sweep_file, tmp_path, by)
    assert code == 1, told
    kept, stored = shards(study), 240 - Study.open(study).summary()["missing"]
    assert told.splitlines() == [
        "jaxcollapse: storing what is computed; interrupt again to stop at once",
        f"jaxcollapse: {told_as}; {stored} of 240 trajectories are stored; run the same command again to continue",
    ]
    assert sorted((study / "shards").iterdir()) == kept
    assert 3 <= len(kept) < 60
    before = stamps(kept)
    assert Study.open(study).summary()["bad_shards"] == {}
    _assert_resumes(sweep_file, study, uninterrupted)
    assert stamps(kept) == before


def test_two_runs_at_once_do_no_harm(sweep_file: Path, tmp_path: Path, uninterrupted: xr.Dataset) -> None:
    study = tmp_path / "study"
    runs = [subprocess.Popen(_command(sweep_file, study), stderr=subprocess.PIPE) for _ in range(2)]
    told = [process.communicate()[1].decode() for process in runs]
    assert [process.returncode for process in runs] == [0, 0], told
    with jc.open_study(study) as data:
        assert_same_numbers(uninterrupted, data.load())
    assert not list(study.rglob("*.tmp"))


def test_a_file_that_cannot_grow_ends_the_run_with_a_message(
    sweep_file: Path, tmp_path: Path, uninterrupted: xr.Dataset
) -> None:
    """The system refuses to write more than 10 kB to one file: a shard fails in the middle."""
    study = tmp_path / "study"
    limited = (
        "import resource, runpy\nresource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "runpy.run_module('jaxcollapse', run_name='__main__')\n"
    )
    command = [sys.executable, "-c", limited, *_command(sweep_file, study)[3:]]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("jaxcollapse: ")
    assert "cannot be written" in line
    assert str(study / "shards") in line
    assert list((study / "shards").iterdir()) == []
    _assert_resumes(sweep_file, study, uninterrupted)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if not _mount(folder, "size=600k"):
        pytest.skip("mounting a small disk is not permitted")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_small_disk_is_refused_before_anything_is_written(sweep_file: Path, small_disk: Path) -> None:
    ended = subprocess.run(_command(sweep_file, small_disk / "study"), capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert re.search(r"MB on disk before compression, but only 610 kB are free", ended.stderr)
    assert not list(small_disk.iterdir())


def test_a_disk_that_fills_up_ends_the_run_with_a_message(
    sweep_file: Path, small_disk: Path, tmp_path: Path, uninterrupted: xr.Dataset
) -> None:
    """As it may after the plan was made, when other programs write to it too: no room is checked for here."""
    study = small_disk / "study"
    text = (
        "import sys\nfrom pathlib import Path\nimport jaxcollapse as jc\nfrom jaxcollapse.execute import execute\n"
        "from jaxcollapse.store.study import Study\n"
        "sweep = jc.Sweep.from_toml(sys.argv[1])\nstudy = Study.create(Path(sys.argv[2]), sweep)\n"
        "for result in execute(jc.plan(sweep), lambda number: None):\n"
        "    try:\n        study.write(result)\n"
        "    except OSError as error:\n        sys.exit(f'{error.filename}: {error.strerror}')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", text, str(sweep_file), str(study)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert str(study / "shards") in ended.stderr
    assert "bytes are free on its disk" in ended.stderr or "No space left" in ended.stderr
    kept = shards(study)
    assert 3 < len(kept) < 60
    assert sorted((study / "shards").iterdir()) == kept
    summary = Study.open(study).summary()
    assert summary["bad_shards"] == {}
    assert summary["complete"] == 4 * len(kept)
    roomy = copied(study, tmp_path)
    before = stamps(shards(roomy))
    _assert_resumes(sweep_file, roomy, uninterrupted)
    assert before.items() <= stamps(shards(roomy)).items()
