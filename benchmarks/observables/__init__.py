"""What observables cost in a run as the defaults make it."""
