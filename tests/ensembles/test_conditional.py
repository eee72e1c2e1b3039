"""ensembles.conditional: one member against the step written with modules, and members that do not meet."""

import pytest
import torch
import torch.nn.functional as F

from gancourse.data import classes
from gancourse.ensembles import conditional
from gancourse.ensembles.conditional import KINDS, ConditionalEnsemble

TWO = classes.on_a_line((-1.0, 2.0))
THREE = classes.on_a_line((-2.0, 0.0, 2.0))


def network(layers, k):
    """Return one member's perceptron as a function."""
    parts = [layer[k].detach().clone().requires_grad_() for layer in layers]

    def run(x, slope):
        for i in range(0, len(parts), 2):
            x = F.linear(x, parts[i], parts[i + 1])
            x = F.leaky_relu(x, slope) if i < len(parts) - 2 else x
        return x

    return parts, run


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        *((kind, {}) for kind in KINDS),
        ("classifier", {"classifier_on": "real", "weight": 0.3}),
        ("twin", {"weight": 0.3}),
    ],
)
def test_two_steps_are_those_of_one_gan_written_out(kind, how):
    ensemble = ConditionalEnsemble(kind, THREE, seeds=[4, 9], num_steps=5, **how)
    k, weight = 1, how.get("weight", 1.0)
    g_parts, G = network(ensemble._generator, k)
    d_parts, D = network(ensemble._discriminator, k)
    c_parts, C = network(ensemble._classifier, k) if kind in ("classifier", "twin") else ([], None)
    t_parts, T = network(ensemble._twin, k) if kind == "twin" else ([], None)
    optimizers = [torch.optim.Adam(parts, 2e-3, (0.5, 0.99)) for parts in (g_parts, [*d_parts, *c_parts, *t_parts])]
    schedules = [torch.optim.lr_scheduler.CosineAnnealingLR(o, 5, 0.05 * 2e-3) for o in optimizers]

    def logits(x, y):
        if kind == "concatenation":
            return D(torch.cat([x, F.one_hot(y, 3).float()], 1), 0.2)[:, 0]
        out = D(x, 0.2)
        return out[:, 0] + out[torch.arange(len(y)), 1 + y] if kind == "projection" else out[:, 0]

    kept = [part.detach().clone() for part in g_parts]
    for turn in range(2):
        x, y, z, asked = (part[k] for part in ensemble._drawn())
        x.requires_grad_()
        fake = G(torch.cat([z, F.one_hot(asked, 3).float()], 1), 0.0)
        real_logits = logits(x, y)
        (slope,) = torch.autograd.grad(real_logits.sum(), x, create_graph=True)
        d_loss = F.softplus(-real_logits).mean() + F.softplus(logits(fake.detach(), asked)).mean()
        d_loss = d_loss + conditional._GAMMA / 2 * slope.square().mean()
        if C:
            d_loss = d_loss + F.cross_entropy(C(x, 0.2), y)
            if kind == "classifier" and how.get("classifier_on") != "real":
                d_loss = d_loss + F.cross_entropy(C(fake.detach(), 0.2), asked)
        if T:
            d_loss = d_loss + F.cross_entropy(T(fake.detach(), 0.2), asked)
        optimizers[1].zero_grad()
        d_loss.backward(inputs=[*d_parts, *c_parts, *t_parts])
        optimizers[1].step()
        g_loss = F.softplus(-logits(fake, asked)).mean()
        if C:
            g_loss = g_loss + weight * F.cross_entropy(C(fake, 0.2), asked)
        if T:
            g_loss = g_loss - weight * F.cross_entropy(T(fake, 0.2), asked)
        optimizers[0].zero_grad()
        g_loss.backward(inputs=g_parts)
        optimizers[0].step()
        for schedule in schedules:
            schedule.step()
        kept = [a.lerp(b.detach(), 1 / (turn + 1)) for a, b in zip(kept, g_parts, strict=True)]
        ensemble.train(1)
    for ours, theirs in zip(
        [*ensemble._generator, *ensemble._discriminator, *ensemble._classifier, *ensemble._twin, *ensemble._averaged],
        [*g_parts, *d_parts, *c_parts, *t_parts, *kept],
        strict=True,
    ):
        assert torch.allclose(ours[k], theirs, atol=2e-5)


def test_a_member_does_not_notice_who_trains_beside_it():
    many, one = (ConditionalEnsemble("projection", TWO, seeds=s, num_steps=40) for s in ([3, 8, 5], [8]))
    many.train()
    one.train(33)  # over the end of a block of random numbers
    one.train()
    assert torch.allclose(many.draw(50)[1], one.draw(50)[0], atol=1e-4)
    assert not torch.allclose(many.draw(50)[0], one.draw(50)[0], atol=0.05)


