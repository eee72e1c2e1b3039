"""Attacks on the projection do on a plane what can be worked out by hand, and get through it where the bare one cannot.

The plane A and the line u that the network reads: the defence answers by x A'A u. An attacker who ignores the
projection moves x along sign(u); one who knows it, along sign(A'A u).
"""

import pytest
import torch
from plane_world import SIDE, Plane, images, reader

from gancourse import runtime
from gancourse.attacking import adaptive, nets, pixels, projection

ATTACKS = {
    "straight_through": (adaptive.straight_through, {"num_steps": 2, "search_steps": 150, "gap": 90.0}),
    "unrolled": (adaptive.unrolled, {"num_steps": 2, "search_steps": 120, "last": 60, "gap": 90.0}),
    "on_manifold": (adaptive.on_manifold, {"num_steps": 120}),
    "pulled": (adaptive.pulled, {"num_steps": 80}),
    "by_queries": (adaptive.by_queries, {"queries": 12, "search_steps": 5, "follow_steps": 2}),
}
"""The last one needs a generator of squares, and counts queries in place of steps."""


def settings_of(name):
    attack, settings = ATTACKS[name]
    return attack, settings | ({"generator": runtime.generator(5)} if name == "by_queries" else {})


@pytest.fixture
def world():
    """A plane, a line aslant to it, a defence, images, and as true classes what the defence should say of them."""
    plane = Plane()
    direction = torch.randn(SIDE * SIDE, generator=runtime.generator(7)) + 2.0 * plane.rows[0]
    network = reader(direction, offset=0.0)
    defence = projection.Defence(plane, network, runtime.generator(0), restarts=3, num_steps=150)
    given = images(12)
    return plane, direction, defence, given, nets.logits(network, plane.nearest(given)).argmax(1)


@pytest.mark.parametrize("name", ATTACKS)
def test_images_stay_within_the_limit(world, name):
    _, _, defence, given, labels = world
    attack, settings = settings_of(name)
    before = given.clone()
    for epsilon in (0.0, 0.1):
        changed = attack(defence, given, labels, epsilon, **settings)
        assert changed.shape == given.shape and not changed.requires_grad and float(changed.abs().max()) <= 1
        assert float((changed - given).abs().max()) <= 2 * epsilon + 1e-6
    assert torch.equal(given, before)
    with torch.no_grad():  # an attack asks for slopes itself
        moved = attack(defence, given, labels, 0.1, **settings)
    assert not torch.equal(moved, given)


@pytest.mark.parametrize("name", ["straight_through", "unrolled"])
def test_the_step_goes_along_what_the_projection_leaves_of_the_line(world, name):
    """Straight-through takes u itself, at the picture; only the unrolled search knows A'A."""
    plane, direction, defence, given, labels = world
    attack, settings = ATTACKS[name]
    changed = attack(defence, given, labels, 0.02, **settings | {"num_steps": 1})
    left = plane.nearest(direction.view(1, 1, SIDE, SIDE)).flatten() if name == "unrolled" else direction
    wrong = torch.where(labels == 1, -1.0, 1.0)[:, None] * left.sign()
    clear = left.abs() > 0.05 * left.abs().max()
    assert torch.allclose((changed - given).flatten(1)[:, clear], 0.04 * wrong[:, clear], atol=1e-6)


def test_a_tug_of_war_goes_from_the_right_pictures_to_the_wrong_ones(world):
    """On the plane the defence reads x A'A u, so every attack has to lower it for class 1 and raise it for class 0."""
    plane, direction, defence, given, labels = world

    def read(changed):
        return (plane.nearest(changed).flatten(1) @ direction) * torch.where(labels == 1, 1.0, -1.0)

    clean, most = read(given), 2 * 0.1 * plane.nearest(direction.view(1, 1, SIDE, SIDE)).abs().sum()
    for name, least in (("unrolled", 0.95), ("pulled", 0.6), ("on_manifold", 0.1)):
        attack, settings = ATTACKS[name]
        fallen = clean - read(attack(defence, given, labels, 0.1, **settings))
        assert float(fallen.mean() / most) > least, name
        assert bool((fallen <= most * 1.001).all())


def test_a_search_by_queries_lowers_what_the_defence_reads_without_a_slope_of_the_image(world):
    """On the plane the best that squares can do is the sum of |A'A u|, as for the other attacks."""
    plane, direction, defence, given, labels = world
    left = plane.nearest(direction.view(1, 1, SIDE, SIDE)).flatten()

    def read(changed):
        return (plane.nearest(changed).flatten(1) @ direction) * torch.where(labels == 1, 1.0, -1.0)

    fallen = {}
    for queries in (2, 300):
        changed = adaptive.by_queries(
            defence, given, labels, 0.1, queries=queries, search_steps=40, gap=90.0, generator=runtime.generator(1)
        )
        assert not changed.requires_grad
        fallen[queries] = (read(given) - read(changed)) / (0.2 * left.abs().sum())
    assert float(fallen[300].mean()) > 0.6 > float(fallen[2].mean()) + 0.3
    assert float(fallen[300].max()) <= 1.001


