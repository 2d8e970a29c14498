"""What a random word costs."""
