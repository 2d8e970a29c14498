"""Several runs in threads of one process, and others that read at the same time."""

import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

THREADS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import jaxcollapse as jc
from tests.support.studies import run

folder = Path(sys.argv[1])
run(folder / "first", replicates=40)

def compute(number):
    return run(folder / str(number), replicates=40).entropy.values.tobytes()

def read(number):
    for _ in range(10):
        with jc.open_study(folder / "first") as data:
            found = data.entropy.values.tobytes()
    return found

with ThreadPoolExecutor(6) as pool:
    computing, reading = pool.map(compute, range(3)), pool.map(read, range(3))
    found = [*computing, *reading]
    assert len(set(found)) == 1
"""


def test_runs_in_threads_of_one_process_give_the_numbers_of_one_alone(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", THREADS, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
