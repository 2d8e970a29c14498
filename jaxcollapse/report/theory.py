"""What theory says of a quantity, where it says something."""

import numpy as np
import xarray as xr

from jaxcollapse.analysis.status import cell_dims, counted
from jaxcollapse.analysis.theory import LAWS, predict
from jaxcollapse.report.quantities import Quantity


def theory_of(data: xr.Dataset, quantity: Quantity) -> np.ndarray | None:
    """The mean of an observable, or the share before an event, by theory: [axis, …, generation]; None without a law."""
    if quantity.name not in LAWS:
        return None
    try:
        curve = predict(data, quantity.name)
    except ValueError:  # no law is known in any cell, or a coordinate is gone
        return None
    values = curve.transpose(*cell_dims(data.status), "generation").values
    return 1 - values if quantity.is_event else values


def mean_of(data: xr.Dataset, quantity: Quantity) -> np.ndarray:
    """The mean of an observable over replicates, which is what theory predicts: [axis, …, generation]."""
    mean = counted(data, data[quantity.name]).mean("replicate")
    return mean.transpose(*cell_dims(data.status), "generation").values
