"""Many small networks that answer the questions of ``data.answers``, trained at once, each by the same losses.

Every member has a generator of the question and, where wanted, of two noises; with an adversarial loss it has a
discriminator of the question and the answer. All are perceptrons with two hidden layers. A member's path depends on
its seed alone, and one batched computation trains all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from gancourse import penalties, runtime
from gancourse._numbers import real_between, whole_between
from gancourse._torch_modes import usual_modes
from gancourse.data.answers import TwoAnswers, two_answers
from gancourse.ensembles._members import Members
from gancourse.ensembles.player import SLOPE, for_all, forward

__all__ = ["PIXEL_LOSSES", "AnswerEnsemble", "Report"]

PIXEL_LOSSES = ("squares", "absolute")

_LATENT = 2
_GAMMA = 0.1  # of R1, which enters as gamma / 2
_NEAR = 0.3  # an answer lies on +1 or -1 if it is no further away
_ASKED_AT, _ASKED = 10, 400  # so many questions from -0.9 to 0.9, each asked so often


class Report(NamedTuple):
    """What each member's answers are worth, shape (K,) each.

    Attributes:
        error: mean squared error; exact: ``TwoAnswers.errors``.
        distance: W2 of all answers to the exact distribution of true ones, without the questions. The square root
            makes it slow to vanish: 20,000 answers of a perfect sampler lie 0.07 away on average.
        on_answers: share of answers within 0.3 of +1 or of -1.
        share_error: mean over questions of |share of answers above 0 - its probability|.
        diversity: mean over questions of 4 s (1 - s), s the share above 0: 0 for one answer, 1 for even odds; the truth
            is 0.67.
        noise_use: as ``metrics.restoration.noise_use``: 1 for samples of the truth, 0 without use of the noise.
    """

    error: Tensor
    distance: Tensor
    on_answers: Tensor
    share_error: Tensor
    diversity: Tensor
    noise_use: Tensor


class AnswerEnsemble(Members):
    """K independent networks that learn to answer, trained at once.

    The loss is the sum of a pixel loss, ``adversarial`` times the non-saturating loss of a generator, and *minus*
    ``diversity`` times the mean absolute difference of two answers to one question. R1 brakes the discriminator;
    all rates fall along a cosine over ``num_steps``; answers come from an average of the generator's weights.

    Args:
        pixel: "squares", "absolute", or None for no pixel loss.
        problem: from ``data.answers.two_answers``.
        seeds: one for each member.
        adversarial: weight of the adversarial loss; 0 for no discriminator.
        diversity: weight of the difference of two answers.
        noise: whether the generator is given noise; None: only with an adversarial loss or a diversity weight.
        d_sees_question: whether the discriminator sees the question beside the answer.
        num_steps: of a whole run.
    Raises:
        TypeError, ValueError: an argument is anything else, or no loss is left.
    Attributes:
        steps_done: steps of training so far.
        problem, seeds, num_steps: as given.
    First met in: notebook 13.
    """

    _BATCH, _AVERAGED, _NETWORKS = 128, 100, 2

    @usual_modes()
    def __init__(
        self,
        pixel: str | None = "squares",
        *,
        seeds: Sequence[int],
        problem: TwoAnswers | None = None,
        adversarial: float = 0.0,
        diversity: float = 0.0,
        noise: bool | None = None,
        d_sees_question: bool = True,
        num_steps: int = 1_200,
    ) -> None:
        if pixel is not None and pixel not in PIXEL_LOSSES:
            raise ValueError(f"pixel must be one of {', '.join(PIXEL_LOSSES)}, or None, got {pixel!r}")
        if problem is not None and not isinstance(problem, TwoAnswers):
            raise TypeError(f"problem must come from data.answers.two_answers, got {type(problem).__name__}")
        self.problem = problem or two_answers()
        self._settle(seeds, num_steps)
        self.pixel, self.d_sees_question = pixel, bool(d_sees_question)
        self.adversarial = real_between("adversarial", adversarial, 0.0)
        self.diversity = real_between("diversity", diversity, 0.0)
        if pixel is None and not self.adversarial:
            raise ValueError("without a pixel loss the adversarial weight must be above 0, got 0")
        self.noise = bool(self.adversarial or self.diversity) if noise is None else bool(noise)
        generator = self._stacked(1 + _LATENT * self.noise, 1, 0)
        self._discriminator = self._stacked(1 + self.d_sees_question, 1, 1) if self.adversarial else []
        self._enter(*(layers for layers in (generator, self._discriminator) if layers))

    def __repr__(self) -> str:
        return f"<{len(self)} networks that answer, {self.steps_done:,} of {self.num_steps:,} steps>"

    def _step(self) -> None:
        question, truth, z, other = self._drawn()
        answer = self._made(self._generator, question, z)
        if self.adversarial:
            truth = truth.clone().requires_grad_()
            real_logits, fake_logits = self._logits(question, truth), self._logits(question, answer.detach())
            slopes = penalties.input_gradients(real_logits, truth)
            d_loss = F.softplus(-real_logits) + F.softplus(fake_logits) + _GAMMA / 2 * slopes.square().sum(dim=-1)
            self._move(1, d_loss)
            truth = truth.detach()
        difference = (answer - truth).squeeze(-1)
        g_loss = torch.zeros_like(difference)
        if self.pixel is not None:
            g_loss = difference.square() if self.pixel == "squares" else difference.abs()
        if self.adversarial:
            g_loss = g_loss + self.adversarial * F.softplus(-self._logits(question, answer))
        if self.diversity:
            second = self._made(self._generator, question, other)
            g_loss = g_loss - self.diversity * (answer - second).abs().squeeze(-1)
        self._move(0, g_loss)
        self._end_step()

    # ------------------------------------------------------------ looking

    @torch.no_grad()
    def answer(self, questions: Tensor, *, seed: int = 0) -> Tensor:
        """Return every member's answer to each question, each with fresh noise: shape (K, N).

        Args:
            questions: shape (N, 1), float32.
            seed: of the noise.
        Raises:
            TypeError, ValueError: the questions are anything else.
        """
        questions = for_all("questions", questions, size=1, count=len(self), device=torch.device("cpu"))
        z = torch.randn(*questions.shape[:2], _LATENT, generator=runtime.generator(seed))
        return self._made(self._averaged, questions, z).squeeze(-1)

    @torch.no_grad()
    def report(self, n: int = 20_000, *, seed: int = 0) -> Report:
        """Return what the members' answers to ``n`` fresh questions are worth.

        Args:
            n: how many, at least 2.
            seed: of questions, true answers and noise.
        """
        n = whole_between("n", n, 2)
        x, y = self.problem.sample(n, runtime.generator(seed))
        answers, others = (self.answer(x, seed=seed + k) for k in (1, 2))
        error = (answers - y.squeeze(-1)).square().mean(dim=1)
        apart = answers.sort(dim=1).values - self.problem.quantiles(n)
        asked = torch.linspace(-0.9, 0.9, _ASKED_AT)
        above = (self.answer(asked.repeat_interleave(_ASKED).unsqueeze(1), seed=seed + 3) > 0).float()
        share = above.unflatten(1, (_ASKED_AT, _ASKED)).mean(dim=2)
        return Report(
            error,
            apart.square().mean(dim=1).sqrt().float(),
            ((answers.abs() - 1).abs() < _NEAR).float().mean(dim=1),
            (share - self.problem.share(asked)).abs().mean(dim=1),
            (4 * share * (1 - share)).mean(dim=1),
            (answers - others).square().mean(dim=1) / error,
        )

    # ------------------------------------------------------------ parts

    def _made(self, layers: Sequence[Tensor], questions: Tensor, z: Tensor) -> Tensor:
        """Return the answers, shape (K, N, 1), to questions (K, N, 1) with noise (K, N, 2)."""
        given = torch.cat([questions, z], dim=-1) if self.noise else questions
        return forward(layers, given, SLOPE["generator"])

    def _logits(self, questions: Tensor, answers: Tensor) -> Tensor:
        """Return the logits, shape (K, N), of answers (K, N, 1) to questions (K, N, 1)."""
        seen = torch.cat([questions, answers], dim=-1) if self.d_sees_question else answers
        return forward(self._discriminator, seen, SLOPE["discriminator"]).squeeze(-1)

    def _draw(self, count: int, random: torch.Generator) -> tuple[Tensor, ...]:
        """Return questions and true answers, (count, 1) both, and two noises for them, (count, 2) both."""
        question, truth = self.problem.sample(count, random)
        return question, truth, *torch.randn(2, count, _LATENT, generator=random)
