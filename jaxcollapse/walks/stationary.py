"""Where a chain is in the long run, and how its traces begin."""

import numpy as np

from jaxcollapse.walks.windows import Windows

_ELIMINATED = 64  # states of a chain that are eliminated together: one product of matrices for all of them


def begun(rows: np.ndarray, windows: Windows, end_token: int) -> np.ndarray:
    """The table of a chain, from the rows of its longest windows: traces begin as the stationary chain goes on.

    The first tokens of a trace have the law of a window in the stationary chain, given that the end token is not in
    it. If there is one, any window without it follows a window that ends with it, all with equal probability.

    Args:
        rows: logits [window, token] of the windows of `order` tokens.
        windows: all windows.
        end_token: number of the end token; −1 if there is none.

    Returns:
        Logits [window, token] of all windows.
    """
    size, order = windows.tokens, windows.order
    p = np.exp(rows - rows.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    digits = np.indices((size,) * order).reshape(order, -1)
    possible = (digits != end_token).all(axis=0)
    chain = np.zeros((len(rows), len(rows)))
    onward = np.arange(size**order) % size ** (order - 1) * size
    for token in range(size):
        chain[np.arange(len(rows)), onward + token] = p[:, token]
    if end_token >= 0:
        chain[digits[-1] == end_token] = possible / max(1, possible.sum())
    law, levels = np.where(possible, stationary(chain), 0), []
    for length in range(order):
        level = law.reshape(size**length, size, -1).sum(axis=-1)
        level[level.sum(axis=1) == 0] = 1  # no trace begins so
        with np.errstate(divide="ignore"):
            levels.append(np.log(level))
    return np.concatenate([*levels, rows])


def stationary(chain: np.ndarray) -> np.ndarray:
    """The stationary law of a chain [from, to]: the mean over a long time, from a uniform start if it has several.

    By elimination of states one after the other, without a subtraction, so that each probability is right to its last
    digits (Grassmann, Taksar, Heyman 1985). A chain that can be stuck is restarted once in 1e30 steps.
    """
    work = np.asarray(chain, float) + 1e-30
    size = len(work)
    for stop in range(size, 0, -_ELIMINATED):
        start = max(0, stop - _ELIMINATED)
        for state in range(stop - 1, max(start, 1) - 1, -1):
            work[:state, state] /= work[state, :state].sum()
            work[start:state, :state] += np.outer(work[start:state, state], work[state, :state])
            work[:start, start:state] += np.outer(work[:start, state], work[state, start:state])
        work[:start, :start] += work[:start, start:stop] @ work[start:stop, :start]
    law = np.zeros(size)
    law[0] = 1
    for state in range(1, size):
        law[state] = law[:state] @ work[:state, state]
    return law / law.sum()
