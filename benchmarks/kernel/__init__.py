"""The time of one generation of one trajectory, beside NumPy, Numba, PyTorch and idiomatic JAX, and a limit."""
