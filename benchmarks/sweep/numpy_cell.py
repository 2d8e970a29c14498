"""One cell in NumPy, all replicates at once; what it can, it does in place."""

import numpy as np


def entropies(
    vocab_size: int,
    temperature: float,
    learning_rate: float,
    batch_size: int,
    *,
    replicates: int,
    recorded: list[int],
    dtype: str,
) -> np.ndarray:
    """Entropy [replicate, record] of a cell.

    Args:
        vocab_size: V.
        temperature: T.
        learning_rate: η.
        batch_size: B.
        replicates: trajectories.
        recorded: generations at which the entropy is wanted.
        dtype: floating-point type of the logits; the multinomial wants its probabilities in double precision.
    """
    cell = [vocab_size, batch_size, round(1e6 * temperature), round(1e6 * learning_rate)]
    generator = np.random.default_rng(cell)
    z = np.tile(-np.log(np.arange(1, vocab_size + 1)), (replicates, 1)).astype(dtype)
    z -= z.max()
    inverse_temperature, rate, share = z.dtype.type(1 / temperature), z.dtype.type(learning_rate), 1 / batch_size
    result = np.empty((replicates, len(recorded)))
    for record, (last, generation) in enumerate(zip([0, *recorded], recorded, strict=False)):
        for _ in range(generation - last):
            q = np.exp(z * inverse_temperature).astype(float, copy=False)
            q /= q.sum(axis=1, keepdims=True)
            gradient = np.exp(z)
            gradient /= gradient.sum(axis=1, keepdims=True)
            gradient -= (generator.multinomial(batch_size, q) * share).astype(dtype, copy=False)
            gradient *= rate
            z -= gradient
            z -= z.max(axis=1, keepdims=True)
        result[:, record] = _entropy(z.astype(float))
    return result


def _entropy(z: np.ndarray) -> np.ndarray:
    p = np.exp(z)
    total = p.sum(axis=1)
    return np.log(total) - (p * z).sum(axis=1) / total
