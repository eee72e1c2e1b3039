"""models.styled: modulation against convolutions one by one, AdaIN by hand, and where styles and noise come in."""

import pytest
import torch
import torch.nn.functional as F

from gancourse import runtime
from gancourse.models import averaging, styled

RANDOM = runtime.generator(0)
MAPS = torch.randn(3, 4, 6, 5, generator=RANDOM)
SCALES = torch.tensor([[1.0, -2.0, 0.5, 3.0], [0.1, 0.2, 5.0, 1.0], [1.0, 1.0, 1.0, 1.0]])
WEIGHT = torch.randn(7, 4, 3, 3, generator=RANDOM)


def built(seed=0, **settings):
    with runtime.seeded(seed):
        return styled.StyledGenerator(**settings)


def draws(count, size=64, seed=1):
    return torch.randn(count, size, generator=runtime.generator(seed))


# ---------------------------------------------------------------- AdaIN and modulation


def test_adain_gives_each_map_the_mean_and_deviation_it_is_told():
    scale, shift = SCALES, torch.arange(12.0).view(3, 4)
    made = styled.adain(MAPS, scale, shift)
    assert torch.allclose(made.mean((2, 3)), shift, atol=1e-5)
    assert torch.allclose(made.std((2, 3), unbiased=False), scale.abs(), atol=1e-5)
    assert torch.allclose(styled.adain(5 * MAPS + 3, scale, shift), made, atol=1e-4)  # what was there does not matter


def test_modulated_weights_by_hand():
    weight = torch.tensor([3.0, 1.0]).view(1, 2, 1, 1)
    scales = torch.tensor([[1.0, 4.0], [2.0, -2.0]])
    bare = styled.modulate(weight, scales, demodulate=False)
    assert bare.flatten(1).tolist() == [[3.0, 4.0], [6.0, -2.0]]
    made = styled.modulate(weight, scales).flatten(1)
    assert made[0].tolist() == pytest.approx([0.6, 0.8]) and made[1].tolist() == pytest.approx([0.9487, -0.3162], 1e-3)


@pytest.mark.parametrize("demodulate", [True, False])
def test_a_modulated_convolution_is_each_sample_s_own_convolution(demodulate):
    weights = styled.modulate(WEIGHT, SCALES, demodulate=demodulate)
    one_by_one = torch.cat([F.conv2d(x[None], w, padding=1) for x, w in zip(MAPS, weights, strict=True)])
    made = styled.modulated_convolution(MAPS, WEIGHT, SCALES, demodulate=demodulate)
    assert torch.allclose(made, one_by_one, atol=1e-5)


@pytest.mark.parametrize("up", [False, True])
def test_demodulation_keeps_the_variance_of_white_input_whatever_the_scales(up):
    random = runtime.generator(4)
    images = torch.randn(3, 40, 32, 32, generator=random)
    weight = torch.randn(25, 40, *((4, 4) if up else (3, 3)), generator=random)
    scales = 10 ** torch.randn(3, 40, generator=random)
    made = styled.modulated_convolution(images, weight, scales, up=up)
    assert made.shape == ((3, 25, 64, 64) if up else (3, 25, 32, 32))
    inner = made[:, :, 2:-2, 2:-2]
    assert float(inner.var((1, 2, 3)).min()) > 0.93 and float(inner.var((1, 2, 3)).max()) < 1.07
    bare = styled.modulated_convolution(images, weight, scales, demodulate=False, up=up)
    assert float(bare.var((1, 2, 3)).max()) > 100


def test_demodulation_forgets_the_length_of_the_scales_and_of_the_weights():
    made = styled.modulated_convolution(MAPS, WEIGHT, SCALES)
    assert torch.allclose(styled.modulated_convolution(MAPS, 7 * WEIGHT, 3 * SCALES), made, atol=1e-5)


def test_doubling_the_side_is_a_transposed_convolution():
    weight = torch.randn(7, 4, 4, 4, generator=runtime.generator(5))
    made = styled.modulated_convolution(MAPS, weight, SCALES, up=True, demodulate=False)
    for k in range(3):
        own = (weight * SCALES[k][None, :, None, None]).transpose(0, 1)
        assert torch.allclose(made[k : k + 1], F.conv_transpose2d(MAPS[k : k + 1], own, stride=2, padding=1), atol=1e-4)


