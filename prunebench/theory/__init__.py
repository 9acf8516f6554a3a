"""The mathematics behind the benchmark, each function with its equation."""
