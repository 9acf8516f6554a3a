"""The scorers that ship with prunebench. Each file reads alone."""
