"""The sweep file: its fields, its axes, what fits together, and the grid of cells that follows."""

from jaxcollapse.sweep.sweep import Sweep

__all__ = ["Sweep"]
