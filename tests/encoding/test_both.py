"""Looking through a pair in pieces gives what one look would, and rates fall to a twentieth."""

import pytest
import torch

from gancourse import runtime
from gancourse.encoding import both
from gancourse.models.encoder import Decoder, Encoder, GaussianEncoder


def test_pieces_come_together_in_order(monkeypatch):
    with runtime.seeded(0):
        encoder, gaussian, decoder = Encoder(16), GaussianEncoder(16), Decoder(16).eval()
    images = 2 * torch.rand(11, 1, 16, 16, generator=runtime.generator(1)) - 1
    monkeypatch.setattr(both, "_PIECE", 4)
    found = both.codes(encoder, images)
    assert torch.allclose(found, encoder(images), atol=1e-6) and not found.requires_grad
    assert torch.allclose(both.codes(gaussian, images), gaussian(images)[0], atol=1e-6)
    made = both.pictures(decoder, found)
    assert torch.allclose(made, decoder(found), atol=1e-6) and not made.requires_grad


def test_rates_fall_along_a_cosine_to_a_twentieth():
    layer = torch.nn.Linear(2, 1)
    layer.bias.requires_grad_(False)
    optimizer, schedule = both.falling_adam(layer.parameters(), 0.4, (0.5, 0.9), 10)
    assert len(optimizer.param_groups[0]["params"]) == 1 and optimizer.param_groups[0]["betas"] == (0.5, 0.9)
    rates = []
    for _ in range(10):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates[0] == 0.4 and rates[5] == pytest.approx(0.21)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.02)


def test_draws_and_batches_depend_on_their_seed_alone():
    drawn = both.normal(3, 2, runtime.generator(5), torch.device("cpu"))
    assert torch.equal(drawn, torch.randn(3, 2, generator=runtime.generator(5)))
    images = torch.arange(200.0).view(200, 1)
    assert torch.equal(next(both.shuffled(images, 3)), next(both.shuffled(images, 3)))
    assert next(both.shuffled(images, 3, 7)).shape == (7, 1)
