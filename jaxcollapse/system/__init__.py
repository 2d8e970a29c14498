"""What the operating system, its files and devices need: safe writes, paths, signals, limits, the settings of JAX."""
