"""A study that grows step by step opens each small shard once, and a file that changes is read again."""

from collections import Counter
from contextlib import AbstractContextManager
from pathlib import Path

import netCDF4
import pytest

from jaxcollapse.store import shard
from jaxcollapse.system import atomic
from tests.support.studies import run, shards


def test_a_step_of_an_adaptive_loop_opens_no_earlier_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, opened, steps = shard.opened, Counter[Path](), list[Counter[Path]]()

    def counted(path: Path) -> AbstractContextManager[netCDF4.Dataset]:
        opened[path] += 1
        return read(path)

    monkeypatch.setattr(shard, "opened", counted)
    monkeypatch.setattr(atomic, "_SETTLED", -(10**18))  # else a file is read again until it is two seconds old
    for replicates in (1, 2, 3):
        run(tmp_path / "study", replicates=replicates)
        steps.append(opened.copy())
        opened.clear()
    assert [len(step) for step in steps] == [1, 1, 1]
    assert len({step.total() for step in steps}) == 1
    assert set().union(*steps) == set(shards(tmp_path / "study"))
