"""`jaxcollapse.multinomial` beside the multinomial counts of JAX and NumPy."""
