"""models.averaging: the average is the recursion, and batch norm's statistics are those of what the network does."""

import pytest
import torch
from torch import nn
from torch.optim import swa_utils

from gancourse import runtime
from gancourse.models import averaging, dcgan, dense_conv


def small(seed=0):
    with runtime.seeded(seed):
        return dense_conv.Generator(image_size=16, latent_dim=5, width=2)


def latents(count=60, size=5, seed=1):
    return torch.randn(count, size, generator=runtime.generator(seed))


def statistics(network):
    layers = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    return [tensor.clone() for layer in layers for tensor in (layer.running_mean, layer.running_var)]


# ---------------------------------------------------------------- average


def test_the_average_follows_the_recursion_from_the_first_weights():
    network = nn.Linear(1, 1, bias=False)
    averaged = averaging.average(network, 0.75)
    wanted = None
    for value in (2.0, -4.0, 1.0, 7.0):
        with torch.no_grad():
            network.weight.fill_(value)
        averaged.update_parameters(network)
        wanted = value if wanted is None else 0.75 * wanted + 0.25 * value
        assert averaged.module.weight.item() == pytest.approx(wanted, rel=1e-6)
    assert network.weight.item() == 7.0  # the original is left alone


def test_the_average_is_another_network_in_eval_mode_without_gradients():
    network = small()
    averaged = averaging.average(network)
    assert network.training and not any(module.training for module in averaged.modules())
    assert not any(parameter.requires_grad for parameter in averaged.parameters())
    assert all(parameter.requires_grad for parameter in network.parameters())
    ours = {parameter.data_ptr() for parameter in averaged.parameters()}
    assert ours.isdisjoint(parameter.data_ptr() for parameter in network.parameters())
    state = torch.get_rng_state()
    averaged.update_parameters(network)
    assert torch.equal(torch.get_rng_state(), state)
    assert averaged(latents(3)).shape == (3, 1, 16, 16)


@pytest.mark.parametrize("decay", [-0.1, 1, 1.5, True, "0.9", None, float("nan")])
def test_a_decay_that_is_none_is_refused(decay):
    with pytest.raises(ValueError, match="decay must be a number from 0 to less than 1"):
        averaging.average(small(), decay)


def test_what_has_no_weights_is_refused():
    with pytest.raises(TypeError, match="generator must be a module, got function"):
        averaging.average(lambda z: z)
    with pytest.raises(ValueError, match="no parameters"):
        averaging.average(nn.Tanh())


# ---------------------------------------------------------------- recompute_batch_norm


def test_one_batch_gives_exactly_the_mean_and_the_variance_of_that_batch():
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).double()
    z = 3 + 2 * latents(50, 3).double()
    assert averaging.recompute_batch_norm(network, [z]) == 1
    seen = network[0](z)
    assert torch.allclose(network[1].running_mean, seen.mean(0), rtol=1e-12)
    assert torch.allclose(network[1].running_var, seen.var(0), rtol=1e-12)
    assert not torch.allclose(network[1].running_var, seen.var(0, correction=0), rtol=1e-3)


def test_equal_batches_agree_with_pytorchs_own_function():
    ours, theirs = small(), small()
    averaging.recompute_batch_norm(ours, latents().split(20))
    swa_utils.update_bn(latents().split(20), theirs)
    for a, b in zip(statistics(ours), statistics(theirs), strict=True):
        assert torch.allclose(a, b, rtol=1e-5, atol=1e-7)


def test_batches_of_different_size_count_by_their_size():
    network = nn.Sequential(nn.BatchNorm1d(2))
    z = latents(50, 2)
    averaging.recompute_batch_norm(network, [z[:40], z[40:]])
    assert torch.allclose(network[0].running_mean, z.mean(0), atol=1e-6)
    equal_shares = (z[:40].mean(0) + z[40:].mean(0)) / 2
    assert not torch.allclose(network[0].running_mean, equal_shares, atol=1e-2)


@pytest.mark.parametrize("make", [small, lambda: dcgan.Generator(16, latent_dim=5, width=2)])
def test_eval_mode_then_agrees_with_train_mode_on_the_same_batch(make):
    network = make()
    z = latents(2_000)
    with torch.no_grad():
        stale = network.eval()(z)
        together = network.train()(z)
        averaging.recompute_batch_norm(network.eval(), [z])
        alone = network(z)
    assert not torch.allclose(stale, together, atol=1e-2)
    assert torch.allclose(alone, together, atol=2e-3)  # variance by N - 1 or N


