"""How good a scorer's predictions are: the protocols of DESIGN 5 and their statistics."""
