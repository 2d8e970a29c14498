"""`import jaxcollapse` gives datasets their accessor, and loads nothing for it."""

import subprocess
import sys

import pytest

ASKED = "print(type(xarray.Dataset().collapse.plot).__name__)"
PROGRAMS = {
    "before xarray": f"import jaxcollapse, xarray; {ASKED}",
    "after xarray": f"import xarray, jaxcollapse; {ASKED}",
    "before a part of xarray": f"import jaxcollapse; from xarray import Dataset; import xarray; {ASKED}",
    "after a look for it": f"import jaxcollapse, importlib.util as u; u.find_spec('xarray'); import xarray; {ASKED}",
    "by the analysis": f"import jaxcollapse.analysis, xarray; {ASKED}",
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_every_dataset_has_the_accessor(program: str) -> None:
    ended = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr) == ("Plots\n", "")


def test_nothing_is_imported_for_it() -> None:
    program = "import sys, jaxcollapse; print(sorted({'xarray', 'jax', 'numpy', 'pandas'} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "[]\n"
