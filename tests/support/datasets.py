"""Datasets of every shape, made by hand from a fixed seed: what a result may look like to those who read it."""

from typing import Any

import numpy as np
import xarray as xr

INF, NAN = float("inf"), float("nan")
GENERATIONS = [0, 1, 3, 10, 30, 100]


def made(
    axes: dict[str, list[Any]], replicates: int = 5, zips: dict[str, dict[str, list[Any]]] | None = None
) -> xr.Dataset:
    """A dataset over these axes and zips: gaps of 0 to ∞, censored events; the first two cells lack some."""
    zips = zips or {}
    sizes = {
        **{name: len(values) for name, values in axes.items()},
        **{n: len(next(iter(z.values()))) for n, z in zips.items()},
    }
    shape = (*sizes.values(), replicates)
    generator = np.random.default_rng(0)
    time = np.array(GENERATIONS) / 100
    pace = generator.exponential(size=(*shape, 1)) * time
    gap = np.where(pace > 1.5, INF, 2 * pace)
    series = {
        "entropy": (3 * np.exp(-pace), "nat", "Shannon entropy"),
        "recovery_gap": (gap, "nat", "recovery gap"),
        "smoothed_recovery_gap": (gap, "nat", "smoothed recovery gap"),
        "smoothed_kl_to_initial": (gap * 3, "nat", "smoothed excess log loss on original data"),
        "smoothed_recovery_temperature": (np.where(np.isinf(gap), NAN, 1 + pace), "1", "smoothed recovery temperature"),
        "order_gap": (gap, "nat", "order gap"),
        "uniform_kl_to_initial": (np.full_like(gap, 2.0), "nat", "excess log loss of the uniform distribution"),
        "effective_temperature": (np.where(pace > 2, INF, np.exp(-pace)), "1", "effective temperature"),
        "modal_probability": (1 - 0.7 * np.exp(-5 * pace), "1", "modal probability"),
        "mode_is_original": ((pace < 0.7).astype(float), "1", "mode equals the original mode"),
    }
    dims = (*sizes, "replicate")
    data = {
        name: xr.Variable((*dims, "generation"), values, {"long_name": text, "units": units})
        for name, (values, units, text) in series.items()
    }
    times = np.ceil(generator.exponential(80, shape))
    told = {
        "long_name": "collapse time",
        "units": "generation",
        "censoring": "missing if it has not happened by 100",
    }
    data["collapse_time"] = xr.Variable(dims, np.where(times > 100, NAN, times), told)
    data["half_life"] = xr.Variable(dims, np.ceil(times / 4), {**told, "long_name": "half-life of heterozygosity"})
    status = np.ones(shape, np.int8)
    cells = status.reshape(-1, replicates)
    if len(cells) > 1:
        cells[0, :] = 0  # a cell that has not been computed
        cells[1, 0] = 2
    for name, variable in data.items():
        lost = status == 0 if variable.ndim == len(dims) else (status == 0)[..., None]
        data[name] = variable.copy(data=np.where(lost, NAN, variable.values))
    flags = {"flag_values": np.array([0, 1, 2], np.int8), "flag_meanings": "missing complete diverged"}
    data["status"] = xr.Variable(dims, status, flags)
    fields = {field: (name, values) for name, each in zips.items() for field, values in each.items()}
    table = "".join(
        f"{name}.zip = {{ {', '.join(f'{field} = []' for field in each)} }}\n" for name, each in zips.items()
    )
    attributes = {"title": "Made by hand", "collapse_threshold": 0.01, "sweep": f"[axes]\n{table}"}
    coordinates = {**axes, **{name: range(sizes[name]) for name in zips}, **fields}
    return xr.Dataset(data, {**coordinates, "replicate": range(replicates), "generation": GENERATIONS}, attributes)


SHAPES: dict[str, xr.Dataset] = {
    "no axis": made({}),
    "one axis": made({"temperature": [0.5, 1.0, INF]}),
    "one value": made({"temperature": [0.5]}),
    "one replicate": made({"temperature": [0.5, 1.0, 2.0]}, replicates=1),
    "two axes": made({"samples": [1.0, 100.0, INF], "temperature": [0.8, 1.0]}),
    "four axes": made(
        {"update": ["refit", "gradient"], "vocab_size": [1, 4], "samples": [1.0, INF], "temperature": [0.8, 1.0, 1.2]}
    ),
    "a zip": made({"temperature": [0.8, 1.0]}, zips={"pair": {"learning_rate": [0.1, 1.0], "batch_size": [INF, 1.0]}}),
    "many values": made({"corpus": ["replace", "$a", "<b>"], "temperature": np.linspace(0.5, 2, 25).tolist()}),
    "nothing computed": made({"temperature": [1.0, 2.0]})
    .where(False)
    .assign(status=made({"temperature": [1.0, 2.0]}).status * 0),
}
