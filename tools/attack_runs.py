"""What ``tools/tables.py attacked``, ``projected`` and ``advgan`` measure: a classifier of digits under attack.

Every seed trains its own networks and its own generator, and draws its own attacks; the test digits are the same for
all. A row of ``projected`` keeps for every image whether the answer was right, as a string of 0 and 1 for each seed, so
that whoever reads the table can ask for the worst of several attacks image by image.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gancourse import recommended, runtime
from gancourse.attacking import adaptive, masks, nets, perturbing, pixels, projection
from gancourse.data import digits
from gancourse.encoding import both, inverse
from gancourse.metrics import image_sets
from gancourse.metrics import judge as judges
from gancourse.models import dense_conv
from image_tables import picture
from judge_tables import Wanted

SEEDS = 3
ATTACKED, PROJECTED, SHOWN = 200, 50, 8
EPSILONS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)
LIMIT = 0.2
"""What hardening is trained for, and the projection is asked about first."""

GAN_STEPS, CODE_DIM = 1_000, 64
FAKES, FEATURES = 500, 2_000
SWEEP = ((1, 30), (1, 100), (6, 30), (6, 100))
"""Restarts and steps of the projection whose cost and worth are compared."""

# ---------------------------------------------------------------- what is attacked


class Nets(NamedTuple):
    """What one seed trains, and the CPU seconds that each took."""

    plain: nn.Module
    other: nn.Module
    hardened: nn.Module
    other_hardened: nn.Module
    dense: nn.Module
    seconds: dict[str, float]


class Pair(NamedTuple):
    """A GAN by the recommended recipe, finished."""

    generator: nn.Module
    discriminator: nn.Module
    seconds: float


@functools.cache
def data() -> digits.Digits:
    return digits.load("mnist")


def asked(count: int) -> tuple[Tensor, Tensor]:
    """Return the same test digits for every seed: the first of one shuffled order."""
    order = torch.randperm(len(data().test_images), generator=runtime.generator(77))[:count]
    return data().test_images[order], data().test_labels[order]


@functools.cache
def trained(seed: int) -> Nets:
    images, labels = data().images, data().labels
    makers: dict[str, Callable[[], nn.Module]] = {
        "plain": lambda: nets.train(images, labels, seed=seed),
        "other": lambda: nets.train(images, labels, seed=seed + 100),
        "hardened": lambda: nets.harden(images, labels, epsilon=LIMIT, seed=seed),
        "other_hardened": lambda: nets.harden(images, labels, epsilon=LIMIT, seed=seed + 100),
        "dense": lambda: dense_network(images, labels, seed),
    }
    made, seconds = {}, {}
    for name, make in makers.items():
        started = time.process_time()
        made[name] = make()
        seconds[name] = round(time.process_time() - started, 1)
    return Nets(**made, seconds=seconds)


def dense_network(images: Tensor, labels: Tensor, seed: int) -> nn.Module:
    """Train a network of another build, without convolutions, as the others are trained."""
    with runtime.seeded(seed):
        network = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=1_000)
    chosen = runtime.generator(seed + 1)
    for _ in range(1_000):
        batch = torch.randint(len(images), (nets.BATCH_SIZE,), generator=chosen)
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(images[batch]), labels[batch]).backward()
        optimizer.step()
        schedule.step()
    return network.eval().requires_grad_(False)


@functools.cache
def gan(seed: int) -> Pair:
    """Train a GAN as :func:`gancourse.encoding.inverse.train_generator` does, and keep its discriminator too."""
    started, images = time.process_time(), data().images
    with runtime.seeded(seed):
        pair = dense_conv.Generator(latent_dim=CODE_DIM), dense_conv.Discriminator()
    parts = recommended.assemble(*pair, width=16, num_steps=GAN_STEPS)
    noise = runtime.generator(seed + 1)
    step = recommended.make_step(parts, recommended.latents(parts, noise))
    stream = both.shuffled(images, seed + 2)
    for _ in range(GAN_STEPS):
        step(next(stream))
    generator = inverse.settle(parts.average.module, noise)
    discriminator = parts.discriminator.eval().requires_grad_(False)
    return Pair(generator, discriminator, round(time.process_time() - started, 1))


def share(network: pixels.Network, images: Tensor, labels: Tensor) -> float:
    return round(nets.accuracy(network, images, labels), 4)


def bits(right: Tensor) -> str:
    """Return the answers to the images as a string: 1 right, 0 wrong."""
    return "".join("01"[int(value)] for value in right)


def told(row: dict[str, Any]) -> dict[str, Any]:
    short = {key: value for key, value in row.items() if key not in ("picture", "name", "seeds")}
    print(f"{row['name']}: {str(short)[:1500]}", flush=True)
    return row


# ---------------------------------------------------------------- attacked: nets without a projection


def limits(name: str, seeds: list[int]) -> dict[str, Any]:
    """Return the accuracy of one of the nets under each attack at each limit, a list over the limits for each seed."""
    images, labels = asked(ATTACKED)
    row: dict[str, Any] = {"name": name, "seeds": seeds, "n": ATTACKED, "epsilons": list(EPSILONS)}
    row |= {"cpu_seconds": [], "training_seconds": [], "attacks": {}}
    for seed in seeds:
        at = trained(seed)
        network, stranger = getattr(at, name), at.hardened if name == "plain" else at.plain
        row["training_seconds"].append(at.seconds[name])
        started, g = time.process_time(), runtime.generator(seed + 40)
        found: dict[str, list[float]] = {}
        for epsilon in EPSILONS:
            made = {
                "noise": pixels.noise(images, epsilon, g),
                "FGSM": pixels.fgsm(network, images, labels, epsilon),
                "PGD": pixels.pgd(network, images, labels, epsilon, generator=g),
                "PGD on the margin": pixels.pgd(network, images, labels, epsilon, generator=g, loss="margin"),
                "PGD on another seed": pixels.pgd(at.other, images, labels, epsilon, generator=g),
                "PGD on the other kind": pixels.pgd(stranger, images, labels, epsilon, generator=g),
                "random search": pixels.random_search(network, images, labels, epsilon, queries=150, generator=g),
            }
            rights = {attack: nets.right(network, changed, labels) for attack, changed in made.items()}
            rights["worst of all"] = pixels.worst_of_all(list(rights.values()))
            for attack, right in rights.items():
                found.setdefault(attack, []).append(round(float(right.double().mean()), 4))
        for attack, values in found.items():
            row["attacks"].setdefault(attack, []).append(values)
        row["cpu_seconds"].append(round(time.process_time() - started, 1))
    return told(row)


def transfers(epsilon: float, seeds: list[int]) -> dict[str, Any]:
    """Return the accuracy of each net on what PGD made of the images on each net: ``right[source][target][seed]``."""
    names = [name for name in Nets._fields if name != "seconds"]
    images, labels = asked(ATTACKED)
    table: dict[str, dict[str, list[float]]] = {source: {target: [] for target in names} for source in names}
    spent = []
    for seed in seeds:
        at, started, g = trained(seed), time.process_time(), runtime.generator(seed + 41)
        for source in names:
            changed = pixels.pgd(getattr(at, source), images, labels, epsilon, generator=g)
            for target in names:
                table[source][target].append(share(getattr(at, target), changed, labels))
        spent.append(round(time.process_time() - started, 1))
    row = {"name": f"transfer, {epsilon:g}", "seeds": seeds, "n": ATTACKED, "epsilon": epsilon}
    return told(row | {"names": names, "right": table, "cpu_seconds": spent})


def masked(seeds: list[int]) -> dict[str, Any]:
    """Return what each attack leaves of networks that hide their gradient, and of two that do not, at one limit."""
    images, labels = asked(ATTACKED)
    found: dict[str, dict[str, list[float]]] = {}
    spent = []
    for seed in seeds:
        at, started, g = trained(seed), time.process_time(), runtime.generator(seed + 42)
        plain = at.plain
        arms: dict[str, tuple[pixels.Network, pixels.Network]] = {  # as an attacker finds it, and as one who knows
            "plain": (plain, plain),
            "hardened": (at.hardened, at.hardened),
            "logits times 1,000": (masks.Saturated(plain), plain),
            "8 levels": (masks.Rounded(plain, 8), masks.Rounded(plain, 8, straight=True)),
            "2 levels": (masks.Rounded(plain, 2), masks.Rounded(plain, 2, straight=True)),
            "noise of 0.3": (masks.Noisy(plain, 0.3, runtime.generator(seed + 43)), plain),
        }
        for name, (network, known) in arms.items():
            made = {
                "clean": images,
                "noise": pixels.noise(images, LIMIT, g),
                "FGSM": pixels.fgsm(network, images, labels, LIMIT),
                "PGD": pixels.pgd(network, images, labels, LIMIT, generator=g),
                "PGD without a limit": pixels.pgd(network, images, labels, 1.0, num_steps=40, generator=g),
                "PGD on another seed": pixels.pgd(at.other, images, labels, LIMIT, generator=g),
                "random search": pixels.random_search(network, images, labels, LIMIT, queries=300, generator=g),
                "PGD that knows": pixels.pgd(
                    known, images, labels, LIMIT, num_steps=40, restarts=2, generator=g, loss="margin"
                ),
            }
            if name == "2 levels":  # only what stands within the limit of the threshold can cross it
                made["PGD that knows, to the limit"] = across(known, images, labels, LIMIT, g)
            for attack, changed in made.items():
                found.setdefault(name, {}).setdefault(attack, []).append(share(network, changed, labels))
        spent.append(round(time.process_time() - started, 1))
    row = {"name": "masked", "seeds": seeds, "n": ATTACKED, "epsilon": LIMIT}
    return told(row | {"right": found, "cpu_seconds": spent})


def across(
    straight: pixels.Network, images: Tensor, labels: Tensor, epsilon: float, g: torch.Generator, starts: int = 4
) -> Tensor:
    """Attack two levels by the pixels that the limit lets across the threshold, which alone can change anything.

    From the image itself and from random starts, those that promise most by the straight-through slope cross, half of
    them at first, then fewer, and a crossing that does not lower the margin is taken back.
    """
    reach = pixels.BLACK_TO_WHITE * epsilon
    ends = torch.stack([pixels.within(images + reach * sign, images, epsilon) for sign in (-1, 1)])
    open_to_both = (ends[0] < 0) & (ends[1] > 0)
    best, lowest = images, pixels.margin(straight(images), labels)
    for start in range(starts):
        up = torch.randint(2, images.shape, generator=g).bool() if start else images > 0
        changed = torch.where(open_to_both, torch.where(up, ends[1], ends[0]), images)
        here, part = pixels.margin(straight(changed), labels), torch.full((len(images),), 0.5)
        for _ in range(20):
            slope = pixels.slope(lambda given: -pixels.margin(straight(given), labels), changed)
            gain = torch.where(open_to_both & ((slope > 0) != (changed > 0)), slope.abs(), 0.0).flatten(1)
            order = gain.argsort(dim=1, descending=True).argsort(dim=1)
            count = ((gain > 0).sum(dim=1) * part).ceil()
            crossing = ((order < count[:, None]) & (gain > 0)).view_as(images)
            tried = torch.where(crossing, torch.where(slope > 0, ends[1], ends[0]), changed)
            found = pixels.margin(straight(tried), labels)
            better = found < here
            changed = torch.where(better[:, None, None, None], tried, changed)
            here, part = torch.minimum(found, here), torch.where(better, part, part / 2)
        better = here < lowest
        best = torch.where(better[:, None, None, None], changed, best)
        lowest = torch.minimum(here, lowest)
    return best


def two_levels(seeds: list[int]) -> dict[str, Any]:
    """Return what is left of the plain net behind one threshold, at each limit, with all that an attacker can do."""
    images, labels = asked(ATTACKED)
    row: dict[str, Any] = {"name": "two levels", "seeds": seeds, "n": ATTACKED, "epsilons": [*EPSILONS[1:], 0.5]}
    row |= {"can_cross": [], "attacks": {}, "cpu_seconds": []}
    for epsilon in row["epsilons"]:  # a pixel at exactly the limit's distance may cross too
        row["can_cross"].append(round(float((images.abs() < pixels.BLACK_TO_WHITE * epsilon).double().mean()), 4))
    for seed in seeds:
        at, started, g = trained(seed), time.process_time(), runtime.generator(seed + 47)
        network, straight = masks.Rounded(at.plain, 2), masks.Rounded(at.plain, 2, straight=True)
        found: dict[str, list[float]] = {}
        for epsilon in row["epsilons"]:
            changes = {
                "noise": pixels.noise(images, epsilon, g),
                "PGD": pixels.pgd(network, images, labels, epsilon, num_steps=5, generator=g),
                "PGD on the bare net": pixels.pgd(at.plain, images, labels, epsilon, generator=g),
                "PGD on the hardened": pixels.pgd(at.hardened, images, labels, epsilon, generator=g),
                "random search": pixels.random_search(network, images, labels, epsilon, queries=300, generator=g),
                "straight through": pixels.pgd(
                    straight, images, labels, epsilon, num_steps=40, generator=g, loss="margin"
                ),
                "across the threshold": across(straight, images, labels, epsilon, g),
            }
            rights = {attack: nets.right(network, changed, labels) for attack, changed in changes.items()}
            rights["worst of all"] = pixels.worst_of_all(list(rights.values()))
            for attack, right in rights.items():
                found.setdefault(attack, []).append(round(float(right.double().mean()), 4))
        for attack, values in found.items():
            row["attacks"].setdefault(attack, []).append(values)
        row["cpu_seconds"].append(round(time.process_time() - started, 1))
    return told(row)


def discriminator(seeds: list[int]) -> dict[str, Any]:
    """Return the share of fakes that a discriminator puts above the median real digit, attacked and with noise."""
    judge, real = judges.load(data()), asked(FEATURES)[0]
    epsilons, found, spent, drawn = (0.0, 0.01, 0.03, 0.1), [], [], None
    features = judge.features(real)
    for seed in seeds:
        pair, stranger = gan(seed), gan(seeds[(seeds.index(seed) + 1) % len(seeds)])
        started, g = time.process_time(), runtime.generator(seed + 44)
        with torch.no_grad():
            fakes = pair.generator(projection.draw(pair.generator, FAKES, g))

        def above(network: nn.Module, images: Tensor) -> float:
            middle = nets.logits(network, real).median()
            return round(float((nets.logits(network, images) > middle).double().mean()), 4)

        each: dict[str, list[float]] = {}
        for epsilon in epsilons:
            raised = pixels.climb(pair.discriminator, fakes, epsilon, num_steps=10) if epsilon else fakes
            noisy = pixels.noise(fakes, epsilon, g)
            for name, value in {
                "attacked": above(pair.discriminator, raised),
                "noise": above(pair.discriminator, noisy),
                "seen by another": above(stranger.discriminator, raised),
                "frechet": round(image_sets.frechet_distance(features, judge.features(raised)), 1),
            }.items():
                each.setdefault(name, []).append(value)
        drawn = drawn or picture(torch.cat([fakes[:SHOWN], raised[:SHOWN]]))
        found.append(each)
        spent.append(round(time.process_time() - started, 1))
    row = {"name": "discriminator", "seeds": seeds, "n": FAKES, "epsilons": list(epsilons)}
    row |= {name: [each[name] for each in found] for name in found[0]}
    return told(row | {"cpu_seconds": spent, "picture": drawn})


ATTACKED_NAMES = ["plain", "hardened", "two levels", "transfer, 0.1", "transfer, 0.2", "masked", "discriminator"]


def attacked(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield what is left of nets without a projection."""
    makers: dict[str, Callable[[], dict[str, Any]]] = {
        "plain": lambda: limits("plain", seeds),
        "hardened": lambda: limits("hardened", seeds),
        "two levels": lambda: two_levels(seeds),
        "transfer, 0.1": lambda: transfers(0.1, seeds),
        "transfer, 0.2": lambda: transfers(0.2, seeds),
        "masked": lambda: masked(seeds),
        "discriminator": lambda: discriminator(seeds),
    }
    for name in ATTACKED_NAMES:
        if wanted(name):
            yield makers[name]()


