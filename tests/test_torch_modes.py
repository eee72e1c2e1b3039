"""Whatever mode of PyTorch the caller has set, the course's own training does what it always does."""

import contextlib

import pytest
import torch

from gancourse import games, penalties, runtime
from gancourse._torch_modes import usual_modes
from gancourse.data import digits, toy
from gancourse.ensembles import Ensemble, Recipe
from gancourse.labs import collapse, critic, one_dimension, ring
from gancourse.labs import games as games_lab
from gancourse.metrics import judge, lipschitz


@contextlib.contextmanager
def double():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


MODES = {"no_grad": torch.no_grad, "inference_mode": torch.inference_mode, "float64": double}
modes = pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
REAL = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
FAKE = 1 + torch.randn(8, 3, generator=torch.Generator().manual_seed(1))


def steep(x):
    return (3 * x).square().sum(dim=1)


@modes
def test_the_modes_are_usual_inside_and_as_before_afterwards(mode):
    with mode():
        before = torch.get_default_dtype(), torch.is_grad_enabled(), torch.is_inference_mode_enabled()
        with usual_modes():
            x = torch.ones(2, requires_grad=True)
            assert x.dtype == torch.float32 and not x.is_inference()
            (2 * x).sum().backward()
        assert (torch.get_default_dtype(), torch.is_grad_enabled(), torch.is_inference_mode_enabled()) == before
    with pytest.raises(ZeroDivisionError), double(), usual_modes():
        _ = 1 / 0
    assert torch.get_default_dtype() == torch.float32


def trained():
    gans = Ensemble(Recipe(hidden=8, batch_size=8), toy.ring(), seeds=[0, 1], r1=0.1)
    trace = gans.train(3)
    return [trace.d_loss, gans.sample(4), *gans.member(1).generator.parameters()]


@modes
def test_an_ensemble_trains_as_always(mode):
    wanted = trained()
    with mode():
        found = trained()
    assert all(torch.equal(a, b) and b.dtype == torch.float32 for a, b in zip(wanted, found, strict=True))


def test_a_target_of_ones_own_may_return_float64():
    class Own:
        name, dim = "own", 2

        def sample(self, n, generator):
            return toy.ring().sample(n, generator).double()

    wanted = Ensemble(Recipe(hidden=8), toy.ring(), seeds=[0]).train(2).d_loss
    assert torch.equal(Ensemble(Recipe(hidden=8), Own(), seeds=[0]).train(2).d_loss, wanted)


def test_a_toy_draws_float32_under_any_default():
    for target in (toy.ring(), toy.uniform([0, 0], [1, 1]), toy.two_moons()):
        wanted = target.sample(5, runtime.generator(0))
        with double():
            assert torch.equal(target.sample(5, runtime.generator(0)), wanted) and wanted.dtype == torch.float32


@modes
def test_a_judge_is_trained_as_always(mode, monkeypatch, tmp_path):
    monkeypatch.setattr(judge, "_STEPS_IF_SMALL", 2)
    data = digits.load("embedded", image_size=16)
    found = []
    for name, how in (("usual", contextlib.nullcontext), ("other", mode)):
        monkeypatch.setenv("GANCOURSE_CACHE", str(tmp_path / name))
        with how():
            found.append(judge.load(data).probabilities(data.test_images[:5]))
    assert torch.equal(*found)


PENALTIES = {
    "gradient": lambda: penalties.gradient_penalty(steep, REAL, FAKE, generator=runtime.generator(0)),
    "one-sided": lambda: penalties.one_sided_gradient_penalty(steep, REAL, FAKE, generator=runtime.generator(0)),
    "zero-centred": lambda: penalties.zero_centred_gradient_penalty(steep, REAL, FAKE, generator=runtime.generator(0)),
    "slopes": lambda: lipschitz.slopes(steep, REAL).mean(),
    "largest slope": lambda: torch.tensor(lipschitz.largest_slope(steep, REAL)),
    "mean slope": lambda: torch.tensor(lipschitz.mean_slope(steep, REAL, FAKE, generator=runtime.generator(0))),
}


@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_penalty_can_be_looked_at_in_any_mode(mode, name):
    wanted = PENALTIES[name]()
    with mode():
        assert torch.equal(PENALTIES[name]().detach(), wanted.detach())


def test_points_made_in_inference_mode_are_points():
    with torch.inference_mode():
        points = REAL.clone()
    assert lipschitz.largest_slope(steep, points) == pytest.approx(lipschitz.largest_slope(steep, REAL))
    found, wanted = (
        penalties.zero_centred_gradient_penalty(steep, real, FAKE, generator=runtime.generator(0))
        for real in (points, REAL)
    )
    assert float(found) == pytest.approx(float(wanted))


@modes
def test_r1_in_another_mode_works_or_says_what_is_off(mode):
    """Its graph is made by the caller's own pass of D, so where no graph is made there is nothing to look at."""
    with mode():
        real = REAL.clone()
        if torch.is_grad_enabled():
            real.requires_grad_()
            assert float(penalties.r1_penalty(steep(real), real).detach()) > 0
        else:
            with pytest.raises(ValueError, match=r"call real.requires_grad_\(\) before D sees it"):
                penalties.r1_penalty(steep(real), real)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_penalty_of_half_numbers_does_not_overflow(dtype):
    """D(x) = 3 sum x has the gradient 3 everywhere: on 3 x 64 x 64 pixels R1 is 9 * 12,288."""
    images = torch.zeros(2, 3, 64, 64, dtype=dtype, requires_grad=True)

    def straight(x):
        return (3 * x).flatten(1).sum(1)

    assert float(penalties.r1_penalty(straight(images), images)) == 110_592
    norm = float(penalties.gradient_penalty(straight, images, images)) ** 0.5 + 1
    assert norm == pytest.approx(110_592**0.5, rel=1e-6)


@modes
def test_a_game_runs_as_always(mode):
    def play():
        step = games.simultaneous(games.dirac_gan(r1=0.5), step_size=0.2)
        return games.run(step, (1.0, 0.5), num_steps=5), games.jacobian(games.dirac_gan()), games.update_matrix(step)

    wanted = play()
    with mode():
        assert all(map(torch.equal, play(), wanted))


PANELS = {
    "collapse": lambda: collapse.panel(),
    "critic": lambda: critic.panel(),
    "games": lambda: games_lab.panel(),
    "one_dimension": lambda: one_dimension.panel(),
    "ring": lambda: ring.panel(),
}


@pytest.mark.parametrize(
    "name, mode",
    [(name, list(MODES.values())[k % 3]) for k, name in enumerate(PANELS)]
    + [("ring", mode) for mode in MODES.values()],
)
def test_a_panel_trains_as_always(name, mode):
    wanted = PANELS[name]()
    wanted.advance(2)
    with mode():
        panel = PANELS[name]()
        panel.advance(1)
        panel.once.click()
        assert not panel.alert_text, panel.alert_text
    assert panel.png and panel.status_text == wanted.status_text
    panel.close()
