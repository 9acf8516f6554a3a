"""Initial weights by a named method in place of a module's own."""

import torch
from torch import Tensor, nn

_GAIN = nn.init.calculate_gain("relu")


def redraw(module: nn.Module, method: str) -> None:
    """Draw the weights of every linear layer and convolution anew; biases and gains stay.

    All methods are those of `torch.nn.init` with the gain for ReLU, the output layer's too: `kaiming`
    (normal, by the inputs; He et al. 2015), `xavier` (normal, by inputs and outputs; Glorot and Bengio 2010)
    and `orthogonal` (Saxe et al. 2014). `module` leaves all as it is.
    """
    if method == "module":
        return
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.ndim > 1 and parameter.requires_grad:
                _fill(parameter, method)


def _fill(weight: Tensor, method: str) -> None:
    match method:
        case "kaiming":
            nn.init.kaiming_normal_(weight, nonlinearity="relu")
        case "xavier":
            nn.init.xavier_normal_(weight, _GAIN)
        case "orthogonal":
            nn.init.orthogonal_(weight, _GAIN)
        case _:
            raise ValueError(method)
