"""models.dcgan and models.dense_conv: sizes, ranges, first weights, and refusals in words."""

import pytest
import torch
from torch import nn

from gancourse import runtime
from gancourse.models import dcgan, dense_conv


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_dcgan_has_the_parameter_counts_of_the_published_network():
    assert count(dcgan.Generator(image_size=64, channels=3, latent_dim=100, width=64)) == 3_576_704
    assert count(dcgan.Discriminator(image_size=64, channels=3, width=64)) == 2_765_568


def test_dcgan_convolutions_have_kernel_4_and_no_bias():
    for network in (dcgan.Generator(64, 3), dcgan.Discriminator(64, 3)):
        convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]
        assert len(convolutions) == 5
        assert {layer.kernel_size for layer in convolutions} == {(4, 4)}
        assert all(layer.bias is None for layer in convolutions)


@pytest.mark.parametrize(
    ("image_size", "generator_count", "discriminator_count"),
    # by hand at width 2, latent_dim 3, 1 channel: kernel areas 16, or 49 where 28 starts from 7 by 7
    [
        (16, 3 * 4 * 16 + 8 + 4 * 2 * 16 + 4 + 2 * 16, 2 * 16 + 2 * 4 * 16 + 8 + 4 * 16),
        (28, 3 * 4 * 49 + 8 + 4 * 2 * 16 + 4 + 2 * 16, 2 * 16 + 2 * 4 * 16 + 8 + 4 * 49),
    ],
)
def test_dcgan_counts_of_small_sizes_by_hand(image_size, generator_count, discriminator_count):
    assert count(dcgan.Generator(image_size, 1, latent_dim=3, width=2)) == generator_count
    assert count(dcgan.Discriminator(image_size, 1, width=2)) == discriminator_count


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("module", "image_size"),
    [(dcgan, size) for size in (16, 28, 32, 64, 128)] + [(dense_conv, size) for size in (16, 28, 32, 64)],
)
def test_every_size_gives_images_in_range_and_one_logit_each(module, image_size, channels):
    with runtime.seeded(0):
        generator = module.Generator(image_size=image_size, channels=channels, latent_dim=5, width=2)
        discriminator = module.Discriminator(image_size=image_size, channels=channels, width=2)
    with torch.no_grad():
        images = generator(torch.randn(3, 5, generator=runtime.generator(0)))
        logits = discriminator(images)
    assert images.shape == (3, channels, image_size, image_size)
    assert -1 <= float(images.min()) < float(images.max()) <= 1
    assert logits.shape == (3,)
    assert generator.latent_dim == 5


def test_dense_conv_has_the_counts_of_its_layers():
    maps, side = 32, 7  # two times width 16, 28 / 4
    dense = 64 * 256 + 2 * 256 + 256 * maps * side**2 + 2 * maps * side**2
    assert count(dense_conv.Generator()) == dense + maps * 16 * 16 + 2 * 16 + 16 * 1 * 16 + 1
    convolutions = (1 * 16 * 16 + 16) + (16 * maps * 16 + maps)
    assert count(dense_conv.Discriminator()) == convolutions + (maps * side**2 * 256 + 256) + 256 + 1


def test_dense_conv_has_as_many_hidden_units_as_asked():
    generator = dense_conv.Generator(16, latent_dim=5, width=2, hidden=7)
    assert generator.hidden == 7 and generator.dense[0].weight.shape == (7, 5)
    assert generator.dense[3].weight.shape == (4 * 16, 7) and generator.dense[1].num_features == 7
    assert dense_conv.Generator(16).dense[0].weight.shape == (256, 64)
    with pytest.raises(ValueError, match="hidden must be a positive whole number"):
        dense_conv.Generator(hidden=0)


def test_the_dense_part_meets_the_convolutions_in_the_same_order_whatever_the_memory_layout():
    """Channels last is a matter of memory only: ordinary layout must give the same images."""
    with runtime.seeded(1):
        generator = dense_conv.Generator(image_size=16, latent_dim=4, width=3).eval()
        z = torch.randn(5, 4)
    with torch.no_grad():
        images = generator(z)
        maps = generator.dense(z).reshape(5, 4, 4, 6).permute(0, 3, 1, 2).contiguous()
        plain = generator.convolutions.to(memory_format=torch.contiguous_format)(maps)
    assert torch.allclose(images, plain, atol=1e-6)


