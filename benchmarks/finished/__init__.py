"""What a study costs once it is finished: running it again, its status and its report."""
