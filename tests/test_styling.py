"""styling: a run is repeatable and finished, mixing and noise come in as they should, and pieces change nothing."""

import pytest
import torch

from gancourse import recommended, runtime, styling
from gancourse.data import batches
from gancourse.models import dense_conv, styled


@pytest.fixture(autouse=True)
def measured_on_few(monkeypatch):
    monkeypatch.setattr(styling, "_COUNTED", 500)


IMAGES = 2 * torch.rand(70, 1, 16, 16, generator=runtime.generator(0)) - 1
Z = torch.randn(6, 5, generator=runtime.generator(1))


def trained(**settings):
    return styling.train(IMAGES, **{"latent_dim": 5, "num_steps": 4, "seed": 0, **settings})


@pytest.mark.parametrize("style", [None, *styled.STYLES])
def test_a_run_gives_a_finished_generator_and_is_repeatable(style):
    with runtime.seeded(9):
        before = torch.random.get_rng_state()
        generator = trained(style=style, mixing=0.5)
        assert torch.equal(torch.random.get_rng_state(), before)
    kind = dense_conv.Generator if style is None else styled.StyledGenerator
    assert (
        type(generator) is kind and not generator.training and not any(p.requires_grad for p in generator.parameters())
    )
    made = generator(Z)
    assert torch.allclose(generator(Z[2:3]), made[2:3], atol=1e-6)
    assert torch.equal(trained(style=style, mixing=0.5)(Z), made)
    assert not torch.equal(trained(style=style, mixing=0.5, seed=1)(Z), made)


def test_without_a_style_it_is_the_recommended_recipe():
    with runtime.seeded(0):
        pair = dense_conv.Generator(16, latent_dim=5), dense_conv.Discriminator(16)
    parts = recommended.assemble(*pair, width=16, num_steps=3)
    step = recommended.make_step(parts, recommended.latents(parts, runtime.generator(1)))
    real = batches.stream(IMAGES, recommended.BATCH_SIZE, runtime.generator(2))
    for _ in range(3):
        step(next(real))
    ours = trained(num_steps=3)
    for (name, a), b in zip(parts.average.module.named_parameters(), ours.parameters(), strict=True):
        assert torch.equal(a, b), name


def test_betas_are_those_that_were_asked_for():
    usual = trained(num_steps=9)(Z)
    assert torch.equal(trained(num_steps=9, betas=recommended.BETAS)(Z), usual)
    assert not torch.equal(trained(num_steps=9, betas=(0.0, 0.99))(Z), usual)


def test_styles_are_mixed_in_the_share_of_steps_that_was_asked_for(monkeypatch):
    cuts = []
    real = styling.mixed
    monkeypatch.setattr(styling, "mixed", lambda w, other, cut: cuts.append((w, other, cut)) or real(w, other, cut))
    trained(style="modulated", num_steps=40, mixing=0.5)
    assert 10 < len(cuts) < 30 and {cut for *_, cut in cuts} == {1, 2}
    assert all(torch.equal(w.flip(0), other) for w, other, _ in cuts)
    cuts.clear()
    trained(style="modulated", num_steps=5)
    assert not cuts
    trained(style="modulated", num_steps=5, mixing=1.0)
    assert len(cuts) == 5


def test_noise_inputs_learn_their_strength_or_are_not_there():
    assert trained(style="batch").at_half.strength.abs().max() > 0
    assert trained(style="batch", noise=False).at_half.strength is None


def test_pieces_change_nothing():
    generator = trained(style="modulated")
    z = torch.randn(600, 5, generator=runtime.generator(2))
    with torch.no_grad():
        whole = generator(z)
    assert torch.allclose(styling.pictures(generator, z), whole, atol=1e-6)
    w = generator.map(z)
    assert torch.allclose(styling.pictures(generator.paint, torch.stack([w, w, w])), whole, atol=1e-6)
    assert not styling.pictures(generator, z.requires_grad_()).requires_grad


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"style": "adain"}, "style must be one of modulated, batch, image, got 'adain'"),
        ({"num_steps": 1.5}, "num_steps must be a whole number from 1 on, got 1.5"),
        ({"mixing": 1.5}, "mixing must be a finite number, from 0.0 to 1.0, got 1.5"),
        ({"latent_dim": 0}, "latent_dim must be a positive whole number, got 0"),
    ],
)
def test_other_settings_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        trained(**settings)
