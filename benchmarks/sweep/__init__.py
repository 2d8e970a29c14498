"""A whole sweep from a cold start, beside a loop in NumPy and xyzpy."""
