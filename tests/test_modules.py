"""Between networks and plain torch modules."""

import re

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

import prunebench as pb


def plain(inputs=7, width=5, outputs=2, **kind) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, width, **kind), nn.ReLU(), nn.Linear(width, outputs, bias=False, **kind)
    )


def modules(networks: pb.Networks) -> list[nn.Module]:
    return [networks.to_module(i) for i in range(networks.seeds)]


def assert_same(a: pb.Networks, b: pb.Networks) -> None:
    assert a.dtype == b.dtype
    assert a.device == b.device
    for one, other in zip(a.tensors.values(), b.tensors.values(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_there_and_back_to_the_bit(networks: pb.Networks, dtype: torch.dtype) -> None:
    networks = networks.to(dtype=dtype)
    assert_same(pb.from_module(*modules(networks)), networks)
    assert_same(pb.from_module(networks.to_module(1)), networks.select(1))


@pytest.mark.gpu
def test_any_module_on_a_gpu_is_taken_with_samples() -> None:
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 2)).cuda()
    networks = pb.from_module(module, torch.randn(3, 1, 6, 6, device="cuda"))
    assert networks.device.type == "cuda"


@pytest.mark.gpu
def test_there_and_back_on_a_gpu(networks: pb.Networks) -> None:
    networks = networks.to("cuda")
    assert_same(pb.from_module(*modules(networks)), networks)


def test_logits_are_equal(run: pb.Trajectory, task: pb.Task) -> None:
    logits = run.final.logits(task.x_test)
    with torch.no_grad():
        for module, expected in zip(modules(run.final), logits, strict=True):
            assert torch.equal(module(task.x_test), expected)


def test_a_module_trained_by_torch_alone(task: pb.Task) -> None:
    """The bias of its hidden layer is what `nn.Linear` draws, its accuracy what torch says."""
    torch.manual_seed(0)
    module = plain(width=9)
    optimiser = torch.optim.SGD(module.parameters(), lr=0.5)
    for _ in range(60):
        optimiser.zero_grad()
        nn.functional.cross_entropy(module(task.x_train), task.y_train).backward()
        optimiser.step()
    networks = pb.from_module(module)
    right = (module(task.x_test).argmax(dim=1) == task.y_test).double().mean()
    assert float(right) > 0.7
    assert float(networks.accuracy(task.x_test, task.y_test)) == pytest.approx(float(right))
    gradient = networks.gradient(task.x_train, task.y_train)
    optimiser.zero_grad()
    nn.functional.cross_entropy(module(task.x_train), task.y_train).backward()
    for parameter, mine in zip(module.parameters(), gradient.tensors.values(), strict=True):
        torch.testing.assert_close(parameter.grad, mine[0], rtol=1e-5, atol=1e-7)


def test_weights_are_copies_that_can_be_trained(networks: pb.Networks) -> None:
    before = networks.clone()
    module = networks.to_module(0)
    back = pb.from_module(module)
    assert all(parameter.requires_grad for parameter in module.parameters())
    assert not any(tensor.requires_grad for tensor in back.tensors.values())
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(1)
    assert_same(networks, before)
    assert_same(back, before.select(0))


def test_no_random_number_is_drawn(networks: pb.Networks) -> None:
    state = torch.get_rng_state()
    networks.to_module(0)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_hidden_layer_without_bias() -> None:
    module = nn.Sequential(nn.Linear(3, 4, bias=False), nn.ReLU(), nn.Linear(4, 2, bias=False)).double()
    networks = pb.from_module(module)
    assert torch.equal(networks.bias, torch.zeros(1, 4, dtype=torch.float64))


