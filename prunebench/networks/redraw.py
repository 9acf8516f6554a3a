"""Initial weights by a named method in place of a module's own."""

from functools import partial

from torch import nn

_GAIN = nn.init.calculate_gain("relu")
_METHODS = {
    "kaiming": partial(nn.init.kaiming_normal_, nonlinearity="relu"),
    "xavier": partial(nn.init.xavier_normal_, gain=_GAIN),
    "orthogonal": partial(nn.init.orthogonal_, gain=_GAIN),
}


def redraw(module: nn.Module, method: str) -> None:
    """Draw the weights of every linear layer and convolution anew; biases and gains stay.

    All methods are those of `torch.nn.init` with the gain for ReLU, the output layer's too: `kaiming`
    (normal, by the inputs; He et al. 2015), `xavier` (normal, by inputs and outputs; Glorot and Bengio 2010)
    and `orthogonal` (Saxe et al. 2014). `module` leaves all as it is.
    """
    if method == "module":
        return
    for parameter in module.parameters():
        if parameter.ndim > 1 and parameter.requires_grad:
            _METHODS[method](parameter)
