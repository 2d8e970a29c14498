"""jaxcollapse: thousands of self-training trajectories at once, as labelled datasets."""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from jaxcollapse._version import __version__ as __version__
from jaxcollapse.system import lazy_accessor

if TYPE_CHECKING:
    from jaxcollapse.distributions.own import initial
    from jaxcollapse.errors import InputError
    from jaxcollapse.execute.by_hand import SelfTraining
    from jaxcollapse.observables.own import event, observable
    from jaxcollapse.parameterisations import parameters
    from jaxcollapse.parameterisations.parameterisation import Parameterisation
    from jaxcollapse.parts.field_types import PerToken
    from jaxcollapse.parts.plugin import load_plugin
    from jaxcollapse.planning.plan import Plan
    from jaxcollapse.planning.planner import plan
    from jaxcollapse.refining import refine
    from jaxcollapse.running import open_study, run
    from jaxcollapse.sampling.counts import multinomial
    from jaxcollapse.store.joined import concat
    from jaxcollapse.sweep import Sweep
    from jaxcollapse.training.batch import Batch
    from jaxcollapse.training.corpora.corpus import Corpus
    from jaxcollapse.training.corpora.own import corpus
    from jaxcollapse.training.loss_terms import loss_term
    from jaxcollapse.training.optimizers import optimizer
    from jaxcollapse.training.rewards import Judged, reward
    from jaxcollapse.training.schedules import schedule
    from jaxcollapse.training.updates import update_rule
    from jaxcollapse.training.updates.rule import UpdateRule
    from jaxcollapse.walks.own import walk
    from jaxcollapse.walks.walk import Walk

__all__ = [
    "Batch",
    "Corpus",
    "InputError",
    "Judged",
    "Parameterisation",
    "PerToken",
    "Plan",
    "SelfTraining",
    "Sweep",
    "UpdateRule",
    "Walk",
    "concat",
    "corpus",
    "event",
    "initial",
    "load_plugin",
    "loss_term",
    "multinomial",
    "observable",
    "open_study",
    "optimizer",
    "parameters",
    "plan",
    "refine",
    "reward",
    "run",
    "schedule",
    "update_rule",
    "walk",
]

# HDF5 locks what it has open, and processes that are forked meanwhile, by compilers for GPUs say, hold the lock on, so
# that nobody could read what was just written. Nothing here needs its locks. HDF5 looks once, when it is first loaded.
os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")

lazy_accessor.register("collapse", lambda data: import_module(f"{__name__}.analysis.accessor").Collapse(data))

_HOMES = {
    "Batch": "training.batch",
    "Corpus": "training.corpora.corpus",
    "InputError": "errors",
    "Judged": "training.rewards",
    "Parameterisation": "parameterisations.parameterisation",
    "PerToken": "parts.field_types",
    "Plan": "planning",
    "SelfTraining": "execute.by_hand",
    "Sweep": "sweep",
    "UpdateRule": "training.updates.rule",
    "Walk": "walks.walk",
    "concat": "store.joined",
    "corpus": "training.corpora.own",
    "event": "observables.own",
    "initial": "distributions.own",
    "load_plugin": "parts.plugin",
    "loss_term": "training.loss_terms",
    "multinomial": "sampling.counts",
    "observable": "observables.own",
    "open_study": "running",
    "optimizer": "training.optimizers",
    "parameters": "parameterisations",
    "plan": "planning",
    "reward": "training.rewards",
    "refine": "refining",
    "run": "running",
    "schedule": "training.schedules",
    "update_rule": "training.updates",
    "walk": "walks.own",
}


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used, so that `import jaxcollapse` itself stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
