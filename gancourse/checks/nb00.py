"""Checkers of notebook 00: three small exercises, and one wrong line to find."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.checks.framework import NotYet, call, exercise, match_mistake, same_number

__all__ = ["hit_rate", "new_images", "pixels", "to_bytes", "wrong_line"]


@exercise("Example")
def pixels(number: Any) -> str:
    """Check the number of values in one grey image of 28 by 28.

    First met in: notebook 00.
    """
    match_mistake(
        number,
        [
            (28, "28 is one side; how many values has the whole square?"),
            (56, "28 + 28 is half way round; a square has side times side values"),
        ],
    )
    if not same_number(number, 784):
        raise NotYet(f"a square of 28 by 28 does not have {number} values")
    return "The generator turns 64 random numbers into these 784."


@exercise("Exercise 1")
def hit_rate(share: Any) -> str:
    """Check the share of right answers that the best judge is left with against a perfect forger.

    First met in: notebook 00.
    """
    match_mistake(
        share,
        [
            (50, "a share lies between 0 and 1: write 50 % as 0.5"),
            (
                0,
                "being always wrong takes knowledge too: turn its answers round and this judge is always right",
            ),
            (1, "a judge that is always right still sees a difference, so the forger is not perfect yet"),
            (0.25, "of four images two are real and two are fake; a guess is right for half of each"),
        ],
    )
    if not same_number(share, 0.5):
        raise NotYet(
            "imagine a coin in the judge's place: it knows as much about a perfect fake. How often is it right?"
        )
    return "This is where the game ends."


# ---------------------------------------------------------------- exercise 2


class _Spy(nn.Module):
    """Stands in for the generator: remembers every z, and makes an image of it that z can be read from."""

    latent_dim = 7

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.seen: list[Tensor] = []

    def forward(self, z: Tensor) -> Tensor:
        if not isinstance(z, Tensor):
            raise NotYet(f"the generator wants a tensor of random numbers, but was given {type(z).__name__}")
        if z.ndim != 2 or z.shape[1] != self.latent_dim:
            rows = (
                "; you have rows and columns the wrong way round" if z.ndim == 2 and len(z) == self.latent_dim else ""
            )
            raise NotYet(
                f"z has shape {tuple(z.shape)}, but it should be (count, generator.latent_dim), "
                f"here (…, {self.latent_dim}): one row for each image{rows}"
            )
        self.seen.append(z.detach())
        return torch.tanh(self.scale * z[:, :1, None, None].expand(-1, 1, 4, 4))


@exercise("Exercise 2")
def new_images(function: Callable[[nn.Module, int], Tensor]) -> str:
    """Check ``new_images(generator, count)``: fresh images from fresh normal noise, without gradients.

    First met in: notebook 00.
    """
    spy, count = _Spy(), 500
    with torch.random.fork_rng(devices=[]):  # the learner's noise comes from the global stream: put it back
        torch.manual_seed(0)
        images = _called(function, spy, count)
        _called(function, spy, count)
    if not isinstance(images, Tensor):
        raise NotYet(f"a tensor of images was expected, but got {type(images).__name__}")
    if not spy.seen:
        raise NotYet("the generator was never called: give it z, and it returns images")
    z = spy.seen[0]
    if images.shape == z.shape:
        raise NotYet("you returned z itself; what the generator makes of z is wanted")
    if len(z) != count:
        raise NotYet(f"for count = {count} you drew {len(z)} latent vectors; draw count of them")
    if images.shape != (count, 1, 4, 4):
        raise NotYet(f"images of shape {(count, 1, 4, 4)} were expected, but got {tuple(images.shape)}")
    if bool((z == z[:1]).all()):
        raise NotYet("every row of z is the same, so every image will be the same")
    if torch.equal(z, spy.seen[-1]):
        raise NotYet("two calls gave the same z, so they will give the same images; draw new numbers in every call")
    if float(z.min()) >= 0 and float(z.max()) <= 1:
        raise NotYet(
            "your z lies between 0 and 1 (torch.rand); the generator was trained on the bell curve (torch.randn)"
        )
    if abs(float(z.mean())) > 0.1 or abs(float(z.std()) - 1) > 0.1:
        raise NotYet(
            f"your z has mean {float(z.mean()):.2f} and standard deviation {float(z.std()):.2f}; "
            "the generator was trained on mean 0 and standard deviation 1"
        )
    if images.requires_grad:
        raise NotYet(
            "the images still carry the record for gradients, which costs memory; work inside `with torch.no_grad():`"
        )
    return "Other random numbers, other images: nothing was copied from a drawer."


def _called(function: Any, spy: nn.Module, count: int) -> Any:
    """Call the learner's function; what the spy has to say comes through unchanged."""
    try:
        return call(function, spy, count, name="new_images")
    except NotYet as problem:
        cause: BaseException | None = problem
        while cause is not None:
            cause = cause.__cause__
            if isinstance(cause, NotYet):
                raise cause from None
        raise


