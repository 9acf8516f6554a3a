"""One run: train, snapshot, score, evaluate, record. What the store holds already is not computed again."""
