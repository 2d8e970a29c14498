"""Exact results that a correct simulator must reproduce, computed independently of it in float64 NumPy."""

import numpy as np
from scipy import stats

TINY = np.finfo(np.float32).tiny  # probabilities below the normal range count as zero


def log(p: np.ndarray | list[float]) -> np.ndarray:
    """ln p, −∞ for what is impossible."""
    with np.errstate(divide="ignore"):
        return np.log(np.asarray(p, float))


def softmax(logits: np.ndarray) -> np.ndarray:
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


def tempered(p: np.ndarray, temperature: float) -> np.ndarray:
    """τ_T(p)."""
    return softmax(log(p) / temperature)


def entropy(p: np.ndarray) -> float:
    return float(-(p[p > 0] * np.log(p[p > 0])).sum())


def kl(log_p: np.ndarray, log_q: np.ndarray) -> float:
    """Σ p ln(p/q) over the tokens that p has."""
    held = np.exp(log_p) > TINY
    return float((np.exp(log_p[held]) * (log_p[held] - log_q[held])).sum())


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
