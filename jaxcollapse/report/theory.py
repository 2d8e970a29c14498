"""What theory says of a quantity, where it says something."""

from collections.abc import Iterable

import numpy as np
import xarray as xr

from jaxcollapse.analysis.status import cell_dims, counted
from jaxcollapse.analysis.theory import predictions
from jaxcollapse.report.quantities import Quantity


def theory_of(data: xr.Dataset, quantities: Iterable[Quantity]) -> dict[str, np.ndarray]:
    """The means of observables, and the shares before events, by theory [axis, …, generation], where it has a law."""
    is_event = {quantity.name: quantity.is_event for quantity in quantities}
    try:
        found = predictions(data, is_event)
    except ValueError:  # a coordinate is gone
        return {}
    return {name: 1 - values if is_event[name] else values for name, values in found.items()}


def mean_of(data: xr.Dataset, quantity: Quantity) -> np.ndarray:
    """The mean of an observable over replicates, which is what theory predicts: [axis, …, generation]."""
    values = counted(data, data[quantity.name])
    in_rows = np.ascontiguousarray(values.values)  # rounding depends on the order in memory, which selections change
    mean = values.copy(data=in_rows).mean("replicate")
    return mean.transpose(*cell_dims(data.status), "generation").values
