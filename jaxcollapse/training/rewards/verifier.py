"""Rewards of 1 and 0: what a verifier with errors accepts, and a coin."""

from jaxcollapse.training.rewards import REWARDS, Judged, Rates


@REWARDS.adds(skip=1, is_by_chance=True, is_fixed=True)
def verifier(judged: Judged) -> Rates:
    """1 if the verifier accepts the trace: a correct one with the true positive rate, another with the false one."""
    return judged.rates


@REWARDS.adds(skip=1, is_by_chance=True, is_fixed=True)
def coin(judged: Judged) -> Rates:
    """1 or 0, each with probability 1/2, whatever the trace."""
    return Rates(0.5, 0.5)
