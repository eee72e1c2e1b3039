"""flowing: lines, the exact velocity against independent computations, the paths against closed forms, a run."""

import itertools
import math

import pytest
import torch

from gancourse import flowing, runtime
from gancourse.data import toy
from gancourse.models import flow

TWO = torch.tensor([[-1.0], [1.0]])


def times(value, count):
    return torch.full((count,), value, dtype=torch.float64)


# ---------------------------------------------------------------- lines


def test_a_line_by_hand():
    noise, images = torch.tensor([[2.0, 0.0], [1.0, 1.0]]), torch.tensor([[4.0, -1.0], [3.0, 5.0]])
    line = flowing.between(noise, images, torch.tensor([0.0, 0.25]))
    assert line.points.tolist() == [[2.0, 0.0], [1.5, 2.0]]
    assert line.velocity.tolist() == [[2.0, -1.0], [2.0, 4.0]]


def test_the_velocity_is_the_derivative_and_the_formula_gives_it_back():
    g = runtime.generator(0)
    noise, images = (torch.randn(5, 1, 4, 4, generator=g, dtype=torch.float64) for _ in range(2))
    t = torch.rand(5, generator=g, dtype=torch.float64)
    line = flowing.between(noise, images, t)
    later = flowing.between(noise, images, t + 1e-6).points
    assert torch.allclose((later - line.points) / 1e-6, line.velocity, atol=1e-7)
    assert torch.allclose(flowing.velocity(images, line.points, t), line.velocity)
    ends = flowing.between(noise, images, torch.tensor([0.0, 1.0, 0.0, 1.0, 0.0])).points
    assert torch.equal(ends[0], noise[0]) and torch.equal(ends[1], images[1])


# ---------------------------------------------------------------- exact


def test_two_points_give_a_tanh():
    x = torch.linspace(-3, 3, 13, dtype=torch.float64)[:, None]
    for t in (0.0, 0.2, 0.5, 0.8):
        exact = torch.tanh(t * x / (1 - t) ** 2)
        assert torch.allclose(flowing.exact_guess(x, t, TWO), exact, atol=1e-12)
        assert torch.allclose(flowing.exact_velocity(x, times(t, 13), TWO), (exact - x) / (1 - t), atol=1e-12)


def test_one_gaussian_gives_a_straight_line():
    """The regression of the image on the point: mean + cov / var (x - mean of x)."""
    mean, std, t = torch.tensor([[0.7, -1.2]], dtype=torch.float64), 0.6, 0.35
    x = torch.randn(6, 2, generator=runtime.generator(1), dtype=torch.float64)
    slope = t * std**2 / (t**2 * std**2 + (1 - t) ** 2)
    assert torch.allclose(flowing.exact_guess(x, t, mean, std=std), mean + slope * (x - t * mean), atol=1e-12)


def test_a_mixture_against_drawn_lines():
    """Average the images of the lines that pass near a place: an independent computation of E[image | x]."""
    centres = torch.tensor([[-2.0], [0.5], [1.5]], dtype=torch.float64)
    std, weights = torch.tensor([0.3, 0.5, 0.2]), torch.tensor([1.0, 3.0, 2.0])
    g, n, t = runtime.generator(2), 2_000_000, 0.6
    which = torch.multinomial(weights, n, replacement=True, generator=g)
    images = centres[which] + std[which, None] * torch.randn(n, 1, generator=g, dtype=torch.float64)
    noise = torch.randn(n, 1, generator=g, dtype=torch.float64)
    line = flowing.between(noise, images, times(t, n))
    for place in (-1.2, 0.0, 0.4, 1.0):
        near = (line.points - place).abs() < 0.01
        x = torch.tensor([[place]], dtype=torch.float64)
        found = flowing.exact_guess(x, t, centres, std=std, weights=weights)
        assert float(found) == pytest.approx(float(images[near].mean()), abs=0.02)
        fast = flowing.exact_velocity(x, t, centres, std=std, weights=weights)
        assert float(fast) == pytest.approx(float(line.velocity[near].mean()), abs=0.05)