def test_where_adain_and_modulation_agree():
    """White maps are normalised already: AdaIN before a convolution is then modulation, but for demodulation."""
    white = F.instance_norm(torch.randn(3, 4, 9, 9, generator=runtime.generator(6)), eps=1e-8)
    by_adain = F.conv2d(styled.adain(white, SCALES, torch.zeros(3, 4)), WEIGHT, padding=1)
    assert torch.allclose(by_adain, styled.modulated_convolution(white, WEIGHT, SCALES, demodulate=False), atol=1e-4)


# ---------------------------------------------------------------- the generator


def test_parameters_by_hand():
    mapping = 3 * (64 * 64 + 64)
    dense = 64 * 256 + 512 + 256 * 1568
    counts = {
        # affine layers to 2 x 32 and 2 x 16 numbers, strengths, transposed convolutions; a bias for the last one alone
        "batch": 65 * 64 + 32 + 32 * 16 * 16 + 65 * 32 + 16 + 16 * 16 + 1,
        # the same without statistics that are learned
        "image": 65 * 64 + 32 + 32 * 16 * 16 + 65 * 32 + 16 + 16 * 16 + 1,
        # one scale for each map; batch norm with weights before the first place, a bias behind both
        "modulated": 65 * 32 + 32 + 64 + 32 * 16 * 16 + 16 + 65 * 16 + 16 + 16 * 16 + 1,
    }
    for style, count in counts.items():
        assert sum(p.numel() for p in built(style=style).parameters()) == mapping + dense + count
        quiet = built(style=style, noise=False)
        assert sum(p.numel() for p in quiet.parameters()) == mapping + dense + count - 48
    assert sum(p.numel() for p in styled.Mapping(5, 2).parameters()) == 2 * 30


@pytest.mark.parametrize("style", styled.STYLES)
@pytest.mark.parametrize("side", [16, 28])
def test_images_have_shape_and_range_and_gradients_reach_every_weight(style, side):
    generator = built(image_size=side, channels=3, latent_dim=6, width=4, style=style)
    images = generator(draws(5, 6), runtime.generator(2))
    assert images.shape == (5, 3, side, side) and float(images.detach().abs().max()) <= 1
    images.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in generator.parameters())


def test_only_the_direction_of_z_matters():
    generator = built().eval()
    z = draws(4)
    assert torch.allclose(generator.map(3 * z), generator.map(z), atol=1e-5)
    assert not torch.allclose(generator.map(-z), generator.map(z), atol=0.1)


def test_a_mapping_begins_with_w_about_as_long_as_z():
    with runtime.seeded(3):
        mapping = styled.Mapping(64)
    assert 0.3 < float(mapping(draws(500)).detach().square().mean()) < 3


@pytest.mark.parametrize("style", styled.STYLES)
def test_each_place_has_a_style_of_its_own(style):
    generator = built(style=style).eval()
    w, other = generator.map(draws(4)).detach(), generator.map(draws(4, seed=9)).detach()
    same = generator.paint(w)
    assert torch.equal(generator.paint(torch.stack([w, w, w])), same)
    assert torch.equal(generator.paint(styled.mixed(w, other, 3)), same)
    assert torch.equal(generator.paint(styled.mixed(w, other, 0)), generator.paint(other))
    for cut in (1, 2):
        between = generator.paint(styled.mixed(w, other, cut))
        assert (between - same).abs().max() > 1e-4 and (between - generator.paint(other)).abs().max() > 1e-4
    for place in range(3):
        changed = torch.stack([w, w, w])
        changed[place] = other
        assert (generator.paint(changed) - same).abs().max() > 1e-4, f"{styled.PLACES[place]} ignores its style"


def untold(place, scale=0.0):
    """Let a place be told nothing by w, but for a scale of 1 + ``scale``."""
    place.affine.weight.data.zero_()
    place.affine.bias.data.fill_(scale)
    return place


@pytest.mark.parametrize("style", ["batch", "image"])
def test_a_place_that_is_told_nothing_normalises_and_nothing_else(style):
    place = untold(built(style=style, width=2, noise=False).at_quarter)
    maps = 5 + 3 * torch.randn(6, 4, 7, 7, generator=runtime.generator(1))
    normed = F.instance_norm(maps) if style == "image" else F.batch_norm(maps, None, None, training=True)
    assert torch.allclose(place(maps, draws(6), None), place.up(normed.relu()), atol=1e-4)


