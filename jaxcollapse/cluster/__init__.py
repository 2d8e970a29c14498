"""Submitting a study to a Slurm cluster: an array of jobs that compute a share each, and a job that assembles."""
