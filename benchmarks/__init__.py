"""Benchmarks: timings side by side in one run. `make bench` runs them; the tests run them at tiny size.

PyTorch (`torch`) and simuPOP take part where they are installed. They are no dependencies: the one is large, the other
has to be compiled from its sources.
"""
