"""Scorers: the base class, how they are found, and how they are run."""
