"""Which variables explain the variance of a function that is known at scattered points, by a polynomial.

A polynomial in orthonormal Legendre polynomials of the variables is fitted by least squares. The variance that some
variables explain is the sum of the squares of its coefficients (Sudret 2008). Each square is corrected for the error
of the coefficient, so that noise explains nothing. The set of polynomials is the one with the smallest error for points
that are left out (Blatman and Sudret 2010): additive or with interactions, up to a degree, by hyperbolic truncation.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product, takewhile

import numpy as np
from jaxtyping import Float

_DEGREES = 14
_NORMS = (0.5, 0.75, 1.0)  # q of (Σ αᵢ^q)^(1/q) ≤ degree: small ones leave out interactions of high degree
_MOST_TERMS = 200
_PATIENCE = 3  # larger sets that are tried though they are worse
_WORST_CONDITION = 1e10
_POINTS_PER_TERM = 2
_ROUNDING = 1e-9

Powers = tuple[tuple[int, ...], ...]  # for each term the degree in each variable


@dataclass(frozen=True)
class Fitted:
    """A polynomial.

    Attributes:
        powers: the degrees of its terms.
        square: for each term the square of its coefficient, without the error.
        rest: the variance that it does not explain, noise included.
    """

    powers: Powers
    square: np.ndarray
    rest: float

    def variance(self, *variables: int) -> float:
        """The variance that exactly these variables explain together."""
        return float(self.square[[_support(power) == variables for power in self.powers]].sum())

    def total(self, variable: int) -> float:
        """The variance of all terms that have this variable."""
        return float(self.square[[power[variable] > 0 for power in self.powers]].sum())

    def beyond_pairs(self) -> float:
        """The variance that three and more variables explain together."""
        return float(self.square[[len(_support(power)) > 2 for power in self.powers]].sum())


def chosen(x: Float[np.ndarray, "point variable"], y: Float[np.ndarray, " point"]) -> Powers:
    """The set of terms whose fit has the smallest error at points that are left out, one by one.

    Args:
        x: in [−1, 1].
        y: values at the points.
    """
    table = _legendre(x)
    best: Powers = ((0,) * x.shape[1],)
    least = np.inf
    for chain in _candidates(x.shape[1], min(_MOST_TERMS, len(y) // _POINTS_PER_TERM)):
        own, worse = np.inf, 0
        for powers in chain:
            error = _error_left_out(_basis(table, powers), y)
            own, worse = (error, 0) if error < own else (own, worse + 1)
            if error < least * (1 - _ROUNDING):
                best, least = powers, error
            if worse == _PATIENCE:
                break
    return best


def fitted(x: Float[np.ndarray, "point variable"], y: Float[np.ndarray, " point"], powers: Powers) -> Fitted:
    """The polynomial with these terms that fits best."""
    basis = _basis(_legendre(x), powers)
    inverse = np.linalg.inv(basis.T @ basis)
    coefficient = inverse @ (basis.T @ y)
    residual = y - basis @ coefficient
    rest = float((residual**2).sum()) / (len(y) - len(powers))
    square = coefficient**2 - rest * np.diag(inverse)
    square[[not any(power) for power in powers]] = 0.0
    return Fitted(powers, square, rest)


def _error_left_out(basis: Float[np.ndarray, "point term"], y: Float[np.ndarray, " point"]) -> float:
    """The mean square error at points that are left out, one by one; infinite where a fit is not defined."""
    gram = basis.T @ basis
    if np.linalg.cond(gram) > _WORST_CONDITION:  # too few different values
        return np.inf
    turned = np.linalg.solve(np.linalg.cholesky(gram), basis.T)
    leverage = np.minimum((turned**2).sum(axis=0), 1 - _ROUNDING)
    residual = y - (turned @ y) @ turned
    return float(((residual / (1 - leverage)) ** 2).mean())


def _candidates(variables: int, most: int) -> Iterator[Iterator[Powers]]:
    """Chains of growing sets of at most so many terms."""
    for order, norm in product(dict.fromkeys(min(order, variables) for order in (1, 2, variables)), _NORMS):
        sets = (_truncated(variables, degree, order, norm, most) for degree in range(1, _DEGREES + 1))
        yield takewhile(bool, sets)


def _truncated(variables: int, degree: int, order: int, norm: float, most: int) -> Powers:
    """All terms up to a degree by this norm, of at most `order` variables; none if these are more than `most`."""
    found: list[tuple[int, ...]] = [()]
    limit = degree**norm + _ROUNDING
    for _ in range(variables):
        found = [
            (*power, more)
            for power in found
            for more in range(degree + 1)
            if sum(each**norm for each in (*power, more) if each) <= limit and len(_support((*power, more))) <= order
        ]
        if len(found) > most:
            return ()
    return tuple(found)


def _support(power: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(variable for variable, degree in enumerate(power) if degree)


def _legendre(x: Float[np.ndarray, "point variable"]) -> Float[np.ndarray, "point variable degree"]:
    """Legendre polynomials of each variable, with mean square 1 over [−1, 1]."""
    return np.polynomial.legendre.legvander(x, _DEGREES) * np.sqrt(2 * np.arange(_DEGREES + 1) + 1)


def _basis(table: Float[np.ndarray, "point variable degree"], powers: Powers) -> Float[np.ndarray, "point term"]:
    degrees = np.array(powers)
    made = np.ones((len(table), len(degrees)))
    for variable in range(table.shape[1]):
        made *= table[:, variable, degrees[:, variable]]
    return made
