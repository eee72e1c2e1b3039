"""Checkers of notebook 00: three small exercises, and one wrong line to find."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.checks.framework import NotYet, call, exercise, line, number, tensor

__all__ = ["hit_rate", "new_images", "pixels", "to_bytes", "wrong_line"]


@exercise("Example")
def pixels(answer: Any) -> str:
    """Check the number of values in one grey image of 28 by 28.

    First met in: notebook 00.
    """
    value = number(answer)
    if value == 28:
        raise NotYet("28 is one side; how many values has the whole square?")
    if value == 56:
        raise NotYet("28 + 28 is half way round; a square has side times side values")
    if value != 784:
        raise NotYet(f"a square of 28 by 28 does not have {value:g} values")
    return "The generator turns 64 random numbers into these 784."


@exercise("Exercise 1")
def hit_rate(share: Any) -> str:
    """Check the share of right answers that the best judge is left with against a perfect forger.

    First met in: notebook 00.
    """
    value = number(share)
    if not 0 <= value <= 1:
        percent = ", and this is a percentage" if value == 50 else f", and yours is {value:g}"
        raise NotYet(f"a share lies between 0 and 1{percent}")
    if value > 0.5 + 1e-6:
        raise NotYet(
            "a judge that is right more often than wrong still sees a difference, so the forger is not perfect yet"
        )
    if value == 0.25:
        raise NotYet("of four images two are real and two are fake; a guess is right for half of each")
    if value < 0.5 - 1e-6:
        raise NotYet("being wrong so often takes knowledge too: turn its answers round and this judge is mostly right")
    return "This is where the game ends."


# ---------------------------------------------------------------- exercise 2


class _Spy(nn.Module):
    """Stands in for the generator: remembers every z, and makes an image of it that z can be read from."""

    latent_dim = 7

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.seen: list[Tensor] = []
        self.drew_in_training = False

    def forward(self, z: Tensor) -> Tensor:
        if not isinstance(z, Tensor):
            raise NotYet(f"the generator wants a tensor of random numbers, but was given {type(z).__name__}")
        if z.ndim != 2 or z.shape[1] != self.latent_dim:
            turned = z.ndim == 2 and len(z) == self.latent_dim
            raise NotYet(
                f"z has shape {tuple(z.shape)}, but it should be (count, generator.latent_dim), here (…, "
                f"{self.latent_dim}): one row for each image"
                + ("; you have rows and columns the wrong way round" if turned else "")
            )
        if z.dtype != self.scale.dtype:
            raise NotYet(f"z is of type {z.dtype}, and the generator's weights are of type {self.scale.dtype}")
        self.seen.append(z.detach().clone())
        self.drew_in_training |= self.training
        return torch.tanh(self.scale * z[:, :1, None, None].expand(-1, 1, 4, 4))


@exercise("Exercise 2")
def new_images(function: Callable[[nn.Module, int], Tensor]) -> str:
    """Check ``new_images(generator, count)``: images from fresh normal noise, in eval mode, without gradients.

    First met in: notebook 00.
    """
    spy, count = _Spy(), 500
    images = _images(function, spy, count)
    if not spy.seen:
        raise NotYet("the generator was never called: give it z, and it returns images")
    z = torch.cat(spy.seen)  # in one call or in many, and perhaps more than were wanted
    if images.shape == z.shape:
        raise NotYet("you returned z itself; what the generator makes of z is wanted")
    if images.shape[:1] != (count,):
        raise NotYet(f"for count = {count} you return {len(images) if images.ndim else 'no'} images")
    if images.shape != (count, 1, 4, 4):
        raise NotYet(f"images of shape {(count, 1, 4, 4)} were expected, but got {tuple(images.shape)}")
    _check_noise(z)
    _check_origin(images, z)
    spy.seen.clear()
    if len(again := _images(function, spy, 40)) != 40:
        raise NotYet(f"for count = 40 you return {len(again)} images")
    if bool((torch.cat(spy.seen)[:1] == z).all(1).any()):
        raise NotYet("two calls gave the same z, so they will give the same images; draw new numbers in every call")
    if spy.drew_in_training:
        raise NotYet(
            "the generator was in training mode when it drew, so that its batch norm lets the images of a batch change "
            "each other; generator.eval() comes before the call"
        )
    if images.requires_grad:
        raise NotYet(
            "the images still carry the record for gradients, which costs memory; work inside `with torch.no_grad():`"
        )
    return "Fresh random numbers, fresh images, each drawn by itself."


def _images(function: Any, spy: nn.Module, count: int) -> Tensor:
    made = call(function, spy, count, name="new_images", names=("generator", "count"))
    if isinstance(made, list):
        raise NotYet("a tensor of images was expected, but got a list; torch.cat or torch.stack makes one tensor of it")
    return tensor(made)


def _check_noise(z: Tensor) -> None:
    if bool((z == z[:1]).all()):
        raise NotYet("every row of z is the same, so every image will be the same")
    if bool((z == z[:, :1]).all()):
        raise NotYet("all numbers within a z are the same one; each of them is drawn by itself")
    mean, spread, farthest = float(z.mean()), float(z.std()), float(z.abs().max())
    if float(z.min()) >= 0 and farthest <= 1:
        raise NotYet(
            "your z lies between 0 and 1 (torch.rand); the generator was trained on the bell curve (torch.randn)"
        )
    if abs(mean) > 0.1 or abs(spread - 1) > 0.1:
        raise NotYet(
            f"your z has mean {mean:.2f} and standard deviation {spread:.2f}; the generator was trained on mean 0 and "
            "standard deviation 1"
        )
    if farthest < 2.3:
        raise NotYet(
            f"your z has the right mean and deviation, but no number beyond ±{farthest:.2f}: that is no bell curve"
        )


def _check_origin(images: Tensor, z: Tensor) -> None:
    """See that each image was made of a z of its own, and not changed afterwards."""
    apart = (images.detach()[:, :1, 0, 0] - torch.tanh(z[:, 0])).abs()
    if bool((apart.amin(1) > 1e-5).any()) or bool((images != images[:, :, :1, :1]).any()):
        raise NotYet("you changed the images after the generator had made them, or they are not its own")
    if len(apart.argmin(1).unique()) < 0.98 * len(images):
        raise NotYet(f"of {len(images)} images only {len(apart.argmin(1).unique())} are different ones")


# ---------------------------------------------------------------- exercise 3

_NO_SHIFT = "nothing was shifted: −1 has to become 0 first. As bytes, negative numbers wrap round to salt and pepper"
_BLACK = "all below 0 became black, half of the greys; shift first: −1 has to become 0"
_NO_SIGN = "the sign is lost: −1 and 1 become the same grey"
_BYTE_MISTAKES: list[tuple[Callable[[Tensor], Tensor], str]] = [
    (lambda x: 255 * x.clamp(min=0), _BLACK),
    (lambda x: 127.5 * x.clamp(min=0), _BLACK),
    (lambda x: 255 * x, _NO_SHIFT),
    (lambda x: 127.5 * x, _NO_SHIFT),
    (lambda x: 255 * (x + 1), "−1 to 1 is a range of length 2, so 255 · (x + 1) goes up to 510"),
    (lambda x: 255 - 127.5 * (x + 1), "black and white are exchanged: −1 is black, that is 0"),
    (lambda x: 255 * x.abs(), _NO_SIGN),
    (lambda x: 127.5 * x.abs(), _NO_SIGN),
    (lambda x: 255 * (x * 0.5 + 0.5) / 2, "white becomes 127: −1 to 1 was halved twice"),
    (lambda x: 255 * (x * 0.3081 + 0.1307), "these are MNIST's mean and deviation, and our images were not made so"),
]


@exercise("Exercise 3")
def to_bytes(function: Callable[[Tensor], Tensor]) -> str:
    """Check ``to_bytes(images)``: [-1, 1] becomes whole numbers from 0 to 255, what lies outside is cut.

    First met in: notebook 00.
    """
    inside = torch.tensor([-1.0, -0.83, -0.5, -0.2, 0.0, 0.25, 0.61, 1.0]).reshape(2, 1, 2, 2)
    got = _bytes(function, inside)
    if not _near(got, inside):
        _name_the_mistake(inside, got)
    if got.dtype != torch.uint8:
        raise NotYet(f"the values are right, but of type {got.dtype}; bytes are torch.uint8, and .byte() makes them")
    if not _near(_bytes(function, pale := torch.tensor([-0.5, 0.5]).reshape(1, 1, 1, 2)), pale):
        raise NotYet(
            "a batch of greys only was stretched to full black and white; −1 and 1 are fixed points, not min and max"
        )
    if not _near(_bytes(function, outside := torch.tensor([-2.6, -1.2, 1.05, 1.2]).reshape(1, 1, 2, 2)), outside):
        raise NotYet(
            "values a little outside [−1, 1] wrap round: white becomes black. They have to be cut *before* they become "
            "bytes"
        )
    _check_rounding(inside, got)
    return "Black is 0, white is 255, and nothing wraps round."


def _bytes(function: Callable, images: Tensor) -> Tensor:
    made = call(function, images, name="to_bytes", names=("images",))
    if not isinstance(made, Tensor):
        raise NotYet(f"a tensor was expected, but got {type(made).__name__}")
    return tensor(made, images.shape)


def _near(got: Tensor, images: Tensor) -> bool:
    """Rounding and cutting off are both fine, but black and white have only one right value."""
    exact = (127.5 * (images.double() + 1)).clamp(0, 255)
    return bool(((got >= exact.floor() - 0.01) & (got <= exact.ceil() + 0.01)).all())


def _check_rounding(images: Tensor, got: Tensor) -> None:
    """See that each value is the nearest whole number; exactly half way, both are."""
    exact = 127.5 * (images.double() + 1)
    if bool(((got.double() - exact).abs() <= 0.5 + 1e-3).all()):
        return
    if bool((got.double() <= exact + 1e-3).all()):
        raise NotYet(
            "what comes after the point was cut off, so that greys are up to a whole step too dark. The nearest whole "
            "number is wanted"
        )
    i = int((got.double() - exact).abs().argmax())
    raise NotYet(
        f"black and white are right, but the greys between are not rounded to the nearest whole number: "
        f"{images.flatten()[i]:g} became {got.flatten()[i]:g}, and {exact.flatten()[i].round():g} is nearer. Was "
        "something cut off, or are 255 steps counted as 256?"
    )


def _name_the_mistake(inside: Tensor, got: Tensor) -> None:
    """Try each mistake as it is, cut to 0 to 255, and wrapped round as a processor does it."""
    x, values = inside.double(), got.detach().double()
    if float(values.abs().max()) <= 2.1:
        raise NotYet(f"these values lie between {values.min():g} and {values.max():g}, but bytes go up to 255")
    for mistake, sentence in _BYTE_MISTAKES:
        raw = mistake(x)
        for seen in (raw, raw.clamp(0, 255), raw.clamp(max=255), raw.trunc().remainder(256)):
            if bool(((values - seen).abs() <= 1.001).all()):
                raise NotYet(sentence)
    if float(values.max()) == 254 and float(values.min()) == 0:
        raise NotYet("white becomes 254: half of 255 is not 127")
    kind = "" if got.dtype == torch.uint8 else f" (of type {got.dtype})"
    exact = (127.5 * (x + 1)).round()
    raise NotYet(
        f"{_listed(x)} became {_listed(values)}{kind}; {_listed(exact)} were expected, give or take 1 in between"
    )


def _listed(values: Tensor) -> str:
    return ", ".join(f"{value:.4g}" for value in values.flatten().tolist())


# ---------------------------------------------------------------- exercise 4

_JUDGE, _FORGER = (
    f"lines {lines} update the {player} from its own loss, as they should"
    for lines, player in (("7 to 9", "judge"), ("11 to 13", "forger"))
)
_LINES = {
    1: "line 1 draws fresh normal noise for each batch, as it should",
    2: "line 2 lets the generator make fakes, as it should",
    3: "line 3 scores the real images, and requires_grad_ lets the brake ask for the slope there",
    4: "line 4 scores the fakes, detached, because the judge's step must not change the forger",
    6: "line 6 is the brake of `step`: it holds the score flat around real images and says nothing about who is real",
    **dict.fromkeys((7, 8, 9), _JUDGE),
    10: "line 10 asks how real the judge finds the fakes, which is the right question for the forger",
    **dict.fromkeys((11, 12, 13), _FORGER),
}


@exercise("Exercise 4")
def wrong_line(answer: Any) -> str:
    """Check which line of the broken step is wrong.

    First met in: notebook 00.
    """
    if (chosen := line(answer, 13)) != 5:
        raise NotYet(_LINES[chosen])
    return "Now repair it, and run the broken run again."
