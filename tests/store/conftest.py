"""A finished study, for tests to copy and damage."""

from pathlib import Path

import pytest

from tests.support.studies import run


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "study"
    run(folder)
    return folder
