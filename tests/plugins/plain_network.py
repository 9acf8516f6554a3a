"""The networks once more, as plain `nn.Module`s: what the scorers are checked against."""

import torch
from torch import nn

import prunebench as pb


class PlainNetwork(nn.Module):
    """One network of a batch, in float64."""

    def __init__(self, networks: pb.Networks, index: int = 0) -> None:
        super().__init__()
        self.hidden = nn.Linear(networks.inputs, networks.units, dtype=torch.float64)
        self.output = nn.Linear(networks.units, networks.outputs, bias=False, dtype=torch.float64)
        with torch.no_grad():
            self.hidden.weight.copy_(networks.w_in[index])
            self.hidden.bias.copy_(networks.bias[index])
            self.output.weight.copy_(networks.w_out[index])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.activation = torch.relu(self.hidden(x))
        if self.activation.requires_grad:
            self.activation.retain_grad()
        return self.output(self.activation)

    def loss(self, task: pb.Task, reduction: str = "mean") -> torch.Tensor:
        return nn.functional.cross_entropy(self(task.x_train.double()), task.y_train, reduction=reduction)


def train_masked(net, task, recipe, seed, first, masks):
    """`torch.optim.SGD` from step `first` to the end; masked weights are put back to 0 after every step."""
    order = pb.minibatch_order(task.samples, recipe.batch_size, recipe.steps, seed)
    optimiser = torch.optim.SGD(net.parameters(), lr=recipe.learning_rate, momentum=recipe.momentum)
    weights = (net.hidden.weight, net.output.weight)
    for step in range(first, recipe.steps):
        with torch.no_grad():
            for weight, mask in zip(weights, masks, strict=True):
                weight.mul_(mask)
        batch = order[step][order[step] >= 0]
        optimiser.zero_grad()
        logits = net(task.x_train[batch].double())
        nn.functional.cross_entropy(logits, task.y_train[batch]).backward()
        optimiser.step()
    return [weight.detach() * mask for weight, mask in zip(weights, masks, strict=True)]
