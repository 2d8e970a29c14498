"""What the suite times, each with a function `run_of`."""