# ---------------------------------------------------------------- exercise 3


@exercise("Exercise 3")
def to_bytes(function: Callable[[Tensor], Tensor]) -> str:
    """Check ``to_bytes(images)``: [-1, 1] becomes whole numbers from 0 to 255, what lies outside is cut.

    First met in: notebook 00.
    """
    inside = torch.tensor([-1.0, -0.5, 0.0, 0.25, 1.0]).reshape(1, 1, 1, 5)
    wanted = torch.tensor([0, 64, 128, 159, 255]).reshape(inside.shape)
    given = inside.clone()
    got = call(function, given, name="to_bytes")
    if not isinstance(got, Tensor):
        raise NotYet(f"a tensor was expected, but got {type(got).__name__}")
    if not torch.equal(given, inside):
        raise NotYet(
            "your function changed the images it was given; leave them as they are (no operation that ends in _)"
        )
    if got.shape != inside.shape:
        raise NotYet(f"the shape should stay {tuple(inside.shape)}, but is {tuple(got.shape)}")
    values = got.detach().double()
    if not _near(values, wanted):
        _name_the_mistake(inside, values, got.dtype)
    if got.dtype != torch.uint8:
        raise NotYet(
            f"the values are right, but their type is {got.dtype}; bytes are torch.uint8, and .byte() makes them"
        )
    pale = torch.tensor([-0.5, 0.5]).reshape(1, 1, 1, 2)
    if not _near(call(function, pale, name="to_bytes").double(), torch.tensor([64.0, 191.0])):
        raise NotYet(
            "a batch of greys only was stretched to full black and white; −1 and 1 are fixed points, not min and max"
        )
    outside = torch.tensor([-1.2, 1.2]).reshape(1, 1, 1, 2)
    if not _near(call(function, outside, name="to_bytes").double(), torch.tensor([0.0, 255.0])):
        raise NotYet(
            "values a little outside [-1, 1] wrap round: white becomes black. "
            "Cut them with .clamp(0, 255) before .byte()"
        )
    return "Black is 0, white is 255, and nothing wraps round."


def _near(values: Tensor, wanted: Tensor) -> bool:
    """Equal up to one grey level: rounding and cutting off are both fine."""
    return bool(((values.flatten() - wanted.flatten().double()).abs() <= 1.001).all())


def _wrapped(values: Tensor) -> Tensor:
    """What a processor makes of numbers outside 0 to 255 when it turns them into bytes."""
    return values.trunc().remainder(256)


def _name_the_mistake(inside: Tensor, values: Tensor, dtype: torch.dtype) -> None:
    x = inside.double()
    no_shift = "nothing was shifted: −1 has to become 0 first. As bytes, negative numbers wrap round to salt and pepper"
    too_long = "−1 to 1 is a range of length 2, so 255 · (x + 1) goes up to 510; halve it"
    for mistake, sentence in (
        (255 * x, no_shift),
        (_wrapped(255 * x), no_shift),
        (127.5 * x, no_shift),
        (_wrapped(127.5 * x), no_shift),
        (255 * x.clamp(min=0), "all below 0 became black, half of the greys; shift first: −1 has to become 0"),
        ((x + 1) / 2, "these values lie between 0 and 1, but bytes go up to 255"),
        (255 * (x + 1), too_long),
        (_wrapped(255 * (x + 1)), too_long),
        ((255 * (x + 1)).clamp(max=255), too_long),
        (255 - 127.5 * (x + 1), "black and white are exchanged: −1 is black, that is 0"),
    ):
        if _near(values, mistake):
            raise NotYet(sentence)
    kind = "" if dtype == torch.uint8 else f" (of type {dtype})"
    raise NotYet(
        f"−1, −0.5, 0, 0.25 and 1 became {', '.join(f'{v:g}' for v in values.flatten().tolist())}{kind}; "
        "0, 64, 128, 159 and 255 were expected, give or take 1"
    )


# ---------------------------------------------------------------- exercise 4


@exercise("Exercise 4")
def wrong_line(number: Any) -> str:
    """Check which line of the broken step is wrong.

    First met in: notebook 00.
    """
    match_mistake(
        number,
        [
            (1, "line 1 draws fresh normal noise for each batch, as it should"),
            (2, "line 2 lets the generator make fakes, as it should"),
            (4, "lines 4 to 6 update the judge from its own loss, as they should"),
            (5, "lines 4 to 6 update the judge from its own loss, as they should"),
            (6, "lines 4 to 6 update the judge from its own loss, as they should"),
            (7, "line 7 asks how real the judge finds the fakes, which is the right question for the forger"),
            (8, "lines 8 to 10 update the forger from its own loss, as they should"),
            (9, "lines 8 to 10 update the forger from its own loss, as they should"),
            (10, "lines 8 to 10 update the forger from its own loss, as they should"),
        ],
    )
    if not same_number(number, 3):
        raise NotYet("the lines are numbered from 1 to 10; answer with one of these numbers")
    return "Now repair it, and run the broken run again."
