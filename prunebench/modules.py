"""Networks from plain torch modules; the way back is `Networks.to_module`."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from prunebench.errors import RequestError
from prunebench.networks import Networks, shallow_networks


def from_module(*modules: nn.Module) -> Networks:
    """A batch of networks from modules `nn.Sequential(Linear, ReLU, Linear)`, one network each.

    Weights are copied, in the modules' dtype and on their device. A hidden layer without a bias has biases 0.
    Modules may differ in width: as in `theory.merge`, the narrower ones end in neurons that are all 0, which
    `to_module` leaves out again.

    Raises:
        RequestError: layers other than these three, an output bias that is not all 0 (these networks have
            none), or modules that differ in inputs, outputs, dtype or device.
    """
    if not modules:
        raise RequestError("modules", "none", "at least one is needed")
    parts = [_weights(module) for module in modules]
    kinds = {(tensor.dtype, str(tensor.device)) for part in parts for tensor in part}
    if len(kinds) > 1:
        found = ", ".join(sorted(f"{dtype} on {device}" for dtype, device in kinds))
        raise RequestError("modules", found, "one dtype and one device for all weights are needed")
    sizes = {(w_in.shape[1], w_out.shape[0]) for w_in, _, w_out in parts}
    if len(sizes) > 1:
        raise RequestError("modules", sorted(sizes), "all need the same number of (inputs, outputs)")
    width = max(len(bias) for _, bias, _ in parts)
    w_in, bias, w_out = zip(*(_widened(*part, width) for part in parts), strict=True)
    return shallow_networks(torch.stack(w_in), torch.stack(bias), torch.stack(w_out))


def _weights(
    module: nn.Module,
) -> tuple[Float[Tensor, "neurons inputs"], Float[Tensor, " neurons"], Float[Tensor, "outputs neurons"]]:
    layers = list(module) if isinstance(module, nn.Sequential) else []
    match layers:
        case [nn.Linear() as hidden, nn.ReLU(), nn.Linear() as output]:
            pass
        case _:
            inside = f"({', '.join(type(layer).__name__ for layer in layers)})" if layers else ""
            accepted = "nn.Sequential(nn.Linear, nn.ReLU, nn.Linear) is needed: build one from your layers"
            raise RequestError("module", f"{type(module).__name__}{inside}", accepted)
    w_in, w_out = hidden.weight.detach(), output.weight.detach()
    if len(w_in) != w_out.shape[1]:
        widths = (len(w_in), w_out.shape[1])
        raise RequestError("module", widths, "the first layer's outputs must be as many as the last's inputs")
    if output.bias is not None and bool(output.bias.any()):
        accepted = "these networks have none: it must be all 0, or nn.Linear(..., bias=False)"
        raise RequestError("module's output bias", output.bias.tolist(), accepted)
    bias = w_in.new_zeros(len(w_in)) if hidden.bias is None else hidden.bias.detach()
    return w_in, bias, w_out


def _widened(
    w_in: Float[Tensor, "neurons inputs"],
    bias: Float[Tensor, " neurons"],
    w_out: Float[Tensor, "outputs neurons"],
    width: int,
) -> tuple[Tensor, Tensor, Tensor]:
    extra = width - len(bias)
    pad = nn.functional.pad
    return pad(w_in, (0, 0, 0, extra)), pad(bias, (0, extra)), pad(w_out, (0, extra))
