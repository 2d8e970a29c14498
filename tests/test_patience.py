"""A command ends with a message where reading a file does not end; Python that uses the package does not."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from jaxcollapse.system import watchdog

STUCK = """
import sys, time
from pathlib import Path
from jaxcollapse.system import watchdog

if sys.argv[1] == "command":
    watchdog.lose(2.0)
with watchdog.reading(Path("quick")):
    pass
time.sleep(3)
with watchdog.reading(Path("st\\x1buck.nc")):
    time.sleep(float(sys.argv[2]))
print("goes on")
"""


def ended(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", STUCK, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_command_does_not_wait_for_ever() -> None:
    done = ended("command", "60")
    assert done.returncode == 1
    assert done.stdout == "", "it waited until the file was read"
    assert done.stderr.startswith(r"jaxcollapse: st\x1buck.nc: HDF5 hangs while reading it")
    assert done.stderr.count("\n") == 1


def test_python_is_not_ended() -> None:
    done = ended("python", "1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "goes on\n", "")


def test_that_there_is_no_thread_to_be_had_is_no_fault_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "_seconds", 60.0)
    usual = threading.stack_size(2**46)  # more than the system has
    try:
        with pytest.raises(OSError, match="cannot be read now: can't start new thread"), watchdog.reading(Path("a.nc")):
            pass
    finally:
        threading.stack_size(usual)