def test_modes_momenta_weights_and_randomness_are_as_before():
    network = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4, momentum=0.3), nn.Dropout(0.5), nn.BatchNorm1d(4))
    network[2].eval()
    network[3].eval()
    modes = [module.training for module in network.modules()]
    weights = [parameter.clone() for parameter in network.parameters()]
    state = torch.get_rng_state()
    averaging.recompute_batch_norm(network, latents().split(20))
    assert torch.equal(torch.get_rng_state(), state)
    assert [module.training for module in network.modules()] == modes
    assert (network[1].momentum, network[3].momentum) == (0.3, 0.1)
    for now, kept in zip(network.parameters(), weights, strict=True):
        assert torch.equal(now, kept)
        assert now.grad is None


def test_statistics_that_had_become_nan_are_forgotten():
    network = nn.Sequential(nn.BatchNorm1d(2))
    network[0].running_mean.fill_(float("nan"))
    z = latents(50, 2)
    averaging.recompute_batch_norm(network, z.split(10))
    assert torch.allclose(network[0].running_mean, z.mean(0), atol=1e-6)
    assert int(network[0].num_batches_tracked) == 5


def test_dropout_is_off_while_the_statistics_are_measured():
    network = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(2))
    z = latents(50, 2)
    averaging.recompute_batch_norm(network, [z])
    assert torch.allclose(network[1].running_mean, z.mean(0), atol=1e-6)


def test_an_average_gets_statistics_of_its_own_and_the_original_keeps_its():
    network = small()
    averaged = averaging.average(network)
    for _ in range(3):
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(-1.5)
        network(latents())
        averaged.update_parameters(network)
    kept = statistics(network)
    assert all(torch.equal(a, b) for a, b in zip(statistics(averaged), kept, strict=True))  # what PyTorch does
    assert averaging.recompute_batch_norm(averaged, latents().split(20)) == 3
    assert all(torch.equal(a, b) for a, b in zip(statistics(network), kept, strict=True))
    assert not torch.allclose(statistics(averaged)[0], kept[0], rtol=1e-2)


def test_a_network_without_batch_norm_needs_nothing():
    assert averaging.recompute_batch_norm(nn.Linear(5, 2), latents().split(20)) == 0


@pytest.mark.parametrize(
    "wrong, error, words",
    [
        (latents(), TypeError, "got one tensor of shape .60, 5.; use z.split"),
        ([], ValueError, "no batch at all"),
        (iter(()), ValueError, "no batch at all"),
        ([latents(1)], ValueError, "at least 2 samples"),
        ([latents(4), latents(1)], ValueError, "at least 2 samples"),
        (["z"], TypeError, "must be tensors, got str"),
        ([latents(4, 6)], ValueError, "z must have shape"),
        ([torch.full((4, 5), float("nan"))], ValueError, "not finite"),
    ],
)
def test_latents_that_make_no_sense_are_refused_and_change_nothing(wrong, error, words):
    network = small()
    network(latents())
    kept, counted = statistics(network), [int(m.num_batches_tracked) for m in network.dense if hasattr(m, "momentum")]
    with pytest.raises(error, match=words):
        averaging.recompute_batch_norm(network, wrong)
    assert all(torch.equal(a, b) for a, b in zip(statistics(network), kept, strict=True))
    assert [int(m.num_batches_tracked) for m in network.dense if hasattr(m, "momentum")] == counted
    assert all(module.training for module in network.modules())
    assert network.dense[1].momentum == 0.1


def test_networks_that_make_no_sense_are_refused():
    with pytest.raises(TypeError, match="generator must be a module, got function"):
        averaging.recompute_batch_norm(lambda z: z, latents().split(20))
    with pytest.raises(ValueError, match="layer '0' keeps no running statistics"):
        averaging.recompute_batch_norm(nn.Sequential(nn.BatchNorm1d(5, track_running_stats=False)), latents().split(20))


def test_a_network_under_the_old_spectral_norm_is_refused_in_words():
    old = nn.Sequential(nn.utils.spectral_norm(nn.Linear(2, 2)))
    old(torch.ones(1, 2))  # now it keeps a weight that was computed from others
    with pytest.raises(ValueError, match="cannot be copied .*old spectral or weight norm.*parametrizations"):
        averaging.average(old)
    averaging.average(nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Linear(2, 2))))


def test_batches_may_be_tuples_of_what_a_generator_takes():
    class Shifted(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(2)

        def forward(self, z, shift):
            return self.norm(z + shift)

    z, shift = torch.randn(9, 2, generator=runtime.generator(0)), torch.arange(18.0).view(9, 2)
    network = Shifted().eval()
    averaging.recompute_batch_norm(network, zip(z.split(5), shift.split(5), strict=True))
    assert torch.allclose(network.norm.running_mean, (z + shift).mean(0), atol=1e-5)
