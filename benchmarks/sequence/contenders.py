"""Who takes part, in the order of the columns."""

from benchmarks.contender import Contender

_PEERS = "benchmarks.sequence.peers"

ENGINE = Contender("jaxcollapse", f"{_PEERS}.engine", "jaxcollapse")
PRODUCTS = Contender("products alone", f"{_PEERS}.products", "jax")
PEERS = (
    Contender("JAX, a loop", f"{_PEERS}.jax_loop", "jax"),
    Contender("JAX, vmap", f"{_PEERS}.jax_vmap", "jax"),
    Contender("PyTorch, vmap", f"{_PEERS}.torch_vmap", "torch"),
)
CONTENDERS = (ENGINE, *PEERS, PRODUCTS)