def test_images_are_points_too_and_small_numbers_do_not_underflow():
    images = 2 * torch.rand(7, 1, 8, 8, generator=runtime.generator(3)) - 1
    x = torch.randn(4, 1, 8, 8, generator=runtime.generator(4))
    flat = flowing.exact_guess(x.flatten(1), 0.4, images.flatten(1))
    assert torch.equal(flowing.exact_guess(x, 0.4, images), flat.view(4, 1, 8, 8))
    by_hand = torch.stack([(-(one - 0.4 * images).square().sum((1, 2, 3)) / (2 * 0.36)).softmax(0) for one in x])
    assert torch.allclose(flat, by_hand @ images.flatten(1), atol=1e-5)
    close = flowing.exact_guess(0.999 * images + 0.001 * torch.randn_like(images), 0.999, images)
    assert torch.allclose(close, images, atol=1e-5)
    assert torch.allclose(flowing.exact_guess(x, 0.0, images), images.mean(0, keepdim=True).expand(4, -1, -1, -1))


@pytest.mark.parametrize(
    "change, match",
    [
        ({"t": 1.0}, "t must be below 1 where std is 0"),
        ({"t": -0.1}, "t must be a finite number"),
        ({"t": torch.zeros(2)}, "one time for each point"),
        ({"centres": torch.zeros(2, 3)}, "centres must be points"),
        ({"centres": torch.zeros(0, 1)}, "centres must be points"),
        ({"std": -0.1}, "std at least 0"),
        ({"weights": torch.tensor([1.0, 0.0])}, "weights must be positive"),
        ({"weights": torch.tensor([1.0])}, "weights must be positive"),
    ],
)
def test_what_the_exact_guess_refuses(change, match):
    given = {"x": torch.zeros(3, 1), "t": 0.5, "centres": TWO} | change
    with pytest.raises(ValueError, match=match):
        flowing.exact_guess(given.pop("x"), given.pop("t"), given.pop("centres"), **given)


# ---------------------------------------------------------------- paths


def test_one_step_is_the_guess_and_the_steps_go_forward_in_time():
    seen = []

    def guess(x, t):
        seen.append((t.tolist(), x.clone()))
        return torch.full_like(x, 3.0)

    noise = torch.tensor([[1.0], [-1.0]])
    assert flowing.sample(guess, noise, steps=1).tolist() == [[3.0], [3.0]]
    way = flowing.sample(guess, noise, steps=4, path=True)
    assert [t for t, _ in seen[1:]] == [[0.0, 0.0], [0.25, 0.25], [0.5, 0.5], [0.75, 0.75]]
    # a guess that stays makes a straight line, which every number of steps follows exactly
    straight = torch.stack([noise + share * (3 - noise) for share in (0, 0.25, 0.5, 0.75, 1)])
    assert torch.allclose(way, straight, atol=1e-6) and torch.equal(way[0], noise)
    assert torch.allclose(flowing.sample(guess, noise, steps=4, method="heun", path=True), straight, atol=1e-6)
    assert torch.equal(noise, torch.tensor([[1.0], [-1.0]]))


def test_two_steps_of_both_methods_by_hand():
    """With the guess a x: v(x, 0) = (a - 1) x, and at the half v(x, 1/2) = 2 (a - 1) x."""
    a, x = 0.3, torch.tensor([[2.0]], dtype=torch.float64)
    guess = lambda points, t: a * points  # noqa: E731
    half = 2.0 * (1 + 0.5 * (a - 1))
    assert float(flowing.sample(guess, x, steps=2)) == pytest.approx(a * half)
    better = 2.0 + 0.25 * ((a - 1) * 2.0 + 2 * (a - 1) * half)
    assert float(flowing.sample(guess, x, steps=2, method="heun")) == pytest.approx(a * better)


