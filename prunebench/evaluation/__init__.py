"""How good a scorer's predictions are: the protocols (docs/protocols.md) and their statistics."""
