"""What values a variable can have in each cell: what its attributes say, and what the sizes of the model allow."""

import numpy as np
import xarray as xr

from jaxcollapse.observables import OBSERVABLES
from jaxcollapse.observables.possible import Sizes

# The fields that count them.
_CONTEXTS = {"persona": "personas", "ensemble": "models", "markov": "vocab_size", "sequence": "probes"}
COORDINATES = (
    "model",
    "vocab_size",
    "order",
    "support_threshold",
    *_CONTEXTS.values(),
)  # on which possible ranges depend


def possible_range(values: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """The least and the largest value that a variable can have, along the axes on which they depend.

    Where the dataset says less, as without the coordinate `vocab_size`, the range is wider.
    """
    least, most = (xr.Variable((), float(end)) for end in values.attrs.get("possible_range", (-np.inf, np.inf)))
    if values.name in OBSERVABLES:
        low, high = OBSERVABLES[str(values.name)].possible(_sizes(values))
        least, most = xr.where(low > least, low, least), xr.where(high < most, high, most)
    return xr.DataArray(least), xr.DataArray(most)


def _sizes(values: xr.DataArray) -> Sizes:
    """The sizes that the coordinates give."""

    def told(name: str, unknown: float | str) -> xr.Variable:
        if name not in values.coords:
            return xr.Variable((), unknown)
        return values.coords[name].variable.fillna(unknown)

    model, contexts = told("model", ""), xr.Variable((), np.inf)
    for kind, field in _CONTEXTS.items():
        contexts = xr.where(model == kind, told(field, np.inf), contexts)
    order, windows = told("order", 1.0), contexts
    for length in range(2, int(order.max()) + 1):  # of windows of a chain
        windows = windows + xr.where(length <= order, contexts**length, 0)
    contexts = xr.where(model == "markov", windows, contexts)
    return Sizes(told("vocab_size", np.inf), contexts, told("support_threshold", 1.0))
