"""A study that takes a blink, for the tests of sweeps."""


def small_study(*, dataset: object = "digits", samples: object = 40, steps: int = 40) -> str:
    """Two widths, two seeds, one scorer at one step; `samples` may be a list, which makes another axis."""
    return f"""
[task]
dataset = "{dataset}"
samples = {samples}
[recipe]
width = [6, 8]
init_std = 0.05
learning_rate = 0.02
steps = {steps}
[run]
scorers = ["alignment"]
at_steps = [10]
seeds = 2
protocols = ["rank"]
"""