# ---------------------------------------------------------------- projected: a net behind a generator


def defence(seed: int, draw: int, **settings: int) -> projection.Defence:
    """Return the plain net of a seed behind its generator; another ``draw`` begins its searches elsewhere."""
    return projection.Defence(
        gan(seed).generator, trained(seed).plain, runtime.generator(1_000 * seed + draw), **settings
    )


Attack = Callable[[int, Tensor, Tensor, float], tuple[Tensor, int]]
"""Seed, images, labels, limit to attacked images, and how many passes through G each cost."""


def known(attack: Callable[..., Tensor], passes: Callable[[projection.Defence], int], **settings: Any) -> Attack:
    """Make an attack on the defence one of the table."""

    def run(seed: int, images: Tensor, labels: Tensor, epsilon: float) -> tuple[Tensor, int]:
        attacker = defence(seed, 1)
        return attack(attacker, images, labels, epsilon, **settings), passes(attacker)

    return run


def bare(attack: Callable[[int, Tensor, Tensor, float, torch.Generator], Tensor]) -> Attack:
    """Make an attack that knows nothing of the projection one of the table."""

    def run(seed: int, images: Tensor, labels: Tensor, epsilon: float) -> tuple[Tensor, int]:
        return attack(seed, images, labels, epsilon, runtime.generator(seed + 45)), 0

    return run


