"""Which trajectories of a dataset count, and what they were at a generation."""

import numpy as np
import xarray as xr

from jaxcollapse.errors import did_you_mean, shown

DIMENSIONS = ("replicate", "generation")
ASKED = "replicates"  # the coordinate that says how many replicates each cell has, where a rule says so


def status_of(data: xr.Dataset) -> xr.DataArray:
    """The status of each trajectory, along `replicate` and the axes; missing where joined datasets have no cell.

    Raises:
        ValueError: it is missing, of no trajectory, or without the flags that explain it.
    """
    if "replicate" not in data.dims:
        raise ValueError(
            "the dataset lacks the dimension 'replicate', over which statistics are taken; "
            "select replicates with a list, as in replicate=[0]"
        )
    if "status" not in data or "replicate" not in data.status.dims:
        raise ValueError(
            "the dataset lacks the variable 'status' along 'replicate', which marks the complete trajectories"
        )
    if not {"flag_values", "flag_meanings"} <= data.status.attrs.keys():
        raise ValueError(
            "'status' lacks the attributes flag_values and flag_meanings; keep the attributes of the dataset"
        )
    for name, size in data.status.sizes.items():
        if size == 0:
            raise ValueError(f"the dataset is empty along {name!r}")
    if data.status.dtype.kind in "iu":  # as it is recorded
        return data.status
    return data.status.fillna(_flag(data.status, "missing"))


def has_status(data: xr.Dataset, meaning: str) -> xr.DataArray:
    """Which trajectories have this status, by the flags that the dataset explains itself with.

    Args:
        data: a dataset with `status`.
        meaning: "missing", "complete" or "diverged". Where a rule says how many replicates a cell has, no further
            ones are missing.

    Raises:
        ValueError: what `status_of` refuses.
    """
    status = status_of(data)
    holds = status == _flag(status, meaning)
    if meaning == "missing" and ASKED in data.coords:
        return holds & ~(data["replicate"] >= data[ASKED])  # NaN where joined datasets have no rule
    return holds


def number_of_replicates(data: xr.Dataset) -> str:
    """How many replicates cells have: "64", or "64 to 512" where a rule says how many each has."""
    most = data.sizes["replicate"]
    if ASKED not in data.coords:
        return str(most)
    asked = np.minimum(data[ASKED].fillna(most).values, most).astype(int)
    asked = asked[asked > 0] if asked.any() else asked  # 0 where the sweep has no cell
    least, most = int(asked.min()), int(asked.max())
    return str(most) if least == most else f"{least} to {most}"


def own_cells(data: xr.Dataset) -> xr.DataArray:
    """The places along the axes that have a cell which no earlier place has: each cell once."""
    status = status_of(data)
    own = xr.DataArray(np.ones([status.sizes[name] for name in cell_dims(status)], bool), dims=cell_dims(status))
    for name, wanted in (("is_cell", True), ("is_repeated", False)):
        if name in data.coords:
            own = own & (data[name].reset_coords(drop=True).fillna(wanted).astype(bool) == wanted)
    return own.transpose(*cell_dims(status))


def _flag(status: xr.DataArray, meaning: str) -> int:
    return int(status.attrs["flag_values"][status.attrs["flag_meanings"].split().index(meaning)])


def counted(data: xr.Dataset, values: xr.DataArray) -> xr.DataArray:
    """Values of the trajectories that are complete; NaN for those that are missing or diverged."""
    return values.where(has_status(data, "complete"))


def at_generation(data: xr.Dataset, generation: int | None = None) -> xr.Dataset:
    """The dataset at one of its recorded generations, by default the last.

    Raises:
        ValueError: the generation is not recorded, or there is no dimension `generation`.
    """
    check_generations(data)
    if generation is None:
        return data.isel(generation=int(data.generation.values.argmax()))
    if not isinstance(generation, int | float | np.number):
        raise ValueError(f"generation = {shown(generation)} is not a number; give one generation")
    recorded = data.generation.values
    if generation not in recorded:
        near = recorded[np.argsort(np.abs(recorded - generation))[:2]]
        raise ValueError(
            f"generation = {generation} is not recorded; the nearest recorded ones are "
            f"{', '.join(map(str, sorted(near)))}"
        )
    return data.sel(generation=generation)


def last_generation(data: xr.Dataset) -> int:
    """The greatest of the recorded generations, wherever it is among them."""
    check_generations(data)
    return int(data.generation.max())


def check_generations(data: xr.Dataset) -> None:
    """Raises ValueError unless the dataset has generations."""
    if not data.sizes.get("generation"):
        raise ValueError("the dataset lacks the dimension 'generation'; select generations with a list, as in [100]")


def variable(data: xr.Dataset, name: str) -> xr.DataArray:
    """A variable of the dataset that has a value for each trajectory.

    Raises:
        ValueError: there is no variable of this name, or the dataset has no trajectories.
    """
    status_of(data)
    known = [str(each) for each in data.data_vars if "replicate" in data.variables[each].dims and each != "status"]
    if name not in known:
        raise ValueError(f"{name!r} is not an observable of this dataset{did_you_mean(name, known)}")
    return data[name]


def is_event(values: xr.DataArray) -> bool:
    """Whether a variable is the time of an event, which the dataset says by its censoring."""
    return "censoring" in values.attrs


def cell_dims(values: xr.DataArray | xr.Dataset) -> list[str]:
    """The dimensions that distinguish cells: the axes, and any further dimension of a variable."""
    return [str(name) for name in values.dims if name not in DIMENSIONS]


def label_of(values: xr.DataArray) -> tuple[str, str]:
    """The long name and the units of a variable, as its attributes have them."""
    return str(values.attrs.get("long_name", values.name)), str(values.attrs.get("units", "1"))
