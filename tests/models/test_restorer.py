"""The restorer has the parameters it should, lets known pixels through, and uses its noise as it says."""

import pytest
import torch

from gancourse import runtime
from gancourse.models.restorer import Restorer


def built(seed=0, **settings):
    with runtime.seeded(seed):
        return Restorer(**settings)


def inputs(count=5, side=28, channels=2, latent_dim=16, seed=1):
    random = runtime.generator(seed)
    given = 2 * torch.rand(count, channels, side, side, generator=random) - 1
    return given, torch.randn(count, latent_dim, generator=random)


@pytest.mark.parametrize(
    "settings, count",
    [
        # half 2*16*16+16; quarter 16*32*16 + 64; code 1568*256 + 512; dense (256+16)*1568 + 3136;
        # up to half 64*16*16 + 32; up 32*1*16 + 1
        ({}, 528 + 8_256 + 401_920 + 429_632 + 16_416 + 513),
        # the same maps from a quarter of 16 pixels: 32*16 = 512 numbers
        ({"image_size": 16}, 528 + 8_256 + 131_584 + 140_288 + 16_416 + 513),
        # dropout: no z beside the code; wide: 64*32*25 + 64 more
        ({"noise": "dropout", "latent_dim": 256}, 528 + 8_256 + 401_920 + 404_544 + 16_416 + 513),
        ({"wide": True}, 528 + 8_256 + 401_920 + 429_632 + 51_264 + 16_416 + 513),
        # enlarged: 64*16*9 + 32 and 32*1*9 + 1 in the last two
        ({"enlarge": True}, 528 + 8_256 + 401_920 + 429_632 + 9_248 + 289),
        # three channels from four, width 4: half 4*4*16+4; quarter 4*8*16+16; 392*256+512; 272*392+784;
        # 16*4*16+8; 8*3*16+3
        (
            {"channels": 3, "given_channels": 4, "width": 4},
            260 + 528 + 100_864 + 107_408 + 1_032 + 387,
        ),
    ],
)
def test_parameters_by_hand(settings, count):
    network = built(**settings)
    assert sum(p.numel() for p in network.parameters()) == count


@pytest.mark.parametrize("side", [16, 28, 32])
def test_answers_have_the_shape_and_the_range(side):
    given, z = inputs(side=side, channels=4)
    answer = built(image_size=side, channels=3, given_channels=4, width=4)(given, z)
    assert answer.shape == (5, 3, side, side)
    assert float(answer.detach().abs().max()) <= 1


def test_known_pixels_come_through_untouched_and_the_others_do_not():
    network = built().eval()
    given, z = inputs()
    known = torch.zeros(5, 1, 28, 28)
    known[:, :, 3:9, 20:] = 1
    free, kept = network(given, z), network(given, z, known=known)
    assert torch.equal(kept[:, :, 3:9, 20:], given[:, :1, 3:9, 20:])
    assert torch.equal(kept[known == 0], free[known == 0])
    assert not torch.isclose(free[known > 0], given[:, :1][known > 0], atol=1e-3).all()


def test_no_gradient_flows_from_known_pixels():
    network = built()
    given, z = inputs()
    network(given, z, known=torch.ones(5, 1, 28, 28)).sum().backward()
    assert all(p.grad is None or p.grad.abs().max() == 0 for p in network.parameters())


def test_the_answer_depends_on_each_road():
    network = built().eval()
    given, z = inputs()
    first = network(given, z)
    assert (first - network(given, -z)).abs().max() > 1e-3
    for channel in (0, 1):
        other = given.clone()
        other[:, channel] = other[:, channel].flip(-1)
        assert (first - network(other, z)).abs().max() > 1e-3
    # z of one image changes that image alone
    changed = z.clone()
    changed[2] += 1
    apart = (network(given, changed) - first).abs().flatten(1).amax(1)
    assert apart[2] > 1e-3 and apart[[0, 1, 3, 4]].max() < 1e-6


