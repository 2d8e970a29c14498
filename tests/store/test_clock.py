"""A wall clock that runs backwards, as after a step of NTP: waits and ages go by the monotonic clock."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import jaxcollapse as jc
from tests.support.studies import SWEEP, assert_same_numbers

CLOCK = Path(__file__).parents[1] / "support" / "emulated" / "clock.cpp"
COMPILER = shutil.which("c++")


@pytest.mark.skipif(COMPILER is None, reason="there is no C++ compiler")
def test_a_run_is_as_ever_while_the_clock_runs_backwards(tmp_path: Path) -> None:
    assert COMPILER
    library, study, sweep = tmp_path / "clock.so", tmp_path / "study", jc.Sweep.from_dict(SWEEP)
    subprocess.run([COMPILER, "-shared", "-fPIC", "-O1", str(CLOCK), "-o", str(library), "-ldl"], check=True)
    (tmp_path / "sweep.toml").write_text(sweep.to_toml())
    here = {**os.environ, "LD_PRELOAD": str(library)}
    asked = "import time; first = time.time(); time.sleep(0.01); print(time.time() < first)"
    told = subprocess.run([sys.executable, "-c", asked], env=here, capture_output=True, text=True, check=True)
    assert told.stdout == "True\n"
    command = [sys.executable, "-m", "jaxcollapse", "run", str(tmp_path / "sweep.toml"), "--out", str(study), "--quiet"]
    for _ in range(2):
        subprocess.run(command, env=here, check=True, capture_output=True, timeout=300)
    with jc.open_study(study) as data:
        assert_same_numbers(data.load(), jc.run(sweep, progress=False))