def test_demodulation_is_at_the_first_maps_and_not_before_the_image():
    generator = built(width=2, noise=False).eval()
    maps, w = torch.randn(6, 4, 7, 7, generator=runtime.generator(1)), draws(6)
    one, seven = (untold(generator.at_quarter, scale)(maps, w, None) for scale in (0.0, 6.0))
    assert torch.allclose(one, seven, atol=1e-4) and one.abs().max() > 0.1
    maps = maps[:, :2]
    one, seven = (untold(generator.at_half, scale)(maps, w, None) for scale in (0.0, 6.0))
    bias = generator.at_half.up.bias
    assert torch.allclose(seven - bias, 7 * (one - bias), atol=1e-4)


def test_in_eval_mode_an_image_depends_on_its_own_style_alone():
    for style in styled.STYLES:
        generator = built(style=style).eval()
        w = generator.map(draws(4)).detach()
        assert torch.allclose(generator.paint(w)[1:2], generator.paint(w[1:2]), atol=1e-5)


def test_noise_does_nothing_until_its_strength_is_learned():
    generator = built().eval()
    w = generator.map(draws(3)).detach()
    assert torch.equal(generator.paint(w, runtime.generator(1)), generator.paint(w))
    for place in (generator.at_quarter, generator.at_half):
        place.strength.data.fill_(0.5)
        one, two = (generator.paint(w, runtime.generator(seed)) for seed in (1, 2))
        assert (one - two).abs().max() > 1e-3 and torch.equal(one, generator.paint(w, runtime.generator(1)))
        assert torch.equal(generator.paint(w), built().eval().paint(w))
        place.strength.data.zero_()
    assert (built(noise=False).at_half.strength) is None


def test_the_mean_style_and_truncation():
    generator = built().eval()
    middle = generator.mean_style(runtime.generator(1), 4_000)
    assert middle.shape == (64,)
    assert torch.allclose(middle, generator.map(draws(4_000)).mean(0).detach(), atol=1e-6)
    w = generator.map(draws(5, seed=2)).detach()
    half = styled.truncate(w, 0.25, middle)
    assert torch.allclose(half, 0.75 * middle + 0.25 * w)
    assert torch.equal(styled.truncate(w, 1, None), w) and torch.equal(styled.truncate(w, 0, middle)[3], middle)
    assert torch.allclose(styled.truncate(w, 0.7), 0.7 * w)


def test_its_average_can_be_taken_and_measured_again():
    generator = built(image_size=16, width=2, style="batch")
    average = averaging.average(generator, 0.5)
    average.update_parameters(generator)
    assert (
        averaging.recompute_batch_norm(average, draws(40).split(20)) == 3
    )  # behind the first dense layer, and at both maps
    w = average.module.map(draws(4))
    assert torch.allclose(w, generator.map(draws(4)))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: styled.StyledGenerator(20), "image_size must be one of 16, 28, 32, 64, got 20"),
        (lambda: styled.StyledGenerator(style="adain"), "style must be one of modulated, batch, image, got 'adain'"),
        (lambda: styled.Mapping(64, 0), "layers must be a positive whole number, got 0"),
        (lambda: styled.Mapping(3)(torch.zeros(2, 4)), r"z must have shape \(N, 3\), got \(2, 4\)"),
        (lambda: built().paint(torch.zeros(2, 5, 64)), r"z must have shape \(N, 64\)"),
        (lambda: built().paint(torch.zeros(1, 64)), "at least 2"),
        (lambda: styled.adain(MAPS, SCALES[:2], SCALES), r"scale must have shape \(3, 4\), got \(2, 4\)"),
        (lambda: styled.adain(MAPS[0], SCALES, SCALES), r"maps must have shape \(N, C, H, W\), got \(4, 6, 5\)"),
        (lambda: styled.modulate(WEIGHT, SCALES[:, :3]), r"weight must have shape \(O, I, k, k\)"),
        (lambda: styled.modulated_convolution(MAPS, WEIGHT[:, :3], SCALES), r"weight must have shape \(O, 4, k, k\)"),
        (lambda: styled.modulated_convolution(MAPS, WEIGHT, SCALES, up=True), "kernel of 4 by 4, got 3"),
        (lambda: styled.modulated_convolution(MAPS, WEIGHT[..., :2, :2], SCALES), "kernel of an odd side, got 2"),
        (lambda: styled.truncate(SCALES, -0.1), "psi must be a finite number, at least 0.0, got -0.1"),
        (lambda: styled.truncate(SCALES, 0.5, SCALES), r"middle must have shape \(4,\), got \(3, 4\)"),
        (lambda: styled.mixed(SCALES, SCALES, 4), "cut must be a whole number from 0 to 3, got 4"),
        (lambda: styled.mixed(SCALES, SCALES[:2], 1), "styles and others must have one shape"),
    ],
)
def test_other_things_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
