"""Numbers in sentences."""


def plural(count: int, noun: str) -> str:
    """`1 training`, `2,000 trainings`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
