"""Training: corpora, and how a model learns from them; rewards, optimisers, schedules, terms of the loss."""
