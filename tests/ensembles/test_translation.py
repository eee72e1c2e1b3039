"""Many CycleGANs at once: each step by hand, each member by itself, and what the arms find."""

import copy

import pytest
import torch
import torch.nn.functional as F

from gancourse import runtime
from gancourse.data.palettes import palettes
from gancourse.ensembles.translation import TranslationEnsemble


def few(seeds=(3, 8), problem=None, **settings):
    settings = {"hidden": 8, "batch_size": 6, "num_steps": 40} | settings
    return TranslationEnsemble(problem or palettes(), seeds=seeds, **settings)


def network(layers, member, points, slope=0.2):
    for i in range(0, len(layers), 2):
        points = points @ layers[i][member].T + layers[i + 1][member]
        if i < len(layers) - 2:
            points = F.leaky_relu(points, slope)
    return points


def losses_by_hand(ensemble, member, a, b, *, squash):
    """Return the discriminators' and the translators' loss of one member on points that are given."""
    half = len(ensemble._generator) // 2

    def to_b(points):
        return squash(network(ensemble._generator[:half], member, points))

    def to_a(points):
        return squash(network(ensemble._generator[half:], member, points))

    fake_b, fake_a, d_loss, fooled = to_b(a), to_a(b), 0, 0
    for layers, real, fake in ((ensemble._d_a, a, fake_a), (ensemble._d_b, b, fake_b)):
        real = real.clone().requires_grad_()
        said = network(layers, member, real)
        (slope,) = torch.autograd.grad(said.sum(), real, create_graph=True)
        d_loss = d_loss + F.softplus(-said).mean() + 0.15 * slope.square().sum(1).mean()
        d_loss = d_loss + F.softplus(network(layers, member, fake.detach())).mean()
        fooled = fooled + F.softplus(-network(layers, member, fake)).mean()
    back = (to_a(fake_b) - a).abs().mean(), (to_b(fake_a) - b).abs().mean()
    same = (to_b(b) - b).abs().mean() + (to_a(a) - a).abs().mean()
    pairs = (to_b(a[:2]) - b[:2]).abs().mean() + (to_a(b[:2]) - a[:2]).abs().mean()
    return d_loss, {"adversarial": fooled, "from a": back[0], "from b": back[1], "identity": same, "pairs": pairs}


ARMS = [
    ({}, {"adversarial": 1, "from a": 5, "from b": 5}),
    ({"cycle": 0.0}, {"adversarial": 1}),
    ({"identity": 2.5, "cycle": 3.0}, {"adversarial": 1, "from a": 3, "from b": 3, "identity": 2.5}),
    ({"both_ways": False}, {"adversarial": 1, "from b": 5}),
    ({"cycle_from": 0.5}, {"adversarial": 1}),
    ({"pairs": True, "adversarial": 0.0}, {"pairs": 5, "from a": 5, "from b": 5}),
    ({"bounded": False}, {"adversarial": 1, "from a": 5, "from b": 5}),
]


@pytest.mark.parametrize("settings, weights", ARMS)
def test_a_step_is_what_one_gan_would_do(settings, weights, monkeypatch):
    ensemble = few(**{**settings, "pairs": None})
    a, b = (part.clone() for part in ensemble._drawn())
    if settings.get("pairs"):
        ensemble._pairs = (a[:, :2], b[:, :2])
    squash = (lambda v: torch.tanh(1.5 * v)) if ensemble.bounded else (lambda v: v)
    before, moves = copy.deepcopy(ensemble), []
    move = TranslationEnsemble._move
    monkeypatch.setattr(
        TranslationEnsemble,
        "_move",
        lambda self, player, loss: moves.append((player, loss)) or move(self, player, loss),
    )
    ensemble.train(1)
    assert [player for player, _ in moves] == ([1, 0] if ensemble.adversarial else [0])
    after = copy.deepcopy(before)  # the translators meet the discriminators that have just moved
    for name in ("_d_a", "_d_b"):
        setattr(after, name, getattr(ensemble, name))
    for member in range(2):
        d_loss, _ = losses_by_hand(before, member, a[member], b[member], squash=squash)
        _, terms = losses_by_hand(after, member, a[member], b[member], squash=squash)
        if ensemble.adversarial:
            assert moves[0][1][member].mean().item() == pytest.approx(d_loss.item(), rel=1e-4)
        expected = sum(weight * terms[name] for name, weight in weights.items())
        assert moves[-1][1][member].mean().item() == pytest.approx(expected.item(), rel=1e-4)


