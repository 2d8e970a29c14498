"""Reading a dataset: verdicts, a short table, a phase diagram. Uses the dataset's own variables only."""
