"""The time of one generation of many small transformers, beside plain JAX and PyTorch."""
