"""The illnesses: each is a line or a few of the healthy programme, replaced.

They are mistakes that published tutorials and learners' own threads contain. What they do was measured, not assumed: a
mistake that did no harm in short runs on digits (batch norm in D, G's loss in its saturating form alone, a kernel that
is not divisible by its stride) is no illness here.
"""

from __future__ import annotations

import difflib
import inspect
import linecache
from collections.abc import Callable
from typing import NamedTuple

from gancourse.ward import programme
from gancourse.ward.worlds import GAN, World

__all__ = ["HEALTHY", "ILLNESSES", "Illness", "difference", "programme_of", "source"]

HEALTHY = "healthy"


class Illness(NamedTuple):
    """What is wrong with a patient.

    Attributes:
        planted: (a line of the healthy programme, what is in its place), wherever the line occurs.
        says: what is wrong, in one sentence.
        cure: what to do about it, in one sentence.
        told_by: the reading in ``TRACES`` that tells it from health.
        like: what looks like it, in its samples or its losses, until one test is ordered: the reading that tells one of
            the two tells them apart.
        worlds: where it can be caught.
    """

    planted: tuple[tuple[str, str], ...]
    says: str
    cure: str = ""
    told_by: str = ""
    like: tuple[str, ...] = ()
    worlds: tuple[str, ...] = ("digits", "ring")


_PAIR = "generator, discriminator = world.pair()"
_G_ADAM = "g_optimizer = torch.optim.Adam(generator.parameters(), lr=world.lr_g, betas=world.betas)"
_D_ADAM = "d_optimizer = torch.optim.Adam(discriminator.parameters(), lr=world.lr_d, betas=world.betas)"
_BATCHES = "batches = streams.stream(world.real, world.batch_size, runtime.generator(seed + 1))"
_FAKE = "fake = generator(z)"
_REAL = "real = real.requires_grad_()"
_BRAKE = "brake = world.brake * penalties.r1_penalty(real_logits, real)"
_D_ON_FAKE, _G_ON_FAKE = "fake_logits = discriminator(fake.detach())", "fake_logits = discriminator(fake)"
_G_LOSS = "g_loss = softplus(-fake_logits).mean()"
_IMAGES = ("digits",)


def _times(line: str, factor: str) -> tuple[str, str]:
    return line, line.replace("lr=", f"lr={factor} * ")


