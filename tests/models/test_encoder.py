"""Encoder and decoder have the parameters they should, and a decoder's odds and its image are one number."""

import pytest
import torch

from gancourse import runtime
from gancourse.models import dense_conv
from gancourse.models.encoder import Decoder, Encoder, GaussianEncoder


def built(kind, seed=0, **settings):
    with runtime.seeded(seed):
        return kind(**settings)


def images(count=5, side=28, channels=1):
    return 2 * torch.rand(count, channels, side, side, generator=runtime.generator(1)) - 1


def count(network):
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    "kind, settings, expected",
    [
        # 16*16+16; 16*32*16+32; 1568*256+256; 256*32+32
        (Encoder, {}, 272 + 8_224 + 401_664 + 8_224),
        # no biases behind the first layer, two numbers for each feature of both inner norms, none for the last
        (Encoder, {"normed": True}, 272 + 8_192 + 64 + 401_408 + 512 + 8_192),
        (GaussianEncoder, {}, 272 + 8_224 + 401_664 + 256 * 64 + 64),
        # 3*16*4+4; 4*16*8+8; 8*16*256+256; 256*5+5
        (Encoder, {"image_size": 16, "channels": 3, "code_dim": 5, "width": 4}, 196 + 520 + 33_024 + 1_285),
        # 32*256+512; 256*1568+3136; 32*16*16+32; 16*16+1
        (Decoder, {}, 8_704 + 404_544 + 8_224 + 257),
    ],
)
def test_parameters_by_hand(kind, settings, expected):
    assert count(built(kind, **settings)) == expected


def test_codes_have_their_shape_and_a_gaussian_has_two_parts():
    x = images(side=16)
    assert built(Encoder, image_size=16, code_dim=7)(x).shape == (5, 7)
    network = built(GaussianEncoder, image_size=16, code_dim=7)
    mean, log_variance = network(x)
    both = network.both(x)
    assert torch.equal(mean, both[:, :7]) and torch.equal(log_variance, both[:, 7:])


def test_a_normed_encoder_gives_codes_like_z_from_the_start():
    code = built(Encoder, normed=True)(images(count=64)).detach()
    assert float(code.mean(0).abs().max()) < 1e-4
    assert float((code.var(0, correction=0) - 1).abs().max()) < 1e-2
    plain = built(Encoder)(images(count=64)).detach()
    assert float(plain.std(0).max()) < 0.5
    with pytest.raises(ValueError, match="images holds 1 sample"):
        built(Encoder, normed=True)(images(count=1))
    assert built(Encoder, normed=True).eval()(images(count=1)).shape == (1, 32)


def test_the_decoder_is_the_generator_and_its_odds_are_those_of_its_image():
    decoder, generator = built(Decoder, latent_dim=9).eval(), built(dense_conv.Generator, latent_dim=9).eval()
    z = torch.randn(5, 9, generator=runtime.generator(2))
    assert torch.equal(decoder(z), generator(z))
    assert torch.allclose(2 * torch.sigmoid(decoder.logits(z)) - 1, decoder(z), atol=1e-6)


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda: Encoder(20), ValueError, "image_size must be one of 16, 28, 32, 64, got 20"),
        (lambda: Encoder(code_dim=0), ValueError, "code_dim must be a positive whole number"),
        (lambda: GaussianEncoder(code_dim=1.5), ValueError, "code_dim must be a positive whole number"),
        (lambda: Encoder()(images(side=16)), ValueError, r"images must have shape \(N, 1, 28, 28\)"),
        (lambda: Decoder().logits(torch.zeros(3, 31)), ValueError, r"z must have shape \(N, 32\)"),
    ],
)
def test_others_are_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()
