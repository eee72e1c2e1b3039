"""Many small conditional GANs on classes on a line, trained at once; exact answers wait in ``data.classes``.

Every member has a generator of z and the label, a discriminator that meets the label in one of five ways (its
``kind``), and for AC-GAN one or two classifiers beside it. All are perceptrons with two hidden layers. As in
:class:`gancourse.ensembles.Ensemble` a member's path depends on its seed alone, and one batched computation trains
all of them.

    projection      the last layer of D gives 1 + C numbers: one for every label, and one more for each label alone
    concatenation   D sees x and the label's one-hot vector side by side
    classifier      D sees x alone; a classifier C(y|x) adds its cross-entropy to G's loss (AC-GAN)
    twin            the cure: a second classifier learns from fakes alone, and its cross-entropy is taken off G's loss
    blind           D sees x alone: the control
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from gancourse import penalties, runtime
from gancourse._numbers import real_between, whole_between
from gancourse._torch_modes import usual_modes
from gancourse.data.classes import Classes
from gancourse.ensembles.player import SLOPE, for_all, forward
from gancourse.models import mlp

__all__ = ["CLASSIFIER_ON", "KINDS", "ConditionalEnsemble"]

KINDS = ("projection", "concatenation", "classifier", "twin", "blind")
CLASSIFIER_ON = ("both", "real")
"""What teaches AC-GAN's classifier: real points and fakes, as in the paper, or real points alone."""

_LATENT, _HIDDEN, _BATCH = 2, 64, 256
_RATE, _BETAS, _LAST_SHARE = 2e-3, (0.5, 0.99), 0.05
_GAMMA = 0.05  # of R1, which enters as gamma / 2
_AVERAGED = 200  # about so many of the last steps count in the average of G's weights
_BLOCK = 32  # steps whose random numbers are drawn in one go
_APART = 3_000_002  # the place of the fourth network: three follow each other for every seed


