"""Submitting a study to a Slurm cluster: an array of jobs, each of which computes a share, and one that assembles."""
