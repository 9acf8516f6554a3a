"""The paper's figures and tables, and what goes beyond them, each in a file of its own."""
