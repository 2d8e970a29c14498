"""The compiled program of a bucket: the kernel, the native path, compilation, and programs on disk."""
