"""The two ways to count draws in native code, one by one or all at once, and where the cost model changes over."""
