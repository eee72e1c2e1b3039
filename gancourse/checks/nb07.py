"""Checkers of notebook 07: sizes, the generator, its first weights, four faulty programs, and a broken start."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from gancourse.checks.comparing import Mistakes, compare
from gancourse.checks.framework import NotYet, call, exercise, line, matched

__all__ = ["diagnosis", "initialise", "make_generator", "output_size", "wrong_line"]


# ---------------------------------------------------------------- exercise 1

_SIZE_MISTAKES: Mistakes = [
    (
        lambda n, k, s, p: (n + 2 * p - k) // s + 1,
        "this is the size after an ordinary convolution, which shrinks; a transposed one enlarges",
    ),
    (
        lambda n, k, s, p: (n + 2 * p - k) / s + 1,
        "this is the size after an ordinary convolution, which shrinks; a transposed one enlarges",
    ),
    (
        lambda n, k, s, p: n * s - 2 * p + k,
        "n stamps need only n − 1 steps from the first to the last; the last one is then a whole kernel wide",
    ),
    (lambda n, k, s, p: (n + 1) * s - 2 * p + k, "n stamps need n − 1 steps from the first to the last, and not n + 1"),
    (lambda n, k, s, p: (n - 1) * s - p + k, "padding is cut off at both sides, so it counts twice"),
    (
        lambda n, k, s, p: (n - 1) * s + 2 * p + k,
        "padding is *cut off* here, not added: it undoes what padding adds in a convolution",
    ),
    (lambda n, k, s, p: (n - 1) * s + p + k, "padding is *cut off* here, at both sides, and not added"),
    (lambda n, k, s, p: (n - 1) * s + k, "the padding is missing: so many pixels are cut off at each side"),
    (lambda n, k, s, p: n * s, "size times stride is right only where the kernel is stride + 2·padding wide"),
    (lambda n, k, s, p: n * k, "size times kernel is right only where stamps do not overlap, and nothing is cut off"),
    (lambda n, k, s, p: (n - 1) * s - 2 * p, "the width of the last stamp, the kernel, is missing"),
    (lambda n, k, s, p: (n - 1) * s - 2 * p + k - 1, "you are one short: the last stamp covers `kernel` pixels"),
    (lambda n, k, s, p: (n - 1) * s - 2 * p + k + 1, "you are one too long: the last stamp covers `kernel` pixels"),
    (lambda n, k, s, p: (n - 1) * s - 2 * p + s, "the last stamp is a kernel wide, and not a stride"),
    (
        lambda n, k, s, p: (n - 1) * k - 2 * p + s,
        "kernel and stride are exchanged: the stride is the step from stamp to stamp, the kernel is their width",
    ),
    (lambda n, k, s, p: n - 1 - 2 * p + k, "the stride is missing: from stamp to stamp it is `stride` pixels"),
    (lambda n, k, s, p: n - 1 * s - 2 * p + k, "brackets are missing: n − 1 steps, each as long as the stride"),
    (lambda n, k, s, p: (n - 1) * (s - 2 * p) + k, "brackets are in the wrong place: the padding is cut off once"),
    (lambda n, k, s, p: (n - 1) * s + k - 2 * p * s, "the padding is not multiplied by the stride"),
]


@exercise("Exercise 1")
def output_size(function: Callable[[int, int, int, int], int]) -> str:
    """Check ``output_size(size, kernel, stride, padding)`` of a transposed convolution.

    It is (size - 1) * stride - 2 * padding + kernel.

    First met in: notebook 07.
    """
    compare(
        function,
        [(3, 4, 2, 0), (7, 4, 2, 1), (1, 7, 1, 0), (5, 3, 3, 1), (6, 5, 2, 2), (4, 6, 3, 2)],
        lambda n, k, s, p: (n - 1) * s - 2 * p + k,
        _SIZE_MISTAKES,
        name="output_size",
        names=("size", "kernel", "stride", "padding"),
        hint="Draw the stamps on paper: where does the last one end?",
    )
    return "Kernel 4, stride 2, padding 1 doubles every size: (n - 1)·2 - 2 + 4 = 2n."


# ---------------------------------------------------------------- exercise 2

_KINDS = {
    "conv_transpose2d": "enlarge",
    "batch_norm": "norm",
    **dict.fromkeys(("instance_norm", "group_norm", "layer_norm"), "other norm"),
    **dict.fromkeys(("relu", "relu_"), "relu"),
    **dict.fromkeys(("leaky_relu", "leaky_relu_"), "LeakyReLU"),
    **dict.fromkeys(("elu", "elu_", "selu", "selu_", "gelu", "silu", "mish", "prelu", "softplus", "hardtanh"), "other"),
    **dict.fromkeys(("sigmoid", "sigmoid_", "hardsigmoid"), "sigmoid"),
    **dict.fromkeys(("tanh", "tanh_"), "tanh"),
    **dict.fromkeys(("clamp", "clip", "clamp_", "clip_"), "clamp"),
    "linear": "dense",
    "conv2d": "convolution",
    **dict.fromkeys(("interpolate", "upsample", "pixel_shuffle"), "repeat"),
    **dict.fromkeys(("dropout", "dropout2d", "feature_dropout", "alpha_dropout"), "dropout"),
}


@dataclass
class _Step:
    """What was done to the images: its kind, the name of the function, maps and sides before and after."""

    kind: str
    name: str
    before: tuple[int, ...]
    after: tuple[int, ...]
    bias: bool


class _Watch(TorchFunctionMode):
    """Note what a network does in the order in which it does it, as layers or as functions, once or again."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[_Step] = []

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = function(*args, **(kwargs or {}))
        name = getattr(function, "__name__", "")
        if name in _KINDS and args and isinstance(args[0], Tensor) and isinstance(made, Tensor):
            bias = _KINDS[name] == "enlarge" and (args[2] if len(args) > 2 else (kwargs or {}).get("bias")) is not None
            self.steps.append(_Step(_KINDS[name], name, tuple(args[0].shape[1:]), tuple(made.shape[1:]), bias))
        return made