@pytest.mark.parametrize("detached", [False, True])
def test_detached_translations_teach_the_second_leg_alone(detached, monkeypatch):
    ensemble = few((3,), detached=detached, adversarial=0.0)
    a, b = (part[0] for part in ensemble._drawn())
    half, losses = len(ensemble._generator) // 2, []
    monkeypatch.setattr(TranslationEnsemble, "_move", lambda self, player, loss: losses.append(loss.mean()))
    ensemble.train(1)
    there, back = ensemble._generator[:half], ensemble._generator[half:]

    def way(layers, points):
        return torch.tanh(1.5 * network(layers, 0, points))

    sent_b, sent_a = way(there, a), way(back, b)
    if detached:
        sent_b, sent_a = sent_b.detach(), sent_a.detach()
    loss = 5 * ((way(back, sent_b) - a).abs().mean() + (way(there, sent_a) - b).abs().mean())
    expected = torch.autograd.grad(loss, ensemble._generator)
    found = torch.autograd.grad(losses[0], ensemble._generator)
    assert all(torch.allclose(x, y, atol=1e-5) for x, y in zip(found, expected, strict=True))


def test_a_late_cycle_comes_in_where_it_says():
    early, late = few(cycle_from=0.0), few(cycle_from=0.5, num_steps=4)
    without = few(cycle=0.0, num_steps=4)
    late.train(2), without.train(2)
    assert all(torch.equal(x, y) for x, y in zip(late._generator, without._generator, strict=True))
    late.train(1), without.train(1)
    assert not torch.equal(late._generator[0], without._generator[0])
    assert early.cycle_from == 0


def test_a_member_depends_on_its_seed_alone():
    both, alone = few((3, 8)), few((8,))
    both.train(20), both.train(20), alone.train(40)
    points = torch.randn(5, 3, generator=runtime.generator(0))
    assert torch.allclose(both.to_b(points)[1:], alone.to_b(points), atol=1e-4)
    assert not torch.allclose(both.to_b(points)[0], alone.to_b(points)[0], atol=1e-2)


def test_maps_and_closed_say_what_the_networks_do():
    ensemble = few((0, 1))
    b, a = palettes().b, palettes().a
    answers = torch.stack([b[torch.tensor([2, 0, 1])], torch.stack([b[0], b[0] + 0.28, torch.zeros(3)])])
    ensemble.to_b = lambda points: answers
    assert ensemble.maps().tolist() == [[2, 0, 1], [0, 0, -1]]
    ensemble.to_a = lambda points: torch.stack([a + 0.2, a.roll(1, 0)])
    assert ensemble.closed().tolist() == [True, False]
    ensemble.to_a = lambda points: torch.stack([a, torch.stack([a[0], a[1], a[2] + 0.3])])
    assert ensemble.closed().tolist() == [True, False]  # one of three is too far


def test_a_cycle_closes_for_wrong_maps_and_pairs_choose_the_right_one():
    points = palettes()
    cycle = TranslationEnsemble(points, seeds=range(12))
    cycle.train()
    maps = cycle.maps()
    assert int(cycle.closed().sum()) >= 10
    assert len({tuple(one) for one in maps.tolist()}) >= 3
    paired = TranslationEnsemble(points, seeds=range(12), pairs=(points.a, points.b), num_steps=300)
    paired.train()
    assert int((paired.maps() == torch.arange(3)).all(1).sum()) >= 11


def test_other_points_may_be_translated():
    class Line:
        def sample(self, n, generator):
            return torch.randn(n, 1, generator=generator), 3 + torch.randn(n, 1, generator=generator)

    ensemble = few(problem=Line(), bounded=False)
    ensemble.train(2)
    assert ensemble.to_a(torch.zeros(4, 1)).shape == (2, 4, 1)
    for look in (ensemble.maps, ensemble.closed):
        with pytest.raises(TypeError, match=r"problem must come from data.palettes.palettes, got Line"):
            look()


@pytest.mark.parametrize(
    "settings, error, words",
    [
        ({"seeds": ()}, ValueError, "seeds must hold at least one seed"),
        ({"cycle": -1}, ValueError, "cycle must be a finite number, at least 0"),
        ({"cycle_from": 1.5}, ValueError, "cycle_from must be a finite number, from 0.0 to 1.0"),
        ({"hidden": 0}, ValueError, "hidden must be a whole number from 1 on"),
        ({"adversarial": 0.0, "cycle": 0.0}, ValueError, "without adversarial losses there must be pairs, or a cycle"),
        ({"adversarial": 0.0, "both_ways": False}, ValueError, "without adversarial losses there must be pairs"),
        ({"problem": 3}, TypeError, "problem must have a sample method, got int"),
        ({"pairs": (torch.zeros(2, 3), torch.zeros(1, 3))}, ValueError, "pairs must be two tensors of one shape"),
        ({"pairs": (torch.zeros(2, 2), torch.zeros(2, 2))}, ValueError, "points must have shape"),
    ],
)
def test_what_is_refused(settings, error, words):
    with pytest.raises(error, match=words):
        few(**settings)
