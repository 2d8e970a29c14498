"""What people see while they wait: life at once, a bar on terminals, plain lines elsewhere, numbers to read."""

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from jaxcollapse.execute.progress import Lines
from jaxcollapse.planning.display import as_number, as_rate, as_seconds

SWEEP = "generations = 2\nreplicates = 2\n[process]\nvocab_size = 4\n[axes]\ntemperature = [0.5, 1.0]\n"
COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9]")
KEPT: Any = {"capture_output": True, "text": True, "check": True}
COMMAND = [sys.executable, "-m", "jaxcollapse"]


def shown(arguments: list[str], folder: Path, **environment: str) -> str:
    """All that a command writes to a terminal."""
    (folder / "s.toml").write_text(SWEEP)
    ours, theirs = pty.openpty()
    taken = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=folder,
        env={**taken, "TERM": "xterm-256color", **environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    text = b""
    try:
        while piece := os.read(ours, 2**16):
            text += piece
    except OSError:  # which is how Linux says that the other end is closed
        pass
    os.close(ours)
    assert process.wait(60) == 0, text
    return text.decode()


def test_a_terminal_shows_a_bar_and_colours(tmp_path: Path) -> None:
    text = shown(["run", "s.toml"], tmp_path)
    assert COLOUR.search(text)
    assert "\x1b[?25l" in text, "the cursor is hidden while the bar moves"


@pytest.mark.parametrize(
    ("arguments", "environment"), [(["--plain"], {}), ([], {"TERM": "dumb"})], ids=["option", "dumb terminal"]
)
def test_plain_output_has_neither(arguments: list[str], environment: dict[str, str], tmp_path: Path) -> None:
    text = shown(["run", "s.toml", *arguments], tmp_path, **environment)
    assert "\x1b" not in text
    assert "\r" not in text.replace("\r\n", "")
    assert re.search(r"^4/4 trajectories, .*/s, 0 s left\r$", text, re.MULTILINE)


def test_no_color_is_heeded(tmp_path: Path) -> None:
    text = shown(["run", "s.toml"], tmp_path, NO_COLOR="1")
    assert not COLOUR.search(text)


def test_a_run_shows_life_before_it_imports_jax(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(SWEEP)
    command = [sys.executable, "-X", "importtime", "-m", "jaxcollapse", "run", "s.toml", "--plain"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stderr
    before = told.split("jaxcollapse: starting\n")[0]
    imported = set(re.findall(r"\|\s+(\S+)$", before, re.MULTILINE))
    assert not imported & {"jax", "numpy", "xarray", "typer"}
    messages = [line for line in told.splitlines() if not line.startswith("import time:")]
    assert messages[:2] == ["jaxcollapse: starting", "0/4 trajectories, compiling"]
    assert "starting" not in subprocess.run([*COMMAND, "run", "s.toml", "-q"], **KEPT, cwd=tmp_path).stderr


def test_the_rate_leaves_out_what_comes_before_computing() -> None:
    """Compiling takes 60 s here, computing 10 s for 10 100 of 20 200 trajectories."""
    now, text = 0.0, io.StringIO()
    lines = Lines(20_200, Console(file=text), lambda: now)
    with lines:
        now = 60.0
        lines.advance(0)
        now = 70.0
        lines.advance(10_100)
        lines.advance(10_100)
    assert text.getvalue().splitlines() == [
        "0/20,200 trajectories, compiling",
        "10,100/20,200 trajectories, 1,010/s, 10 s left",
        "20,200/20,200 trajectories, 2,020/s, 0 s left",
    ]


def test_where_nobody_says_that_computing_begins_all_time_counts() -> None:
    """Workers of an executor say what they have finished only."""
    now, text = 0.0, io.StringIO()
    with Lines(10, Console(file=text), lambda: now) as lines:
        now = 20.0
        lines.advance(5)
    assert text.getvalue().splitlines()[1:] == ["5/10 trajectories, 15/min, 20 s left"]


def test_numbers_are_written_for_people() -> None:
    assert [as_rate(each) for each in (1010, 12.3, 1.25, 0.5, 0.001)] == ["1,010/s", "12/s", "1.2/s", "30/min", "3.6/h"]
    assert [as_seconds(each) for each in (0.0, 3.21, 119.0, 5400.0, 1e6)] == [
        "0 s",
        "3.2 s",
        "119 s",
        "90 min",
        "12 days",
    ]
    assert [as_number(each) for each in (288, 4.3e8, 2.9e9, 1.2e14)] == [
        "288",
        "430 million",
        "2.9 billion",
        "120 trillion",
    ]


def test_shells_complete_commands_and_options() -> None:
    for words, expected in (("jaxcollapse sta", ["status"]), ("jaxcollapse run --pla", ["--plain", "--platform"])):
        environment = {"_JAXCOLLAPSE_COMPLETE": "complete_bash", "COMP_WORDS": words}
        environment["COMP_CWORD"] = str(len(words.split()) - 1)
        done = subprocess.run(
            [Path(sys.executable).with_name("jaxcollapse")], env={**os.environ, **environment}, **KEPT
        )
        assert sorted(done.stdout.split()) == expected
