"""`jaxcollapse report`: what it writes, says and returns."""

import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from jaxcollapse.cli.main import app
from tests.support import studies


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reported") / "study"
    studies.run(folder)
    return folder


def test_the_report_stands_in_the_study_unless_a_file_is_named(study: Path, tmp_path: Path) -> None:
    done = invoke("report", study)
    assert (done.exit_code, done.stdout) == (0, f"report: {study / 'report.html'}\n")
    elsewhere = tmp_path / "page.html"
    assert invoke("report", study, "--out", elsewhere).stdout == f"report: {elsewhere}\n"
    pages = [path.read_text("utf-8") for path in (study / "report.html", elsewhere)]
    one, other = (re.sub(r'"p\d+"', "", page) for page in pages)  # Bokeh goes on counting its models
    assert one == other


def test_a_report_of_an_unfinished_study_says_what_is_missing(study: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(study, tmp_path / "study"))
    studies.shards(copied)[0].unlink()
    (copied / "result.nc").unlink()
    done = invoke("report", copied, "--json")
    assert (done.exit_code, json.loads(done.stdout)) == (1, {"report": str(copied / "report.html"), "missing": 4})
    assert "4 of 16 trajectories are not computed yet." in (copied / "report.html").read_text("utf-8")


@pytest.mark.parametrize("command", ["report", "explore"])
def test_what_is_no_study_is_refused(command: str, tmp_path: Path) -> None:
    done = invoke(command, tmp_path)
    assert done.exit_code == 2
    assert done.stderr == f"jaxcollapse: {tmp_path}: is not a study: it lacks sweep.toml\n"


def test_a_file_that_cannot_be_written_is_named(study: Path, tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "page.html"
    done = invoke("report", study, "--out", path)
    assert done.exit_code == 2
    assert done.stderr == f"jaxcollapse: {path}: cannot be written: No such file or directory\n"


@pytest.mark.parametrize("name", [".", "", "pipe", "link to a pipe", "x" * 300])
def test_what_is_no_file_is_not_replaced_by_a_page(name: str, study: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link to a pipe").symlink_to("pipe")
    done = invoke("report", study, "--out", tmp_path / name if name else "")
    assert done.exit_code == 2
    assert "Traceback" not in done.stderr
    assert (tmp_path / "pipe").is_fifo()
    assert (tmp_path / "link to a pipe").is_symlink()


def test_a_port_that_is_taken_is_named(study: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = invoke("explore", study, "--no-browser", "--port", str(port))
    assert done.exit_code == 2
    assert f"port: {port} cannot be used: Address already in use" in done.stderr


@pytest.mark.parametrize("command", ["report", "explore"])
def test_without_bokeh_it_is_said_what_to_install(command: str, study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needing = ("bokeh", "jaxcollapse.report.page", "jaxcollapse.report.figures")
    for name in [name for name in sys.modules if name.startswith(needing)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "bokeh", None)
    (study / "report.html").unlink(missing_ok=True)  # a page that is up to date needs nothing
    done = invoke(command, study)
    assert done.exit_code == 2
    assert done.stderr == f"jaxcollapse: {study}: needs bokeh: pip install 'jaxcollapse[report]'\n"
