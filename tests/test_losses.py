"""Golden numbers, gradients against independent formulas, and refusals of bad input."""

import inspect
import math

import pytest
import torch
import torch.nn.functional as F

from gancourse import losses
from gancourse.losses import LOSSES

REAL = torch.tensor([2.0, -1.0, 0.5], dtype=torch.float64)
FAKE = torch.tensor([-0.5, 1.5, -2.0], dtype=torch.float64)

# family: (D, D with real and fake swapped, D with logits negated), (G, G with logits negated)
GOLDEN = {
    "minimax": ((1.405562, 2.238895, 2.238895), (-0.767473, -1.100806)),
    "non_saturating": ((1.405562, 2.238895, 2.238895), (1.100806, 0.767473)),
    "least_squares": ((1.958333, 2.791667, 2.958333), (1.916667, 1.250000)),
    "hinge": ((1.833333, 3.000000, 3.000000), (0.333333, -0.333333)),
    "wasserstein": ((-0.833333, 0.833333, 0.833333), (0.333333, -0.333333)),
    "relativistic": ((0.912223, 1.745556, 1.745556), (1.745556, 0.912223)),
}


def generator_loss(name, real, fake):
    loss = LOSSES[name]
    return loss.generator(real_logits=real, fake_logits=fake) if loss.paired else loss.generator(fake_logits=fake)


def test_every_family_has_golden_numbers():
    assert set(GOLDEN) == set(LOSSES)


@pytest.mark.parametrize("name", LOSSES)
def test_golden_numbers(name):
    (straight, swapped, negated), (generator, generator_negated) = GOLDEN[name]
    discriminator = LOSSES[name].discriminator
    assert float(discriminator(real_logits=REAL, fake_logits=FAKE)) == pytest.approx(straight, abs=2e-6)
    assert float(discriminator(real_logits=FAKE, fake_logits=REAL)) == pytest.approx(swapped, abs=2e-6)
    assert float(discriminator(real_logits=-REAL, fake_logits=-FAKE)) == pytest.approx(negated, abs=2e-6)
    assert float(generator_loss(name, REAL, FAKE)) == pytest.approx(generator, abs=2e-6)
    assert float(generator_loss(name, -REAL, -FAKE)) == pytest.approx(generator_negated, abs=2e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_public_losses_are_the_mean_of_their_terms(name):
    loss = LOSSES[name]
    terms = loss.discriminator_terms(REAL, FAKE)
    assert terms.shape == REAL.shape
    assert torch.equal(terms.mean(), loss.discriminator(real_logits=REAL, fake_logits=FAKE))
    terms = loss.generator_terms(REAL, FAKE) if loss.paired else loss.generator_terms(FAKE)
    assert torch.equal(terms.mean(), generator_loss(name, REAL, FAKE))


def test_cross_entropy_equals_torch():
    ones, zeros = torch.ones_like(REAL), torch.zeros_like(FAKE)
    by_torch = F.binary_cross_entropy_with_logits(REAL, ones) + F.binary_cross_entropy_with_logits(FAKE, zeros)
    assert torch.allclose(losses.minimax_discriminator_loss(real_logits=REAL, fake_logits=FAKE), by_torch)
    by_torch = F.binary_cross_entropy_with_logits(FAKE, ones)
    assert torch.allclose(losses.non_saturating_generator_loss(fake_logits=FAKE), by_torch)


def test_generator_gradients_have_the_closed_form():
    """d/d logit: saturating -D/N, non-saturating -(1 - D)/N, with D = sigmoid(logit)."""
    probability = torch.sigmoid(FAKE)
    for function, wanted in (
        (losses.minimax_generator_loss, -probability / 3),
        (losses.non_saturating_generator_loss, -(1 - probability) / 3),
    ):
        fake = FAKE.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(function(fake_logits=fake), fake)
        assert torch.allclose(gradient, wanted)


def test_values_at_the_equilibrium():
    zero = torch.zeros(5)
    assert float(losses.minimax_discriminator_loss(real_logits=zero, fake_logits=zero)) == pytest.approx(
        2 * math.log(2)
    )
    assert float(losses.non_saturating_generator_loss(fake_logits=zero)) == pytest.approx(math.log(2))
    assert float(losses.minimax_generator_loss(fake_logits=zero)) == pytest.approx(-math.log(2))


@pytest.mark.parametrize("name", LOSSES)
def test_large_logits_stay_finite_and_keep_finite_gradients(name):
    real = torch.tensor([1e4, -1e4, 30.0], requires_grad=True)
    fake = torch.tensor([-1e4, 1e4, -30.0], requires_grad=True)
    total = LOSSES[name].discriminator(real_logits=real, fake_logits=fake) + generator_loss(name, real, fake)
    total.backward()
    assert torch.isfinite(total) and torch.isfinite(real.grad).all() and torch.isfinite(fake.grad).all()


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_arguments_are_keyword_only_logits(name, player):
    parameters = inspect.signature(getattr(LOSSES[name], player)).parameters
    assert set(parameters) <= {"real_logits", "fake_logits"}
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters.values())
    assert (player == "discriminator" or LOSSES[name].paired) == ("real_logits" in parameters)


BAD = [
    (torch.zeros(3, 1), ValueError, r"must have shape \(N,\).*got \(3, 1\); use .squeeze\(1\)"),
    (torch.zeros(2, 1, 4, 4), ValueError, r"must have shape \(N,\).*got \(2, 1, 4, 4\)$"),
    (torch.tensor(0.5), ValueError, r"must have shape \(N,\)"),
    (torch.zeros(0), ValueError, "is empty"),
    (torch.tensor([0.0, float("nan"), 1.0]), ValueError, r"must be finite, got 1 NaN or infinite value\(s\) of 3"),
    (torch.tensor([0.0, float("inf"), 1.0]), ValueError, "must be finite"),
    (torch.tensor([0, 1, 1]), TypeError, "floating-point logits, got dtype torch.int64"),
    ([0.0, 1.0, 2.0], TypeError, "must be a tensor of logits.*got list"),
    (torch.zeros(3, device="meta"), ValueError, "is on"),
]


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize(("bad", "error", "message"), BAD)
def test_bad_logits_are_refused_by_name(name, bad, error, message):
    good = torch.zeros(3)
    loss = LOSSES[name]
    with pytest.raises(error, match=message) as caught:
        loss.discriminator(real_logits=good, fake_logits=bad)
    assert str(caught.value).startswith("fake_logits")
    if bad is not BAD[-1][0] and not (isinstance(bad, torch.Tensor) and bad.is_meta):
        with pytest.raises(error, match=message) as caught:
            loss.discriminator(real_logits=bad, fake_logits=good)
        assert str(caught.value).startswith("real_logits")
        with pytest.raises(error, match=message):
            generator_loss(name, good, bad)


@pytest.mark.parametrize("name", LOSSES)
def test_unequal_batches_are_refused(name):
    with pytest.raises(ValueError, match=r"fake_logits must have the shape of real_logits, \(3,\), got \(4,\)"):
        LOSSES[name].discriminator(real_logits=torch.zeros(3), fake_logits=torch.zeros(4))


def test_losses_work_inside_vmap():
    stacked = torch.func.vmap(lambda r, f: losses.hinge_discriminator_loss(real_logits=r, fake_logits=f))(
        torch.stack([REAL, FAKE]), torch.stack([FAKE, REAL])
    )
    assert stacked.tolist() == pytest.approx([11 / 6, 3.0])
