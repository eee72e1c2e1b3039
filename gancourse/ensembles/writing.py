"""Many writers of words, trained at once by likelihood or against discriminators: the race of notebook 18.

A member is a :class:`~gancourse.models.writer.Writer` (for "wgan_gp" a ``NoiseWriter``) with a discriminator of its
own, unless it learns by likelihood. One batched computation trains all of them; its mathematics is that of the
modules, and a test holds the two against each other. A member's path depends on its own seed alone.

**The five methods.** "likelihood" raises log q of real words, letter by letter. In the others D learns to tell real
words from written ones by the logit of the whole word, the sum of its scores, and the writer gets its gradient

* "soft": through softmax((log q + Gumbel noise) / tau), which D sees in the place of letters;
* "straight_through": as "soft", but D sees the letter chosen;
* "reinforce": from log q of each letter, times what the letter is paid (:func:`returns`);
* "wgan_gp": through the shares of a ``NoiseWriter``, with Wasserstein losses and a gradient penalty.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gancourse import penalties, runtime
from gancourse._numbers import real_between, whole_between
from gancourse._torch_modes import usual_modes
from gancourse.data.language import Language, syllables
from gancourse.ensembles import _letters
from gancourse.ensembles._members import Members
from gancourse.models import writer

__all__ = ["BASELINES", "METHODS", "REWARDS", "WritingEnsemble", "returns"]

METHODS = ("likelihood", "soft", "straight_through", "reinforce", "wgan_gp")
"""How the writers learn."""

REWARDS = ("to_go", "whole", "probability")
"""What a letter is paid by REINFORCE: the scores from it on, the whole word's logit, or the sigmoid of that."""

BASELINES = ("others", "none", "own")
"""What is taken off: the mean pay of the batch's other words, nothing, or the letter's own score (a mistake)."""

_RATES = {
    "likelihood": (5e-3, 0.0),
    "soft": (4e-3, 8e-3),
    "straight_through": (4e-3, 8e-3),
    "reinforce": (5e-3, 1e-2),
    "wgan_gp": (5e-3, 5e-3),
}
_BETAS = {"likelihood": (0.9, 0.99), "adversarial": (0.5, 0.9)}
_PENALTY, _CRITIC_STEPS = 10.0, 2
_LATENT = 32


def returns(scores: Tensor, reward: str = "to_go", baseline: str = "others") -> Tensor:
    """Return what each letter is paid, shape (..., n, L), for the discriminator's scores of n words, (..., n, L).

    "others" takes off the mean pay of the other words of the batch at the same place. They were drawn without a look
    at this word, so that the mean of the gradient stays as it is. "own" takes off the score that the letter itself
    has just won. That depends on the letter, and the mean of the gradient becomes another one.

    Args:
        scores: of every beginning of a word, from the discriminator.
        reward: one of :data:`REWARDS`.
        baseline: one of :data:`BASELINES`; "others" needs at least two words.
    Raises:
        ValueError: an argument is anything else.
    Source: Williams (1992); for words and a discriminator: Yu et al. (2017), SeqGAN.
    First met in: notebook 18.
    """
    if reward not in REWARDS:
        raise ValueError(f"reward must be one of {', '.join(REWARDS)}, got {reward!r}")
    if baseline not in BASELINES:
        raise ValueError(f"baseline must be one of {', '.join(BASELINES)}, got {baseline!r}")
    if scores.ndim < 2 or (baseline == "others" and scores.shape[-2] < 2):
        raise ValueError(f"scores must have shape (..., n, L), n at least 2, got {tuple(scores.shape)}")
    whole = scores.sum(-1, keepdim=True).expand_as(scores)
    if reward == "to_go":
        pay = scores.flip(-1).cumsum(-1).flip(-1)
    else:
        pay = whole if reward == "whole" else torch.sigmoid(whole)
    if baseline == "none":
        return pay
    if baseline == "own":
        return pay - scores
    n = scores.shape[-2]
    return (pay - pay.mean(-2, keepdim=True)) * (n / (n - 1))  # = pay - mean of the others


