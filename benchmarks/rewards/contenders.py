"""Who takes part, in the order of the columns."""

from benchmarks.contender import Contender

_PEERS = "benchmarks.rewards.peers"

ENGINE = Contender("jaxcollapse", f"{_PEERS}.engine", "jaxcollapse")
PEERS = (
    Contender("Numba, kept tree", f"{_PEERS}.numba_kept_tree", "numba"),
    Contender("Numba, inverse CDF", f"{_PEERS}.numba_inverse_cdf", "numba"),
    Contender("NumPy", f"{_PEERS}.numpy_groups", "numpy"),
)
CONTENDERS = (ENGINE, *PEERS)
