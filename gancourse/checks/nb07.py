"""Checkers of notebook 07: sizes, the generator, its first weights, four faulty programs, and a broken start."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from gancourse import runtime
from gancourse.checks.framework import NotAttempted, NotYet, call, exercise, same_number

__all__ = ["diagnosis", "initialise", "make_generator", "output_size", "wrong_line"]


# ---------------------------------------------------------------- exercise 1

_SIZES = ((3, 4, 2, 0), (7, 4, 2, 1), (1, 7, 1, 0), (5, 3, 3, 1), (6, 5, 2, 2))


@exercise("Exercise 1")
def output_size(function: Callable[[int, int, int, int], int]) -> str:
    """Check ``output_size(size, kernel, stride, padding)`` of a transposed convolution.

    It is (size - 1) * stride - 2 * padding + kernel.

    First met in: notebook 07.
    """
    got = [call(function, *case, name="output_size") for case in _SIZES]
    for value in got:
        same_number(value, 0.0)  # refuses what is no number
    wanted = [(n - 1) * s - 2 * p + k for n, k, s, p in _SIZES]
    if _equal(got, wanted):
        return "Kernel 4, stride 2, padding 1 doubles every size: (n - 1)·2 - 2 + 4 = 2n."
    for formula, sentence in (
        (
            lambda n, k, s, p: (n + 2 * p - k) // s + 1,
            "this is the size after an ordinary convolution, which shrinks; a transposed one enlarges",
        ),
        (
            lambda n, k, s, p: n * s - 2 * p + k,
            "n stamps need only n - 1 steps from the first to the last; the last one is then a whole kernel wide",
        ),
        (lambda n, k, s, p: (n - 1) * s - p + k, "padding is cut off at both sides, so it counts twice"),
        (
            lambda n, k, s, p: (n - 1) * s + 2 * p + k,
            "padding is *cut off* here, not added: it undoes what padding adds in a convolution",
        ),
        (lambda n, k, s, p: (n - 1) * s + k, "the padding is missing: so many pixels are cut off at each side"),
        (lambda n, k, s, p: n * s, "size times stride is right only where the kernel is stride + 2·padding wide"),
        (lambda n, k, s, p: (n - 1) * s - 2 * p, "the width of the last stamp, the kernel, is missing"),
        (lambda n, k, s, p: (n - 1) * s - 2 * p + k - 1, "you are one short: the last stamp covers `kernel` pixels"),
        (
            lambda n, k, s, p: (n - 1) * k - 2 * p + s,
            "kernel and stride are exchanged: the stride is the step from stamp to stamp, the kernel is their width",
        ),
    ):
        if _equal(got, [formula(*case) for case in _SIZES]):
            raise NotYet(sentence)
    place = next(i for i, (a, b) in enumerate(zip(got, wanted, strict=True)) if not same_number(a, b))
    n, k, s, p = _SIZES[place]
    raise NotYet(
        f"for size {n}, kernel {k}, stride {s}, padding {p} you return {float(got[place]):g}, but PyTorch makes "
        f"{wanted[place]}. Draw the stamps on paper: where does the last one end?"
    )


def _equal(got: list[Any], wanted: list[int]) -> bool:
    return all(same_number(a, b) for a, b in zip(got, wanted, strict=True))


# ---------------------------------------------------------------- exercise 2


@exercise("Exercise 2")
def make_generator(function: Callable[[int, int], nn.Module]) -> str:
    """Check ``make_generator(latent_dim, width)``: from (N, latent_dim, 1, 1) to (N, 1, 28, 28) by DCGAN's rules.

    First met in: notebook 07.
    """
    biased = False
    for latent_dim, width in ((5, 3), (7, 4)):
        with runtime.seeded(0):
            network = call(function, latent_dim, width, name="make_generator")
            if not isinstance(network, nn.Module):
                raise NotYet(f"a network (an nn.Module) was expected, but got {type(network).__name__}")
            leaves = [layer for layer in network.modules() if not list(layer.children())]
            _name_the_layers(leaves, latent_dim, width)
            images = call(network.train(), torch.randn(4, latent_dim, 1, 1), name="your network")
        _name_the_shape(images)
        biased = biased or any(layer.bias is not None for layer in leaves if isinstance(layer, nn.ConvTranspose2d))
    return "From 1 by 1 to 28 by 28 in three layers." + (
        " One remark: a bias right before batch norm does nothing, because the mean is taken away; bias=False saves it."
        if biased
        else ""
    )


def _name_the_layers(leaves: list[nn.Module], latent_dim: int, width: int) -> None:
    kinds = [type(layer).__name__ for layer in leaves]
    enlarging = [i for i, layer in enumerate(leaves) if isinstance(layer, nn.ConvTranspose2d)]
    for name, sentence in (
        ("Linear", "there is a dense layer in it: by DCGAN's rules there is none; the first map comes from a "
                   "transposed convolution with kernel 7 on the 1 by 1 input"),
        ("Upsample", "it enlarges by repeating pixels; DCGAN's way is the stride of a transposed convolution"),
        ("Conv2d", "it has ordinary convolutions; here every layer is a transposed one"),
    ):  # fmt: skip
        if name in kinds:
            raise NotYet(sentence)
    if len(enlarging) != 3:
        raise NotYet(
            f"it has {len(enlarging)} transposed convolutions; three are wanted: 1 to 7, 7 to 14 and 14 to 28 pixels"
        )
    if kinds[-1] == "Sigmoid":
        raise NotYet(
            "it ends in a sigmoid, so samples lie in [0, 1]; images lie in [-1, 1], which is what tanh reaches"
        )
    if kinds[-1] in ("ReLU", "LeakyReLU"):
        raise NotYet(f"it ends in {kinds[-1]}: black is -1, and such an output never gets there")
    if kinds[-1] != "Tanh":
        raise NotYet("nothing bounds its output: the last layer is tanh, which keeps samples in [-1, 1]")
    between = kinds[enlarging[-1] + 1 : -1]
    if any(kind.startswith("BatchNorm") for kind in between):
        raise NotYet(
            "batch norm stands at the output: it forces every batch of samples to the same mean and width, whatever "
            "the images need. The rule: everywhere but at the output"
        )
    if "ReLU" in between or "LeakyReLU" in between:
        raise NotYet("there is a ReLU between the last convolution and tanh: then no pixel is ever darker than grey, 0")
    for place, end in itertools.pairwise(enlarging):
        after = kinds[place + 1 : end]
        if not any(kind.startswith("BatchNorm") for kind in after):
            raise NotYet("a hidden layer has no batch norm: it stands after every transposed convolution but the last")
        if "LeakyReLU" in after:
            raise NotYet("LeakyReLU is for the discriminator; in DCGAN's generator the activation is ReLU")
        if "ReLU" not in after:
            raise NotYet("a hidden layer has no ReLU: without it two layers in a row are one linear map")
        if after.index("ReLU") < next(i for i, kind in enumerate(after) if kind.startswith("BatchNorm")):
            raise NotYet("ReLU stands before batch norm; the order is convolution, batch norm, ReLU")
    maps = [leaves[enlarging[0]].in_channels] + [leaves[i].out_channels for i in enlarging]
    if maps[0] != latent_dim:
        raise NotYet(f"the first layer takes {maps[0]} maps, but z has {latent_dim} numbers (latent_dim)")
    if maps[1:] == [width, 2 * width, 1]:
        raise NotYet("the maps grow, from width to 2·width; the generator has most maps where the image is smallest")
    if maps[1:] != [2 * width, width, 1]:
        raise NotYet(
            f"for width {width} the three layers should make {2 * width}, {width} and 1 maps, but they make {maps[1:]}"
        )


def _name_the_shape(images: Any) -> None:
    if not isinstance(images, Tensor):
        raise NotYet(f"the network returned {type(images).__name__}, and a tensor of images was expected")
    if images.shape == (4, 1, 28, 28):
        return
    hints = {
        16: "it starts from 4 by 4; 28 is 7 doubled twice, so the first kernel is 7",
        112: "every layer but the first should double, with stride 2; look at the strides",
        27: "with kernel 3, stride 2 and padding 1 a side of n becomes 2n - 1",
        25: "with kernel 3, stride 2 and padding 1 a side of n becomes 2n - 1",
        34: "with kernel 4 and stride 2 a side doubles only with padding 1",
    }
    side = images.shape[-1]
    raise NotYet(
        f"four z give the shape {tuple(images.shape)}, and (4, 1, 28, 28) is wanted; "
        + hints.get(side, "use exercise 1 on each layer: 1 to 7, 7 to 14, 14 to 28")
    )


# ---------------------------------------------------------------- exercise 3


@exercise("Exercise 3")
def initialise(function: Callable[[nn.Module], Any]) -> str:
    """Check ``initialise(module)``, used as ``network.apply(initialise)``: DCGAN's first weights.

    First met in: notebook 07.
    """
    with runtime.seeded(0):
        network = nn.Sequential(
            nn.Conv2d(16, 32, 4), nn.BatchNorm2d(2_000), nn.LeakyReLU(0.2), nn.ConvTranspose2d(32, 16, 4),
            nn.Linear(40, 40), nn.Tanh(),
        )  # fmt: skip
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(0.7)  # a value that nobody draws

    def apply(module: nn.Module) -> nn.Module:
        if function(module) is ...:
            raise NotImplementedError
        return module

    if not callable(function):
        raise NotYet(f"a function was expected, but got {type(function).__name__}")
    with runtime.seeded(0):
        call(network.apply, apply, name="network.apply(initialise)")
    conv, norm, _, enlarging, dense, _ = network
    if all(bool((parameter == 0.7).all()) for parameter in network.parameters()):
        raise NotYet(
            "no weight was changed. nn.init.normal_(module.weight, mean, deviation) draws in place; "
            "a new tensor in a variable of yours does not reach the network"
        )
    _name_the_draw(conv.weight, 0.0, "nn.Conv2d")
    _name_the_draw(enlarging.weight, 0.0, "nn.ConvTranspose2d")
    scale, shift = norm.weight.detach(), norm.bias.detach()
    if bool((scale == 0.7).all()):
        raise NotYet("the scale of nn.BatchNorm2d, its weight, was not drawn; it comes from N(1, 0.02)")
    if abs(float(scale.mean())) < 0.1:
        raise NotYet(
            "batch norm's scale is drawn round 0: it *multiplies* everything that passes, so each layer would shrink "
            "the signal about fiftyfold. Round 1 is right"
        )
    if bool((scale == 1).all()):
        raise NotYet("batch norm's scale is 1 exactly; DCGAN draws it from N(1, 0.02), so that no two maps start equal")
    _name_the_draw(scale, 1.0, "nn.BatchNorm2d")
    if bool((shift == 0.7).all()):
        raise NotYet("batch norm's shift, its bias, was not set; it starts at 0")
    if not bool((shift == 0).all()):
        raise NotYet("batch norm's shift, its bias, should start at 0 exactly: nn.init.zeros_(module.bias)")
    if not bool((dense.weight == 0.7).all()):
        raise NotYet("it changed a layer of another kind as well (nn.Linear); leave those alone")
    return "Small weights, a scale round 1, and no shift."


def _name_the_draw(weight: Tensor, mean: float, name: str) -> None:
    weight = weight.detach()
    if bool((weight == 0.7).all()):
        raise NotYet(f"the weights of {name} were not drawn")
    if not bool(torch.isfinite(weight).all()):
        raise NotYet(f"the weights of {name} are not finite")
    got, spread = float(weight.mean()), float(weight.std())
    if abs(spread - 0.02**0.5) < 0.01:
        raise NotYet(f"the weights of {name} have deviation {spread:.3f}, the root of 0.02; 0.02 *is* the deviation")
    if abs(spread - 0.0004) < 0.00004:
        raise NotYet(f"the weights of {name} have deviation 0.0004, the square of 0.02; 0.02 *is* the deviation")
    if abs(spread - 0.02) > 0.002 or abs(got - mean) > 0.004:
        raise NotYet(
            f"the weights of {name} have mean {got:.3f} and deviation {spread:.3f}, but N({mean:g}, 0.02) was wanted"
        )
    if float((weight - mean).abs().max()) < 0.045:
        raise NotYet(f"the weights of {name} are spread evenly (uniform); a normal distribution was wanted")


# ---------------------------------------------------------------- exercise 4

_SYMPTOMS = {"A": "3", "B": "1", "C": "4", "D": "2"}
_WHY = {
    "A": "program A differentiates each image's score by that image. With batch norm, whose pixels move the score?",
    "B": "program B mixes real and fake in one batch. What are mean and width of that batch made of?",
    "C": "program C passes everything through ReLU before tanh. What is the least that can come out?",
    "D": "program D never leaves train mode. What does a sample depend on, besides its z?",
}


@exercise("Exercise 4")
def diagnosis(answer: Any) -> str:
    """Check which of four symptoms belongs to which of four programs: a dict such as {"A": 1, "B": 2, …}.

    First met in: notebook 07.
    """
    if not isinstance(answer, dict) or set(answer) != set(_SYMPTOMS):
        raise NotYet('a dict with the keys "A", "B", "C" and "D" is wanted, a number from 1 to 4 for each')
    if all(symptom is ... for symptom in answer.values()):
        raise NotAttempted
    if any(symptom is ... for symptom in answer.values()):
        raise NotYet("not every program has its number yet")
    said = {program: str(symptom) for program, symptom in answer.items()}
    if sorted(said.values()) != ["1", "2", "3", "4"]:
        raise NotYet("every number from 1 to 4 is used exactly once")
    wrong = [program for program in _SYMPTOMS if said[program] != _SYMPTOMS[program]]
    if wrong:
        raise NotYet(f"{len(wrong)} of the four are wrong. Think again: {_WHY[wrong[0]]}")
    return "None of the four raises an error, and three of them are about batch norm."


# ---------------------------------------------------------------- exercise 5

_LINES = {
    2: "line 2 makes a tiny image of z, as exercise 2 wants it",
    3: "line 3 is the first layer, 1 to 7 pixels, by the rules",
    4: "line 4 doubles the side, by the rules",
    5: "line 5 doubles the side and ends in tanh, with no batch norm, by the rules",
    6: "line 6 draws PyTorch's first weights for both networks, which was good in section 4",
    7: "line 7 makes the step, and the losses fall and rise as they should",
    8: "line 8 makes a stream of shuffled batches, as it should be",
    9: "line 9 samples in eval mode, as one should; it is fine if the statistics are",
}


@exercise("Exercise 5")
def wrong_line(line: Any) -> str:
    """Check which line spoilt the delivered pictures: batch norm's momentum, so small that its averages stay behind.

    First met in: notebook 07.
    """
    if isinstance(line, bool) or not isinstance(line, int) or not 1 <= line <= 9:
        raise NotYet("the lines are numbered from 1 to 9")
    if line != 1:
        raise NotYet(f"{_LINES[line]}. What does eval mode use that train mode does not?")
    return "With momentum 0.001 the running averages hardly move in 200 steps."
