"""Refits at T = 1, which are neutral drift (Wright, Fisher), beside NumPy and a simulator of population genetics."""
