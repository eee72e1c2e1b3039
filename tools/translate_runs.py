"""What ``tools/tables.py translated-pairs``, ``cycles`` and ``hiding`` measure: translations beside the right ones.

Every network is trained by the package's own recipe from every seed, and translates 1,000 test digits of which the
right translation is known. What a row says of the judge is said of the truth as well: nobody can do better.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gancourse import restoring, runtime, translating
from gancourse.data import degrade, digits, domains
from gancourse.data.degrade import Damaged
from gancourse.data.domains import Unpaired
from gancourse.ensembles.translation import TranslationEnsemble
from gancourse.metrics import image_sets, translation
from gancourse.metrics import judge as judges
from image_tables import picture
from judge_tables import Wanted

SEEDS = 3
ASKED, COMPARED_WITH = 1_000, 2_000
SHOWN_DIGITS = (3, 8, 5, 9, 4, 7, 2, 6)
TRUTH = "truth"

# ---------------------------------------------------------------- data and judge


class Bench(NamedTuple):
    """Real digits, the judge, the digits that are asked about, and what the judge sees in others."""

    data: digits.Digits
    judge: judges.Judge
    images: Tensor
    labels: Tensor
    features: Tensor


@functools.cache
def bench() -> Bench:
    data = digits.load("mnist")
    judge = judges.load(data)
    order = torch.randperm(len(data.test_images), generator=runtime.generator(0))
    mine, others = order[:ASKED], order[ASKED : ASKED + COMPARED_WITH]
    return Bench(data, judge, data.test_images[mine], data.test_labels[mine], judge.features(data.test_images[others]))


def kept(images: Tensor, labels: Tensor) -> float:
    return image_sets.label_agreement(bench().judge.probabilities(images), labels)


def frechet(images: Tensor) -> float:
    return image_sets.frechet_distance(bench().features, bench().judge.features(images))


def shown(labels: Tensor) -> Tensor:
    """Return the places of the first of each of eight kinds of digits."""
    return torch.stack([(labels == digit).nonzero().flatten()[0] for digit in SHOWN_DIGITS])


def collected(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Turn the numbers of every seed into a list for each number; what is a dict stays one."""
    together: dict[str, Any] = {}
    for key, first in found[0].items():
        values = [one[key] for one in found]
        together[key] = collected(values) if isinstance(first, dict) else [round(value, 4) for value in values]
    return together


def tell(name: str, row: dict[str, Any]) -> None:
    facts = {key: value for key, value in row.items() if not key.endswith("picture") and key not in ("name", "n")}
    print(f"{name:40s}{facts}", flush=True)


# ---------------------------------------------------------------- pairs

PAIRED: dict[str, dict[str, Any]] = {
    "squares": {"pixel": "squares"},
    "absolute": {"pixel": "absolute"},
    "absolute + 0.1 adversarial": {"pixel": "absolute", "adversarial": 0.1},
    "absolute + 0.1 adversarial by patches of 18": {"pixel": "absolute", "adversarial": 0.1, "patch_layers": 2},
    "adversarial": {"pixel": None, "adversarial": 1.0},
    "adversarial by patches of 18": {"pixel": None, "adversarial": 1.0, "patch_layers": 2},
}
EXACT: dict[str, Callable[[Tensor], Tensor]] = {
    "shift: exact mean": domains.shift_mean,
    "shift: exact median": domains.shift_median,
}
PAIR_NAMES = ["shift: truth", *EXACT, *(f"shift: {name}" for name in PAIRED), "blocks: truth"]
PAIR_NAMES += [f"blocks: {name}" for name in PAIRED if name != "squares"]


