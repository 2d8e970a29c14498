"""Tests, and the environment of their processes and of those that they start."""

import os
import sys

# Files run side by side, one for each core: NumPy's threads would keep the cores busy with waiting for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Each of the hundreds of processes would compile the package's source again, for half a second.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
