"""Advantages of the traces of a group by their definition."""

import numpy as np


def advantages(rewards: np.ndarray, kind: str, normalise: str) -> np.ndarray:
    """Trace by trace."""
    others = (rewards.sum() - rewards) / max(len(rewards) - 1, 1)
    found = rewards - {"mean": rewards.mean(), "leave_one_out": others, "none": 0}[kind]
    if normalise == "std":
        found = found / rewards.std() if rewards.std() > 0 else 0 * found
    return np.asarray(found)
