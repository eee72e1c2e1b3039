"""distilling: pairs are the teacher's, one step is asked once, each term does what it says, and nothing else moves."""

import pytest
import torch

from gancourse import distilling, flowing, recommended, runtime
from gancourse.models import averaging, dense_conv, flow

REAL = 2 * torch.rand(70, 1, 16, 16, generator=runtime.generator(0)) - 1


@pytest.fixture(scope="module")
def teacher():
    return flowing.train(REAL, num_steps=3, seed=1, width=4)


@pytest.fixture(scope="module")
def taught(teacher):
    return distilling.pairs(teacher, 66, steps=3, seed=2)


def test_pairs_are_noise_and_the_teachers_answer(teacher, taught):
    noise, images = taught
    assert noise.shape == images.shape == (66, 1, 16, 16)
    assert torch.equal(noise, torch.randn(66, 1, 16, 16, generator=runtime.generator(2)))
    assert torch.allclose(images, flowing.sample(teacher, noise, steps=3), atol=1e-5)
    assert not torch.allclose(images, distilling.pairs(teacher, 66, steps=3, method="heun", seed=2)[1], atol=1e-5)
    assert torch.allclose(distilling.one_step(teacher, noise), flowing.sample(teacher, noise, steps=1), atol=1e-6)


def test_differences_alone_come_close_to_the_answers_and_the_teacher_stays(teacher, taught):
    before = [weight.clone() for weight in teacher.parameters()]
    error = lambda model: float((distilling.one_step(model, taught[0]) - taught[1]).square().mean())  # noqa: E731
    student = distilling.train(teacher, *taught, REAL, adversarial=0.0, rate=3e-3, num_steps=120, seed=0)
    assert error(student) < 0.7 * error(teacher)
    assert all(torch.equal(a, b) for a, b in zip(before, teacher.parameters(), strict=True))
    assert not student.training and not any(weight.requires_grad for weight in student.parameters())


def test_without_a_discriminator_real_images_do_not_matter_and_with_one_they_do(teacher, taught):
    def student(real, **weights):
        model = distilling.train(teacher, *taught, real, num_steps=3, seed=0, **weights)
        return torch.cat([weight.flatten() for weight in model.parameters()])

    assert torch.equal(student(REAL, adversarial=0.0), student(REAL.flip(0), adversarial=0.0))
    assert not torch.equal(student(REAL), student(REAL.flip(0)))
    assert not torch.equal(student(REAL), student(REAL, differences=0.0))
    assert torch.equal(student(REAL), student(REAL))


