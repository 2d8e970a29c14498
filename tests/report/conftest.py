"""A browser for the tests of a module, and the report of the quickstart."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.conftest import Finished
from tests.support.browsing import started


@pytest.fixture(scope="module")  # while it is open, its event loop is that of the whole process
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


@pytest.fixture(scope="session")
def quickstart_report(quickstart: Finished) -> Path:
    """The report of the quickstart as a user writes it: a process of its own."""
    command = [sys.executable, "-m", "jaxcollapse", "report", "results/quickstart"]
    done = subprocess.run(command, cwd=quickstart.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "report: results/quickstart/report.html\n"
    return quickstart.folder / "results/quickstart/report.html"