@exercise("Exercise 2")
def make_generator(function: Callable[[int, int], nn.Module]) -> str:
    """Check ``make_generator(latent_dim, width)``: from (N, latent_dim, 1, 1) to (N, 1, 28, 28) by DCGAN's rules.

    The network is run, and what it does is watched, so it may be put together in any way.

    First met in: notebook 07.
    """
    biased = uneven = False
    for latent_dim, width in ((5, 3), (7, 4)):
        network = call(function, latent_dim, width, name="make_generator", names=("latent_dim", "width"))
        if not isinstance(network, nn.Module):
            raise NotYet(f"a network (an nn.Module) was expected, but got {type(network).__name__}")
        _refuse_layers(network)
        z, watch = torch.randn(4, latent_dim, 1, 1), _Watch()
        try:
            with watch:
                images = call(network.train(), z, name="your network")
        except NotYet as problem:
            raise NotYet(_first_layer(network, latent_dim) or str(problem)) from problem
        if not isinstance(images, Tensor):
            raise NotYet(f"the network returned {type(images).__name__}, and a tensor of images was expected")
        _name_the_steps(watch.steps, latent_dim, width)
        _name_the_shape(images)
        biased = biased or any(step.bias for step in watch.steps[:-2])
        uneven = uneven or any(
            isinstance(layer, nn.ConvTranspose2d)
            and any(k % s for k, s in zip(layer.kernel_size, layer.stride, strict=True))
            for layer in network.modules()
        )
    return (
        "From 1 by 1 to 28 by 28 in three layers."
        + (
            " One remark: a bias right before batch norm does nothing, because the mean is taken away; bias=False "
            "saves it."
            if biased
            else ""
        )
        + (
            " One remark: where the kernel is no multiple of the stride, neighbouring pixels get unequally many stamps."
            if uneven
            else ""
        )
    )