class ConditionalEnsemble:
    """K independent conditional GANs on classes on a line, trained at once.

    The loss is the non-saturating one, with R1; both rates fall along a cosine over ``num_steps``; samples come from
    an average of G's weights.

    With the best classifiers, "twin" adds weight times the divergence KL(q(y|x), p(y|x)) to G's loss, which is 0 only
    where every class is right at every point; "classifier" adds the cross-entropy, which is lowest where p(y|x) is
    largest. Source of the twin: Gong et al. (2019).

    Args:
        kind: how D meets the label, one of ``KINDS``.
        classes: from ``data.classes.on_a_line``.
        seeds: one for each member.
        num_steps: of a whole run.
        weight: of the classifiers' term in G's loss; for the kinds "classifier" and "twin".
        classifier_on: "both" or "real"; for the kind "classifier" ("twin" has one classifier for each).
    Raises:
        TypeError, ValueError: an argument is anything else.
    Attributes:
        steps_done: steps of training so far.
        kind, classes, seeds, num_steps: as given.
    First met in: notebook 12.
    """

    @usual_modes()
    def __init__(
        self,
        kind: str,
        classes: Classes,
        *,
        seeds: Sequence[int],
        num_steps: int = 1_000,
        weight: float = 1.0,
        classifier_on: str = "both",
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
        if not isinstance(classes, Classes):
            raise TypeError(f"classes must come from data.classes.on_a_line, got {type(classes).__name__}")
        if classifier_on not in CLASSIFIER_ON:
            raise ValueError(f"classifier_on must be one of {', '.join(CLASSIFIER_ON)}, got {classifier_on!r}")
        self.kind, self.classes, self.classifier_on = kind, classes, classifier_on
        self.seeds = tuple(map(runtime.checked_seed, seeds))
        if not self.seeds:
            raise ValueError("seeds must hold at least one seed")
        self.num_steps, self.weight = whole_between("num_steps", num_steps, 1), real_between("weight", weight, 0.0)
        self.steps_done, self._block = 0, (-1, ())
        count = len(classes)
        heads = {"projection": (1, 1 + count), "concatenation": (1 + count, 1)}.get(kind, (1, 1))
        self._generator = self._stacked(_LATENT + count, 1, 0)
        self._discriminator = self._stacked(*heads, 1)
        self._classifier = self._stacked(1, count, 2) if kind in ("classifier", "twin") else []
        self._twin = self._stacked(1, count, _APART) if kind == "twin" else []
        self._averaged = [layer.detach().clone() for layer in self._generator]
        self._optimizers = [
            torch.optim.Adam(layers, _RATE, _BETAS)
            for layers in (self._generator, [*self._discriminator, *self._classifier, *self._twin])
        ]
        self._schedules = [
            torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.num_steps, _LAST_SHARE * _RATE)
            for optimizer in self._optimizers
        ]

    def __len__(self) -> int:
        return len(self.seeds)

    def __repr__(self) -> str:
        return f"<{len(self)} GANs, {self.kind}, on {self.classes!r}, {self.steps_done:,} of {self.num_steps:,} steps>"

    @usual_modes()
    def train(self, num_steps: int | None = None) -> None:
        """Train every member ``num_steps`` steps further, or to the end of the run.

        An interrupt waits for the end of the running step.

        Raises:
            ValueError: the run has not so many steps left.
        """
        left = self.num_steps - self.steps_done
        num_steps = left if num_steps is None else whole_between("num_steps", num_steps, 1, left, why="what is left")
        last = self.steps_done + num_steps
        with runtime.interrupt_deferred() as interrupted:
            while self.steps_done < last and not interrupted():
                self._step()

    def _step(self) -> None:
        real, labels, z, asked = self._drawn()
        told, wanted = (F.one_hot(given, len(self.classes)).float() for given in (labels, asked))
        fake = forward(self._generator, torch.cat([z, wanted], dim=-1), SLOPE["generator"])
        real.requires_grad_()
        real_logits, fake_logits = self._logits(real, told), self._logits(fake.detach(), wanted)
        slopes = penalties.input_gradients(real_logits, real)
        d_loss = F.softplus(-real_logits) + F.softplus(fake_logits) + _GAMMA / 2 * slopes.square().sum(dim=-1)
        if self._classifier:
            d_loss = d_loss + _surprise(self._classifier, real.detach(), labels)
        if self._twin or (self._classifier and self.classifier_on == "both"):
            d_loss = d_loss + _surprise(self._twin or self._classifier, fake.detach(), asked)
        self._move(1, d_loss)
        g_loss = F.softplus(-self._logits(fake, wanted))
        if self._classifier and self.weight:
            g_loss = g_loss + self.weight * _surprise(self._classifier, fake, asked)
        if self._twin and self.weight:
            g_loss = g_loss - self.weight * _surprise(self._twin, fake, asked)
        self._move(0, g_loss)
        with torch.no_grad():
            for kept, layer in zip(self._averaged, self._generator, strict=True):
                kept.lerp_(layer, 1 / min(self.steps_done + 1, _AVERAGED))
        self.steps_done += 1

    def _move(self, player: int, losses: Tensor) -> None:
        """Let a player make one update; members do not touch each other, so their mean losses may be summed."""
        optimizer = self._optimizers[player]
        layers = optimizer.param_groups[0]["params"]
        for layer, gradient in zip(layers, torch.autograd.grad(losses.mean(dim=1).sum(), layers), strict=True):
            layer.grad = gradient
        optimizer.step()
        self._schedules[player].step()

    # ------------------------------------------------------------ looking

    @torch.no_grad()
    def draw(self, n: int, *, seed: int = 0) -> Tensor:
        """Return ``n`` samples of every class by every member: shape (K, C, n), from the same z for all.

        Args:
            n: how many, at least 1.
            seed: of z.
        """
        z = torch.randn(whole_between("n", n, 1), _LATENT, generator=runtime.generator(seed))
        count = len(self.classes)
        rows = torch.cat([z.repeat(count, 1), torch.eye(count).repeat_interleave(n, dim=0)], dim=1)
        return forward(self._averaged, rows.expand(len(self), -1, -1), SLOPE["generator"]).view(len(self), count, n)

    @torch.no_grad()
    def score(self, points: Tensor, label: int) -> Tensor:
        """Return every discriminator's logits, shape (K, N), of points, shape (N, 1), said to be of class ``label``."""
        label = whole_between("label", label, 0, len(self.classes) - 1)
        points = for_all("points", points, size=1, count=len(self), device=torch.device("cpu"))
        told = torch.eye(len(self.classes))[label].expand(*points.shape[:2], -1)
        return self._logits(points, told)

    @torch.no_grad()
    def guess(self, points: Tensor) -> Tensor:
        """Return every classifier's chances of the classes, shape (K, N, C), at points of shape (N, 1).

        Raises:
            ValueError: this kind has no classifier.
        """
        if not self._classifier:
            raise ValueError(f"only the kinds 'classifier' and 'twin' guess classes, and this one is {self.kind!r}")
        points = for_all("points", points, size=1, count=len(self), device=torch.device("cpu"))
        return forward(self._classifier, points, SLOPE["discriminator"]).softmax(dim=-1)

    # ------------------------------------------------------------ parts

    def _logits(self, points: Tensor, told: Tensor) -> Tensor:
        """Return the logits, shape (K, N), of points (K, N, 1) with one-hot labels (K, N, C)."""
        if self.kind == "concatenation":
            points = torch.cat([points, told], dim=-1)
        out = forward(self._discriminator, points, SLOPE["discriminator"])
        return out[..., 0] + (out[..., 1:] * told).sum(dim=-1) if self.kind == "projection" else out[..., 0]

    def _stacked(self, inputs: int, outputs: int, place: int) -> list[Tensor]:
        """Return the first weights of all members' networks, layer by layer, each member's from its own seed."""
        networks = []
        for seed in self.seeds:
            with runtime.seeded((3 * seed + place) % 2**63):
                networks.append(mlp.Generator(latent_dim=inputs, data_dim=outputs, hidden=_HIDDEN))
        layers = zip(*(network.parameters() for network in networks), strict=True)
        return [torch.stack([part.detach() for part in parts]).requires_grad_() for parts in layers]

    def _drawn(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return this step's real points (K, B, 1) with labels (K, B), z (K, B, 2), and labels asked for (K, B)."""
        block, place = divmod(self.steps_done, _BLOCK)
        if self._block[0] != block:
            count, drawn = _BLOCK * _BATCH, []
            for seed in self.seeds:
                random = runtime.generator((seed + 1_000_003 * (block + 1)) % 2**63)
                real, labels = self.classes.sample(count, random)
                z = torch.randn(count, _LATENT, generator=random)
                drawn.append((real, labels, z, torch.randint(len(self.classes), (count,), generator=random)))
            parts = (torch.stack(part) for part in zip(*drawn, strict=True))
            self._block = (block, [part.unflatten(1, (_BLOCK, _BATCH)) for part in parts])
        real, labels, z, asked = (part[:, place] for part in self._block[1])
        return real.clone(), labels, z, asked


def _surprise(classifier: list[Tensor], points: Tensor, labels: Tensor) -> Tensor:
    """Return -log C(label | point), shape (K, N), of all members' classifiers."""
    logits = forward(classifier, points, SLOPE["discriminator"])
    return F.cross_entropy(logits.transpose(1, 2), labels, reduction="none")
