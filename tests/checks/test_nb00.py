"""The checkers of notebook 00 accept what is right and say which mistake was made."""

import pytest
import torch

from gancourse.checks import nb00
from gancourse.checks.framework import ExerciseFailed
from gancourse.models import dense_conv
from verdicts import accepts, rejects, verdict

ALL = [nb00.pixels, nb00.hit_rate, nb00.new_images, nb00.to_bytes, nb00.wrong_line]


@pytest.mark.parametrize("checker", ALL)
def test_stubs_are_not_attempted_and_nonsense_never_raises(capsys, checker):
    assert "not attempted" in verdict(capsys, checker, ...)
    with pytest.raises(ExerciseFailed, match="not attempted"):
        checker(..., strict=True)
    for nonsense in (None, "three", [1], torch.zeros(2, 2), float("nan")):
        assert "not yet" in verdict(capsys, checker, nonsense)


@pytest.mark.parametrize("checker", [nb00.new_images, nb00.to_bytes])
def test_functions_that_are_stubs_raise_or_return_nonsense(capsys, checker):
    def stub(*_):
        return ...

    def unfinished(*_):
        raise NotImplementedError

    assert "not attempted" in verdict(capsys, checker, stub)
    assert "not attempted" in verdict(capsys, checker, unfinished)
    rejects(capsys, checker, lambda *_: None, fragment="returned None")
    rejects(capsys, checker, lambda *_: 1 / 0, fragment="ZeroDivisionError")
    rejects(capsys, checker, lambda *_: "images", fragment="a tensor")
    rejects(capsys, checker, lambda: 1, fragment="but yours takes ()")


def test_numbers(capsys):
    accepts(capsys, nb00.pixels, 28 * 28)
    rejects(capsys, nb00.pixels, 28, fragment="one side")
    rejects(capsys, nb00.pixels, 56, fragment="half way round")
    rejects(capsys, nb00.pixels, 64, fragment="does not have 64 values")
    accepts(capsys, nb00.hit_rate, 0.5)
    accepts(capsys, nb00.hit_rate, torch.tensor(0.5))
    rejects(capsys, nb00.hit_rate, 50, fragment="a share lies between 0 and 1")
    rejects(capsys, nb00.hit_rate, 0, fragment="turn its answers round")
    rejects(capsys, nb00.hit_rate, 1.0, fragment="not perfect yet")
    rejects(capsys, nb00.hit_rate, 0.25, fragment="half of each")
    rejects(capsys, nb00.hit_rate, 0.7, fragment="more often than wrong")


def test_the_wrong_line(capsys):
    accepts(capsys, nb00.wrong_line, 5)
    for line in set(range(1, 14)) - {5}:
        rejects(capsys, nb00.wrong_line, line, fragment="line")
    for line, fragment in [(1, "line 1"), (3, "line 3"), (4, "line 4"), (6, "the brake"), (8, "lines 7 to 9"),
                           (10, "line 10"), (12, "lines 11 to 13")]:  # fmt: skip
        rejects(capsys, nb00.wrong_line, line, fragment=fragment)
    rejects(capsys, nb00.wrong_line, 14, fragment="numbered from 1 to 13")


# ---------------------------------------------------------------- new images


@torch.no_grad()
def right_images(generator, count):
    z = torch.randn(count, generator.latent_dim)
    return generator.eval()(z)


def test_new_images_accepts_the_reference_and_a_generator_of_its_own(capsys):
    accepts(capsys, nb00.new_images, right_images)

    noise = torch.Generator().manual_seed(3)

    @torch.no_grad()
    def with_own_noise(generator, count):
        return generator.eval()(torch.randn((count, generator.latent_dim), generator=noise))

    accepts(capsys, nb00.new_images, with_own_noise)

    def and_back_to_training(generator, count):
        generator.train(False)
        with torch.inference_mode():
            made = [generator(torch.randn(1, generator.latent_dim)) for _ in range(count)]
        generator.train()
        return torch.cat(made)

    accepts(capsys, nb00.new_images, and_back_to_training)
    network = dense_conv.Generator(image_size=16, latent_dim=3, width=2).eval()
    assert right_images(network, 2).shape == (2, 1, 16, 16)


@pytest.mark.parametrize(
    ("answer", "fragment"),
    [
        (lambda g, n: g(torch.rand(n, g.latent_dim)).detach(), "torch.rand"),
        (lambda g, n: g.eval()(torch.randn(n, g.latent_dim)), "with torch.no_grad()"),
        (lambda g, n: g(torch.randn(n, g.latent_dim)).detach(), "in training mode"),
        (lambda g, n: (g(torch.randn(n, g.latent_dim)).detach(), g.eval())[0], "in training mode"),
        (lambda g, n: g(torch.randn(g.latent_dim, n)), "wrong way round"),
        (lambda g, n: g(torch.randn(n, 64)), "z has shape (500, 64)"),
        (lambda g, n: g(torch.randn(g.latent_dim)), "z has shape (7,)"),
        (lambda g, n: g(n), "was given int"),
        (lambda g, n: g(torch.randn(64, g.latent_dim)).detach(), "for count = 500 you return 64"),
        (lambda g, n: torch.randn(n, g.latent_dim), "never called"),
        (lambda g, n: (g(z := torch.randn(n, g.latent_dim)), z)[1], "you returned z itself"),
        (lambda g, n: g(torch.randn(n, g.latent_dim)).detach()[0], "for count = 500 you return 1 images"),
        (lambda g, n: g(torch.zeros(n, g.latent_dim)).detach(), "every row of z is the same"),
        (lambda g, n: g(torch.randn(1, g.latent_dim).expand(n, -1)).detach(), "every row of z is the same"),
        (
            lambda g, n: g(torch.randn(n, g.latent_dim, generator=torch.Generator().manual_seed(0))).detach(),
            "two calls",
        ),
        (lambda g, n: g(3 * torch.randn(n, g.latent_dim)).detach(), "standard deviation 3"),
        (lambda g, n: g(2 * torch.rand(n, g.latent_dim) - 1).detach(), "standard deviation 0.5"),
    ],
)
def test_new_images_names_the_mistake(capsys, answer, fragment):
    rejects(capsys, nb00.new_images, answer, fragment=fragment)