def test_dcgan_first_weights_are_those_of_the_paper():
    with runtime.seeded(0):
        network = dcgan.Generator(image_size=64, channels=3)
    weights = torch.cat([m.weight.detach().flatten() for m in network.modules() if isinstance(m, nn.ConvTranspose2d)])
    scales = torch.cat([m.weight.detach() for m in network.modules() if isinstance(m, nn.BatchNorm2d)])
    shifts = torch.cat([m.bias.detach() for m in network.modules() if isinstance(m, nn.BatchNorm2d)])
    assert abs(float(weights.mean())) < 1e-4
    assert float(weights.std()) == pytest.approx(0.02, rel=0.01)
    assert float(scales.mean()) == pytest.approx(1.0, abs=0.003)  # 960 of them: standard error 0.0006
    assert float(scales.std()) == pytest.approx(0.02, rel=0.15)
    assert not shifts.any()


def test_initialise_reaches_every_layer_and_leaves_other_kinds_alone():
    linear = nn.Linear(3, 3)
    before = linear.weight.detach().clone()
    nn.Sequential(linear).apply(dcgan.initialise)
    assert torch.equal(linear.weight, before)


@pytest.mark.parametrize("module", [dcgan, dense_conv])
def test_images_stay_in_range_whatever_the_weights(module):
    with runtime.seeded(0):
        generator = module.Generator(image_size=16, latent_dim=4, width=2)
        z = torch.randn(8, 4)
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.mul_(1_000)
        images = generator(z)
    assert float(images.min()) == -1
    assert float(images.max()) == 1


@pytest.mark.parametrize("module", [dcgan, dense_conv])
def test_a_sample_depends_on_its_neighbours_only_in_training_mode(module):
    with runtime.seeded(0):
        generator = module.Generator(image_size=16, latent_dim=4, width=2)
        z = torch.randn(6, 4)
    with torch.no_grad():
        generator(z)  # moves the running averages off their start
        assert not torch.allclose(generator(z)[:3], generator(z[:3]), atol=1e-4)
        generator.eval()
        assert torch.allclose(generator(z)[:3], generator(z[:3]), atol=1e-6)
        assert generator(z[:1]).shape == (1, 1, 16, 16)


def test_dense_conv_scores_each_image_by_itself():
    with runtime.seeded(0):
        discriminator = dense_conv.Discriminator(image_size=16, width=2)
        images = torch.rand(6, 1, 16, 16) * 2 - 1
    assert torch.allclose(discriminator(images)[:2], discriminator(images[:2]), atol=1e-6)


@pytest.mark.parametrize("module", [dcgan, dense_conv])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_size": 30}, "image_size must be one of 16, 28, 32, 64.*got 30"),
        ({"image_size": True}, "image_size must be one of"),
        ({"image_size": 28.0}, "image_size must be one of"),
        ({"channels": 2}, "channels must be one of 1, 3, got 2"),
        ({"width": 0}, "width must be a positive whole number, got 0"),
    ],
)
def test_sizes_that_cannot_be_built_are_refused(module, arguments, message):
    for kind in (module.Generator, module.Discriminator):
        with pytest.raises(ValueError, match=message):
            kind(**arguments)
    with pytest.raises(ValueError, match="latent_dim must be a positive whole number, got -1"):
        module.Generator(latent_dim=-1)


@pytest.mark.parametrize("module", [dcgan, dense_conv])
def test_a_wrong_batch_is_refused_by_name(module):
    generator = module.Generator(image_size=16, latent_dim=4, width=2)
    discriminator = module.Discriminator(image_size=16, width=2)
    with pytest.raises(TypeError, match="z must be a tensor of shape \\(N, 4\\), got list"):
        generator([1.0])
    with pytest.raises(ValueError, match="z must have shape \\(N, 4\\), got \\(2, 5\\)"):
        generator(torch.zeros(2, 5))
    with pytest.raises(ValueError, match="use z.flatten\\(1\\)"):
        generator(torch.zeros(2, 4, 1, 1))
    with pytest.raises(ValueError, match="z is empty"):
        generator(torch.zeros(0, 4))
    with pytest.raises(TypeError, match="z must have the network's dtype torch.float32, got torch.float64"):
        generator(torch.zeros(2, 4, dtype=torch.float64))
    with pytest.raises(ValueError, match="z is on meta, but the network is on cpu"):
        generator(torch.zeros(2, 4, device="meta"))
    with pytest.raises(ValueError, match="images must have shape \\(N, 1, 16, 16\\), got \\(2, 3, 16, 16\\)"):
        discriminator(torch.zeros(2, 3, 16, 16))
    with pytest.raises(ValueError, match="images must have shape"):
        discriminator(torch.zeros(2, 1, 28, 28))


def test_a_batch_of_one_is_refused_where_batch_norm_would_fail():
    generator = dense_conv.Generator(latent_dim=4)
    with pytest.raises(ValueError, match="z holds 1 sample.*call .eval\\(\\) first"):
        generator(torch.zeros(1, 4))
    assert generator.eval()(torch.zeros(1, 4)).shape == (1, 1, 28, 28)
