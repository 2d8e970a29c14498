"""The claims, in the order of the page."""

from experiments.verdicts import confidence, fixed_point, forgetting, modes, tempering

CLAIMS = (fixed_point.CLAIM, confidence.CLAIM, tempering.CLAIM, forgetting.CLAIM, modes.CLAIM)
