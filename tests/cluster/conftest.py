"""Slurm for the tests of this folder, where one can be started."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from tests.cluster.slurm import Slurm, lacking, started

# On import it would set up the logging of the whole process, and close the handlers that there are.
with mock.patch.dict(os.environ, SUBMITIT_LOG_LEVEL="NOCONFIG"):
    import submitit  # noqa: F401


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    """A running cluster of this machine alone."""
    missing = lacking()
    if missing:
        pytest.skip(missing)
    with tempfile.TemporaryDirectory(prefix="slurm") as folder, started(Path(folder)) as cluster:
        yield cluster
