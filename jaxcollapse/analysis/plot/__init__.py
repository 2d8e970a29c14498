"""Pictures of a dataset, by matplotlib, which is imported when the first one is drawn."""
