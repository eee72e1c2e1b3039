"""What ``tools/tables.py many-domains`` measures: one network for all ways between four domains, beside the truth.

Four papers differ in colour alone. Four "structures" (a digit as it is, its outlines, inverted, slanted) differ in
where something is. Every loss is taken out once on the papers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

import translate_runs
from gancourse import translating_many
from gancourse.data import domains
from gancourse.metrics import translation
from gancourse.models.translator import Translator
from image_tables import picture
from judge_tables import Wanted

Maps = list[Callable[[Tensor], Tensor]]

PAPERS: Maps = [lambda images, paper=paper: domains.coloured(images, paper) for paper in range(len(domains.PAPERS))]
READ_OFF: Maps = [lambda images, paper=paper: domains.read_off(images, paper) for paper in range(len(domains.PAPERS))]
STRUCTURES: Maps = [lambda images: images, domains.outlines, domains.inverted, domains.slanted]
UNDONE: list[Callable[[Tensor], Tensor] | None] = [
    lambda images: images,
    None,  # outlines
    domains.inverted,
    lambda images: domains.slanted(images, -0.5),
]
FULL_RANGE = "papers: all losses, full range"
ENTRIES: dict[str, dict[str, float]] = {
    "papers: all losses": {},
    "papers: no classification": {"classification": 0.0},
    "papers: no reconstruction": {"reconstruction": 0.0},
    "papers: no adversarial loss": {"adversarial": 0.0},
    FULL_RANGE: {},
    "structures: all losses": {},
}
HEADROOM = 0.8  # all images are scaled by it, so that a tanh need not be driven to its ends
COPY = ("papers: nothing done", "structures: nothing done")
NAMES = [*COPY, *ENTRIES]
ASKED, HIDDEN = 400, 3  # digits asked about; and sources whose label may be hidden in an answer


def of_domains(name: str) -> tuple[Maps, list[Callable[[Tensor], Tensor] | None]]:
    """Return what makes an image of each domain of a digit, and what makes it a digit again, where that can be done."""
    size = 1.0 if name == FULL_RANGE else HEADROOM
    maps, undone = (PAPERS, READ_OFF) if name.startswith("papers") else (STRUCTURES, UNDONE)
    return (
        [lambda images, to=to: size * to(images) for to in maps],
        [back and (lambda images, back=back: back((images / size).clamp(-1, 1))) for back in undone],
    )


def answered(network: Translator | None, images: Tensor, maps: Maps) -> Tensor:
    """Return every digit's translation from every domain into every other, shape (from, into, N, C, S, S).

    None for the network: every image as it was, the control.
    """
    rows = []
    for to in maps:
        have = to(images)
        told = (torch.full((len(images),), into) for into in range(len(maps)))
        rows.append(torch.stack([have if network is None else network(have, into) for into in told]))
    return torch.stack(rows)


def numbers(answers: Tensor, images: Tensor, labels: Tensor, name: str) -> dict[str, float]:
    """Return the means over all ways from one domain into another one."""
    maps, undone = of_domains(name)
    truth = torch.stack([to(images) for to in maps])
    ways = [(i, j) for i in range(len(maps)) for j in range(len(maps)) if i != j]
    right = [(translation.nearest_of(answers[i, j], truth) == j).double().mean() for i, j in ways]
    kept = [translate_runs.kept(undone[j](answers[i, j]), labels) for i, j in ways if undone[j] is not None]
    sources = torch.arange(len(images)) % HIDDEN
    into_last = answers[:HIDDEN, -1][sources, torch.arange(len(images))]
    right_last = truth[-1]
    return {
        "domain": float(torch.stack(right).mean()),
        "domain_worst": float(torch.stack(right).min()),
        "kept": sum(kept) / len(kept),
        "off": sum(translation.off(answers[i, j], truth[j]) for i, j in ways) / len(ways),
        "source_read": translation.probe(into_last, right_last, sources),
    }


def parameters(network: Translator, count: int) -> dict[str, int]:
    """Return what one network has, and what a network of its own for every way would have together."""
    alone = Translator(network.given_channels, network.channels)
    size = sum(weight.numel() for weight in alone.parameters())
    return {
        "one_network": sum(weight.numel() for weight in network.parameters()),
        "one_for_every_way": count * (count - 1) * size,
    }


def drawn(answers: Tensor) -> str:
    """Return one digit from every domain into every domain, row by row, channel by channel."""
    one = answers[:, :, 0].flatten(0, 1).flatten(0, 1).unsqueeze(1)
    return picture(one.clamp(-1, 1), columns=len(one) // 2)


def row(name: str, seeds: list[int]) -> dict[str, Any]:
    at = translate_runs.bench()
    images, labels = at.images[:ASKED], at.labels[:ASKED]
    maps, _ = of_domains(name)
    if name in COPY:
        answers = answered(None, images, maps)
        facts = translate_runs.collected([numbers(answers, images, labels, name)])
        return {"name": name, "n": ASKED, **facts, "picture": drawn(answers)}
    recipe, found, spent, first, network = translating_many.Recipe(**ENTRIES[name]), [], [], None, None
    for seed in seeds:
        started = time.process_time()
        network = translating_many.train(at.data.images, maps, recipe, seed=seed)
        spent.append(round(time.process_time() - started, 1))
        answers = answered(network, images, maps)
        found.append(numbers(answers, images, labels, name))
        first = first or drawn(answers)
    return {"name": name, **ENTRIES[name], "seeds": seeds, "steps": recipe.num_steps, "n": ASKED,
            **translate_runs.collected(found), **parameters(network, len(maps)), "cpu_seconds": spent,
            "picture": first}  # fmt: skip


def table(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield a row for each set of domains and each loss that is missing, and for images that nobody translated."""
    for name in NAMES:
        if wanted(name):
            made = row(name, seeds)
            translate_runs.tell(name, made)
            yield made
