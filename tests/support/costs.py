"""Processor time of each test file, of processes that it starts included: `pytest -p tests.support.costs`.

Real time depends on what else the machine does, and on which tests run side by side.
"""

import os
from collections import Counter
from collections.abc import Generator
from typing import Any

import pytest

_SHOWN = 60  # files

_spent: Counter[str] = Counter()
_since = 0.0


def _now() -> float:
    return sum(os.times()[:4])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Each report has the seconds since the one before, in the process that runs the tests."""
    global _since
    report = yield
    report.processor, _since = (now := _now()) - _since, now
    return report


def pytest_collection_finish() -> None:
    """Imports for the collection of tests belong to none of them."""
    global _since
    _since = _now()


def pytest_runtest_logreport(report: Any) -> None:
    """Adds up the seconds of a file."""
    _spent[report.nodeid.split("::")[0]] += report.processor


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The files that take longest."""
    terminalreporter.section(f"processor time: {_spent.total():.0f} s")
    for name, seconds in _spent.most_common(_SHOWN):
        terminalreporter.write_line(f"{seconds:7.1f} s  {name}")
