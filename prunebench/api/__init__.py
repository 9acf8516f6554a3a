"""What the command line does, from Python: run the benchmark, and work with what it found."""
