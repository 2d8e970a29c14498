"""The time of one generation of a policy gradient, beside Numba and NumPy."""