_DENSE = (
    "there is a dense layer in it: by DCGAN's rules there is none; the first map comes from a transposed convolution "
    "on the 1 by 1 input"
)


def _refuse_layers(network: nn.Module) -> None:
    """Refuse what would not survive a run on tiny images anyway."""
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            raise NotYet(_DENSE)


def _first_layer(network: nn.Module, latent_dim: int) -> str:
    """Say whether the network stops at its first layer because that expects another z."""
    layers = [layer for layer in network.modules() if isinstance(layer, nn.ConvTranspose2d)]
    if layers and layers[0].in_channels != latent_dim:
        return f"the first layer takes {layers[0].in_channels} maps, but z has {latent_dim} numbers (latent_dim)"
    for first, second in itertools.pairwise(layers):
        if first.out_channels != second.in_channels:
            return f"one layer makes {first.out_channels} maps, and the next one takes {second.in_channels}"
    return ""


def _name_the_steps(steps: list[_Step], latent_dim: int, width: int) -> None:
    kinds = [step.kind for step in steps]
    for kind, sentence in (
        ("dense", _DENSE),
        ("repeat", "it enlarges by repeating pixels; DCGAN's way is the stride of a transposed convolution"),
        ("convolution", "it has ordinary convolutions; here every layer is a transposed one"),
        ("other norm", "it normalises, but not over the batch; DCGAN's norm is batch norm"),
        ("dropout", "there is dropout in it, which is none of DCGAN's rules"),
        ("clamp", "it cuts its values with a clamp; DCGAN's generator bounds them with tanh"),
    ):
        if kind in kinds:
            raise NotYet(sentence)
    enlarging = [i for i, kind in enumerate(kinds) if kind == "enlarge"]
    if len(enlarging) != 3:
        raise NotYet(
            f"it has {len(enlarging)} transposed convolutions; three are wanted: 1 to 7, 7 to 14 and 14 to 28 pixels"
        )
    _name_the_end(steps[enlarging[-1] + 1 :])
    for place, end in itertools.pairwise(enlarging):
        _name_the_middle(kinds[place + 1 : end], [step.name for step in steps[place + 1 : end]])
    maps = [steps[enlarging[0]].before[0], *(steps[i].after[0] for i in enlarging)]
    if maps[1:] == [width, 2 * width, 1]:
        raise NotYet("the maps grow, from width to 2·width; the generator has most maps where the image is smallest")
    if maps[1:] != [2 * width, width, 1]:
        raise NotYet(
            f"for width {width} the three layers should make {2 * width}, {width} and 1 maps, but they make {maps[1:]}"
        )
    sides = [steps[i].after[-1] for i in enlarging]
    if sides[-1] == 28 and sides != [7, 14, 28]:
        raise NotYet(f"the sides should be 7, 14 and 28, but they are {', '.join(map(str, sides))}")


def _name_the_end(steps: list[_Step]) -> None:
    kinds = [step.kind for step in steps]
    if kinds == ["tanh"]:
        return
    last = kinds[-1] if kinds else ""
    if last == "sigmoid":
        raise NotYet(
            "it ends in a sigmoid, so samples lie in [0, 1]; images lie in [-1, 1], which is what tanh reaches"
        )
    if last in ("relu", "LeakyReLU", "other"):
        name = "ReLU" if last == "relu" else last if last == "LeakyReLU" else steps[-1].name
        raise NotYet(f"it ends in {name}, and not in tanh, which is what reaches black, -1, and white, 1")
    if last != "tanh":
        raise NotYet("nothing bounds its output: the last layer is tanh, which keeps samples in [-1, 1]")
    if "norm" in kinds:
        raise NotYet(
            "batch norm stands at the output: it forces every batch of samples to the same mean and width, whatever "
            "the images need. The rule: everywhere but at the output"
        )
    if "relu" in kinds:
        raise NotYet("there is a ReLU between the last convolution and tanh: then no pixel is ever darker than grey, 0")
    extra = next(step.name for step in steps if step.kind != "tanh") if set(kinds) != {"tanh"} else "a second tanh"
    raise NotYet(f"between the last convolution and tanh stands {extra}; nothing should")


