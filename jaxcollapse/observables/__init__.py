"""Observables: what is measured of a trajectory. Importing this package fills the registry."""

from jaxcollapse.observables import cooling, diversity, events, original
from jaxcollapse.observables.registry import OBSERVABLES, Observable, catalogue, select

__all__ = ["OBSERVABLES", "Observable", "catalogue", "cooling", "diversity", "events", "original", "select"]
