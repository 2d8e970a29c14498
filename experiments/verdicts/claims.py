"""The claims, in the order of the page."""

from experiments.verdicts import (
    coin,
    confidence,
    fixed_point,
    forgetting,
    modes,
    narrowing,
    tempering,
    verifier_errors,
)

CLAIMS = tuple(
    page.CLAIM for page in (fixed_point, confidence, tempering, forgetting, modes, narrowing, verifier_errors, coin)
)
