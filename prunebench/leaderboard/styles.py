"""The style of each scorer: one colour and one symbol, whatever else is on a board, a page or a figure."""

import hashlib
from dataclasses import dataclass

# Eight hues after Okabe & Ito (2008), which people with any kind of colour vision can tell apart; darkened
# for paper and lightened for dark pages, so that lines keep a contrast of 3 with what is behind them.
LIGHT = ("#0072b2", "#c44a00", "#008264", "#b0518b", "#2e93d0", "#b58a00", "#4a2a8a", "#6e3a24")
DARK = ("#3d9be0", "#ff7a2e", "#1fbf92", "#f0a3d0", "#a5dcfb", "#f7cc45", "#8f74e8", "#b98a6a")
# As SVG paths in a box from -1 to 1; seven, so that colours and symbols pair up to 56 styles.
SYMBOLS = (
    "M-.9,0A.9,.9,0,1,1,.9,0A.9,.9,0,1,1,-.9,0Z",
    "M-.8,-.8H.8V.8H-.8Z",
    "M0,-.9L1,.8H-1Z",
    "M0,-1.1L.9,0L0,1.1L-.9,0Z",
    "M-.3,-.9H.3V-.3H.9V.3H.3V.9H-.3V.3H-.9V-.3H-.3Z",
    "M0,-1L.22,-.31L.95,-.31L.36,.12L.59,.81L0,.38L-.59,.81L-.36,.12L-.95,-.31L-.22,-.31Z",
    "M-.75,-.75L.75,.75M-.75,.75L.75,-.75",
)
# Well-known names: no two of them look alike, nor does any other like one of them. Which of the places left
# another takes follows from its name alone.
NAMED = (
    "growing_mode", "lookahead", "alignment", "gradient_norm", "imp", "grasp", "taylor", "snip",
    "growth", "contribution", "synflow", "magnitude", "fisher", "torch_pruning", "cluster_alignment", "probe",
    "hutchinson", "bn_scale", "sampled", "torch_pruning[importance=Hessian]",
    "torch_pruning[importance=Activation]", "rehearsal",
)  # fmt: skip


@dataclass(frozen=True)
class Style:
    """A colour and a symbol by number."""

    colour: int
    symbol: int


def style_of(scorer: str) -> Style:
    """The style of a scorer by its name with parameters."""
    if scorer in NAMED:
        place = NAMED.index(scorer)
    else:
        number = int.from_bytes(hashlib.sha256(scorer.encode()).digest()[:8])
        place = len(NAMED) + number % (len(LIGHT) * len(SYMBOLS) - len(NAMED))
    return Style(place % len(LIGHT), place % len(SYMBOLS))