def test_three_roads_lead_from_what_is_given_to_the_answer():
    given, z = inputs()

    def moves(*cut):
        network = built().eval()
        if "code" in cut:
            for parameter in network.code.parameters():
                parameter.data.zero_()
        if "quarter" in cut:  # the second half of the maps that come in is the skip
            network.up_to_half[0].weight.data[32:] = 0
        if "half" in cut:
            network.up[0].weight.data[16:] = 0
        return float((network(given, z) - network(given.flip(-2), z)).detach().abs().max())

    assert moves("code", "quarter", "half") == 0
    for road in ({"quarter", "half"}, {"code", "half"}, {"code", "quarter"}):
        assert moves(*road) > 1e-3, f"nothing gets through with {road} cut"


def test_dropout_is_decided_by_the_sign_of_z():
    network = built(noise="dropout", latent_dim=256).eval()
    given, z = inputs(latent_dim=256)
    answer = network(given, z)
    assert torch.equal(answer, network(given, 3 * z))
    assert (answer - network(given, -z)).abs().max() > 1e-3
    # on average over both masks of a pair the code is whole: (2 on) + (2 off) = twice the code
    codes = []
    network.dense[0].register_forward_hook(lambda _, seen, __: codes.append(seen[0]))
    network(given, z), network(given, -z)
    whole = network.code(network.to_quarter(network.to_half(given)))
    assert torch.allclose((codes[0] + codes[1]) / 2, whole, atol=1e-6)
    assert float((codes[0] == 0).double().mean()) > float((whole == 0).double().mean()) + 0.1


def test_far_pixels_reach_each_other_only_by_the_code_without_mixing():
    """With z and code cut off, a pixel moves what lies within its convolutions; the mix makes that wider."""
    spans = []
    for wide in (False, True):
        network = built(wide=wide).eval()
        for p in network.code.parameters():
            p.data.zero_()
        given, z = inputs(count=2)
        other = given.clone()
        other[:, 0, 14, 14] += 0.5
        moved = (network(given, z) - network(other, z)).abs().amax(dim=(0, 1, 2)) > 0
        spans.append(int(moved.sum()))
    assert spans[0] < 20 < spans[1]


def test_enlarged_maps_treat_pixels_alike_where_transposed_kernels_do_not():
    """A flat map goes in. Repeated pixels stay flat; a transposed kernel of 4 writes a pattern of two pixels."""
    flat = torch.ones(1, 32, 14, 14)
    for enlarge in (False, True):
        layers = built(enlarge=enlarge).up[:-1]  # without tanh
        made = layers(flat)[..., 4:-4, 4:-4]
        assert made.shape[-1] == 20
        assert (float((made.amax() - made.amin()).detach()) < 1e-5) == enlarge
        assert torch.allclose(made[..., 2:, 2:], made[..., :-2, :-2], atol=1e-5)


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"image_size": 20}, "image_size must be one of 16, 28, 32, 64, got 20"),
        ({"channels": 0}, "channels must be a positive whole number"),
        ({"given_channels": 1.5}, "given_channels must be a positive whole number"),
        ({"noise": "gauss"}, "noise must be one of beside, dropout, got 'gauss'"),
        ({"noise": "dropout"}, "latent_dim must be 256 with noise='dropout', got 16"),
    ],
)
def test_other_settings_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        Restorer(**settings)


@pytest.mark.parametrize(
    "change, error, words",
    [
        (lambda g, z: (g[:, :1], z, None), ValueError, r"images must have shape \(N, 2, 28, 28\)"),
        (lambda g, z: (g, z[:, :3], None), ValueError, r"z must have shape \(N, 16\)"),
        (lambda g, z: (g, z[:3], None), ValueError, "z must hold one row for each image, 5, got 3"),
        (lambda g, z: (g[:1], z[:1], None), ValueError, "at least 2"),
        (lambda g, z: (g, z, torch.ones(5, 28, 28)), ValueError, r"known must be a mask of shape \(N, 1, 28, 28\)"),
        (lambda g, z: (g, z, True), ValueError, "known must be a mask .* got bool"),
        (lambda g, z: ([1], z, None), TypeError, "images must be a tensor"),
    ],
)
def test_other_inputs_are_refused(change, error, words):
    given, z, known = change(*inputs())
    with pytest.raises(error, match=words):
        built()(given, z, known=known)