class WritingEnsemble(Members):
    """K independent writers of one language, trained at once.

    Args:
        method: one of :data:`METHODS`.
        language: what is to be written; None: ``language.syllables()``.
        seeds: one for each member.
        start: an ensemble with as many members, not "wgan_gp", whose writers these go on from.
        num_steps: of a whole run; rates fall along a cosine to 0 at its end, unless ``decay`` is off.
        batch_size: words in a batch, at least 2.
        lr_g, lr_d: Adam's rates; None: those of the notebook's race.
        tau: temperature of the softmax of "soft" and "straight_through".
        reward, baseline: of "reinforce", see :func:`returns`.
        decay: whether the rates fall.
    Raises:
        TypeError, ValueError: an argument is anything else.
    Attributes:
        steps_done: steps of training so far.
        cpu_seconds: what training took so far, of all members together.
        method, language, seeds, num_steps: as given.
    First met in: notebook 18.
    """

    _NETWORKS = 2

    @usual_modes()
    def __init__(
        self,
        method: str,
        *,
        seeds: Sequence[int],
        language: Language | None = None,
        start: WritingEnsemble | None = None,
        num_steps: int = 1_000,
        batch_size: int = 64,
        lr_g: float | None = None,
        lr_d: float | None = None,
        tau: float = 1.0,
        reward: str = "to_go",
        baseline: str = "others",
        decay: bool = True,
    ) -> None:
        if method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
        if language is not None and not isinstance(language, Language):
            raise TypeError(f"language must come from data.language, got {type(language).__name__}")
        self.method, self.language = method, language or syllables()
        self._settle(seeds, num_steps)
        self._BATCH = whole_between("batch_size", batch_size, 2)
        self.tau = writer.above_zero("tau", tau)
        returns(torch.zeros(2, 1), reward, baseline)  # refuses what is none
        self.reward, self.baseline, self.decay, self.cpu_seconds = reward, baseline, bool(decay), 0.0
        self._rates = [
            usual if rate is None else real_between(name, rate, 0.0)
            for name, rate, usual in zip(("lr_g", "lr_d"), (lr_g, lr_d), _RATES[method], strict=True)
        ]
        self._generator = self._made(0, self._writer) if start is None else self._going_on(start)
        players = [self._generator]
        if method != "likelihood":
            self._discriminator = self._made(1, self._judge)
            players.append(self._discriminator)
        betas = _BETAS["likelihood" if method == "likelihood" else "adversarial"]
        self._optimizers = [
            torch.optim.Adam(layers, rate, betas) for layers, rate in zip(players, self._rates, strict=False)
        ]

    def __repr__(self) -> str:
        return f"<{len(self)} writers by {self.method}, {self.steps_done:,} of {self.num_steps:,} steps>"

    def train(self, num_steps: int | None = None) -> None:
        """Train every member ``num_steps`` steps further, or to the end of the run.

        An interrupt waits for the end of the running step.

        Raises:
            ValueError: the run has not so many steps left.
        """
        started = time.process_time()
        try:
            super().train(num_steps)
        finally:
            self.cpu_seconds += time.process_time() - started

    def _step(self) -> None:
        pace = 0.5 + 0.5 * math.cos(math.pi * self.steps_done / self.num_steps) if self.decay else 1.0
        for optimizer, rate in zip(self._optimizers, self._rates, strict=False):
            optimizer.param_groups[0]["lr"] = pace * rate
        if self.method == "likelihood":
            (real,) = self._drawn()
            log_q = _letters.expected(self._generator, real)
            self._move(0, -log_q.gather(-1, real[..., None]).sum((-2, -1)))
        elif self.method == "wgan_gp":
            *updates, z = self._drawn()
            for real, noise, mix in zip(updates[::3], updates[1::3], updates[2::3], strict=True):
                self._move(1, self._critic_loss(real, noise, mix))
            self._move(0, -self._logits(_letters.shares(self._generator, z)))
        else:
            real, for_d, for_g = self._drawn()
            with torch.no_grad():
                _, _, seen = self._written(for_d)
            both = torch.cat([self.language.one_hot(real), seen], dim=1)
            real_logits, fake_logits = self._logits(both).chunk(2, dim=1)
            self._move(1, F.softplus(-real_logits) + F.softplus(fake_logits))
            _, log_q, seen = self._written(for_g)
            if self.method == "reinforce":
                with torch.no_grad():
                    pay = returns(_letters.scores(self._discriminator, seen), self.reward, self.baseline)
                self._move(0, -(pay * log_q).sum(-1))
            else:
                self._move(0, F.softplus(-self._logits(seen)))
        self.steps_done += 1

    def _move(self, player: int, losses: Tensor) -> None:
        optimizer = self._optimizers[player]
        layers = optimizer.param_groups[0]["params"]
        # members do not touch each other, so their mean losses may be summed
        for layer, gradient in zip(layers, torch.autograd.grad(losses.mean(dim=1).sum(), layers), strict=True):
            layer.grad = gradient
        optimizer.step()

    # ------------------------------------------------------------ looking

    @property
    def diverged(self) -> list[int]:
        """Members with a weight that is no longer finite."""
        finite = torch.stack([layer.detach().flatten(1).isfinite().all(1) for layer in self._generator]).all(0)
        return (~finite).nonzero()[:, 0].tolist()

    @torch.no_grad()
    def write(self, n: int, *, temperature: float = 1.0, seed: int = 0) -> Tensor:
        """Return ``n`` words of every member, shape (K, n, L), int64.

        "wgan_gp" takes the letter with the largest share at each place and has no temperature.

        Args:
            n: how many.
            temperature: what the logits of a letter are divided by before it is drawn.
            seed: of the noise, which is the same for all members.
        Raises:
            ValueError: an argument is anything else.
        """
        if self.method == "wgan_gp":
            if temperature != 1:
                raise ValueError(f"temperature must be 1 for writers by wgan_gp, got {temperature!r}")
            return self.seen(n, seed=seed).argmax(-1)
        temperature = writer.above_zero("temperature", temperature)
        return _letters.write(self._generator, self._noise(n, seed), temperature=temperature)[0]

    @torch.no_grad()
    def seen(self, n: int, *, output: str | None = None, tau: float | None = None, seed: int = 0) -> Tensor:
        """Return ``n`` words of every member as a discriminator is shown them: shape (K, n, L, V).

        Args:
            n: how many.
            output: one of ``models.writer.OUTPUTS``; None: what the method shows. Without effect for "wgan_gp".
            tau: temperature of the softmax; None: the ensemble's.
            seed: of the noise, which is the same for all members.
        """
        n = whole_between("n", n, 1)
        if self.method == "wgan_gp":
            z = torch.randn(n, _LATENT, generator=runtime.generator(seed), dtype=torch.float32)
            return _letters.shares(self._generator, z.expand(len(self), -1, -1))
        output, tau = output or self._output, self.tau if tau is None else tau
        return _letters.write(self._generator, self._noise(n, seed), output, tau)[2]

    @torch.no_grad()
    def scores(self, seen: Tensor) -> Tensor:
        """Return the discriminators' score of every beginning, shape (K, n, L); a word's logit is the sum of its L.

        Args:
            seen: shape (n, L, V), the same for all members, or (K, n, L, V).
        Raises:
            ValueError: it has another shape, or the method has no discriminator.
        """
        if self.method == "likelihood":
            raise ValueError("writers by likelihood have no discriminator")
        shape = (self.language.length, len(self.language.letters))
        if not isinstance(seen, Tensor) or seen.ndim not in (3, 4) or tuple(seen.shape[-2:]) != shape:
            got = tuple(seen.shape) if isinstance(seen, Tensor) else type(seen).__name__
            raise ValueError(f"seen must have shape (n, {shape[0]}, {shape[1]}), got {got}")
        return _letters.scores(self._discriminator, seen.expand(len(self), *seen.shape[-3:]))

    @torch.no_grad()
    def log_probs(self, words: Tensor, *, temperature: float = 1.0) -> Tensor:
        """Return what every writer expects at each place of given words: log probabilities, shape (K, n, L, V).

        Args:
            words: shape (n, L), the same for all members, or (K, n, L); int64.
            temperature: what the logits are divided by.
        Raises:
            TypeError, ValueError: an argument is anything else, or the method is "wgan_gp".
        """
        self._has_log_q()
        if not isinstance(words, Tensor) or words.ndim not in (2, 3) or words.shape[-1] != self.language.length:
            got = tuple(words.shape) if isinstance(words, Tensor) else type(words).__name__
            raise ValueError(f"words must have shape (n, {self.language.length}), got {got}")
        writer.check_words(words.flatten(0, -2), len(self.language.letters))
        words = words.expand(len(self), *words.shape[-2:])
        return _letters.expected(self._generator, words, writer.above_zero("temperature", temperature))

    @torch.no_grad()
    def log_q(self, *, temperature: float = 1.0, language: Language | None = None) -> Tensor:
        """Return the exact log probability with which every member writes each word: shape (K, N), float64.

        Args:
            temperature: what the logits are divided by.
            language: whose words; None: the ensemble's. Alphabet and length must be the same.
        Raises:
            ValueError: an argument is anything else, or the method is "wgan_gp".
        """
        self._has_log_q()
        language = language or self.language
        if (language.letters, language.length) != (self.language.letters, self.language.length):
            raise ValueError("language must have the alphabet and the length of what was learnt")
        return _letters.along_tree(self._generator, language, writer.above_zero("temperature", temperature))

    def member(self, k: int) -> tuple[nn.Module, writer.Discriminator | None]:
        """Return one member as modules of its own: its writer, and its discriminator if it has one."""
        k = whole_between("k", k, 0, len(self) - 1)
        pair = [(self._writer(), self._generator)]
        if self.method != "likelihood":
            pair.append((self._judge(), self._discriminator))
        for network, layers in pair:
            for parameter, layer in zip(network.parameters(), layers, strict=True):
                parameter.data.copy_(layer[k].detach())
        return pair[0][0], pair[1][0] if len(pair) > 1 else None

    # ------------------------------------------------------------ parts

    @property
    def _output(self) -> str:
        return self.method if self.method in ("soft", "straight_through") else "hard"

    def _has_log_q(self) -> None:
        if self.method == "wgan_gp":
            raise ValueError("writers by wgan_gp write all letters at once from noise: no sum gives their log q")

    def _writer(self) -> nn.Module:
        letters = len(self.language.letters)
        if self.method == "wgan_gp":
            return writer.NoiseWriter(letters, self.language.length, _LATENT)
        return writer.Writer(letters)

    def _judge(self) -> writer.Discriminator:
        return writer.Discriminator(len(self.language.letters))

    def _made(self, place: int, make: Callable[[], nn.Module]) -> list[Tensor]:
        """Return first weights, each member's from its own seed."""
        networks = []
        for seed in self.seeds:
            with runtime.seeded((self._NETWORKS * seed + place) % 2**63):
                networks.append(make())
        return _letters.stacked(networks)

    def _going_on(self, start: WritingEnsemble) -> list[Tensor]:
        if not isinstance(start, WritingEnsemble):
            raise TypeError(f"start must be a WritingEnsemble, got {type(start).__name__}")
        if "wgan_gp" in (self.method, start.method):
            raise ValueError("start and what goes on from it must write letter by letter, and wgan_gp does not")
        if len(start) != len(self) or start.language.letters != self.language.letters:
            raise ValueError(f"start must have {len(self)} writers of the letters {self.language.letters!r}")
        return [layer.detach().clone().requires_grad_() for layer in start._generator]

    def _noise(self, n: int, seed: int) -> Tensor:
        shape = (whole_between("n", n, 1), self.language.length, len(self.language.letters))
        return writer.gumbel(torch.rand(shape, generator=runtime.generator(seed), dtype=torch.float32)).expand(
            len(self), *shape
        )

    def _written(self, uniform: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return _letters.write(self._generator, writer.gumbel(uniform), self._output, self.tau)

    def _logits(self, seen: Tensor) -> Tensor:
        return _letters.scores(self._discriminator, seen).sum(-1)

    def _critic_loss(self, real: Tensor, z: Tensor, mix: Tensor) -> Tensor:
        with torch.no_grad():
            fake = _letters.shares(self._generator, z)
        real = self.language.one_hot(real)
        between = torch.lerp(fake, real, mix[..., None]).requires_grad_()
        slopes = penalties.input_gradients(self._logits(between), between)
        excess = slopes.flatten(2).norm(dim=2) - 1
        real_logits, fake_logits = self._logits(torch.cat([real, fake], dim=1)).chunk(2, dim=1)
        return fake_logits - real_logits + _PENALTY * excess.square()

    def _draw(self, count: int, random: torch.Generator) -> tuple[Tensor, ...]:
        """Return real words, and what the written ones of the discriminator and of the generator are made from."""
        if self.method == "likelihood":
            return (self.language.sample(count, random),)
        if self.method == "wgan_gp":
            parts: list[Tensor] = []
            for _ in range(_CRITIC_STEPS):
                parts.append(self.language.sample(count, random))
                parts.append(torch.randn(count, _LATENT, generator=random))
                parts.append(torch.rand(count, 1, generator=random))
            return *parts, torch.randn(count, _LATENT, generator=random)
        noises = torch.rand(2, count, self.language.length, len(self.language.letters), generator=random)
        return self.language.sample(count, random), *noises
