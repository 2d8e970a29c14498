"""`python -m jaxcollapse`, and the command `jaxcollapse`, which heeds signals before it imports what takes long."""

import atexit
import contextlib
import gc
import os
import sys

from jaxcollapse.system.signals import ending

_COLLECTS_EVERY = 200_000  # new objects
_SILENT = {"-q", "--quiet", "-h", "--help"}


def main() -> None:
    """Entry point of the command."""
    # Python looks for garbage after 700 new objects, and twice more when it ends. The packages' modules are hundreds of
    # thousands of objects, and none of them is garbage.
    gc.set_threshold(_COLLECTS_EVERY)
    atexit.register(gc.freeze)  # registered first, so that it runs last
    # NumPy's many small products of matrices would keep every core busy with waiting for the others.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with ending(1):
        _show_life(sys.argv[1:])
        from jaxcollapse.cli.main import main as command
    command()


def _show_life(arguments: list[str]) -> None:
    """A line at once where a run begins: it takes seconds to import JAX, and longer from a shared disk."""
    if arguments[:1] == ["run"] and _SILENT.isdisjoint(arguments) and sys.stderr:
        with contextlib.suppress(OSError):
            print("jaxcollapse: starting", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
