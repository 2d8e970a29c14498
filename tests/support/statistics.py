"""Comparing a sample with an exact expectation: tolerances come from the standard error."""

import numpy as np
from scipy import stats

SIGMAS = 4.5  # a fixed seed; a correct program fails such a comparison once in 150 000


def assert_mean(
    sample: np.ndarray,
    expected: float | np.ndarray,
    *,
    variance: float | np.ndarray | None = None,
    resolves: float | None = None,
) -> None:
    """The mean over the first axis is `expected` within its standard error.

    variance: of one value, where it is known; else the sample's. resolves: the relative error of `expected` that this
    sample must be able to see, so that the test has teeth.
    """
    sample = np.asarray(sample, float)
    expected = np.asarray(expected, float)
    error = np.sqrt((sample.var(axis=0, ddof=1) if variance is None else variance) / len(sample))
    deviation = np.abs(sample.mean(axis=0) - expected)
    assert np.all(deviation <= SIGMAS * error + 1e-6 * np.abs(expected) + 1e-12), (
        f"mean {sample.mean(axis=0)}, expected {expected}, in standard errors {deviation / (error + 1e-300)}"
    )
    if resolves is not None:
        assert np.all(SIGMAS * error <= resolves * np.abs(expected)), (
            f"too few replicates to see a relative error of {resolves}: {SIGMAS * error / np.abs(expected)}"
        )


def assert_counts(observed: np.ndarray, expected: np.ndarray, *, merge_below: float = 5.0) -> None:
    """Pearson's chi-square test of counts; cells with small expectations are merged into one."""
    observed, expected = np.asarray(observed, float).ravel(), np.asarray(expected, float).ravel()
    small = expected < merge_below
    if small.any():
        observed = np.append(observed[~small], observed[small].sum())
        expected = np.append(expected[~small], expected[small].sum())
    if expected[-1] == 0:
        assert observed[-1] == 0
        observed, expected = observed[:-1], expected[:-1]
    statistic = ((observed - expected) ** 2 / expected).sum()
    p = stats.chi2.sf(statistic, max(len(observed) - 1, 1))
    assert p > 1e-5, f"chi-square {statistic:.1f} for {len(observed) - 1} degrees of freedom, p = {p:.2g}"
