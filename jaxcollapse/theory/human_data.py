"""Real data at T < 1: how large a share keeps a model diverse, and how large a share brings a collapsed one back.

The original is uniform over V tokens. Fixed points with one favoured token, of mass x, and the others alike solve
x = (1 − m) τ(x) + m/V, which gives m for each x: m(x) = (τ(x) − x)/(τ(x) − 1/V).
"""

import math

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy import special

from jaxcollapse.theory import arguments
from jaxcollapse.theory.registry import oracle
from jaxcollapse.theory.tempering import tempered

_REFIT = "update = 'refit', samples = inf, corpus = 'replace'"
_UNIFORM = f"{_REFIT}, initial = uniform, temperature below 1"
_SOURCE = "the fixed points of the refit's map; Bertrand et al. 2024 (2310.00429) for the role of the share"
_EXTREME = 40.0  # log-odds of the favoured token: what is beyond differs from 1 by less than float64 tells
_GRID = 4000


@oracle(
    "dθ/dt = τ_T(θ) − θ + μ (θ0 − θ), μ = m/(1 − m), t = a (1 − m) g",
    assumes=f"{_REFIT}, small mixing a; real data from p0 itself",
    source=_SOURCE,
    error="O(a)",
)
def real_data_flow(
    p0: ArrayLike,
    *,
    temperature: float,
    fresh_fraction: float,
    mixing: float,
    generations: ArrayLike,
    start: ArrayLike | None = None,
) -> Float[np.ndarray, "*generation token"]:
    """The approximate model after many small partial refits to its own samples and real data.

    Args:
        p0: probabilities [token]; real data are from it.
        temperature: T above 0, of sampling.
        fresh_fraction: share m of real data.
        mixing: a above 0, the weight of the fit.
        generations: g, one or an array of them.
        start: probabilities [token] of the model in generation 0, if they are not p0.

    Raises:
        ValueError: an argument is out of its range.
    """
    real, g = arguments.distribution("p0", p0), arguments.times("generations", generations)
    first = real if start is None else arguments.distribution("start", start)
    m, a = arguments.share("fresh_fraction", fresh_fraction), arguments.share("mixing", mixing, above_zero=True)
    arguments.positive("temperature", temperature)

    def flow(time: float, p: Float[np.ndarray, " token"]) -> Float[np.ndarray, " token"]:
        held = np.maximum(p, 0)  # a trial step may go below
        return (1 - m) * tempered(held, temperature) + m * real - held

    last = a * float(g.max(initial=0))
    if last == 0:
        return np.array(np.broadcast_to(first, (*g.shape, real.size)))
    from scipy import integrate  # which takes long to import

    found = integrate.solve_ivp(flow, (0, last), first, "DOP853", dense_output=True, rtol=1e-10, atol=1e-14)
    return np.moveaxis(found.sol(a * g.ravel()), 0, -1).reshape(*g.shape, real.size)


@oracle(
    "m > 1 − T, from (1 − m)/T < 1",
    assumes=f"{_UNIFORM}; any vocab_size above 1",
    source="linear stability of the uniform fixed point",
)
def diverse_threshold(*, temperature: float) -> Float[np.ndarray, ""]:
    """The share of real data above which a diverse model stays diverse.

    Args:
        temperature: T above 0 and below 1, of sampling.

    Raises:
        ValueError: an argument is out of its range.
    """
    return np.asarray(1 - arguments.low_temperature(temperature))


@oracle("max over x of m(x) = (τ(x) − x)/(τ(x) − 1/V)", assumes=_UNIFORM, source=_SOURCE)
def recovery_threshold(*, vocab_size: int, temperature: float) -> Float[np.ndarray, ""]:
    """The share of real data above which a collapsed model becomes diverse again.

    Between `diverse_threshold` and this both states last: hysteresis, over a range that grows with the vocabulary (not
    for two tokens).

    Args:
        vocab_size: V, at least 2.
        temperature: T above 0 and below 1, of sampling.

    Raises:
        ValueError: an argument is out of its range.
    """
    tokens, cold = _checked(vocab_size, temperature)
    grid = np.linspace(0, _EXTREME + math.log(tokens), _GRID + 1)[1:]
    shares = _share(grid, tokens, cold)
    best = int(shares.argmax())
    around = (grid[max(best - 1, 0)], grid[min(best + 1, _GRID - 1)])
    from scipy import optimize  # which takes long to import

    found = optimize.minimize_scalar(
        lambda y: -float(_share(np.array([y]), tokens, cold)[0]),
        bounds=around,
        method="bounded",
        options={"xatol": 1e-10},
    )
    return np.asarray(max(-float(found.fun), 1 - cold))


@oracle("the roots x of m(x) = (τ(x) − x)/(τ(x) − 1/V) = m, and 1/V", assumes=_UNIFORM, source=_SOURCE)
def real_data_fixed_points(
    *, vocab_size: int, temperature: float, fresh_fraction: float
) -> Float[np.ndarray, " point"]:
    """The probabilities of the favoured token at which a model stays, in rising order from the uniform 1/V.

    The greatest one is stable. Where there are three, the one in the middle parts what goes to either side.

    Args:
        vocab_size: V, at least 2.
        temperature: T above 0 and below 1, of sampling.
        fresh_fraction: share m of real data.

    Raises:
        ValueError: an argument is out of its range.
    """
    tokens, cold = _checked(vocab_size, temperature)
    m = arguments.share("fresh_fraction", fresh_fraction)
    if m == 0:
        return np.array([1 / tokens, 1.0])
    grid = np.linspace(0, _EXTREME + math.log(tokens), _GRID + 1)[1:]
    excess = _share(grid, tokens, cold) - m
    from scipy import optimize  # which takes long to import

    roots = [
        optimize.brentq(lambda y: float(_share(np.array([y]), tokens, cold)[0]) - m, grid[place], grid[place + 1])
        for place in np.flatnonzero(np.sign(excess[:-1]) != np.sign(excess[1:]))
    ]
    return np.array([1 / tokens, *special.expit(np.array(roots) - math.log(tokens - 1))])


def _share(above: Float[np.ndarray, " point"], tokens: int, temperature: float) -> Float[np.ndarray, " point"]:
    """m(x), by the logarithm of how many times as likely the favoured token is as each other one."""
    others = math.log(tokens - 1)
    x, tau = special.expit(above - others), special.expit(above / temperature - others)
    # Differences of complements where x is near 1, so that they keep their digits.
    difference = np.where(x < 0.5, tau - x, special.expit(others - above) - special.expit(others - above / temperature))
    return difference / (tau - 1 / tokens)


def _checked(vocab_size: int, temperature: float) -> tuple[int, float]:
    return int(arguments.count("vocab_size", vocab_size, least=2, most=1e9)), arguments.low_temperature(temperature)
