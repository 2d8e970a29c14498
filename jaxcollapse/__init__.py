"""jaxcollapse: thousands of self-training trajectories at once, as labelled datasets."""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from jaxcollapse._version import __version__ as __version__

if TYPE_CHECKING:
    from jaxcollapse.errors import InputError
    from jaxcollapse.execute.by_hand import SelfTraining
    from jaxcollapse.observables.own import event, observable
    from jaxcollapse.parts.plugin import load_plugin
    from jaxcollapse.planning.plan import Plan
    from jaxcollapse.planning.planner import plan
    from jaxcollapse.running import open_study, run
    from jaxcollapse.sampling.counts import multinomial
    from jaxcollapse.sweep import Sweep

__all__ = [
    "InputError",
    "Plan",
    "SelfTraining",
    "Sweep",
    "event",
    "load_plugin",
    "multinomial",
    "observable",
    "open_study",
    "plan",
    "run",
]

# HDF5 locks what it has open, and processes that are forked meanwhile, by compilers for GPUs say, hold the lock on, so
# that nobody could read what was just written. Nothing here needs its locks. HDF5 looks once, when it is first loaded.
os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")

_HOMES = {
    "InputError": "errors",
    "Plan": "planning",
    "SelfTraining": "execute.by_hand",
    "Sweep": "sweep",
    "event": "observables.own",
    "load_plugin": "parts.plugin",
    "multinomial": "sampling.counts",
    "observable": "observables.own",
    "open_study": "running",
    "plan": "planning",
    "run": "running",
}


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used, so that `import jaxcollapse` itself stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
