"""Training on a corpus: the maximum-likelihood fit, or steps of an optax optimiser."""
