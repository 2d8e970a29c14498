"""Observables: what is measured of a trajectory. Importing this package fills the registry."""

from jaxcollapse.observables import chain, cooling, diversity, events, original, personas, rows, texts
from jaxcollapse.observables.registry import OBSERVABLES, Observable, catalogue, select

__all__ = [
    "OBSERVABLES",
    "Observable",
    "catalogue",
    "chain",
    "cooling",
    "diversity",
    "events",
    "original",
    "personas",
    "rows",
    "select",
    "texts",
]

OBSERVABLES.close()