def question(task: str, images: Tensor, random: torch.Generator) -> Damaged:
    if task == "shift":
        return domains.shifted(images, generator=random)
    return degrade.shrink(images, images.shape[-1] // 4)


def of_answers(task: str, answers: Tensor) -> dict[str, Any]:
    """Return what is measured of answers to the bench's digits; for the shifts also how far the exact answers are."""
    at = bench()
    found: dict[str, Any] = {"kept": kept(answers, at.labels), "frechet": frechet(answers)}
    if task == "blocks":
        return found | {"off": translation.off(answers, at.images)}
    ways = domains.shift_images(at.images)
    nearest = translation.nearest_of(answers, ways)
    places = torch.arange(len(nearest))
    used = torch.bincount(nearest, minlength=len(ways)).double() / len(nearest)
    return found | {
        "to_mean": translation.off(answers, domains.shift_mean(at.images)),
        "to_median": translation.off(answers, domains.shift_median(at.images)),
        "to_nearest": translation.off(answers, ways[nearest, places]),
        "used": dict(zip(map(str, domains.SHIFTS), used.tolist(), strict=True)),
    }


def paired_row(name: str, seeds: list[int]) -> dict[str, Any]:
    at, (task, arm) = bench(), name.split(": ")
    spot = shown(at.labels)
    if arm not in PAIRED:
        if arm == TRUTH:
            answers = question(task, at.images, runtime.generator(0)).truth
        else:
            answers = EXACT[name](at.images)
        row = {"name": name, "n": ASKED, **collected([of_answers(task, answers)]), "picture": picture(answers[spot])}
        tell(name, row)
        return row
    recipe = restoring.Recipe(**PAIRED[arm], wide=task == "shift")
    found, spent, first = [], [], None
    for seed in seeds:
        random, started = runtime.generator(seed + 4), time.process_time()
        restorer = restoring.train(
            at.data.images, lambda images, random=random: question(task, images, random), recipe, seed=seed
        )
        spent.append(round(time.process_time() - started, 1))
        asked = question(task, at.images, runtime.generator(seed + 5))
        answers = restoring.answers(restorer, asked, runtime.generator(seed + 3))[0]
        found.append(of_answers(task, answers))
        first = answers if first is None else first
    row = {"name": name, **PAIRED[arm], "seeds": seeds, "steps": recipe.num_steps, "n": ASKED, **collected(found),
           "cpu_seconds": spent, "picture": picture(first[spot])}  # fmt: skip
    tell(name, row)
    return row


def translated_pairs(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield a row for each loss, on digits that move by one of five shifts, and on digits seen as 4 by 4 blocks."""
    for name in PAIR_NAMES:
        if wanted(name):
            yield paired_row(name, seeds)


# ---------------------------------------------------------------- digits and outlines

LOCAL = {
    "local: cycle": translating.Recipe(),
    "local: no cycle": translating.Recipe(cycle=0.0),
    "local: no copy, cycle": translating.Recipe(as_copy=False),
    "local: no copy, no cycle": translating.Recipe(as_copy=False, cycle=0.0),
    "local: cycle + 2.5 identity": translating.Recipe(identity=2.5),
    "local: cycle, buffer of 50": translating.Recipe(buffer=50),
}
DENSE: dict[str, dict[str, Any]] = {
    "dense: cycle": {},
    "dense: no cycle": {"cycle": 0.0},
    "dense: cycle, 20 pairs": {"pairs": 20},
    "dense: 20 pairs, no cycle": {"pairs": 20, "cycle": 0.0},
    "dense: 20 pairs alone": {"pairs": 20, "cycle": 0.0, "adversarial": 0.0},
    "dense: cycle, 100 pairs": {"pairs": 100},
    "dense: 100 pairs alone": {"pairs": 100, "cycle": 0.0, "adversarial": 0.0},
}
COMPONENTS, DENSE_STEPS, DENSE_SEEDS = 32, 1_500, 6
CYCLE_NAMES = ["local: truth", *LOCAL, "dense: truth", *DENSE]


def outlined(seed: int) -> Unpaired:
    return domains.unpaired(bench().data, domains.outlines, generator=runtime.generator(seed), n_test=ASKED)


def both_ways(data: Unpaired, there: Tensor, made: Tensor, back: Tensor) -> dict[str, float]:
    """Return the numbers of translations to outlines, of digits made of true outlines, and of digits there and back."""
    return {
        "kept": kept(made, data.labels),
        "kept_through_cycle": kept(back, data.labels),
        "off_there": translation.off(there, data.test_b),
        "off": translation.off(made, data.test_a),
        "off_through_cycle": translation.off(back, data.test_a),
    }


def pictures(data: Unpaired, there: Tensor, made: Tensor, back: Tensor) -> dict[str, str]:
    """Return eight digits' outlines as translated, the digits made of true outlines, and the digits there and back."""
    spot = shown(data.labels)
    parts = {"there_picture": there, "made_picture": made, "back_picture": back}
    return {key: picture(images[spot]) for key, images in parts.items()}


def local_row(name: str, seeds: list[int]) -> dict[str, Any]:
    recipe, found, spent, drawn = LOCAL[name], [], [], {}
    for seed in seeds:
        data, started = outlined(seed), time.process_time()
        to_b, to_a = translating.train(data, recipe, seed=seed)
        spent.append(round(time.process_time() - started, 1))
        there = to_b(data.test_a)
        made, back = to_a(data.test_b), to_a(there)
        found.append(both_ways(data, there, made, back))
        drawn = drawn or pictures(data, there, made, back)
    return {"name": name, "seeds": seeds, "steps": recipe.num_steps, "n": ASKED, **collected(found),
            "cpu_seconds": spent, **drawn}  # fmt: skip


class Codes(NamedTuple):
    """Images as their first principal components, all divided by one number, and the way back."""

    mean: Tensor
    axes: Tensor
    scale: Tensor

    @classmethod
    def of(cls, images: Tensor) -> Codes:
        flat = images.flatten(1)
        mean = flat.mean(dim=0)
        axes = torch.linalg.eigh(torch.cov(flat[:10_000].T))[1][:, -COMPONENTS:]
        return cls(mean, axes, ((flat[:10_000] - mean) @ axes).std())

    def code(self, images: Tensor) -> Tensor:
        return (images.flatten(1) - self.mean) @ self.axes / self.scale

    def images(self, codes: Tensor, side: int) -> Tensor:
        flat = (codes * self.scale) @ self.axes.T + self.mean
        return flat.view(-1, 1, side, side).clamp(-1, 1)


class StoredCodes(NamedTuple):
    """Codes of two domains, drawn with replacement and without any pairing."""

    a: Tensor
    b: Tensor

    def sample(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw ``n`` codes of each domain."""
        return tuple(codes[torch.randint(len(codes), (n,), generator=generator)] for codes in self)


@functools.cache
def coded(seed: int) -> tuple[Unpaired, Codes, Codes]:
    data = outlined(seed)
    return data, Codes.of(data.a), Codes.of(data.b)


def dense_row(name: str, seeds: list[int]) -> dict[str, Any]:
    """Train six GANs on codes at once; the data and the pairs are those of the first seed."""
    data, of_a, of_b = coded(seeds[0])
    side, how = data.a.shape[-1], dict(DENSE[name])
    paired = how.pop("pairs", 0)
    if paired:
        known = data.a[:paired]
        how["pairs"] = (of_a.code(known), of_b.code(domains.outlines(known)))
    own, started = list(range(seeds[0], seeds[0] + DENSE_SEEDS)), time.process_time()
    ensemble = TranslationEnsemble(
        StoredCodes(of_a.code(data.a), of_b.code(data.b)), seeds=own, num_steps=DENSE_STEPS, bounded=False,
        hidden=128, rate=1e-3, batch_size=64, **how,
    )  # fmt: skip
    ensemble.train()
    spent = time.process_time() - started
    code_a, code_b = of_a.code(data.test_a), of_b.code(data.test_b)
    theres = ensemble.to_b(code_a)
    backs, mades = ensemble.to_a(theres), ensemble.to_a(code_b)
    parts = [[of_b.images(there, side), of_a.images(made, side), of_a.images(back, side)]
             for there, made, back in zip(theres, mades, backs, strict=True)]  # fmt: skip
    return {"name": name, "pairs": paired, "seeds": own, "steps": DENSE_STEPS, "n": ASKED,
            **collected([both_ways(data, *part) for part in parts]), "cpu_seconds": round(spent, 1),
            **pictures(data, *parts[0])}  # fmt: skip


def cycle_truth(name: str, seeds: list[int]) -> dict[str, Any]:
    """Return what the judge says of the truth, as it is, or as its principal components leave it: the ceiling."""
    data, of_a, of_b = coded(seeds[0])
    there, made = data.test_b, data.test_a
    if name.startswith("dense"):
        side = data.a.shape[-1]
        there, made = of_b.images(of_b.code(there), side), of_a.images(of_a.code(made), side)
    row = {"name": name, "n": ASKED, **collected([both_ways(data, there, made, made)])}
    return {**row, **pictures(data, there, made, made)}


def cycles(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield a row for each way to learn digits from outlines, by local networks and by dense ones on 32 components."""
    for name in CYCLE_NAMES:
        if wanted(name):
            make = local_row if name in LOCAL else dense_row if name in DENSE else cycle_truth
            row = make(name, seeds)
            tell(name, row)
            yield row


# ---------------------------------------------------------------- hiding

HIDDEN = translating.Recipe(cycle=20.0, cycle_end=2.0, gamma=0.1, rate=1e-3, num_steps=350)
HIDING = {
    "cycle": {},
    "cycle, translations detached": {"detached": True},
    "cycle from grey alone": {"both_ways": False},
    "cycle, noise 0.3 in it": {"noise": 0.3},
    "cycle, three papers": {},
}
PAPERS = {name: 3 if "three" in name else 2 for name in HIDING}
SIGMAS = (0.1, 0.2, 0.4)


def spoilt(there: Tensor, right: Tensor, seed: int) -> dict[str, Tensor]:
    """Return the translation as it may arrive at the way back: untouched, spoilt, or replaced by the right one."""
    random = runtime.generator(seed)
    noisy = {f"noise {sigma:g}": translation.noisy(there, sigma, generator=random) for sigma in SIGMAS}
    return {"clean": there, "8 bits": translation.eight_bits(there), **noisy,
            "blur": translation.blurred(there), "true map": right}  # fmt: skip


def of_messages(data: Unpaired, translators: translating.Translators, seed: int) -> dict[str, Any]:
    """Return who can read the paper's colour off the grey translation, and how far off what comes back is."""
    to_b, to_a = translators
    there = to_b(data.test_a)
    plain = domains.read_off(data.test_a, data.papers)
    each = torch.stack([to_b(domains.coloured(plain[:100], paper)) for paper in range(int(data.papers.max()) + 1)])
    arrives = spoilt(there, data.test_b, seed)
    return {
        "colour": {how: translation.papers_recovered(to_a(x), plain, data.papers) for how, x in arrives.items()},
        "error": {how: translation.off(to_a(x), data.test_a) for how, x in arrives.items()},
        "probe": {how: translation.probe(x, data.test_b, data.papers) for how, x in arrives.items()},
        "off": translation.off(there, data.test_b),
        "message": translation.message(each),
    }


def hiding_row(name: str, seeds: list[int]) -> dict[str, Any]:
    recipe, found, spent = HIDDEN.__class__(**{**vars(HIDDEN), **HIDING[name]}), [], []
    for seed in seeds:
        data = domains.papers_and_grey(
            bench().data, generator=runtime.generator(seed), n_test=ASKED, papers=PAPERS[name]
        )
        started = time.process_time()
        translators = translating.train(data, recipe, seed=seed)
        spent.append(round(time.process_time() - started, 1))
        found.append(of_messages(data, translators, seed + 6))
    return {"name": name, "papers": PAPERS[name], "seeds": seeds, "steps": recipe.num_steps, "n": ASKED,
            **collected(found), "cpu_seconds": spent}  # fmt: skip


def hiding(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield a row for each way to close the cycle from coloured paper over grey paper and back."""
    for name in HIDING:
        if wanted(name):
            row = hiding_row(name, seeds)
            tell(name, row)
            yield row
