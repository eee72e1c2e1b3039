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
from gancourse.ensembles._members import Members
from gancourse.ensembles.player import SLOPE, for_all, forward

__all__ = ["CLASSIFIER_ON", "KINDS", "ConditionalEnsemble"]

KINDS = ("projection", "concatenation", "classifier", "twin", "blind")
CLASSIFIER_ON = ("both", "real")
"""What teaches AC-GAN's classifier: real points and fakes, as in the paper, or real points alone."""

_LATENT = 2
_GAMMA = 0.05  # of R1, which enters as gamma / 2
_APART = 3_000_002  # the place of the fourth network: three follow each other for every seed


class ConditionalEnsemble(Members):
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

    _BATCH, _AVERAGED, _NETWORKS = 256, 200, 3

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
        self._settle(seeds, num_steps)
        self.weight = real_between("weight", weight, 0.0)
        count = len(classes)
        heads = {"projection": (1, 1 + count), "concatenation": (1 + count, 1)}.get(kind, (1, 1))
        generator = self._stacked(_LATENT + count, 1, 0)
        self._discriminator = self._stacked(*heads, 1)
        self._classifier = self._stacked(1, count, 2) if kind in ("classifier", "twin") else []
        self._twin = self._stacked(1, count, _APART) if kind == "twin" else []
        self._enter(generator, [*self._discriminator, *self._classifier, *self._twin])

    def __repr__(self) -> str:
        return f"<{len(self)} GANs, {self.kind}, on {self.classes!r}, {self.steps_done:,} of {self.num_steps:,} steps>"

    def _step(self) -> None:
        real, labels, z, asked = self._drawn()
        told, wanted = (F.one_hot(given, len(self.classes)).float() for given in (labels, asked))
        fake = forward(self._generator, torch.cat([z, wanted], dim=-1), SLOPE["generator"])
        real = real.clone().requires_grad_()
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
        self._end_step()

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

    def _draw(self, count: int, random: torch.Generator) -> tuple[Tensor, ...]:
        """Return real points (count, 1) with labels (count,), z (count, 2), and labels asked for (count,)."""
        real, labels = self.classes.sample(count, random)
        z = torch.randn(count, _LATENT, generator=random)
        return real, labels, z, torch.randint(len(self.classes), (count,), generator=random)


def _surprise(classifier: list[Tensor], points: Tensor, labels: Tensor) -> Tensor:
    """Return -log C(label | point), shape (K, N), of all members' classifiers."""
    logits = forward(classifier, points, SLOPE["discriminator"])
    return F.cross_entropy(logits.transpose(1, 2), labels, reduction="none")
