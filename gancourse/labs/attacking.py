"""The panel of notebook 20: attack a digit, choose how far each pixel may move, and see which net still reads it.

Nothing trains when a control is moved. The nets and the generator are those that the notebook has trained, or small
ones that are trained when the panel is built.
"""

from __future__ import annotations

import contextlib
import io

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from gancourse import runtime
from gancourse._torch_modes import usual_modes
from gancourse.attacking import nets, pixels, projection
from gancourse.data import digits
from gancourse.encoding import inverse
from gancourse.labs._film import Film
from gancourse.labs.panel import Choice, Panel, Slider
from gancourse.plotting import style

__all__ = ["ATTACKS", "FARTHEST", "FILMS", "NETS", "Attacked", "panel"]

ATTACKS: tuple[str, ...] = ("nothing", "noise", "FGSM", "PGD", "PGD on the other")
"""What is done to the digit. The last is made on a net that does not answer: the hardened, or for it the plain one."""

NETS: tuple[str, ...] = ("plain", "hardened", "projected")
"""Who answers. Behind the projection it is the plain net; FGSM and PGD are then made on the bare plain net."""

FARTHEST = 0.4
"""The largest limit, a share of black to white."""

_DIGITS = 20
_STEPS, _RESTARTS, _SEARCH = 20, 4, 60  # of PGD, and of the projection


class Attacked:
    """A digit, what an attack makes of it, what a net sees of that, and what it answers.

    Set ``digit``, ``attack``, ``epsilon`` and ``net``, then ask for :attr:`image`, :attr:`seen` and :attr:`answer` or
    draw. The same settings always give the same picture.

    Args:
        plain, hardened: images to logits.
        generator: a finished one of the same size of images, with a ``latent_dim``.
        images, labels: digits to attack, shape (N, 1, S, S) in [-1, 1] and (N,); the first 20 are used.
        seed: of noise and starts.
    Attributes:
        digit: which of the digits, from 1.
        attack: one of :data:`ATTACKS`.
        epsilon: limit for every pixel, 0 to 0.4 of the way from black to white.
        net: one of :data:`NETS`.
    Raises:
        TypeError, ValueError: the digits are no images, or have no labels.
    First met in: notebook 20.
    """

    def __init__(
        self,
        plain: pixels.Network,
        hardened: pixels.Network,
        generator: nn.Module,
        images: Tensor,
        labels: Tensor,
        *,
        seed: int = 0,
    ) -> None:
        digits.check_images(images, channels=1)
        if labels.shape != images.shape[:1]:
            raise ValueError(f"labels must be one for each of the {len(images)} images, got {tuple(labels.shape)}")
        self._plain, self._hardened, self._generator = plain, hardened, generator
        self._images, self._labels = images[:_DIGITS].cpu(), labels[:_DIGITS].cpu()
        self._seed = seed
        self.digit, self.attack, self.epsilon, self.net = 1, "PGD", 0.14, "plain"
        self._known: tuple | None = None
        self._figure: Figure | None = None

    def _make(self) -> None:
        wish = (int(self.digit), self.attack, round(float(self.epsilon), 6), self.net)
        if self._known == wish:
            return
        which, attack, epsilon, net = wish
        if attack not in ATTACKS or net not in NETS:
            names, got = (ATTACKS, attack) if attack not in ATTACKS else (NETS, net)
            raise ValueError(f"choose one of {', '.join(names)}, got {got!r}")
        image, label = self._images[which - 1 : which], self._labels[which - 1 : which]
        random = runtime.generator(self._seed)
        answering, other = (self._hardened, self._plain) if net == "hardened" else (self._plain, self._hardened)
        if attack == "nothing":
            changed = image.clone()
        elif attack == "noise":
            changed = pixels.noise(image, epsilon, random)
        elif attack == "FGSM":
            changed = pixels.fgsm(answering, image, label, epsilon)
        else:
            target = other if attack == "PGD on the other" else answering
            changed = pixels.pgd(target, image, label, epsilon, num_steps=_STEPS, generator=random)
        self._error, seen = None, changed
        if net == "projected":
            starts = runtime.generator(self._seed + 1)
            found = projection.project(self._generator, changed, starts, restarts=_RESTARTS, num_steps=_SEARCH)
            seen, self._error = found.images, float(found.errors)
        with torch.no_grad():
            self._shares = answering(seen).softmax(dim=1)[0].double()
        self._clean, self._image, self._seen, self._label = image[0, 0], changed[0, 0], seen[0, 0], int(label)
        self._known = wish

    @property
    def image(self) -> Tensor:
        """The attacked digit, shape (S, S)."""
        self._make()
        return self._image

    @property
    def seen(self) -> Tensor:
        """What the net is shown: the attacked digit, or the nearest picture of the generator, shape (S, S)."""
        self._make()
        return self._seen

    @property
    def shares(self) -> Tensor:
        """The probabilities that the net gives to the ten classes, shape (10,)."""
        self._make()
        return self._shares

    @property
    def answer(self) -> int:
        """The class with the largest probability."""
        return int(self.shares.argmax())

    def status(self) -> str:
        """Say what was done, by how much, and what the net reads."""
        self._make()
        far = float((self._image - self._clean).abs().max()) / pixels.BLACK_TO_WHITE
        right = "right" if self.answer == self._label else "wrong"
        done = "No change" if self.attack == "nothing" else self.attack
        found = "" if self._error is None else f" Its picture is {self._error:.3f} away (squared, a pixel)."
        return (
            f"Digit {int(self.digit)}, a {self._label}. {done}, limit {float(self.epsilon):.2f}: pixels moved by up to "
            f"{far:.2f} of black to white. The {self.net} net reads {self.answer}, {right}, with "
            f"{float(self.shares.max()):.0%}.{found}"
        )

    # ------------------------------------------------------------ the picture

    def draw(self) -> Figure:
        """Draw the digit, the change, the attacked digit and what the net is shown, and its ten probabilities."""
        self._make()
        if self._figure is None:
            self._build(self._clean.shape[-1])
        for shown, image in zip(
            self._pictures, (self._clean, self._image - self._clean, self._image, self._seen), strict=True
        ):
            shown.set_data(image.numpy())
        warned, right = style.COLOURS["warning"], style.COLOURS["real"]
        for place, (bar, share) in enumerate(zip(self._bars, self.shares.tolist(), strict=True)):
            bar.set_height(share)
            bar.set_color(right if place == self._label else warned if place == self.answer else "#bbbbbb")
            bar.set_hatch("" if place == self._label else "//" if place == self.answer else "")
        return self._figure

    def _build(self, side: int) -> None:
        ratios = {"width_ratios": [1, 1, 1, 1, 1.9]}
        self._figure, axes = style.figure(5, 1, size=(9.2, 2.3), dpi=80, gridspec_kw=ratios)
        self._pictures, blank = [], np.zeros((side, side))
        titles = ("the digit", "+ the change", "= attacked", "what the net sees")
        for at, (ax, title) in enumerate(zip(axes[:4], titles, strict=True)):
            far = pixels.BLACK_TO_WHITE * FARTHEST if at == 1 else 1.0
            self._pictures.append(ax.imshow(blank, cmap="gray", vmin=-far, vmax=far, interpolation="nearest"))
            ax.set(xticks=[], yticks=[])
            ax.set_title(title, fontsize=11)
        ax = axes[4]
        self._bars = ax.bar(range(10), [0.0] * 10, edgecolor="white")
        ax.set(ylim=(0, 1), xlabel="digit (green: the true one)", ylabel="the net gives")
        ax.set_xticks(range(10))


