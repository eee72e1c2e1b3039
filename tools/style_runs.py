"""What ``tools/tables.py style`` measures: digits that are moved to the style of outlines by Gram matrices.

The loss of Gatys et al. with the course's judge in place of VGG. No generator is trained: Adam moves the pixels of each
digit until the Gram matrices of the judge's two convolutions are those of outlines, while its second features stay.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

import translate_runs
from gancourse.metrics import translation
from image_tables import picture
from judge_tables import Wanted

NAME = "outlines by Gram matrices"
CONTENT_WEIGHTS = (0.01, 0.1, 1.0)
STYLED, STYLES, STEPS, RATE = 100, 1_000, 150, 0.05


def seen(network: nn.Sequential, images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the feature maps behind the judge's first and its second ReLU."""
    first = network[:3](images)
    return first, network[3:6](first)


def gram(maps: Tensor) -> Tensor:
    """Return the mean products of all pairs of feature maps, image by image, shape (N, C, C)."""
    flat = maps.flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def styled(network: nn.Sequential, images: Tensor, models: Tensor, content: float) -> tuple[Tensor, float]:
    """Return the images moved to the style of the models, and what is left of the distance of their Gram matrices."""
    wanted = [gram(maps).mean(0) for maps in seen(network, models)]
    begun = seen(network, images)
    whole = [(gram(maps) - want).square().mean() for maps, want in zip(begun, wanted, strict=True)]
    moved, left = images.clone().requires_grad_(), torch.zeros(())
    optimizer = torch.optim.Adam([moved], RATE)
    for _ in range(STEPS):
        now = seen(network, moved)
        gaps = [(gram(maps) - want).square().mean() for maps, want in zip(now, wanted, strict=True)]
        left = sum(gap / all_of_it for gap, all_of_it in zip(gaps, whole, strict=True)) / 2
        drift = (now[1] - begun[1]).square().mean() / begun[1].square().mean()
        optimizer.zero_grad()
        (left + content * drift).backward()
        optimizer.step()
        moved.data.clamp_(-1, 1)
    return moved.detach(), float(left.detach())


def row(name: str, seeds: list[int]) -> dict[str, Any]:
    network, found, spent, drawn = translate_runs.bench().judge._network, [], [], None
    for seed in seeds:
        data, started, each = translate_runs.outlined(seed), time.process_time(), {}
        images, right = data.test_a[:STYLED], data.test_b[:STYLED]
        blank = {"copy": images, "white": torch.ones_like(images), "inverted": -images}
        for content in CONTENT_WEIGHTS:
            answers, left = styled(network, images, data.b[:STYLES], content)
            each[f"{content:g}"] = {"style_left": left, "off_there": translation.off(answers, right)}
            drawn = drawn or picture(torch.cat([part[:8] for part in (images, right, answers)]), columns=12)
        found.append({**{how: translation.off(made, right) for how, made in blank.items()}, "content": each})
        spent.append(round(time.process_time() - started, 1))
    return {"name": name, "seeds": seeds, "steps": STEPS, "n": STYLED, **translate_runs.collected(found),
            "cpu_seconds": spent, "picture": drawn}  # fmt: skip


def table(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield the one row, with the numbers for each weight of the content and for three images that ask no network."""
    if wanted(NAME):
        made = row(NAME, seeds)
        translate_runs.tell(NAME, made)
        yield made
