"""Who takes part, in the order of the columns."""

from benchmarks.contender import Contender

_PEERS = "benchmarks.kernel.peers"

ENGINE = Contender("jaxcollapse", f"{_PEERS}.engine", "jaxcollapse")
NUMPY = Contender("NumPy multinomial", f"{_PEERS}.numpy_multinomial", "numpy")
INVERSE_CDF = Contender("Numba inverse CDF", f"{_PEERS}.numba_inverse_cdf", "numba")
BINOMIALS = Contender("Numba binomials", f"{_PEERS}.numba_binomials", "numba")
TORCH = Contender("PyTorch multinomial", f"{_PEERS}.torch_multinomial", "torch")
IDIOMATIC = Contender("idiomatic JAX", f"{_PEERS}.idiomatic_jax", "jax")
LIMIT = Contender("two softmaxes", f"{_PEERS}.two_softmaxes", "jax")

PEERS = (NUMPY, INVERSE_CDF, BINOMIALS, TORCH, IDIOMATIC)
CONTENDERS = (ENGINE, *PEERS, LIMIT)
ACCELERATED = (ENGINE, TORCH, IDIOMATIC, LIMIT)  # those that run on an accelerator, if there is one