def test_the_first_gradient_against_the_formulas(teacher, taught, monkeypatch):
    """One step with both terms: D's loss with R1, then the student's, with D as it is after its own step."""
    noise, images = taught
    noted, adam = [], torch.optim.Adam

    class Noted(adam):
        def step(self, *given):
            noted.append([weight.grad.clone() for group in self.param_groups for weight in group["params"]])
            return None  # moves nothing, so that both gradients are taken at the first weights

    monkeypatch.setattr(torch.optim, "Adam", Noted)
    distilling.train(teacher, noise, images, REAL, differences=3.0, adversarial=0.5, num_steps=1, seed=5)
    d_found, s_found = noted

    with runtime.seeded(5):
        D = distilling.dense_conv.Discriminator(16, 1)
    real = REAL[torch.randperm(70, generator=runtime.generator(7))[:64]].requires_grad_()
    asked = torch.randperm(66, generator=runtime.generator(6))[:64]
    made = teacher(noise[asked], torch.zeros(64))
    logits = D(real)
    (slope,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
    d_loss = torch.nn.functional.softplus(-logits).mean() + torch.nn.functional.softplus(D(made.detach())).mean()
    d_loss = d_loss + 8 * 0.3 / 2 * slope.square().sum((1, 2, 3)).mean()
    for found, grad in zip(d_found, torch.autograd.grad(d_loss, list(D.parameters())), strict=True):
        assert torch.allclose(found, grad, atol=1e-5, rtol=1e-3)

    student = flow.Denoiser(16, 1, 4)
    student.load_state_dict(teacher.state_dict())
    made = student(noise[asked], torch.zeros(64))
    loss = 3.0 * (made - images[asked]).square().mean() + 0.5 * torch.nn.functional.softplus(-D(made)).mean()
    used = [name for name, _ in student.named_parameters()]
    assert len(s_found) == len(used)
    for found, grad in zip(s_found, torch.autograd.grad(loss, list(student.parameters())), strict=True):
        assert torch.allclose(found, grad, atol=1e-5, rtol=1e-3)


def test_the_rates_fall_to_a_twentieth(teacher, taught, monkeypatch):
    seen, adam = [], torch.optim.Adam

    class Noted(adam):
        def step(self, *given):
            seen.append(self.param_groups[0]["lr"])
            return super().step(*given)

    monkeypatch.setattr(torch.optim, "Adam", Noted)
    distilling.train(teacher, *taught, REAL, rate=1e-3, num_steps=30, seed=0)
    d_rates, s_rates = seen[::2], seen[1::2]
    assert d_rates[0] == pytest.approx(4e-3) and s_rates[0] == pytest.approx(1e-3)
    assert 0.05 < s_rates[-1] / 1e-3 < 0.06 and d_rates[-1] / 4e-3 == pytest.approx(s_rates[-1] / 1e-3)
    assert recommended.GAMMA == 0.3 and recommended.R1_EVERY == 8  # what the formulas above are written with


# ---------------------------------------------------------------- a generator taught to a smaller one


@pytest.fixture(scope="module")
def generator():
    with runtime.seeded(1):
        made = dense_conv.Generator(16, width=4, hidden=16)
    averaging.recompute_batch_norm(made, torch.randn(60, 64, generator=runtime.generator(2)).split(30))
    return made.eval().requires_grad_(False)


def small():
    with runtime.seeded(3):
        return dense_conv.Generator(16, width=2, hidden=8)


def test_a_generators_pairs_are_its_images(generator):
    z, images = distilling.generator_pairs(generator, 66, seed=4)
    assert torch.equal(z, torch.randn(66, 64, generator=runtime.generator(4)))
    assert torch.allclose(images, generator(z), atol=1e-6)
    with pytest.raises(ValueError, match="eval mode"):
        distilling.generator_pairs(dense_conv.Generator(16), 3, seed=0)


def test_a_smaller_generator_comes_close_to_the_images_and_stays_as_it_was_given(generator):
    z, images = distilling.generator_pairs(generator, 640, seed=4)
    fresh, given = small(), small()
    student = distilling.train(generator, z, images, REAL, student=given, adversarial=0.0, num_steps=80, seed=0)
    assert all(torch.equal(a, b) for a, b in zip(fresh.state_dict().values(), given.state_dict().values(), strict=True))
    assert not student.training and student.width == 2
    new, wanted = distilling.generator_pairs(generator, 200, seed=9)
    averaging.recompute_batch_norm(fresh.requires_grad_(False), z.split(250))
    fresh.eval()
    error = lambda model: float((model(new) - wanted).square().mean())  # noqa: E731
    assert error(student) < 0.65 * error(fresh)


def test_the_students_batch_norm_is_measured_with_its_average(generator):
    z, images = distilling.generator_pairs(generator, 640, seed=4)
    student = distilling.train(generator, z, images, REAL, student=small(), adversarial=0.0, num_steps=3, seed=0)
    before = student(z[:5])
    averaging.recompute_batch_norm(student, z.split(250))
    assert torch.allclose(student(z[:5]), before, atol=1e-6)


def test_the_first_step_of_a_student_is_that_of_its_differences(generator, monkeypatch):
    z, images = distilling.generator_pairs(generator, 64, seed=4)
    noted, adam = [], torch.optim.Adam

    class Noted(adam):
        def step(self, *given):
            noted.append([weight.grad.clone() for group in self.param_groups for weight in group["params"]])
            return None

    monkeypatch.setattr(torch.optim, "Adam", Noted)
    distilling.train(generator, z, images, REAL, student=small(), differences=2.0, adversarial=0.0, num_steps=1, seed=0)
    student = small()
    loss = 2.0 * (student(z) - images).square().mean()  # the whole set is one batch, in some order
    for found, grad in zip(noted[0], torch.autograd.grad(loss, list(student.parameters())), strict=True):
        assert torch.allclose(found, grad, atol=1e-6, rtol=1e-3)


def test_pairs_of_a_student_must_belong_together(generator):
    z, images = distilling.generator_pairs(generator, 66, seed=4)
    with pytest.raises(ValueError, match="one for each of 66 images, got 65"):
        distilling.train(generator, z[:65], images, REAL, student=small(), num_steps=1, seed=0)
    with pytest.raises(ValueError, match="noise must have the shape of images"):
        distilling.train(generator, z, images, REAL, num_steps=1, seed=0)


@pytest.mark.parametrize(
    "change, match",
    [
        ({"differences": 0.0, "adversarial": 0.0}, "must not both be 0"),
        ({"differences": -1.0}, "differences"),
        ({"adversarial": float("nan")}, "adversarial"),
        ({"num_steps": 0}, "num_steps"),
        ({"noise": torch.zeros(66, 1, 8, 8)}, "noise must have the shape of images"),
    ],
)
def test_what_is_refused(teacher, taught, change, match):
    given = {"noise": taught[0], "images": taught[1], "num_steps": 1} | change
    with pytest.raises(ValueError, match=match):
        distilling.train(teacher, given.pop("noise"), given.pop("images"), REAL, seed=0, **given)
    with pytest.raises(ValueError, match="n must be"):
        distilling.pairs(teacher, 0, seed=0)
