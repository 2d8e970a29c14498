"""What follows from a finished study is made once: its picture and its page are kept until they would be others."""

import os
from pathlib import Path

from typer.testing import CliRunner

import jaxcollapse
from jaxcollapse.cli.main import app
from jaxcollapse.system.up_to_date import is_up_to_date

SWEEP = "generations = 4\nreplicates = 4\n[process]\nvocab_size = 8\n[axes]\ntemperature = [0.5, 1.0]\n"


def invoke(*arguments: str | Path) -> None:
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == 0, result.output


def age(path: Path, seconds: float) -> None:
    """Makes a file older, or newer."""
    os.utime(path, (path.stat().st_mtime + seconds,) * 2)


def test_a_file_is_up_to_date_if_it_is_newer_than_its_source_and_the_package(tmp_path: Path) -> None:
    made, source = tmp_path / "made", tmp_path / "source"
    assert not is_up_to_date(made, source)
    source.touch()
    made.touch()
    age(source, -10)
    assert is_up_to_date(made, source)
    age(source, 20)
    assert not is_up_to_date(made, source)
    age(source, -(10**9))
    package = max(path.stat().st_mtime for path in Path(jaxcollapse.__file__).parent.rglob("*.py"))
    os.utime(made, (package - 1, package - 1))
    assert not is_up_to_date(made, source)


def test_a_study_that_is_finished_is_drawn_and_reported_once(tmp_path: Path) -> None:
    sweep, study = tmp_path / "s.toml", tmp_path / "study"
    sweep.write_text(SWEEP)

    def once_more() -> tuple[int, int]:
        invoke("run", sweep, "--out", study)
        invoke("report", study)
        return (study / "phase.png").stat().st_mtime_ns, (study / "report.html").stat().st_mtime_ns

    first = once_more()
    assert once_more() == first
    (study / "report.html").unlink()
    picture, page = once_more()
    assert picture == first[0]
    assert page > first[1]
    sweep.write_text(SWEEP.replace("replicates = 4", "replicates = 5"))
    assert all(later > earlier for later, earlier in zip(once_more(), (picture, page), strict=True))
