"""Optimisers as their authors wrote them: logits and gradient in, logits out; moments are kept in `memory`."""

from collections.abc import Callable
from typing import Any

import numpy as np

Memory = dict[str, Any]
Constants = dict[str, Any]
Rule = Callable[[np.ndarray, np.ndarray, Memory, Constants], np.ndarray]


def _sgd(z: np.ndarray, g: np.ndarray, memory: Memory, c: Constants) -> np.ndarray:
    return z - c["learning_rate"] * g


def _momentum(z: np.ndarray, g: np.ndarray, memory: Memory, c: Constants) -> np.ndarray:
    """Polyak's heavy ball (1964), the velocity without the learning rate."""
    memory["velocity"] = c["momentum"] * memory.get("velocity", 0) + g
    return z - c["learning_rate"] * memory["velocity"]


def _nesterov(z: np.ndarray, g: np.ndarray, memory: Memory, c: Constants) -> np.ndarray:
    """Sutskever et al. (2013): the velocity looks one step ahead."""
    memory["velocity"] = c["momentum"] * memory.get("velocity", 0) + g
    return z - c["learning_rate"] * (g + c["momentum"] * memory["velocity"])


def _adam(z: np.ndarray, g: np.ndarray, memory: Memory, c: Constants) -> np.ndarray:
    """Kingma and Ba (2015), algorithm 1."""
    memory["t"] = memory.get("t", 0) + 1
    memory["m"] = c["b1"] * memory.get("m", 0) + (1 - c["b1"]) * g
    memory["v"] = c["b2"] * memory.get("v", 0) + (1 - c["b2"]) * g**2
    m, v = memory["m"] / (1 - c["b1"] ** memory["t"]), memory["v"] / (1 - c["b2"] ** memory["t"])
    return z - c["learning_rate"] * m / (np.sqrt(v) + c["eps"])


def _adamw(z: np.ndarray, g: np.ndarray, memory: Memory, c: Constants) -> np.ndarray:
    """Loshchilov and Hutter (2019): the decay is not part of the moments; it is multiplied by the learning rate."""
    return _adam(z, g, memory, c) - c["learning_rate"] * c["weight_decay"] * z


def _rmsprop(z: np.ndarray, g: np.ndarray, memory: Memory, c: Constants) -> np.ndarray:
    """Tieleman and Hinton (2012), from a zero mean square, eps inside the root."""
    memory["v"] = c["decay"] * memory.get("v", 0) + (1 - c["decay"]) * g**2
    return z - c["learning_rate"] * g / np.sqrt(memory["v"] + c["eps"])


def _sign_sgd(z: np.ndarray, g: np.ndarray, memory: Memory, c: Constants) -> np.ndarray:
    """Bernstein et al. (2018)."""
    return z - c["learning_rate"] * np.sign(g)


RULES: dict[str, Rule] = {
    "sgd": _sgd,
    "momentum": _momentum,
    "nesterov": _nesterov,
    "adam": _adam,
    "adamw": _adamw,
    "rmsprop": _rmsprop,
    "sign_sgd": _sign_sgd,
}