QUERIES, RENEWED, FOLLOWED, ANEW = 200, 20, 10, 40
"""Of the random search on the filter: its queries, after how many of them its copy begins anew, and steps of both."""


def by_queries(seed: int, images: Tensor, labels: Tensor, epsilon: float) -> tuple[Tensor, int]:
    attacker, anew = defence(seed, 1), -(-QUERIES // RENEWED)
    changed = adaptive.by_queries(
        attacker, images, labels, epsilon, queries=QUERIES, renewed=RENEWED, search_steps=ANEW,
        follow_steps=FOLLOWED, generator=runtime.generator(seed + 48),
    )  # fmt: skip
    return changed, (anew * ANEW + (QUERIES - anew) * FOLLOWED) * attacker.restarts


ATTACKS: dict[str, Attack] = {
    "nothing": bare(lambda seed, images, labels, epsilon, g: images),
    "noise": bare(lambda seed, images, labels, epsilon, g: pixels.noise(images, epsilon, g)),
    "FGSM": bare(lambda seed, images, labels, epsilon, g: pixels.fgsm(trained(seed).plain, images, labels, epsilon)),
    "PGD": bare(
        lambda seed, images, labels, epsilon, g: pixels.pgd(
            trained(seed).plain, images, labels, epsilon, num_steps=40, restarts=5, generator=g
        )
    ),
    "PGD on another seed": bare(
        lambda seed, images, labels, epsilon, g: pixels.pgd(
            trained(seed).other, images, labels, epsilon, num_steps=40, generator=g
        )
    ),
    "PGD on the hardened": bare(
        lambda seed, images, labels, epsilon, g: pixels.pgd(
            trained(seed).hardened, images, labels, epsilon, num_steps=40, restarts=5, generator=g
        )
    ),
    "PGD on the hardened's margin": bare(
        lambda seed, images, labels, epsilon, g: pixels.pgd(
            trained(seed).hardened, images, labels, epsilon, num_steps=40, restarts=5, generator=g, loss="margin"
        )
    ),
    "random search on the hardened": bare(
        lambda seed, images, labels, epsilon, g: pixels.random_search(
            trained(seed).hardened, images, labels, epsilon, queries=600, generator=g
        )
    ),
    "straight through": known(
        adaptive.straight_through, lambda at: 8 * 2 * 40 * at.restarts, num_steps=8, draws=2, search_steps=40
    ),
    "unrolled": known(
        adaptive.unrolled, lambda at: (36 + 40 * (12 + 6)) * at.restarts, num_steps=40, search_steps=12, last=6
    ),
    "along the pictures": known(adaptive.on_manifold, lambda at: 100 * at.restarts, num_steps=100),
    "tug of war": known(adaptive.pulled, lambda at: 2 * 100 * at.restarts, num_steps=100),
    "random search on the filter": by_queries,
}
"""How each attack is made; passes through G are counted for one image, a differentiated step as two."""

CHOICE = "the attacker's choice"
AGAIN = "nothing, again and again"
LOOKS = len(ATTACKS) - 1
"""How often the worst of all sees an image: unattacked and under every attack, without noise, which is none."""

_WEAK = ("nothing", "noise", "FGSM", "PGD", "PGD on another seed")  # not worth a copy's searches
_LATER = ("random search on the filter",)  # the choice was made without it
AT = {LIMIT: [*ATTACKS, CHOICE]}
"""Attacks at each limit. The choice is the attacker's own, image by image, by a copy of the defence."""


@functools.cache
def made(attack: str, epsilon: float, seed: int) -> tuple[Tensor, int]:
    images, labels = asked(PROJECTED)
    if attack != CHOICE:
        return ATTACKS[attack](seed, images, labels, epsilon)
    attempts = [made(other, epsilon, seed) for other in AT[epsilon] if other not in (CHOICE, *_WEAK, *_LATER)]
    copy = defence(seed, 5)
    passes = sum(one[1] for one in attempts) + len(attempts) * copy.passes
    return adaptive.chosen(copy, [one[0] for one in attempts], labels, draws=1), passes


def projected_row(attack: str, epsilon: float, seeds: list[int]) -> dict[str, Any]:
    """Return for each image whether the projected, the plain and the hardened net read it rightly under an attack."""
    images, labels = asked(PROJECTED)
    row: dict[str, Any] = {"name": f"{attack}, {epsilon:g}", "attack": attack, "epsilon": epsilon, "seeds": seeds}
    row |= {"n": PROJECTED, "right": {"projected": [], "plain": [], "hardened": []}, "errors": [], "accuracy": {}}
    row |= {"cpu_seconds": [], "attack_seconds": [], "passes": 0}
    drawn = []
    for seed in seeds:
        at = trained(seed), gan(seed)  # before the clock starts
        started = time.process_time()
        changed, row["passes"] = made(attack, epsilon, seed)
        row["attack_seconds"].append(round(time.process_time() - started, 1))
        assert float((changed - images).abs().max()) <= pixels.BLACK_TO_WHITE * epsilon + 1e-6
        found = defence(seed, 2).project(changed)  # its own draws, which the attacker did not know
        for name, network, seen in (
            ("projected", at[0].plain, found.images),
            ("plain", at[0].plain, changed),
            ("hardened", at[0].hardened, changed),
        ):
            row["right"][name].append(bits(nets.right(network, seen, labels)))
        row["errors"].append(round(float(found.errors.mean()), 4))
        row["cpu_seconds"].append(round(time.process_time() - started, 1))
        drawn.append(torch.cat([changed[:SHOWN], found.images[:SHOWN]]))
    row["accuracy"] = {name: [value.count("1") / len(value) for value in row["right"][name]] for name in row["right"]}
    return told(row | {"picture": picture(drawn[0])})


def swept(seeds: list[int]) -> dict[str, Any]:
    """Return what the projection costs and keeps, by restarts and steps, on clean images and under plain PGD."""
    images, labels = asked(PROJECTED)
    found: dict[str, dict[str, list[float]]] = {}
    for seed in seeds:
        changed = made("PGD", LIMIT, seed)[0]
        for restarts, steps in SWEEP:
            at, started = defence(seed, 3, restarts=restarts, num_steps=steps), time.process_time()
            each = found.setdefault(f"{restarts} x {steps}", {})
            for name, given in (("clean", images), ("PGD", changed)):
                one = at.project(given)
                each.setdefault(name, []).append(share(at.network, one.images, labels))
                each.setdefault(f"{name}, error", []).append(round(float(one.errors.mean()), 4))
            each.setdefault("cpu_seconds", []).append(round((time.process_time() - started) / 2, 2))
    passes = {f"{restarts} x {steps}": restarts * steps for restarts, steps in SWEEP}
    row = {"name": "sweep", "seeds": seeds, "n": PROJECTED, "epsilon": LIMIT, "passes": passes, "found": found}
    return told(row | {"training_seconds": [gan(seed).seconds for seed in seeds], "cpu_seconds": 0.0})


def again(seeds: list[int]) -> dict[str, Any]:
    """Return the answers to clean images over as many draws of the search as the worst of all has looks.

    Nobody attacks: how much of what attacks take is the filter's own luck?
    """
    images, labels = asked(PROJECTED)
    rights, started = [], time.process_time()
    for seed in seeds:
        at = defence(seed, 4)
        rights.append([bits(nets.right(at, images, labels)) for _ in range(LOOKS)])
    row = {"name": AGAIN, "seeds": seeds, "n": PROJECTED, "right": rights}
    return told(row | {"cpu_seconds": round(time.process_time() - started, 1)})


def nearest_real(seeds: list[int]) -> dict[str, Any]:
    """Return what a tug of war does where both nearest pictures are known exactly: among all real training digits.

    This is the positive control of :func:`gancourse.attacking.adaptive.pulled`. The rule "the class of the nearest
    training digit" projects too, without a generator; its right and its wrong neighbour need no search.
    """
    images, labels = asked(PROJECTED)
    pool, classes = data().images.flatten(1), data().labels
    squares, own = pool.square().sum(dim=1), classes[None] == labels[:, None]
    steps, row = 20, {"name": "nearest real digit", "seeds": seeds, "n": PROJECTED, "epsilons": [0.1, 0.2, 0.3]}
    started = time.process_time()

    def errors(given: Tensor) -> Tensor:
        return squares - 2 * given.flatten(1) @ pool.T

    def right(given: Tensor) -> Tensor:
        return classes[errors(given).argmin(dim=1)] == labels

    row |= {"clean": right(images).double().mean().item(), "tug of war": [], "right": [], "projected": []}
    for epsilon in row["epsilons"]:
        reach, changed, best = pixels.BLACK_TO_WHITE * epsilon, images, images
        lowest = torch.full((len(images),), torch.inf)
        for step in range(steps):
            all_errors = errors(changed)
            near = all_errors.masked_fill(~own, torch.inf).min(dim=1)
            far = all_errors.masked_fill(own, torch.inf).min(dim=1)
            better = far.values - near.values < lowest
            best = torch.where(better[:, None, None, None], changed, best)
            lowest = torch.minimum(far.values - near.values, lowest)
            pull = (pool[far.indices] - pool[near.indices]).view_as(images).sign()
            changed = pixels.within(changed + 5 * reach / steps * (1 - step / steps) * pull, images, epsilon)
        answered = right(best)
        row["tug of war"].append(round(float(answered.double().mean()), 4))
        row["right"].append(bits(answered))
        row["projected"].append([share(defence(seed, 2), best, labels) for seed in seeds])
    return told(row | {"cpu_seconds": round(time.process_time() - started, 1)})


PROJECTED_NAMES = [f"{attack}, {epsilon:g}" for epsilon, attacks in AT.items() for attack in attacks]
PROJECTED_NAMES += ["sweep", AGAIN, "nearest real digit"]


def projected(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield what each attack leaves of the projection, and what the projection costs."""
    for epsilon, attacks in AT.items():
        for attack in attacks:
            if wanted(f"{attack}, {epsilon:g}"):
                yield projected_row(attack, epsilon, seeds)
    if wanted("sweep"):
        yield swept(seeds)
    if wanted(AGAIN):
        yield again(seeds)
    if wanted("nearest real digit"):
        yield nearest_real(seeds)


# ---------------------------------------------------------------- advgan: one generator of changes for all images

ADVGAN_NAMES = ["AdvGAN, 0.2", "AdvGAN without D, 0.2", "AdvGAN, 0.1"]
ADVGAN_STEPS, ADVERSARIAL = 400, 0.1


def perturbed(name: str, seeds: list[int]) -> dict[str, Any]:
    """Return what a perturber leaves of the net it learnt on and of others, beside FGSM and PGD on the same images."""
    images, labels = asked(ATTACKED)
    epsilon, weight = float(name.split(", ")[1]), 0.0 if "without" in name else ADVERSARIAL
    found: dict[str, list[float]] = {}
    training, spent, each, drawn = [], [], [], None
    for seed in seeds:
        at, started = trained(seed), time.process_time()
        made = perturbing.train(
            at.plain, data().images, data().labels, epsilon, adversarial=weight, num_steps=ADVGAN_STEPS, seed=seed
        )
        training.append(round(time.process_time() - started, 1))
        before = time.process_time()
        changed = perturbing.attack(made, images)
        each.append(round(1_000 * (time.process_time() - before) / len(images), 4))
        g = runtime.generator(seed + 46)
        others = {
            "noise": pixels.noise(images, epsilon, g),
            "FGSM": pixels.fgsm(at.plain, images, labels, epsilon),
            "PGD": pixels.pgd(at.plain, images, labels, epsilon, generator=g),
        }
        for target in ("plain", "other", "dense", "hardened"):
            found.setdefault(f"AdvGAN on {target}", []).append(share(getattr(at, target), changed, labels))
            found.setdefault(f"PGD on {target}", []).append(share(getattr(at, target), others["PGD"], labels))
        for attack, given in others.items():
            found.setdefault(attack, []).append(share(at.plain, given, labels))
        moved = (changed - images).abs().mean() / pixels.BLACK_TO_WHITE
        found.setdefault("mean change", []).append(round(float(moved), 4))
        drawn = drawn or picture(torch.cat([images[:SHOWN], changed[:SHOWN]]))
        spent.append(round(time.process_time() - started, 1))
    row = {"name": name, "seeds": seeds, "n": ATTACKED, "epsilon": epsilon, "steps": ADVGAN_STEPS, "right": found}
    row |= {"training_seconds": training, "milliseconds": each, "cpu_seconds": spent, "picture": drawn}
    return told(row)


def advgan(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield what generators of changes do."""
    for name in ADVGAN_NAMES:
        if wanted(name):
            yield perturbed(name, seeds)