ILLNESSES: dict[str, Illness] = {
    HEALTHY: Illness((), "Nothing is wrong.", like=("D sees half the size",)),
    "D wins": Illness(
        ((_G_LOSS, "g_loss = -softplus(fake_logits).mean()"), (_BRAKE, "brake = 0.0"), _times(_G_ADAM, "0.02")),
        "G is far slower than D and has the saturating loss, and D has no brake: G's gradient dies where D is sure.",
        "Give G the non-saturating loss and a rate like D's, and D a brake.",
        told_by="g_gradient",
        like=(
            "optimiser of G holds D",
            "fake detached in G's step",
        ),
        worlds=_IMAGES,
    ),
    "G runs ahead": Illness(
        ((_BRAKE, "brake = 0.0"), _times(_D_ADAM, "0.02"), _times(_G_ADAM, "3")),
        "D has a fiftieth of its healthy rate and no brake, G has three times its own: G chases an old verdict.",
        "Give D a rate like G's, and put the brake back.",
        told_by="d_movement",
        like=("sigmoid twice",),
    ),
    "rates too high": Illness(
        (_times(_G_ADAM, "10"), _times(_D_ADAM, "10")),
        "Both learning rates are ten times too high.",
        "Divide both rates by ten.",
        told_by="d_loss",
    ),
    "one optimiser for both": Illness(
        (
            (
                _D_ADAM,
                _D_ADAM.replace("discriminator.parameters()", "[*generator.parameters(), *discriminator.parameters()]"),
            ),
            (_D_ON_FAKE, _G_ON_FAKE),
        ),
        "D's optimiser holds G too and the fakes are not detached, so D's steps train G to be recognised.",
        "Give each optimiser its own player's weights, and detach the fakes in D's step.",
        told_by="g_gradient",
    ),
    "sigmoid twice": Illness(
        ((_PAIR, f"{_PAIR}\ndiscriminator = nn.Sequential(discriminator, nn.Sigmoid())"),),
        "D ends in a sigmoid, and the loss applies another one.",
        "Take the sigmoid out of D: the loss wants logits.",
        told_by="fake_accuracy",
        like=("G runs ahead",),
    ),
    "data in [0, 1]": Illness(
        ((_REAL, "real = ((real + 1) / 2).requires_grad_()"),),
        "The real images reach D in [0, 1], while G's tanh ends in [-1, 1].",
        "Bring the real images to [-1, 1].",
        told_by="real_low",
        worlds=_IMAGES,
    ),
    "G in eval mode": Illness(
        ((_FAKE, "fake = generator.eval()(z)"),),
        "G is trained in eval mode, so its batch norm keeps the averages it began with and normalises nothing.",
        "Call generator.train() before the step.",
        told_by="g_company",
        worlds=_IMAGES,
    ),
    "G's sign": Illness(
        ((_G_LOSS, "g_loss = softplus(fake_logits).mean()"),),
        "G's loss has the label of fakes, so G learns to be recognised.",
        "Give G's loss the label of real samples.",
        told_by="g_loss",
    ),
    "optimiser of G holds D": Illness(
        ((_G_ADAM, _G_ADAM.replace("generator.", "discriminator.")),),
        "G's optimiser was given D's weights, so G never moves, and D is trained for both.",
        "Give G's optimiser the weights of G.",
        told_by="g_gradient",
        like=(
            "fake detached in G's step",
            "D wins",
        ),
    ),
    "fake detached in G's step": Illness(
        ((_G_ON_FAKE, _D_ON_FAKE),),
        "The fakes are detached in G's step too, so no gradient reaches G, and G never moves.",
        "Do not detach in G's step.",
        told_by="g_gradient",
        like=(
            "optimiser of G holds D",
            "D wins",
        ),
    ),
    "D sees half the size": Illness(
        (
            (
                _PAIR,
                f"{_PAIR}\ndiscriminator = nn.Sequential(nn.AvgPool2d(2), nn.Upsample(scale_factor=2), discriminator)",
            ),
        ),
        "D sees every image at half its size, so what alternates from pixel to pixel goes unpunished.",
        "Show D the images at the size at which they are made.",
        told_by="checkerboard",
        like=("healthy",),
        worlds=_IMAGES,
    ),
    "one batch for ever": Illness(
        (
            (
                _BATCHES,
                f"{_BATCHES}\nbatches = streams.stream(next(batches), world.batch_size, runtime.generator(seed + 1))",
            ),
        ),
        "The real batch was taken once, before the loop, so D sees the same few images for ever.",
        "Take a new batch in every step.",
        told_by="held_out_accuracy",
        worlds=_IMAGES,
    ),
}
"""Name -> illness; the first is none."""


def source(name: str = HEALTHY) -> str:
    """Return the programme of a patient as text; planted lines end in ``# planted``.

    Raises:
        ValueError: there is no such illness, or it names a line that the programme has not.
    First met in: notebook 11.
    """
    if name not in ILLNESSES:
        raise ValueError(f"illness must be one of {', '.join(ILLNESSES)}, got {name!r}")
    lines = inspect.getsource(programme.gan).splitlines()
    for line, sick in ILLNESSES[name].planted:
        places = [i for i, text in enumerate(lines) if text.strip() == line]
        if not places:
            raise ValueError(f"{name!r} replaces a line that the programme has not: {line}")
        for i in reversed(places):
            indent = lines[i][: len(lines[i]) - len(lines[i].lstrip())]
            lines[i : i + 1] = [indent + new + ("" if new == line else "  # planted") for new in sick.split("\n")]
    return "\n".join(lines) + "\n"


def difference(name: str) -> str:
    """Return the planted lines alone: what the healthy programme has, after -, and what the patient has, after +.

    First met in: notebook 11.
    """
    healthy, sick = (source(which).splitlines() for which in (HEALTHY, name))
    marked = [line for line in difflib.ndiff(healthy, sick) if line[0] in "-+"]
    return "".join(f"{line[0]} {line[2:].strip().removesuffix('  # planted')}\n" for line in marked)


def programme_of(name: str) -> Callable[[World, int], GAN]:
    """Return the programme of a patient as a function of the world and the seed, as ``programme.gan``.

    Raises:
        ValueError: as in :func:`source`.
    First met in: notebook 11.
    """
    if name == HEALTHY:
        return programme.gan
    text, file = source(name), f"<the programme of {name!r}>"
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file  # so that an error shows its line
    names = dict(vars(programme))
    exec(compile(text, file, "exec"), names)
    return names["gan"]
