"""channels: what is left is the whole generator without the others, and the three ways choose what they say."""

import pytest
import torch

from gancourse import runtime
from gancourse.compressing import channels
from gancourse.models import averaging, dense_conv


@pytest.fixture
def generator():
    """A small generator in eval mode, with batch norms that are not all alike."""
    with runtime.seeded(5):
        made = dense_conv.Generator(16, channels=3, latent_dim=6, width=4, hidden=10)
        for module in made.modules():
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                torch.nn.init.normal_(module.weight)
                torch.nn.init.normal_(module.bias)
    averaging.recompute_batch_norm(made, torch.randn(60, 6, generator=runtime.generator(1)).split(30))
    return made.eval().requires_grad_(False)


Z = torch.randn(9, 6, generator=runtime.generator(2))


@pytest.mark.parametrize("way", channels.WAYS)
def test_all_channels_are_the_whole_generator(generator, way):
    same = channels.narrowed(generator, width=4, hidden=10, way=way)
    assert torch.equal(same(Z), generator(Z))
    for name, value in generator.state_dict().items():
        assert torch.equal(same.state_dict()[name], value) or not value.is_floating_point()


def silenced(generator, units, maps, last):
    """Return a copy whose other channels say nothing to the layers that read them."""
    quiet = dense_conv.Generator(16, channels=3, latent_dim=6, width=4, hidden=10).eval()
    quiet.load_state_dict(generator.state_dict())
    with torch.no_grad():
        for weight, kept, axis in (
            (quiet.dense[3].weight, units, 1), (quiet.convolutions[0].weight, maps, 0),
            (quiet.convolutions[3].weight, last, 0),
        ):  # fmt: skip
            gone = torch.ones(weight.shape[axis], dtype=torch.bool)
            gone[kept] = False
            weight.transpose(0, axis)[gone] = 0
    return quiet


@pytest.mark.parametrize("way", ["outgoing", "incoming"])
def test_the_kept_channels_are_the_largest_and_the_images_those_of_the_whole_with_the_others_silent(generator, way):
    small = channels.narrowed(generator, width=3, hidden=4, way=way)
    first, norm1, _, second, norm2, _ = generator.dense
    third, norm3, _, last, _ = generator.convolutions
    making = second.weight.reshape(16, 8, 10)
    if way == "incoming":
        scores = (
            first.weight.norm(dim=1),
            making.transpose(0, 1).flatten(1).norm(dim=1),
            third.weight.transpose(0, 1).flatten(1).norm(dim=1),
        )
    else:
        spread = norm2.weight.reshape(16, 8).square().mean(0).sqrt()
        scores = (
            norm1.weight.abs() * second.weight.norm(dim=0),
            spread * third.weight.flatten(1).norm(dim=1),
            norm3.weight.abs() * last.weight.flatten(1).norm(dim=1),
        )
    kept = [
        score.argsort(descending=True)[:count].sort().values for score, count in zip(scores, (4, 6, 3), strict=True)
    ]
    assert torch.allclose(small(Z), silenced(generator, *kept)(Z), atol=1e-5)
    worse = [score.argsort()[:count].sort().values for score, count in zip(scores, (4, 6, 3), strict=True)]
    assert not torch.allclose(small(Z), silenced(generator, *worse)(Z), atol=1e-2)


def test_batch_norm_makes_the_size_of_incoming_weights_meaningless(generator):
    """Ten times the weights that make a unit change no image, once batch norm is measured again; only one way cares."""
    loud = dense_conv.Generator(16, channels=3, latent_dim=6, width=4, hidden=10)
    loud.load_state_dict(generator.state_dict())
    with torch.no_grad():
        loud.dense[0].weight[3] *= 10
    z = torch.randn(60, 6, generator=runtime.generator(1)).split(30)
    averaging.recompute_batch_norm(loud, z)
    loud = loud.eval().requires_grad_(False)
    assert torch.allclose(loud(Z), generator(Z), atol=1e-3)
    for way, same in (("outgoing", True), ("incoming", False)):
        a, b = (channels.narrowed(net, width=4, hidden=1, way=way) for net in (loud, generator))
        assert torch.equal(a.dense[3].weight, b.dense[3].weight) is same


def test_a_random_choice_follows_its_seed_and_moves_no_other_random_numbers(generator):
    state = torch.get_rng_state()
    a, b, c = (channels.narrowed(generator, width=2, hidden=5, way="random", seed=seed) for seed in (1, 1, 2))
    assert torch.equal(a(Z), b(Z)) and not torch.equal(a(Z), c(Z))
    assert torch.equal(state, torch.get_rng_state())
    assert not a.training and not any(weight.requires_grad for weight in a.parameters())


@pytest.mark.parametrize(
    "given, match", [({"width": 5}, "width"), ({"hidden": 0}, "hidden"), ({"way": "smallest"}, "way must be one of")]
)
def test_what_is_refused(generator, given, match):
    with pytest.raises(ValueError, match=match):
        channels.narrowed(generator, **({"width": 2, "hidden": 2} | given))
    with pytest.raises(TypeError, match=r"dense_conv\.Generator"):
        channels.narrowed(torch.nn.Linear(2, 2), width=1, hidden=1)
