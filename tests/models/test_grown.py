"""models.grown: whole it is the quick pair, and between two sizes it is both, in the shares of the fade."""

import pytest
import torch
import torch.nn.functional as F

from gancourse import runtime
from gancourse.models import dense_conv, grown


def built(network=grown.Generator, seed=3, **settings):
    with runtime.seeded(seed):
        return network(**settings)


def at(network, stage, fade=1.0):
    network.stage, network.fade = stage, fade
    return network


def images(side, count=4, seed=1):
    return 2 * torch.rand(count, 1, side, side, generator=runtime.generator(seed)) - 1


Z = torch.randn(5, 32, generator=runtime.generator(0))


@pytest.mark.parametrize("side", [16, 28])
def test_whole_both_are_the_quick_pair(side):
    assert torch.equal(built(image_size=side)(Z), built(dense_conv.Generator, image_size=side, latent_dim=32)(Z))
    plain, grows = (built(kind, image_size=side) for kind in (dense_conv.Discriminator, grown.Discriminator))
    assert torch.allclose(grows(images(side)), plain(images(side)), atol=1e-6)


@pytest.mark.parametrize("body", grown.BODIES)
@pytest.mark.parametrize("side", [16, 28])
def test_each_stage_has_its_size(side, body):
    generator, discriminator = built(image_size=side, body=body), built(grown.Discriminator, image_size=side, body=body)
    for stage, made in enumerate((side // 4, side // 2, side)):
        drawn = at(generator, stage, 0.4)(Z)
        assert drawn.shape == (5, 1, made, made) and generator.side == made
        assert at(discriminator, stage, 0.4)(drawn).shape == (5,)
        assert float(drawn.detach().abs().max()) <= 1


@pytest.mark.parametrize("body", grown.BODIES)
@pytest.mark.parametrize("stage", [1, 2])
def test_at_fade_0_it_is_the_enlarged_size_before(stage, body):
    generator = built(body=body).eval()
    before, grows = at(generator, stage - 1)(Z).detach(), at(generator, stage, 0.0)(Z)
    assert torch.allclose(grows, F.interpolate(before, scale_factor=2), atol=1e-6)
    discriminator = built(grown.Discriminator, body=body)
    x = images(7 * 2**stage)
    small = at(discriminator, stage - 1)(F.avg_pool2d(x, 2))
    assert torch.allclose(at(discriminator, stage, 0.0)(x), small, atol=1e-6)


@pytest.mark.parametrize("stage", [1, 2])
def test_between_it_is_the_share_of_both_before_the_tanh(stage):
    generator = built().eval()
    none, some, all_ = (at(generator, stage, fade)(Z).double().atanh() for fade in (0.0, 0.3, 1.0))
    assert torch.allclose(some, 0.3 * all_ + 0.7 * none, atol=1e-4)
    assert (all_ - none).abs().max() > 0.01


def test_a_jump_is_as_large_as_both_sizes_differ_and_a_fade_is_smooth():
    generator = built().eval()
    steps = [at(generator, 1, fade)(Z).detach() for fade in (0.0, 0.01, 1.0)]
    jump, first = ((later - steps[0]).abs().mean() for later in (steps[2], steps[1]))
    assert 0 < first < 0.02 * jump


def test_parameters_by_hand():
    count = lambda network: sum(p.numel() for p in network.parameters())  # noqa: E731
    plain, judge = count(dense_conv.Generator(latent_dim=32)), count(dense_conv.Discriminator())
    # the pair, and 1 x 1 convolutions to and from images of the smaller sizes
    assert count(built()) == plain + 33 + 17
    assert count(built(grown.Discriminator)) == judge + 64 + 32
    dense = 32 * 256 + 512 + 256 * 1568 + 2 * 1568
    blocks = (32 * 16 * 9 + 32) + 3 * (16 * 16 * 9 + 32)
    assert count(built(body="stack")) == dense + blocks + 33 + 17 + 17
    blocks = (16 * 16 * 9 + 16) + (16 * 32 * 9 + 32) + 2 * (16 * 16 * 9 + 16)
    assert count(built(grown.Discriminator, body="stack")) == 1568 * 256 + 256 + 257 + blocks + 64 + 32 + 32


@pytest.mark.parametrize("body", grown.BODIES)
def test_only_what_a_stage_uses_gets_gradients(body):
    generator, discriminator = at(built(body=body), 1, 0.5), at(built(grown.Discriminator, body=body), 1, 0.5)
    discriminator(generator(Z)).sum().backward()
    for network, ends in ((generator, generator.to_image), (discriminator, discriminator.from_image)):
        assert all(p.grad is not None for p in network.blocks[0].parameters())
        assert all(p.grad is None for p in network.blocks[1].parameters())
        assert [end.weight.grad is not None for end in ends] == [True, True, False]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: grown.Generator(20), "image_size must be one of 16, 28, 32, 64, got 20"),
        (lambda: grown.Generator(body="tower"), "body must be one of pair, stack, got 'tower'"),
        (lambda: at(built(), 3), "stage must be a whole number from 0 to 2, got 3"),
        (lambda: at(built(), 1, 1.2), "fade must be a finite number, from 0.0 to 1.0, got 1.2"),
        (lambda: at(built(grown.Discriminator), 1)(images(28)), r"images must have shape \(N, 1, 14, 14\)"),
        (lambda: built()(Z[:, :3]), r"z must have shape \(N, 32\)"),
    ],
)
def test_other_things_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