def _small(seed: int) -> Attacked:
    """Return embedded digits of 16 by 16 with nets and a generator trained on them for about two seconds."""
    with contextlib.redirect_stdout(io.StringIO()):  # a panel says nothing but in its own line
        data = digits.load("embedded", image_size=16)
    plain = nets.train(data.images, data.labels, num_steps=60, seed=seed)
    hardened = nets.harden(data.images, data.labels, inner_steps=1, num_steps=80, seed=seed)
    generator = inverse.train_generator(data.images, num_steps=80, seed=seed)
    return Attacked(plain, hardened, generator, data.test_images, data.test_labels, seed=seed)


@usual_modes()
def panel(attacked: Attacked | None = None, seed: int = 0) -> Panel:
    """Return the panel *attack a digit*. Nothing trains while it is used.

    Args:
        attacked: nets, generator and digits; without it, small ones are trained first, in about two seconds.
        seed: of that training.
    First met in: notebook 20.
    """
    return Panel(
        attacked or _small(seed),
        name="attack",
        title="Attack a digit, and see which net still reads it",
        controls=[
            Choice("attack", "attack", ATTACKS, hint="Noise moves each pixel by as much as FGSM. Compare them."),
            Choice("who answers", "net", NETS, hint="At which limit does each of the three fall?"),
            Slider("limit ε", "epsilon", 0.0, FARTHEST, step=0.02, hint="From which limit on would you misread it?"),
            Slider("digit", "digit", 1, _DIGITS, whole=True, hint="Which digits fall first, and to which answer?"),
        ],
    )


FILMS = (
    Film(
        "attack", panel, "net", {net: net for net in NETS},
        moved="epsilon", places=[round(0.02 * place, 2) for place in range(21)], per_second=3,
        note="The film's nets and generator were trained for two seconds on small digits.",
    ),
)  # fmt: skip
"""What the web site shows of the panel, without a kernel."""