def test_weights_that_are_not_what_the_module_computes_with_are_refused() -> None:
    """As those of old hooks are, which make them anew in each forward pass."""
    pruned = plain()
    prune.l1_unstructured(pruned[0], "weight", amount=0.3)
    pruned[0].weight_orig.data.mul_(2)
    hooked = plain()
    hooked[0].register_forward_hook(lambda module, given, out: 2 * out)

    class Twice(nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 2 * super().forward(x)

    for module in (pruned, hooked, Twice(*plain())):
        with pytest.raises(pb.RequestError, match=r"cannot be copied|built alike"):
            pb.from_module(module)


def test_an_output_bias_must_be_zero() -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    with pytest.raises(pb.RequestError, match=r"output bias.*bias=False"):
        pb.from_module(module)
    nn.init.zeros_(module[2].bias)
    assert torch.equal(pb.from_module(module).w_out[0], module[2].weight)


def test_pruned_networks_are_smaller_modules(networks: pb.Networks, task: pb.Task) -> None:
    kept = networks.keep(torch.tensor([[0, 2, 9]] * 3))
    module = kept.to_module(2)
    assert (module[0].out_features, module[2].in_features) == (3, 3)
    assert torch.equal(module(task.x_test), kept.logits(task.x_test)[2])


def test_merged_networks_are_smaller_modules_of_their_own_width(networks: pb.Networks, task: pb.Task) -> None:
    labels = torch.full((3, 16), -1)
    for row, groups in zip(labels, (6, 2, 11), strict=True):
        row[4:] = torch.arange(12).clamp(max=groups - 1)
    merged = pb.theory.merge(networks, labels)
    parts = modules(merged)
    assert merged.units == 11
    assert [part[0].out_features for part in parts] == [6, 2, 11]
    for part, logits in zip(parts, merged.logits(task.x_test), strict=True):
        torch.testing.assert_close(part(task.x_test), logits)
    assert_same(pb.from_module(*parts), merged)  # filled up again


def test_only_empty_neurons_at_the_end_are_left_out(networks: pb.Networks) -> None:
    for tensor in (networks.w_in[0], networks.bias[0], networks.w_out[0].T):
        tensor[-3:] = 0
    networks.bias[0, -3] = 1e-30
    assert not any(t[0, ..., 3].any() for t in (networks.bias, networks.w_out))  # an empty one inside
    assert networks.to_module(0)[0].out_features == 14
    assert networks.to_module(0, trim=False)[0].out_features == 16
    assert networks.zeros_like().to_module(0)[0].out_features == 1


@pytest.mark.parametrize(
    ("module", "seen"),
    [
        (nn.Linear(3, 2), "'Linear'"),
        (nn.Sequential(), "'Sequential'"),
        (nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), "Sequential(Linear, Tanh, Linear)"),
        (nn.Sequential(*plain(), nn.Softmax(dim=1)), "Sequential(Linear, ReLU, Linear, Softmax)"),
        (nn.Sequential(nn.Flatten(), *plain()), "Sequential(Flatten, Linear, ReLU, Linear)"),
        (nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(5, 2, bias=False)), "(4, 5)"),
    ],
)
def test_other_modules_are_refused(module: nn.Module, seen: str) -> None:
    with pytest.raises(pb.RequestError, match=re.escape(seen)) as caught:
        pb.from_module(module)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ([plain(inputs=8)], "inputs, outputs"),
        ([plain(outputs=3)], "inputs, outputs"),
        ([plain(dtype=torch.float64)], "torch.float32 on cpu, torch.float64 on cpu"),
        ([plain(device="meta")], "on cpu, torch.float32 on meta"),
    ],
)
def test_modules_that_are_no_batch(others: list[nn.Module], message: str) -> None:
    with pytest.raises(pb.RequestError, match=message):
        pb.from_module(plain(), *others)
    with pytest.raises(pb.RequestError, match="at least one"):
        pb.from_module()


@pytest.mark.parametrize("index", [-1, 3])
def test_networks_that_are_not_there(networks: pb.Networks, index: int) -> None:
    with pytest.raises(pb.RequestError, match="0 to 2"):
        networks.to_module(index)
