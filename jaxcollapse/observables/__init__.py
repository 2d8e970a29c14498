"""Observables: what is measured of a trajectory. A file in this folder adds one or more."""

from jaxcollapse.observables.registry import OBSERVABLES, Observable, catalogue, select
from jaxcollapse.parts.slot import import_all

__all__ = ["OBSERVABLES", "Observable", "catalogue", "select"]

import_all(__name__, __path__)

OBSERVABLES.close()