def _name_the_middle(kinds: list[str], names: list[str]) -> None:
    if "norm" not in kinds:
        raise NotYet("a hidden layer has no batch norm: it stands after every transposed convolution but the last")
    if "LeakyReLU" in kinds:
        raise NotYet("LeakyReLU is for the discriminator; in DCGAN's generator the activation is ReLU")
    for kind, name in zip(kinds, names, strict=True):
        if kind not in ("norm", "relu"):
            raise NotYet(f"a hidden layer has the activation {name}; in DCGAN's generator it is ReLU")
    if "relu" not in kinds:
        raise NotYet("a hidden layer has no ReLU: without it two layers in a row are one linear map")
    if kinds.index("relu") < kinds.index("norm"):
        raise NotYet("ReLU stands before batch norm; the order is convolution, batch norm, ReLU")


def _name_the_shape(images: Tensor) -> None:
    if images.shape == (4, 1, 28, 28):
        return
    hints = {
        16: "it starts from 4 by 4; 28 is 7 doubled twice",
        112: "every layer but the first should double, with stride 2; look at the strides",
        27: "with kernel 3, stride 2 and padding 1 a side of n becomes 2n - 1",
        25: "with kernel 3, stride 2 and padding 1 a side of n becomes 2n - 1",
        34: "with kernel 4 and stride 2 a side doubles only with padding 1",
    }
    side = images.shape[-1] if images.ndim == 4 else 0
    raise NotYet(
        f"four z give the shape {tuple(images.shape)}, and (4, 1, 28, 28) is wanted; "
        + hints.get(side, "use exercise 1 on each layer: 1 to 7, 7 to 14, 14 to 28")
    )


# ---------------------------------------------------------------- exercise 3

_UNDRAWN = 0.7  # a value that nobody draws


