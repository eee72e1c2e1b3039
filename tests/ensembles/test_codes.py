"""VAEs and BiGANs of the bent plane learn what they should, each member by its own seed, and move as single ones do."""

import pytest
import torch
import torch.nn.functional as F

from gancourse import codes, runtime
from gancourse.data.bent import bent_plane
from gancourse.ensembles.codes import BiGANEnsemble, VAEEnsemble
from gancourse.metrics.likelihood import Quadrature

WORLD, CLEAN = bent_plane(), bent_plane(0.0)


def by_hand(layers, h, leak):
    for i in range(0, 6, 2):
        h = h @ layers[i].T + layers[i + 1]
        h = F.leaky_relu(h, leak) if i < 4 else h
    return h


def own(layers):
    return [layer.detach().clone()[0].requires_grad_() for layer in layers]


def adam(layers):
    return torch.optim.Adam(layers, 2e-3, (0.5, 0.99))


def test_a_vae_s_step_is_one_of_minus_the_bound():
    ensemble = VAEEnsemble(WORLD, seeds=[2], beta=1.7, num_steps=10)
    layers = own(ensemble._generator)
    x, noise = (part[0] for part in ensemble._drawn())
    mean, log_variance = by_hand(layers[6:], x, 0).chunk(2, dim=1)
    again = by_hand(layers[:6], mean + (log_variance / 2).exp() * noise, 0)
    loss = (again - x).square().sum(1).mean() / (2 * 0.1**2) + 1.7 * codes.kl_to_normal(mean, log_variance).mean()
    optimizer = adam(layers)
    loss.backward()
    optimizer.step()
    ensemble.train(1)
    for ours, theirs in zip(ensemble._generator, layers, strict=True):
        assert torch.allclose(ours[0], theirs, atol=1e-6)


@pytest.mark.parametrize("cycle", [0.0, 0.7])
def test_a_bigan_s_step_moves_both_players_by_their_losses(cycle):
    ensemble = BiGANEnsemble(CLEAN, seeds=[2], cycle=cycle, num_steps=10)
    joint, judge = own(ensemble._generator), own(ensemble._discriminator)
    x, z = (part[0] for part in ensemble._drawn())
    real = torch.cat([x, by_hand(joint[6:], x, 0)], 1)
    fake = torch.cat([by_hand(joint[:6], z, 0), z], 1)
    points = real.detach().requires_grad_()
    logits = by_hand(judge, points, 0.2)
    (slopes,) = torch.autograd.grad(logits.sum(), points, create_graph=True)
    d_loss = F.softplus(-logits).mean() + F.softplus(by_hand(judge, fake.detach(), 0.2)).mean()
    optimizer = adam(judge)
    (d_loss + 0.1 * slopes.square().sum(1).mean()).backward()
    optimizer.step()
    judge = [layer.detach() for layer in judge]
    loss = F.softplus(-by_hand(judge, fake, 0.2)).mean() + F.softplus(by_hand(judge, real, 0.2)).mean()
    loss = loss + cycle * (by_hand(joint[6:], fake[:, :2], 0) - z).square().sum(1).mean()
    optimizer = adam(joint)
    loss.backward()
    optimizer.step()
    ensemble.train(1)
    for ours, theirs in zip([*ensemble._generator, *ensemble._discriminator], [*joint, *judge], strict=True):
        assert torch.allclose(ours[0], theirs, atol=1e-6)


def gaps(beta):
    ensemble = VAEEnsemble(WORLD, seeds=[3, 4], beta=beta, num_steps=400)
    ensemble.train()
    x = WORLD.sample(60, runtime.generator(5))
    truth = Quadrature(WORLD.place, WORLD.noise).log_prob(x).mean()
    means, log_variances = ensemble.encode(x)
    found = []
    for k in range(2):
        bound = Quadrature(lambda z, k=k: ensemble.decode(z)[k], WORLD.noise).bound(x, means[k], log_variances[k])
        found.append((float(truth - bound.log_prob.mean()), float(bound.divergence.mean())))
    return found


def test_a_vae_comes_near_and_a_dear_code_costs_the_encoder():
    plain, dear = gaps(1.0), gaps(4.0)
    assert all(abs(model) < 0.5 and encoder < 0.6 for model, encoder in plain)
    assert all(encoder > 1 for _, encoder in dear)


def test_a_bigan_inverts_itself_with_the_cycle_and_learns_without():
    ensemble = BiGANEnsemble(CLEAN, seeds=[0], cycle=1.0, num_steps=300)
    x, z = (torch.randn(500, 2, generator=runtime.generator(k)) for k in (1, 2))
    x = CLEAN.place(x)
    before = float((ensemble.encode(ensemble.decode(z)) - z).square().mean())
    ensemble.train()
    assert float((ensemble.encode(ensemble.decode(z)) - z).square().mean()) < min(0.1, before / 5)
    spread = ensemble.decode(z)[0].std(0) / x.std(0)
    assert float(spread.min()) > 0.5 and float(spread.max()) < 1.5


@pytest.mark.parametrize("kind, world", [(VAEEnsemble, WORLD), (BiGANEnsemble, CLEAN)])
def test_a_member_depends_on_its_seed_alone_and_not_on_calls(kind, world):
    together = kind(world, seeds=[7, 8], num_steps=20)
    together.train(7)
    together.train(13)
    alone = kind(world, seeds=[8], num_steps=20)
    alone.train()
    for one, other in zip(together._averaged, alone._averaged, strict=True):
        assert torch.allclose(one[1], other[0], atol=1e-5) and one[0].ne(other[0]).any()
    assert "2 " in repr(together) and "20 of 20" in repr(together)


def test_what_comes_back_has_its_shapes():
    vae, bigan = VAEEnsemble(WORLD, seeds=[0, 1, 2]), BiGANEnsemble(CLEAN, seeds=[0, 1, 2])
    x = WORLD.sample(5, runtime.generator(0))
    assert [part.shape for part in vae.encode(x)] == [(3, 5, 2)] * 2
    assert bigan.encode(x).shape == bigan.decode(x.expand(3, 5, 2)).shape == (3, 5, 2)
    assert not vae.encode(x)[0].requires_grad


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda: VAEEnsemble("bent", seeds=[0]), TypeError, "world must come from data.bent.bent_plane"),
        (lambda: VAEEnsemble(CLEAN, seeds=[0]), ValueError, "world must have noise"),
        (lambda: VAEEnsemble(WORLD, seeds=[]), ValueError, "seeds must hold at least one"),
        (lambda: VAEEnsemble(WORLD, seeds=[0], beta=-1), ValueError, "beta must be a finite number"),
        (lambda: BiGANEnsemble(WORLD, seeds=[0], cycle=-1), ValueError, "cycle must be a finite number"),
        (lambda: BiGANEnsemble(WORLD, seeds=[0]).decode(torch.zeros(3, 1)), ValueError, r"z must have shape \(N, 2\)"),
    ],
)
def test_others_are_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()