def test_checking_new_images_leaves_the_random_stream_alone():
    before = torch.get_rng_state()
    nb00.new_images(right_images)
    assert torch.equal(torch.get_rng_state(), before)


# ---------------------------------------------------------------- bytes


@pytest.mark.parametrize(
    "answer",
    [
        lambda x: ((x + 1) * 127.5).round().clamp(0, 255).byte(),
        lambda x: ((x.clamp(-1, 1) + 1) / 2 * 255).round().byte(),
        lambda x: (x * 127.5 + 128).clamp(0, 255).floor().to(torch.uint8),  # half way, both neighbours are right
    ],
)
def test_to_bytes_accepts_rounding_however_it_is_written(capsys, answer):
    accepts(capsys, nb00.to_bytes, answer)


@pytest.mark.parametrize(
    ("answer", "fragment"),
    [
        (lambda x: (x * 255).byte(), "salt and pepper"),
        (lambda x: (x * 255).to(torch.int32), "salt and pepper"),
        (lambda x: (x * 127.5).byte(), "salt and pepper"),
        (lambda x: (x.clamp(0, 1) * 255).byte(), "all below 0 became black"),
        (lambda x: (x + 1) / 2, "lie between 0 and 1"),
        (lambda x: ((x + 1) * 255).byte(), "goes up to 510"),
        (lambda x: ((x + 1) * 255).clamp(0, 255).byte(), "goes up to 510"),
        (lambda x: ((1 - x) * 127.5).byte(), "black and white are exchanged"),
        (lambda x: (x + 1) * 127.5, "of type torch.float32"),
        (lambda x: ((x + 1) * 127.5).round().byte(), "wrap round"),
        (lambda x: ((x - x.min()) / (x.max() - x.min()) * 255).byte(), "stretched"),
        (lambda x: ((x + 1) * 127.5).clamp(0, 255).byte().flatten(), "the shape should be (2, 1, 2, 2)"),
        (lambda x: x.add_(1).mul_(127.5).clamp_(0, 255).byte(), "changes images, which it was given"),
        (lambda x: x.clamp(0, 255).byte(), "these values lie between 0 and 1"),
        (lambda x: ((x.clamp(-1, 1) + 1) / 2 * 255).byte(), "what comes after the point was cut off"),
        (lambda x: (x * 127.5 + 128).round().clamp(0, 255).byte(), "0.61 became 206, and 205 is nearer"),
        (lambda x: ((x + 1) * 128).round().clamp(0, 255).byte(), "are 255 steps counted as 256"),
        (lambda x: (x + 1) * 100, "became 0, 17, 50, 80, 100, 125, 161, 200"),
    ],
)
def test_to_bytes_names_the_mistake(capsys, answer, fragment):
    rejects(capsys, nb00.to_bytes, answer, fragment=fragment)


# ---------------------------------------------------------------- other people's ways


@torch.no_grad()
def one_at_a_time(generator, count):
    generator.eval()
    return torch.cat([generator(torch.randn(1, generator.latent_dim)) for _ in range(count)])


@torch.no_grad()
def more_than_wanted(generator, count):
    generator.eval()
    return torch.cat([generator(torch.randn(64, generator.latent_dim)) for _ in range(-(-count // 64))])[:count]


@pytest.mark.parametrize("answer", [one_at_a_time, more_than_wanted])
def test_images_may_be_made_in_any_number_of_calls(capsys, answer):
    accepts(capsys, nb00.new_images, answer)


def frozen(generator, count):
    return generator.requires_grad_(False)(torch.randn(count, generator.latent_dim))


@torch.no_grad()
def even(generator, count):
    return generator((torch.rand(count, generator.latent_dim) - 0.5) * 12**0.5)


@torch.no_grad()
def repeated(generator, count):
    return generator(torch.randn(2 * count, generator.latent_dim))[:20].repeat(count // 20, 1, 1, 1)


@pytest.mark.parametrize(
    ("answer", "fragment"),
    [
        (frozen, "leaves weights of the generator frozen"),
        (even, "no number beyond ±1.73: that is no bell curve"),
        (repeated, "of 500 images only 20 are different ones"),
        (lambda g, n: (right_images(g, n) + 1) / 2, "you changed the images"),
        (lambda g, n: right_images(g, n).double() * 0 + 0.5, "you changed the images"),
        (lambda g, n: g(torch.randn(n, g.latent_dim).double()).detach(), "z is of type torch.float64"),
        (lambda g, n: [*right_images(g, n)], "torch.cat or torch.stack"),
        (lambda g, n: right_images(g, 500), "for count = 40 you return 500 images"),
    ],
)
def test_other_mistakes_with_new_images_are_named(capsys, answer, fragment):
    rejects(capsys, nb00.new_images, answer, fragment=fragment)


@pytest.mark.parametrize(
    ("answer", "fragment"),
    [
        (lambda x: ((x + 1) * 127).clamp(0, 255).byte(), "half of 255 is not 127"),
        (lambda x: x.clamp_(-1, 1).add(1).mul(127.5).byte(), "changes images"),
        (lambda x: (x.abs() * 255).byte(), "the sign is lost"),
    ],
)
def test_white_has_one_value(capsys, answer, fragment):
    rejects(capsys, nb00.to_bytes, answer, fragment=fragment)
