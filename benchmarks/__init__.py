"""Benchmarks: timings side by side in one run. `make bench` runs them; the tests run them at tiny size."""
