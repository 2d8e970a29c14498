"""What the engine must compute: slow and plain, in float64 NumPy, and written independently of it."""
