"""One contender per file: `run_of(point, trajectories)` gives a function of the number of generations."""
