"""How long a sweep takes from the command line, against what its plan says."""
