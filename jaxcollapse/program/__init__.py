"""The compiled program of a bucket: the kernel, the native path, and compilation."""