@exercise("Exercise 3")
def initialise(function: Callable[[nn.Module], Any]) -> str:
    """Check ``initialise(module)``, used as ``network.apply(initialise)``: DCGAN's first weights.

    First met in: notebook 07.
    """
    network = nn.Sequential(
        nn.Conv2d(16, 32, 4),
        nn.BatchNorm2d(2_000),
        nn.LeakyReLU(0.2),
        nn.ConvTranspose2d(32, 16, 4, bias=False),
        nn.Linear(40, 40),
        nn.Tanh(),
        nn.Embedding(30, 20),
        nn.Sequential(nn.Conv2d(32, 8, 5, bias=False)),
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(_UNDRAWN)
    for module in [*network.modules()][::-1]:  # as network.apply does it: what is inside comes first
        _apply(function, module)
    conv, norm, _, enlarging, dense, _, table, (inner,) = network
    if all(bool((parameter == _UNDRAWN).all()) for parameter in network.parameters()):
        raise NotYet(
            "no weight was changed. nn.init.normal_(module.weight, mean, deviation) draws in place; a new tensor in a "
            "variable of yours does not reach the network"
        )
    scale, shift = norm.weight.detach(), norm.bias.detach()
    for layer, name in ((conv, "nn.Conv2d"), (enlarging, "nn.ConvTranspose2d"), (inner, "nn.Conv2d in a block")):
        _name_the_draw(layer.weight, 0.0, name)
    if bool((scale == _UNDRAWN).all()):
        raise NotYet("the scale of nn.BatchNorm2d, its weight, was not drawn; it comes from N(1, 0.02)")
    if abs(float(scale.mean())) < 0.1:
        raise NotYet(
            "batch norm's scale is drawn round 0: it *multiplies* everything that passes, so each layer would shrink "
            "the signal about fiftyfold. Round 1 is right"
        )
    if bool((scale == 1).all()):
        raise NotYet("batch norm's scale is 1 exactly; DCGAN draws it from N(1, 0.02), so that no two maps start equal")
    _name_the_draw(scale, 1.0, "nn.BatchNorm2d")
    if bool((shift == _UNDRAWN).all()):
        raise NotYet("batch norm's shift, its bias, was not set; it starts at 0")
    if not bool((shift == 0).all()):
        raise NotYet("batch norm's shift, its bias, should start at 0 exactly")
    for layer in (dense, table):
        if any(bool((parameter != _UNDRAWN).any()) for parameter in layer.parameters()):
            raise NotYet(f"it changed a layer of another kind as well (nn.{type(layer).__name__}); leave those alone")
    if torch.equal(conv.weight.flatten()[:100], enlarging.weight.flatten()[:100]):
        raise NotYet("two layers got the same numbers; each draws its own")
    return "Small weights, a scale round 1, and no shift."


def _apply(function: Any, module: nn.Module) -> None:
    """Call the learner's function, which returns nothing, on one module."""
    if not callable(function):
        raise NotYet(f"a function was expected, but got {type(function).__name__}")

    def initialise(module: nn.Module) -> Any:
        made = function(module)
        return made if made is ... else module

    call(initialise, module, name=f"initialise({type(module).__name__})", names=("module",))


def _name_the_draw(weight: Tensor, mean: float, name: str) -> None:
    weight = weight.detach()
    if bool((weight == _UNDRAWN).all()):
        raise NotYet(f"the weights of {name} were not drawn")
    if not bool(torch.isfinite(weight).all()):
        raise NotYet(f"the weights of {name} are not finite")
    got, spread = float(weight.mean()), float(weight.std())
    if spread < 1e-6:
        raise NotYet(f"the weights of {name} are all {got:.3g}; they should be drawn from N({mean:g}, 0.02)")
    if abs(spread - 0.02**0.5) < 0.01:
        raise NotYet(f"the weights of {name} have deviation {spread:.3f}, the root of 0.02; 0.02 *is* the deviation")
    if abs(spread - 0.0004) < 0.00004:
        raise NotYet(f"the weights of {name} have deviation 0.0004, the square of 0.02; 0.02 *is* the deviation")
    if abs(spread - 0.02) > 0.002 or abs(got - mean) > 0.004:
        raise NotYet(
            f"the weights of {name} have mean {got:.3f} and deviation {spread:.3g}, but N({mean:g}, 0.02) was wanted"
        )
    if float((weight - mean).abs().max()) < 0.039:
        raise NotYet(f"the weights of {name} are spread evenly (uniform); a normal distribution was wanted")


# ---------------------------------------------------------------- exercise 4


@exercise("Exercise 4")
def diagnosis(answer: Any) -> str:
    """Check which of four symptoms belongs to which of four programs: a dict such as {"P": 1, "Q": 2, …}.

    First met in: notebook 07.
    """
    matched(
        answer,
        {"P": 3, "Q": 1, "R": 4, "S": 2},
        "a number from 1 to 4 for each program",
        {
            "P": "program P differentiates each image's score by that image. With batch norm, whose pixels move the "
            "score?",
            "Q": "program Q mixes real and fake in one batch. What are mean and width of that batch made of?",
            "R": "program R passes everything through ReLU before tanh. What is the least that can come out?",
            "S": "program S never leaves train mode. What does a sample depend on, besides its z?",
        },
    )
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
def wrong_line(answer: Any) -> str:
    """Check which line spoilt the delivered pictures: batch norm's momentum, so small that its averages stay behind.

    First met in: notebook 07.
    """
    if (chosen := line(answer, 9)) != 1:
        raise NotYet(f"{_LINES[chosen]}. What does eval mode use that train mode does not?")
    return "With momentum 0.001 the running averages hardly move in 200 steps."
