"""A number from numpy or torch does what Python's own does, wherever one comes in; a bool is no number."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gancourse import games, penalties, runtime, training
from gancourse._numbers import real, whole
from gancourse.data import batches, digits, toy
from gancourse.ensembles import Ensemble, Recipe, crossed
from gancourse.labs import critic, guess, minimax, one_dimension, ring
from gancourse.metrics import divergences, image_sets, judge, modes, transport
from gancourse.models import averaging, dcgan, dense_conv, features, mlp
from gancourse.plotting import images

WHOLE = [np.int64, np.int32, np.uint8, np.array, lambda n: np.array([n]), torch.tensor, lambda n: torch.tensor([n])]
REAL = [np.float32, np.float64, np.array, lambda x: np.array([x]), torch.tensor, lambda x: torch.tensor([x])]


@given(st.integers(-(2**62), 2**62))
def test_a_whole_number_in_any_form_becomes_pythons(number):
    for make in (int, np.int64, torch.tensor, lambda n: np.array([n]), lambda n: torch.tensor([[n]])):
        found = whole(make(number))
        assert found == number and type(found) is int and real(make(number)) == number
    assert whole(float(number)) is None and whole(np.float64(number)) is None


@given(st.floats(allow_nan=False))
def test_a_real_number_in_any_form_becomes_pythons(number):
    for make in (float, np.float64, lambda x: torch.tensor(x, dtype=torch.float64), lambda x: np.array([x])):
        found = real(make(number))
        assert found == number and type(found) is float and whole(make(number)) is None
    assert math.isnan(real(np.float32("nan")))


@pytest.mark.parametrize("nothing", [True, np.True_, torch.tensor(True), None, "1", 1j, [1], torch.ones(2), object()])
def test_what_is_no_number_is_none(nothing):
    assert whole(nothing) is None is real(nothing)


P, Q = toy.gaussian(0, 1), toy.gaussian(1, 1)
CLOUD = torch.randn(40, 2, generator=torch.Generator().manual_seed(0))


def draw():
    return runtime.generator(0)


def trained(num_steps):
    stream = batches.stream(P, 4, draw())
    return training.train(lambda real: {"d_loss": real.mean()}, stream, num_steps=num_steps)["d_loss"]


def used_threads(count):
    with runtime.threads(count) as used:
        return used


def seeded(seed):
    with runtime.seeded(seed):
        return torch.rand(3)


def weights(network):
    return [tuple(parameter.shape) for parameter in network.parameters()]


def advanced(steps):
    panel = ring.panel()
    try:
        panel.advance(steps)
        return panel.status_text
    finally:
        panel.close()


WITH_WHOLE = {
    "runtime.generator": lambda n: torch.rand(3, generator=runtime.generator(n)),
    "runtime.seeded": seeded,
    "runtime.budget": lambda n: runtime.budget(cpu=n, gpu=n),
    "runtime.threads": used_threads,
    "toy.sample": lambda n: P.sample(n, draw()),
    "toy.ring": lambda n: toy.ring(n).means,
    "toy.grid": lambda n: toy.grid(n).means,
    "batches.stream": lambda n: next(batches.stream(CLOUD, n, draw())),
    "training.train": trained,
    "digits.load": lambda n: digits.load("embedded", image_size=n).images.shape,
    "mlp": lambda n: weights(mlp.Generator(latent_dim=n, data_dim=n, hidden=n, depth=n)),
    "dcgan": lambda n: weights(dcgan.Generator(latent_dim=n, width=n, channels=n)),
    "dense_conv": lambda n: weights(dense_conv.Discriminator(width=n, channels=n)),
    "features.FourierFeatures": lambda n: features.FourierFeatures(dim=n, count=n, seed=n).frequencies,
    "features.Packing": lambda n: features.Packing(n).size,
    "image_sets.precision_recall": lambda n: image_sets.precision_recall(CLOUD, CLOUD + 1, k=n),
    "modes.ceiling": lambda n: modes.ceiling(dim=n),
    "divergences.js": lambda n: divergences.js(P, Q, -8, 9, points=n),
    "transport.sliced": lambda n: transport.sliced_wasserstein(CLOUD, CLOUD + 1, directions=n, generator=draw()),
    "games.run": lambda n: games.run(games.simultaneous(games.bilinear(), step_size=0.1), (1.0, 0.0), num_steps=n),
    "Recipe": lambda n: repr(Recipe(hidden=n, batch_size=n, depth=n, decay_steps=n)),
    "Ensemble": lambda n: Ensemble(Recipe(hidden=4), P, seeds=[n, n]).train(n).d_loss,
    "Ensemble.sample": lambda n: Ensemble(Recipe(hidden=4), P, seeds=range(2)).sample(n, seed=n),
    "Ensemble.member": lambda n: list(Ensemble(Recipe(hidden=4), P, seeds=range(4)).member(n).generator.parameters()),
    "guess.interval": lambda n: guess.interval(n, n),
    "images.film_strip": lambda n: len(images.film_strip({n: torch.zeros(2, 1, 8, 8)}).axes),
    "images.image_grid": lambda n: len(images.image_grid(torch.zeros(4, 1, 8, 8), rows=n).axes),
    "labs.ring": lambda n: ring.Ring(0, d_steps_per_g_step=n).d_steps_per_g_step,
    "labs.critic": lambda n: len(critic.film(["none"], num_steps=n).axes),
    "panel.advance": advanced,
}


def same(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, list | tuple) and a and isinstance(a[0], torch.Tensor):
        return all(map(torch.equal, a, b))
    return a == b


@pytest.mark.parametrize("name", WITH_WHOLE)
def test_a_whole_number_of_numpy_or_torch_does_what_pythons_does(name):
    n = {"dcgan": 3, "dense_conv": 3, "divergences.js": 120, "digits.load": 16}.get(name, 2)
    wanted = WITH_WHOLE[name](n)
    for make in WHOLE:
        if name == "images.film_strip" and getattr(make(n), "__hash__", None) is None:
            continue  # an array cannot be a key
        assert same(WITH_WHOLE[name](make(n)), wanted), make
    with pytest.raises((TypeError, ValueError, IndexError)):
        WITH_WHOLE[name](True)
    with pytest.raises((TypeError, ValueError, IndexError)):
        WITH_WHOLE[name](np.float64(2))


def clipped(limit):
    network = torch.nn.Linear(2, 1)
    with torch.no_grad():
        network.weight.fill_(9)
    penalties.weight_clipping(network, limit)
    return network.weight.detach()


def recorded(value):
    return training.train(lambda real: {"loss": value}, batches.stream(P, 4, draw()), num_steps=1)["loss"]


WITH_REAL = {
    "toy.gaussian": lambda x: toy.gaussian(x, x).means,
    "toy.mixture": lambda x: toy.mixture([x, x], x).means,
    "toy.uniform": lambda x: toy.uniform(-1, x).high,
    "toy.ring": lambda x: toy.ring(8, x, x).means,
    "divergences.kl": lambda x: divergences.kl(toy.gaussian(-4, 0.5), toy.gaussian(-4, 0.4), -9, x),
    "transport.gaussian_w1": lambda x: transport.gaussian_w1(x, x, 0, 1),
    "modes.ceiling": lambda x: modes.ceiling(reach=x),
    "modes.covered": lambda x: modes.covered(CLOUD, toy.ring(), share=x),
    "judge.classes_covered": lambda x: judge.classes_covered(torch.eye(3), confident=x, share=x),
    "averaging.average": lambda x: averaging.average(torch.nn.Linear(1, 1), x) and None,
    "penalties.weight_clipping": clipped,
    "games.simultaneous": lambda x: games.run(
        games.simultaneous(games.dirac_gan(r1=x), step_size=x, momentum=x), (1.0, 0.5), num_steps=3
    ),
    "games.consensus": lambda x: games.field(games.consensus(games.bilinear(), x), (1.0, 0.5)),
    "History.record": recorded,
    "Recipe": lambda x: repr(Recipe(lr_g=x, lr_d=x, beta1=x, beta2=x, r1=x, average=x, init_scale_g=x)),
    "Ensemble": lambda x: Ensemble(Recipe(hidden=4), P, seeds=range(2), lr_g=x).train(2).d_loss,
    "labs.minimax": lambda x: minimax.Minimax(p_gap=x).p_gap,
    "labs.one_dimension": lambda x: one_dimension.OneDimension(lr_g=x).lr_g,
    "labs.ring": lambda x: ring.Ring(lr_g=x).lr_g,
}


SHAPED = {"toy.gaussian", "toy.mixture", "toy.uniform", "games.simultaneous", "games.consensus", "Ensemble"}
"""Where the shape of an array or a tensor means something: one number an axis, a game, a member."""


@pytest.mark.parametrize("name", WITH_REAL)
def test_a_real_number_of_numpy_or_torch_does_what_pythons_does(name):
    wanted = WITH_REAL[name](0.5)  # which float32 holds exactly
    for make in REAL if name not in SHAPED else REAL[:2]:
        assert same(WITH_REAL[name](make(0.5)), wanted), make
    if name != "History.record":  # which takes a bool for 0 or 1, such as whether something held
        with pytest.raises((TypeError, ValueError)):
            WITH_REAL[name](True)
    with pytest.raises((TypeError, ValueError)):
        WITH_REAL[name]("0.5")


def test_arrays_of_settings_and_seeds_do_what_lists_do():
    rates = [0.5, 0.25]
    wanted = Ensemble(Recipe(hidden=4), P, seeds=[3, 4], lr_g=rates, d_steps=[1, 2]).train(2).d_loss
    for make in (np.array, torch.tensor):
        gans = Ensemble(Recipe(hidden=4), P, seeds=make([3, 4]), lr_g=make(rates), d_steps=make([1, 2]))
        assert gans.seeds == (3, 4) and all(type(seed) is int for seed in gans.seeds)
        assert torch.equal(gans.train(2).d_loss, wanted)
    grid = crossed(d_steps=np.array([1, 2]), lr_g=torch.tensor(rates))
    assert Ensemble(Recipe(hidden=4), P, seeds=np.arange(4), **grid).train(1).d_loss.shape == (1, 4)
    for wrong in (np.array([0.5, 1.5]), [True, False], [-1, 2]):
        with pytest.raises((TypeError, ValueError)):
            Ensemble(Recipe(hidden=4), P, seeds=wrong)


def test_a_huge_ratio_of_mean_to_width_is_the_distance_of_the_means():
    assert transport.gaussian_w1(0.0, 0.0, 1e200, 1e-3) == 1e200
    near, far = transport.gaussian_w1(0, 0, 39.9, 1), transport.gaussian_w1(0, 0, 40.1, 1)
    assert near == pytest.approx(39.9, rel=1e-15) and far == 40.1
