"""Who takes part, in the order of the columns."""

from benchmarks.contender import Contender

_PEERS = "benchmarks.refit.peers"

ENGINE = Contender("jaxcollapse", f"{_PEERS}.engine", "jaxcollapse")
PEERS = (
    Contender("NumPy multinomial", f"{_PEERS}.numpy_multinomial", "numpy"),
    Contender("simuPOP", f"{_PEERS}.simupop_selection", "simuPOP"),
)
CONTENDERS = (ENGINE, *PEERS)
