"""One generation of self-training: what the model emits, the corpus, the training, and what decides its shapes."""