def test_the_paths_of_one_gaussian_meet_their_closed_form_and_heun_sooner():
    """For N(m, s^2) the flow maps noise z to m + s z; the error falls with h and with h^2."""
    mean, std = torch.tensor([[0.8]], dtype=torch.float64), 0.5
    z = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]

    def errors(method):
        guess = lambda x, t: flowing.exact_guess(x, t, mean, std=std)  # noqa: E731
        ends = [flowing.sample(guess, z, steps=steps, method=method) for steps in (32, 64, 128)]
        return [float((end - (mean + std * z)).abs().max()) for end in ends]

    euler, heun = errors("euler"), errors("heun")
    for first, second in itertools.pairwise(euler):
        assert first / second == pytest.approx(2, rel=0.25)
    assert heun[-1] < euler[-1] / 5 and heun[1] < 0.02


def test_two_points_are_reached_by_half_of_the_noise_each():
    noise = torch.randn(4_000, 1, generator=runtime.generator(5))
    ends = flowing.sample(lambda x, t: flowing.exact_guess(x, t, TWO), noise, steps=50)
    assert float((ends.abs() - 1).abs().max()) < 1e-3
    assert torch.equal(ends.sign(), noise.sign())


def test_calls_are_counted():
    for steps in (1, 2, 7):
        for method in flowing.METHODS:
            asked = []
            flowing.sample(lambda x, t, asked=asked: asked.append(0) or x, torch.ones(2, 1), steps=steps, method=method)
            assert len(asked) == flowing.calls(steps, method)
    assert flowing.calls(8) == 8 and flowing.calls(8, "heun") == 15


# ---------------------------------------------------------------- what it is trained with


def test_the_loss_of_the_exact_velocity_is_the_spread_that_is_left():
    """For N(0, s^2): Var(image - noise | x_t) = s^2 / (t^2 s^2 + (1 - t)^2), here averaged over the drawn times."""
    std = 0.5
    target = toy.gaussian(0.0, std)
    images = target.sample(400_000, runtime.generator(6))
    exact = lambda x, t: flowing.exact_guess(x, t, torch.zeros(1, 1), std=std)  # noqa: E731
    grid = (torch.arange(100_000, dtype=torch.float64) + 0.5) / 100_000
    left = std**2 / (grid**2 * std**2 + (1 - grid) ** 2)
    near = (1 - grid).clamp(min=0.1)  # nearer than 0.1 the loss divides by 0.1
    expected = float((left * (1 - grid).square() / near.square()).mean())
    found = flowing.loss(exact, images, runtime.generator(7), times="uniform")
    assert float(found) == pytest.approx(expected, rel=0.02)
    plain = flowing.loss(exact, images, runtime.generator(7), times="uniform", weight="guess")
    assert float(plain) == pytest.approx(float((left * (1 - grid).square()).mean()), rel=0.02)
    worse = flowing.loss(lambda x, t: exact(x, t) + 0.2, images, runtime.generator(7), times="uniform", weight="guess")
    assert float(worse - plain) == pytest.approx(0.04, rel=0.05)


def test_the_loss_measures_the_velocity():
    """Away from the end it is the squared difference from image - noise, on the very lines it drew."""
    images = torch.randn(64, 2, generator=runtime.generator(8))
    seen = {}

    def model(x, t):
        seen.update(x=x, t=t)
        return torch.zeros_like(x)

    found = flowing.loss(model, images, runtime.generator(9))
    t = seen["t"][:, None]
    noise = (seen["x"] - t * images) / (1 - t)
    away = (1 - t).clamp(min=0.1) / (1 - t)
    difference = flowing.velocity(torch.zeros_like(images), seen["x"], seen["t"]) - (images - noise)
    assert float(found) == pytest.approx(float((difference / away).square().mean()), rel=1e-3)


def test_times_by_their_quantiles():
    middle = flowing.draw_times(200_000, runtime.generator(10))
    for share in (0.1, 0.5, 0.9):
        normal = math.sqrt(2) * float(torch.erfinv(torch.tensor(2 * share - 1)))
        expected = 1 / (1 + math.exp(-(1.2 * normal - 0.4)))
        assert float(middle.quantile(share)) == pytest.approx(expected, abs=0.005)
    even = flowing.draw_times(200_000, runtime.generator(11), "uniform")
    assert float(even.mean()) == pytest.approx(0.5, abs=0.005) and float(even.std()) == pytest.approx(
        12**-0.5, abs=0.005
    )