def test_a_search_by_queries_asks_as_often_as_it_says_and_begins_anew(world, monkeypatch):
    plane, _, defence, given, labels = world
    asked, drawn = [], []
    counting = projection.Defence(
        plane, lambda seen: asked.append(len(seen)) or defence.network(seen), runtime.generator(0), restarts=3
    )
    plain = adaptive.draw
    monkeypatch.setattr(adaptive, "draw", lambda *given: drawn.append(1) or plain(*given))
    adaptive.by_queries(counting, given, labels, 0.1, queries=25, renewed=10, generator=runtime.generator(1))
    assert asked == 25 * [36] and len(drawn) == 3  # at queries 0, 10 and 20


def test_a_search_by_queries_begins_where_it_is_told_and_keeps_no_worse_image(world):
    _, _, defence, given, labels = world
    noisy = pixels.noise(given, 0.3, runtime.generator(4))
    settings = {"queries": 2, "search_steps": 5, "gap": 0.0, "start": noisy}
    still = (adaptive.by_queries(defence, given, labels, 0.1, **settings, generator=runtime.generator(1))
             - pixels.within(noisy, given, 0.1)).abs().flatten(1)  # fmt: skip
    assert bool((still.amin(1) == 0).all())  # all but one square is the start
    nothing = projection.Defence(
        defence.generator, lambda seen: torch.zeros(len(seen), 2), runtime.generator(0), restarts=2
    )  # no square lowers this margin
    kept = adaptive.by_queries(nothing, given, labels, 0.1, **settings | {"queries": 9}, generator=runtime.generator(1))
    assert torch.equal(kept, pixels.within(noisy, given, 0.1))


def test_draws_are_averaged_and_do_not_outweigh_each_other(world, monkeypatch):
    _, _, defence, given, labels = world
    slopes = iter([1.0, 1.0, -9.0])
    monkeypatch.setattr(pixels, "slope", lambda objective, pictures: torch.full_like(pictures, next(slopes)))
    changed = adaptive.straight_through(defence, given, labels, 0.02, num_steps=1, draws=3, search_steps=2)
    assert torch.allclose(changed, given + 0.04, atol=1e-6)  # two against one


def test_each_image_gets_the_attempt_that_fools_the_copy_best(world):
    plane, direction, defence, given, labels = world
    towards = torch.where(labels == 1, -0.05, 0.05)[:, None, None, None] * direction.view(1, 1, SIDE, SIDE)
    first = torch.arange(12)[:, None, None, None] % 2 == 0
    attempts = [torch.where(first, given + towards, given), torch.where(first, given, given + towards), given]
    assert torch.equal(adaptive.chosen(defence, attempts, labels), given + towards)
    asked = []
    counting = projection.Defence(plane, lambda seen: asked.append(1) or defence.network(seen), runtime.generator(0))
    adaptive.chosen(counting, attempts, labels, draws=3)
    assert len(asked) == 9
    for wrong, words in (([], "at least one"), ([given, given[:2]], "of one shape")):
        with pytest.raises(ValueError, match=words):
            adaptive.chosen(defence, wrong, labels)


def test_the_unrolled_attack_begins_where_it_is_told(world):
    _, _, defence, given, labels = world
    noisy = pixels.noise(given, 0.3, runtime.generator(4))
    changed = adaptive.unrolled(defence, given, labels, 0.1, num_steps=200, search_steps=2, last=1, start=noisy)
    assert float((changed - given).abs().max()) <= 0.2 + 1e-6
    one = adaptive.unrolled(defence, given, labels, 0.1, num_steps=1, search_steps=2, last=1, start=noisy)
    still = (one - pixels.within(noisy, given, 0.1)).abs().flatten(1)
    assert bool((still.amin(1) == 0).all())  # where the step points outwards, the start stays


@pytest.mark.parametrize("name", ATTACKS)
def test_what_will_not_do_is_refused(world, name):
    _, _, defence, given, labels = world
    attack, settings = settings_of(name)
    count = "queries" if name == "by_queries" else "num_steps"
    with pytest.raises(ValueError, match="epsilon must be"):
        attack(defence, given, labels, 1.2, **settings | {count: 2})
    with pytest.raises(ValueError, match=f"{count} must be"):
        attack(defence, given, labels, 0.1, **settings | {count: 0})
    with pytest.raises(ValueError, match=r"\[-1, 1\]"):
        attack(defence, given * 9, labels, 0.1, **settings)
    if name == "unrolled":
        with pytest.raises(ValueError, match="search_steps must be"):
            attack(defence, given, labels, 0.1, search_steps=5, last=6)
