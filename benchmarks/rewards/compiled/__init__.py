"""What Numba compiles: one trajectory stays in a core's cache over all its generations, on random bits of its own."""
