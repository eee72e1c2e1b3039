"""pruning: exactly the weights named are zero, the given network stays, and training leaves zeros alone."""

import pytest
import torch

from gancourse import runtime
from gancourse.compressing import counting, pruning
from gancourse.models import dense_conv


@pytest.fixture
def generator():
    with runtime.seeded(3):
        return dense_conv.Generator(16, width=4, hidden=10)


def layers(network):
    return {name: layer.weight for name, layer in network.named_modules() if getattr(layer, "weight", None) is not None
            and layer.weight.ndim > 1}  # fmt: skip


def test_the_smallest_of_each_layer_and_nothing_else(generator):
    thin = pruning.pruned(generator, 0.3)
    for name, weight in layers(thin).items():
        whole = layers(generator)[name]
        gone = weight == 0
        assert int(gone.sum()) == round(0.3 * weight.numel())
        assert whole[gone].abs().max() <= whole[~gone].abs().min()
        assert torch.equal(weight[~gone], whole[~gone])
        assert weight.stride() == whole.stride()  # channels last where they were
    for name, value in generator.state_dict().items():
        if name not in {f"{layer}.weight" for layer in layers(generator)}:
            assert torch.equal(thin.state_dict()[name], value)
    assert list(thin.state_dict()) == list(generator.state_dict())
    assert counting.zeros(generator) == 0 and generator.training and not thin.training
    assert not any(weight.requires_grad for weight in thin.parameters())


def test_the_smallest_over_all_layers_have_one_limit(generator):
    thin = pruning.pruned(generator, 0.4, scope="network")
    before = torch.cat([weight.flatten() for weight in layers(generator).values()])
    after = torch.cat([weight.flatten() for weight in layers(thin).values()])
    assert int((after == 0).sum()) == round(0.4 * len(before))
    assert before[after == 0].abs().max() <= before[after != 0].abs().min()
    shares = [float((weight == 0).double().mean()) for weight in layers(thin).values()]
    assert max(shares) > min(shares) + 0.1  # the layers' weights are not equally large


def test_random_ones_are_many_and_depend_on_the_seed(generator):
    thin, again, other = (pruning.pruned(generator, 0.5, way="random", seed=seed) for seed in (1, 1, 2))
    a, b, c = (torch.cat([weight.flatten() for weight in layers(net).values()]) for net in (thin, again, other))
    assert torch.equal(a, b) and not torch.equal(a, c)
    for weight in layers(thin).values():
        assert int((weight == 0).sum()) == round(0.5 * weight.numel())
    state = torch.get_rng_state()
    pruning.pruned(generator, 0.5, way="random")
    assert torch.equal(state, torch.get_rng_state())
    whole = torch.cat([weight.flatten() for weight in layers(generator).values()])
    assert whole[a == 0].abs().mean() > 0.8 * whole.abs().mean()


def test_nothing_pruned_is_the_same_network(generator):
    z = torch.randn(5, 64, generator=runtime.generator(0))
    assert torch.equal(pruning.pruned(generator, 0.0)(z), generator.eval()(z))


def test_zeros_stay_in_training_and_the_others_move(generator):
    thin = pruning.pruned(generator, 0.6).train().requires_grad_(True)
    gone = {name: weight == 0 for name, weight in layers(thin).items()}
    before = {name: weight.detach().clone() for name, weight in layers(thin).items()}
    handles = pruning.hold_zeros(thin)
    optimizer = torch.optim.Adam(thin.parameters(), lr=0.01)
    for _ in range(3):
        optimizer.zero_grad()
        thin(torch.randn(8, 64)).square().mean().backward()
        optimizer.step()
    for name, weight in layers(thin).items():
        assert bool((weight[gone[name]] == 0).all()) and bool((weight != before[name])[~gone[name]].any())
    for handle in handles:
        handle.remove()
    optimizer.zero_grad()
    thin(torch.randn(8, 64)).square().mean().backward()
    optimizer.step()
    assert any(bool((weight[gone[name]] != 0).any()) for name, weight in layers(thin).items())


@pytest.mark.parametrize(
    "given, match",
    [
        ({"share": 1.0}, "less than 1"),
        ({"share": -0.1}, "share"),
        ({"way": "largest"}, "way must be one of smallest, random"),
        ({"scope": "all"}, "scope must be one of layer, network"),
    ],
)
def test_what_is_refused(generator, given, match):
    with pytest.raises(ValueError, match=match):
        pruning.pruned(generator, **({"share": 0.5} | given))
    with pytest.raises(ValueError, match="must take gradients"):
        pruning.hold_zeros(pruning.pruned(generator, 0.5))
    with pytest.raises(TypeError, match="module"):
        pruning.pruned(None, 0.5)
