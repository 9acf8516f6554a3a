"""The scorers and reference networks that ship with prunebench. Each file reads alone."""