def test_a_small_network_learns_the_exact_guess_of_two_points():
    target = TWO[torch.arange(256) % 2]
    with runtime.seeded(0):
        model = flow.PointDenoiser(1)
    trained = flowing.train(target, num_steps=1_500, seed=0, model=model, rate=1e-2, batch_size=256)
    x = torch.linspace(-1.5, 1.5, 31)[:, None]
    for t in (0.3, 0.6):
        learnt = trained(x, torch.full((31,), t))
        assert float((learnt - flowing.exact_guess(x, t, TWO)).abs().mean()) < 0.08
    ends = flowing.sample(trained, torch.randn(500, 1, generator=runtime.generator(1)), steps=16)
    assert float((ends.abs() - 1).abs().mean()) < 0.1


def test_a_run_on_images_repeats_and_is_finished():
    images = 2 * torch.rand(70, 1, 16, 16, generator=runtime.generator(12)) - 1
    first, again = (flowing.train(images, num_steps=3, seed=4, width=4) for _ in range(2))
    other = flowing.train(images, num_steps=3, seed=5, width=4)
    assert not first.training and not any(weight.requires_grad for weight in first.parameters())
    for a, b in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(first.time[0].weight, other.time[0].weight)
    drawn = flowing.draw(first, 5, steps=2, seed=3, batch_size=2)
    assert drawn.shape == (5, 1, 16, 16) and float(drawn.abs().max()) <= 1
    assert torch.allclose(drawn, flowing.draw(first, 5, steps=2, seed=3, batch_size=5), atol=1e-5)
    noise = torch.randn(5, 1, 16, 16, generator=runtime.generator(3))
    assert torch.allclose(drawn, flowing.sample(first, noise, steps=2), atol=1e-5)


def test_the_rate_rises_and_falls(monkeypatch):
    seen, adam = [], torch.optim.Adam

    class Noted(adam):
        def step(self, *given):
            seen.append(self.param_groups[0]["lr"])
            return super().step(*given)

    monkeypatch.setattr(torch.optim, "Adam", Noted)
    with runtime.seeded(0):
        model = flow.PointDenoiser(1, hidden=4)
    flowing.train(TWO, num_steps=400, seed=0, model=model, rate=0.01, batch_size=2)
    assert seen[0] == pytest.approx(1e-4) and seen[49] == pytest.approx(5e-3, rel=0.05)
    assert seen[200] == pytest.approx(0.01 * 0.525) and seen[-1] == pytest.approx(5e-4, rel=0.01)


# ---------------------------------------------------------------- refused


@pytest.mark.parametrize(
    "call, match",
    [
        (lambda: flowing.between(TWO, torch.zeros(3, 1), torch.zeros(2)), "noise must have the shape of images"),
        (lambda: flowing.between(TWO, TWO, torch.zeros(3)), "one time for each point"),
        (lambda: flowing.between(TWO, TWO, 0.5), "got float"),
        (lambda: flowing.velocity(TWO, TWO, torch.tensor([0.0, 1.0])), "t must be below 1"),
        (lambda: flowing.velocity(TWO, torch.zeros(1, 1), torch.zeros(1)), "guess must have the shape of x"),
        (lambda: flowing.sample(lambda x, t: x, TWO, steps=0), "steps must be"),
        (lambda: flowing.sample(lambda x, t: x, TWO, method="rk4"), "method must be one of euler, heun"),
        (lambda: flowing.calls(2, "rk4"), "method must be one of"),
        (lambda: flowing.loss(lambda x, t: x, TWO, runtime.generator(0), weight="noise"), "weight must be one of"),
        (lambda: flowing.draw_times(3, runtime.generator(0), "late"), "times must be one of"),
        (lambda: flowing.train(TWO, num_steps=0, seed=0, model=flow.PointDenoiser(1)), "num_steps"),
        (lambda: flowing.train(TWO, num_steps=1, seed=0, model=flow.PointDenoiser(1), rate=-1.0), "rate"),
        (lambda: flowing.draw(flow.Denoiser(16), 0, seed=0), "n must be"),
    ],
)
def test_what_is_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()
