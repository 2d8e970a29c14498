"""What tests use and what developers run; none of it is a test."""