def test_every_member_and_every_block_of_steps_has_data_of_its_own():
    ensemble = ConditionalEnsemble("projection", TWO, seeds=[0, 1, 0], num_steps=100)
    first = ensemble._drawn()
    ensemble.steps_done = 32
    later = ensemble._drawn()
    for before, after in zip(first, later, strict=True):
        assert torch.equal(before[0], before[2]) and not torch.equal(before[0], before[1])
        assert not torch.equal(before, after)
    points, labels, z, asked = later
    assert points.shape == (3, 256, 1) and labels.shape == asked.shape == (3, 256) and z.shape == (3, 256, 2)
    assert not torch.equal(labels, asked)
    assert float(points[labels == 1].mean()) == pytest.approx(2, abs=0.15)


def test_looking_changes_nothing():
    runs = [ConditionalEnsemble("classifier", TWO, seeds=[1], num_steps=4) for _ in range(2)]
    for step in range(4):
        for run in runs:
            run.train(1)
        if step % 2:
            runs[0].draw(9, seed=step), runs[0].score(torch.zeros(3, 1), 1), runs[0].guess(torch.zeros(3, 1))
    assert torch.equal(runs[0].draw(9), runs[1].draw(9))


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [("projection", 0.0, 0.35), ("concatenation", 0.0, 0.4), ("twin", 0.0, 0.4), ("blind", 0.9, 3)],
)
def test_who_is_told_draws_its_class(kind, low, high):
    ensemble = ConditionalEnsemble(kind, TWO, seeds=range(3), num_steps=300)
    ensemble.train()
    samples = ensemble.draw(1_000)
    assert samples.shape == (3, 2, 1_000)
    distances = TWO.distances(samples).mean(1)
    assert low < float(distances.median()) < high


def test_an_auxiliary_classifier_drives_the_classes_apart_and_knows_them():
    ensemble = ConditionalEnsemble("classifier", TWO, seeds=range(3), num_steps=300, classifier_on="real", weight=3.0)
    ensemble.train()
    low, high = ensemble.draw(1_000).mean(2).median(0).values.tolist()
    assert low < -1.1 and high > 2.1  # the cut has -1.06 and 2.06, the place of rest -1.38 and 2.38
    at = torch.linspace(-2, 3, 21)[:, None]
    assert float((ensemble.guess(at)[..., 1] - TWO.posterior(at[:, 0])[1]).abs().mean()) < 0.06


def test_scores_are_per_label_where_d_is_told():
    at = torch.tensor([[-3.0], [0.5], [3.0], [1.0]])
    for kind in KINDS:
        ensemble = ConditionalEnsemble(kind, THREE, seeds=[0, 1], num_steps=10)
        ensemble.train()
        first, last = (ensemble.score(at, label) for label in (0, 2))
        assert first.shape == (2, 4)
        assert torch.equal(first, last) == (kind in ("classifier", "twin", "blind"))
        _, D = network(ensemble._discriminator, 1)
        if kind == "projection":
            out = D(at, 0.2)
            assert torch.allclose(last[1], out[:, 0] + out[:, 3], atol=1e-6)
        if kind == "concatenation":
            seen = torch.cat([at, torch.tensor([[0.0, 0.0, 1.0]]).repeat(4, 1)], 1)
            assert torch.allclose(last[1], D(seen, 0.2)[:, 0], atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"kind": "dot"},
            ValueError,
            "kind must be one of projection, concatenation, classifier, twin, blind, got 'dot'",
        ),
        ({"classes": [0, 1]}, TypeError, "classes must come from data.classes.on_a_line, got list"),
        ({"classifier_on": "fake"}, ValueError, "classifier_on must be one of both, real, got 'fake'"),
        ({"seeds": []}, ValueError, "seeds must hold at least one seed"),
        ({"num_steps": 0}, ValueError, "num_steps must be a whole number from 1 on, got 0"),
        ({"weight": -1}, ValueError, "weight must be a finite number, at least 0.0, got -1"),
    ],
)
def test_what_cannot_be_is_refused_by_name(arguments, error, message):
    with pytest.raises(error, match=message):
        ConditionalEnsemble(**({"kind": "projection", "classes": TWO, "seeds": [0]} | arguments))


def test_a_run_ends_where_it_was_said_to_end():
    ensemble = ConditionalEnsemble("projection", TWO, seeds=[0], num_steps=3)
    ensemble.train(2)
    with pytest.raises(ValueError, match="num_steps must be a whole number from 1 to 1 \\(what is left\\), got 2"):
        ensemble.train(2)
    ensemble.train()
    assert ensemble.steps_done == 3 and "3 of 3 steps" in repr(ensemble)
    with pytest.raises(
        ValueError, match="only the kinds 'classifier' and 'twin' guess classes, and this one is 'projection'"
    ):
        ensemble.guess(torch.zeros(1, 1))
    with pytest.raises(ValueError, match="label must be a whole number from 0 to 1, got 2"):
        ensemble.score(torch.zeros(1, 1), 2)
