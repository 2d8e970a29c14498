"""Native code or XLA, where both can compute a cell: the same bits as on a CPU, or the faster one.

On a CPU native code is the faster one everywhere. On an NVIDIA H200 (docs/performance.md) XLA takes 0.8 to 7 times as
long as native code up to 4096 tokens, but a third of its time at 50257: a tile of so many tokens has too few
trajectories, sixteen threads each, for the device. Interpolated in logarithms, times of 64 draws are equal near 6300.
"""

from collections.abc import Sequence

import numpy as np

from jaxcollapse.sweep.display import count
from jaxcollapse.system.kernels import FASTEST

MOST_TOKENS = 2**13  # that native code of a GPU is faster with
# Of a machine elsewhere, which may have native code or not.
ELSEWHERE = (
    f"fastest: on GPUs that have native code, native code up to {MOST_TOKENS:,} tokens and XLA beyond; XLA on others"
)


def may_be_native(kernel: str, platform: str, tokens: np.ndarray) -> np.ndarray:
    """Whether native code, where it is there, computes programs with so many tokens; else XLA does. [cell]

    kernel: one of `system.machine.KERNELS`.
    """
    return np.asarray(tokens) <= (MOST_TOKENS if kernel == FASTEST and platform == "gpu" else np.inf)


def told(kernel: str, platform: str, buckets: Sequence[tuple[int, bool]]) -> str | None:
    """What the choice means for these buckets, in words; None where there is nothing to say.

    buckets: the tokens of each, and whether native code computes whole generations of it.
    """
    wide = [is_native for tokens, is_native in buckets if tokens > MOST_TOKENS]
    if kernel != FASTEST:
        many = sum(wide)
        if platform != "gpu" or not many:
            return None
        return (
            f"same bits as on a CPU; with --kernel fastest XLA would compute {many} of {count(len(buckets), 'bucket')}"
            f", those with more than {MOST_TOKENS:,} tokens (at 50,257 it takes a third of the time)"
        )
    if platform != "gpu" or not wide:
        return "fastest: native code wherever it applies, so results have the same bits as on a CPU"
    return (
        f"fastest: XLA computes {len(wide)} of {count(len(buckets), 'bucket')}, those with more than {MOST_TOKENS:,} "
        f"tokens (at 50,257 it takes a third of native code's time); their last bits differ from a CPU's"
    )
