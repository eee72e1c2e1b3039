"""One network for all ways between several domains: StarGAN. It is told where to translate to.

With K domains CycleGAN would need K (K - 1) networks, one for every way. Here one is told the domain by K planes::

    maps = [lambda images, paper=paper: domains.coloured(images, paper) for paper in range(4)]
    network = translating_many.train(digits.images, maps, translating_many.Recipe(), seed=0)
    on_blue = network(domains.coloured(digits.test_images, 0), torch.full((len(digits.test_images),), 2))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from gancourse import losses, penalties, runtime
from gancourse._numbers import real_between, whole_between
from gancourse.data import batches
from gancourse.models import conditional
from gancourse.models.translator import Translator
from gancourse.translating import BATCH_SIZE, adam, falling

__all__ = ["Recipe", "train"]


@dataclass(frozen=True)
class Recipe:
    """What is asked of one translator that is told where to translate to.

    Attributes:
        adversarial: weight of the generator's non-saturating loss.
        classification: weight of the cross-entropy of the domain that D's second head reads from a translation.
        reconstruction: weight of the mean absolute difference after there and back.
        gamma, rate, num_steps: as for :class:`gancourse.translating.Recipe`.
    First met in: notebook 14.
    """

    adversarial: float = 1.0
    classification: float = 1.0
    reconstruction: float = 10.0
    gamma: float = 0.05
    rate: float = 1e-3
    num_steps: int = 500

    def __post_init__(self) -> None:
        for name in ("adversarial", "classification", "reconstruction", "gamma", "rate"):
            real_between(name, getattr(self, name), 0.0)
        whole_between("num_steps", self.num_steps, 1)


def train(images: Tensor, maps: Sequence[Callable[[Tensor], Tensor]], recipe: Recipe, *, seed: int) -> Translator:
    """Train one network for all ways between several domains (StarGAN), and return it finished.

    One discriminator scores an image, and says of which domain it is. In each step every image of a batch is seen in
    a domain that is drawn, and translated into another draw, which may be the same.

    Args:
        images: digits, shape (N, 1, S, S).
        maps: what makes an image of each domain of a digit; all give the same number of channels.
        recipe: what is asked of the network.
        seed: of the first weights, of the batches and of the domains.
    Raises:
        ValueError: there are fewer than two domains, or the networks are not made for these images.
    Source: Choi et al. (2018).
    First met in: notebook 14.
    """
    count = whole_between("maps", len(maps), 2)
    channels = maps[0](images[:1]).shape[1]
    with runtime.seeded(seed):
        translator = Translator(channels, channels, domains=count)
        discriminator = conditional.Discriminator(count, "classifier", image_size=images.shape[-1], channels=channels)
    g_optimizer, d_optimizer = (adam(recipe.rate, player) for player in (translator, discriminator))
    schedules = [falling(one, recipe.num_steps) for one in (g_optimizer, d_optimizer)]
    random = runtime.generator(seed + 1)
    digits = batches.stream(images, BATCH_SIZE, runtime.generator(seed + 2))
    weights = list(translator.parameters())
    for _ in range(recipe.num_steps):
        have, want = torch.randint(count, (2, BATCH_SIZE), generator=random)
        drawn = next(digits)
        real = torch.stack([to(drawn) for to in maps])[have, torch.arange(BATCH_SIZE)].requires_grad_()
        fake = translator(real.detach(), want)
        seen = discriminator.read(real)
        d_loss = losses.non_saturating_discriminator_loss(
            real_logits=seen.logits, fake_logits=discriminator(fake.detach())
        )
        d_loss = d_loss + recipe.gamma / 2 * penalties.r1_penalty(seen.logits, real)
        d_optimizer.zero_grad()
        (d_loss + F.cross_entropy(seen.classes, have)).backward()
        d_optimizer.step()
        seen, real = discriminator.read(fake), real.detach()
        g_loss = recipe.adversarial * losses.non_saturating_generator_loss(fake_logits=seen.logits)
        g_loss = g_loss + recipe.classification * F.cross_entropy(seen.classes, want)
        if recipe.reconstruction:
            g_loss = g_loss + recipe.reconstruction * (translator(fake, have) - real).abs().mean()
        g_optimizer.zero_grad()
        g_loss.backward(inputs=weights)
        g_optimizer.step()
        for schedule in schedules:
            schedule.step()
    return translator.eval().requires_grad_(False)
