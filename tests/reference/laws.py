"""Exact results that a correct simulator must reproduce, computed independently of it in float64 NumPy."""

import numpy as np
from scipy import stats


def softmax(logits: np.ndarray) -> np.ndarray:
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


def tempered(p: np.ndarray, temperature: float) -> np.ndarray:
    """τ_T(p)."""
    with np.errstate(divide="ignore"):
        return softmax(np.log(p) / temperature)


def entropy(p: np.ndarray) -> float:
    return float(-(p[p > 0] * np.log(p[p > 0])).sum())


def heterozygosity(p: np.ndarray) -> float:
    return float(1 - (p * p).sum())


def distinct_values(samples: int, draws: int) -> np.ndarray:
    """P(j distinct values among `draws` draws from `samples`), j = 0 … samples."""
    law = np.zeros(samples + 1)
    law[0] = 1
    for _ in range(draws):
        old = law.copy()
        law = old * np.arange(samples + 1) / samples
        law[1:] += old[:-1] * (samples - np.arange(samples)) / samples
    return law


def expected_support(p: np.ndarray, samples: int, generations: int) -> np.ndarray:
    """E K_g for g = 1 … generations under refit and replace at T = 1, by the ancestor chain."""
    transitions = np.stack([distinct_values(samples, a) for a in range(samples + 1)])
    ancestors = np.zeros(samples + 1)
    ancestors[samples] = 1
    lost = (1 - p[:, None]) ** np.arange(samples + 1)
    support = []
    for _ in range(generations):
        support.append((1 - lost @ ancestors).sum())
        ancestors = ancestors @ transitions
    return np.array(support)


def two_token_chain(samples: int, temperature: float) -> np.ndarray:
    """P_jk = Binom(k; N, τ_T(j/N)): counts of the first of two tokens under refit."""
    share = np.arange(samples + 1) / samples
    tilted = tempered(np.stack([share, 1 - share], axis=1), temperature)[:, 0]
    return stats.binom.pmf(np.arange(samples + 1), samples, tilted[:, None])


def window_moments(p0: np.ndarray, samples: int, window: int, generations: int) -> np.ndarray:
    """E H_g for refit on the last `window` generations' samples at T = 1, from the exact moment recursion.

    C[s, t] = E Σ_i x_s,i x_t,i for the sampled frequencies x: C[g, t] = mean over the window of C[s, t] for t < g, and
    C[g, g] = 1/N + (1 − 1/N) E Σ p².
    """
    moments = np.zeros((generations + 1, generations + 1))
    collision = float((p0**2).sum())
    history = [1 - collision]
    for g in range(1, generations + 1):
        moments[g, g] = 1 / samples + (1 - 1 / samples) * collision
        if g > 1:
            before = slice(max(1, g - window), g)
            moments[g, 1:g] = moments[before, 1:g].mean(axis=0)
            moments[1:g, g] = moments[g, 1:g]
        inside = slice(max(1, g - window + 1), g + 1)
        collision = float(moments[inside, inside].mean())
        history.append(1 - collision)
    return np.array(history)


def one_sgd_step(z: np.ndarray, learning_rate: float, temperature: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """All outcomes of one SGD step on a single trace: probabilities [outcome] and logits [outcome, token]."""
    p = softmax(z)
    return softmax(z / temperature), z - learning_rate * (p - np.eye(len(z)))
