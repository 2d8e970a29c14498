"""Slurm for the tests of this folder, where one can be started."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.slurm import Slurm, lacking, started


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    """A running cluster of this machine alone."""
    missing = lacking()
    if missing:
        pytest.skip(missing)
    with tempfile.TemporaryDirectory(prefix="slurm") as folder, started(Path(folder)) as cluster:
        yield cluster
