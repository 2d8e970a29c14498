"""One number that theory predicts beside the one that was simulated."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

import jaxcollapse as jc

ROUNDING = 1e-6  # relative; what is allowed for where nothing is random


@dataclass(frozen=True)
class Comparison:
    """What was compared.

    oracle: name of the function. quantity: of what, and where. predicted, measured: the two numbers. error: the
    standard error of the second, or the rounding that is allowed for. bound: how far off the first may be by itself.
    """

    oracle: str
    quantity: str
    predicted: float
    measured: float
    error: float
    bound: float = 0.0

    @property
    def z(self) -> float:
        """The difference in standard errors, less what the oracle itself may be off."""
        return self.z_if(1.0)

    def z_if(self, factor: float) -> float:
        """The same, were the prediction multiplied by this."""
        difference = self.measured - factor * self.predicted
        return float(np.sign(difference) * max(abs(difference) - self.bound, 0.0) / self.error)


def simulated(process: Mapping[str, Any], axes: Mapping[str, Any] | None = None, **top: Any) -> xr.Dataset:
    """A small sweep, in memory; with nothing said, logits are recorded at every generation."""
    given = {"observables": ["entropy"], "record": {"every": 1, "logits": True}, "seed": 1, **top}
    sweep = jc.Sweep.from_dict({**given, "process": dict(process), "axes": dict(axes or {})})
    return jc.run(sweep, progress=False, devices=jax.local_devices()[:1])  # of several each compiles for itself


def values(p: ArrayLike) -> dict[str, Any]:
    """An initial distribution given by its probabilities."""
    return {"kind": "values", "probabilities": np.asarray(p, float).tolist()}


def probabilities(data: xr.Dataset) -> np.ndarray:
    """p over the last dimension, from recorded logits."""
    logits = data.logits.values.astype(float)
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


def of_sample(
    oracle: str, quantity: str, predicted: np.ndarray | float, sample: np.ndarray, bound: float = 0.0
) -> Comparison:
    """A mean over trajectories."""
    sample = np.asarray(sample, float)
    error = sample.std(ddof=1) / np.sqrt(sample.size)
    return Comparison(oracle, quantity, float(predicted), float(sample.mean()), float(error), bound)


def of_number(
    oracle: str, quantity: str, predicted: np.ndarray | float, measured: float, bound: float = 0.0
) -> Comparison:
    """What is not random: rounding is allowed for."""
    return Comparison(oracle, quantity, float(predicted), float(measured), ROUNDING * abs(float(predicted)), bound)
