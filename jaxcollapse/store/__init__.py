"""What is kept on disk: shards, the study folder, the dataset and its provenance."""
