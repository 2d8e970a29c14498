"""Claims about training on one's own samples: experiments, findings, verdicts."""
