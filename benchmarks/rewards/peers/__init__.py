"""The contenders."""
