"""The claims, in the order of the page: about tables, and about transformers."""

from experiments.verdicts import (
    coin,
    confidence,
    fixed_point,
    forgetting,
    modes,
    narrowing,
    tempering,
    transformers,
    verifier_errors,
)

CLAIMS = tuple(
    page.CLAIM for page in (fixed_point, confidence, tempering, forgetting, modes, narrowing, verifier_errors, coin)
)
IN_TRANSFORMERS = transformers.CLAIMS
