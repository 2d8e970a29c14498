"""Networks that read sequences, place by place and head by head; gradients to the last digit, by complex steps."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

Forward = Callable[[Any, np.ndarray], np.ndarray]


def transformer(parameters: Any, windows: np.ndarray, *, heads: int, rotary: bool) -> np.ndarray:
    """Logits [trace, place, token] of windows [trace, place]."""
    places, wide = windows.shape[1], len(parameters.start)
    units = wide // heads
    states = [_read(parameters, windows, place) for place in range(places)]
    if parameters.places is not None:
        states = [state + parameters.places[place] for place, state in enumerate(states)]
    for layer in range(len(parameters.blocks.asked)):
        block = type(parameters.blocks)(*(each[layer] for each in parameters.blocks))
        asked = [_normalised(state, block.attends) @ block.asked for state in states]
        taken: list[list[np.ndarray]] = [[] for _ in states]
        for head in range(heads):
            begins = [part * wide + head * units for part in range(3)]
            query, key, value = ([each[:, begin : begin + units] for each in asked] for begin in begins)
            if rotary:
                query, key = ([_turned(each, place) for place, each in enumerate(part)] for part in (query, key))
            for place in range(places):
                scores = [np.exp((query[place] * key[seen]).sum(1) / np.sqrt(units)) for seen in range(place + 1)]
                mixed = sum(score[:, None] * value[seen] for seen, score in enumerate(scores))
                taken[place].append(mixed / sum(scores)[:, None])
        for place in range(places):
            state = states[place] + np.concatenate(taken[place], axis=1) @ block.taken
            hidden = _squared_where_positive(_normalised(state, block.thinks) @ block.wider)
            states[place] = state + hidden @ block.back
    return _out(parameters, states)


def gru(parameters: Any, windows: np.ndarray) -> np.ndarray:
    """Logits [trace, place, token] of windows [trace, place]."""
    wide, states = len(parameters.start), [_read(parameters, windows, place) for place in range(windows.shape[1])]
    for layer in range(len(parameters.gates.given)):
        gates = type(parameters.gates)(*(each[layer] for each in parameters.gates))
        before = np.zeros_like(states[0])
        for place, state in enumerate(states):
            given = _normalised(state, gates.scale) @ gates.given + gates.bias
            old = before @ gates.before
            reset = 1 / (1 + np.exp(-given[:, :wide] - old[:, :wide]))
            keep = 1 / (1 + np.exp(-given[:, wide : 2 * wide] - old[:, wide : 2 * wide]))
            before = keep * before + (1 - keep) * np.tanh(given[:, 2 * wide :] + reset * old[:, 2 * wide :])
            states[place] = state + before
    return _out(parameters, states)


def slope(loss: Callable[[Any], Any], parameters: Any) -> Any:
    """The gradient of a loss: its imaginary part after an imaginary step in each number (Squire and Trapp 1998)."""
    leaves, structure = jax.tree.flatten(parameters)
    found = []
    for number, leaf in enumerate(leaves):
        gradient = np.zeros(leaf.shape)
        for place in np.ndindex(leaf.shape):
            stepped = leaf.astype(complex)
            stepped[place] += 1e-30j
            moved = [*leaves[:number], stepped, *leaves[number + 1 :]]
            gradient[place] = np.imag(loss(jax.tree.unflatten(structure, moved))) / 1e-30
        found.append(gradient)
    return jax.tree.unflatten(structure, found)


def log_p(logits: np.ndarray) -> np.ndarray:
    """Logarithms of probabilities; complex numbers, too."""
    below = logits - logits.real.max(axis=-1, keepdims=True)
    found: np.ndarray = below - np.log(np.exp(below).sum(axis=-1, keepdims=True))
    return found


def _read(parameters: Any, windows: np.ndarray, place: int) -> np.ndarray:
    """What a place reads [trace, unit]: the vector of the token before, or that of the start."""
    if place == 0:
        return np.repeat(parameters.start[None], len(windows), axis=0)
    found: np.ndarray = parameters.tokens[windows[:, place - 1]]
    return found


def _out(parameters: Any, states: list[np.ndarray]) -> np.ndarray:
    return np.stack([_normalised(state, parameters.last) @ parameters.tokens.T for state in states], axis=1)


def _normalised(state: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return state / np.sqrt((state**2).mean(axis=1, keepdims=True) + 1e-6) * scale


def _squared_where_positive(x: np.ndarray) -> np.ndarray:
    """The square of what is positive, else 0; of complex numbers by their real part, for derivatives."""
    return np.where(x.real > 0, x * x, 0)


def _turned(vectors: np.ndarray, place: int) -> np.ndarray:
    """Unit j and unit j + half as a complex number, turned by place · 10000^(−j/half)."""
    half = vectors.shape[1] // 2
    turned = np.empty_like(vectors)
    for unit in range(half):
        angle = place * 10_000.0 ** (-unit / half)
        one, other = vectors[:, unit], vectors[:, unit + half]
        turned[:, unit] = one * np.cos(angle) - other * np.sin(angle)
        turned[:, unit + half] = one * np.sin(angle) + other * np.cos(angle)
    return turned
