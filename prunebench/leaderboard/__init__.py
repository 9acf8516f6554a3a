"""Boards: the rows of many runs on one task and recipe, and the tables made of them."""
