"""How time and memory grow with the numbers of trajectories, tokens and devices."""
