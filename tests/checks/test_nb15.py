"""The checkers of notebook 15 accept what is right and say which mistake was made."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.distributions import Normal, kl_divergence

from gancourse.checks import nb15
from verdicts import accepts, rejects, verdict

FUNCTIONS = [nb15.draw_code, nb15.kl_to_normal, nb15.nearer, nb15.quantise, nb15.pair_losses]


@pytest.mark.parametrize("checker", FUNCTIONS)
def test_stubs_and_nonsense(capsys, checker):
    assert "not attempted" in verdict(capsys, checker, ...)
    assert "not attempted" in verdict(capsys, checker, lambda *_: ...)
    rejects(capsys, checker, lambda *_: None, fragment="returned None")
    rejects(capsys, checker, lambda *_: 1 / 0, fragment="ZeroDivisionError")
    rejects(capsys, checker, lambda *_: "codes", fragment="expected")
    rejects(capsys, checker, 3, fragment="a function was expected")


# ---------------------------------------------------------------- a code with noise


def test_a_drawn_code_is_accepted_in_every_spelling(capsys):
    accepts(capsys, nb15.draw_code, lambda m, v, e: m + torch.exp(v / 2) * e, fragment="comes from outside")
    accepts(capsys, nb15.draw_code, lambda mean, log_variance, noise: noise * log_variance.exp().sqrt() + mean)
    accepts(capsys, nb15.draw_code, lambda m, v, e: torch.addcmul(m, (0.5 * v).exp(), e))
    accepts(capsys, nb15.draw_code, lambda m, v, e: m - (v / 2).exp() * e)  # the same distribution


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda m, v, e: m + v.exp() * e, "by the *variance*"),
        (lambda m, v, e: m + v * e, "is a logarithm"),
        (lambda m, v, e: m + v / 2 * e, "the *logarithm* of the standard deviation"),
        (lambda m, v, e: m + (-v / 2).exp() * e, "the sign in the exponent"),
        (lambda m, v, e: m + (v / 2).exp() ** 4 * e, "doubled where it has to be halved"),
        (lambda m, v, e: m + v.abs().sqrt() * e, "root is taken of the *logarithm*"),
        (lambda m, v, e: m, "that is an autoencoder"),
        (lambda m, v, e: m + e, "log_variance is not used"),
        (lambda m, v, e: (v / 2).exp() * e, "the mean is missing"),
        (lambda m, v, e: m + (v / 2).exp(), "without noise"),
        (lambda m, v, e: m * (v / 2).exp() * e, "has to be *added*"),
        (lambda m, v, e: (m + e) * (v / 2).exp(), "only the noise has to be"),
        (lambda m, v, e: m + e / (v / 2).exp(), "the sign in the exponent"),
        (lambda m, v, e: m + (v / 2).exp() * torch.randn_like(m), "noise of your own"),
        (lambda m, v, e: torch.normal(m, (v / 2).exp()), "noise of your own"),
        (lambda m, v, e: m.detach() + (v / 2).exp() * e, "no gradient comes back to mean"),
        (lambda m, v, e: m + (v / 2).exp().detach() * e, "no gradient comes back to log_variance"),
        (lambda m, v, e: (m + (v / 2).exp() * e).detach(), "cut off from the graph"),
        (lambda m, v, e: m + (v.mean(1, keepdim=True) / 2).exp() * e, "a deviation of its own"),
        (lambda m, v, e: (m + (v / 2).exp() * e).sum(1), "shape"),
        (lambda m, v, e: 2 * (m + (v / 2).exp() * e), "2 times what it should be"),
        (lambda m, v, e: m + 0.5 * v.exp() * e, "the variance is halved"),
        (lambda m, v, e: e + (v / 2).exp() * m, "the other way round"),
        (lambda m, v, e: m + 2 ** (v / 2) * e, "and not 2"),
        (lambda m, v, e: m + 10 ** (v / 2) * e, "and not 10"),
        (lambda m, v, e: m + (v / 2).exp().mean(0) * e, "over the batch"),
        (lambda m, v, e: m + v.sqrt() * e, "NaN"),
    ],
)
def test_a_drawn_code_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb15.draw_code, function, fragment=fragment)


# ---------------------------------------------------------------- what a code costs


def by_torch(m, v):
    return kl_divergence(Normal(m, (v / 2).exp()), Normal(torch.zeros_like(m), torch.ones_like(m))).sum(1)


def terms(m, v):
    return (m**2 + v.exp() - 1 - v) / 2


def test_the_cost_is_that_of_torch_and_of_quadrature():
    random = torch.Generator().manual_seed(1)
    m, v = torch.randn(2, 5, 3, generator=random).double()
    assert torch.allclose(nb15._costs(m, v).sum(1), by_torch(m, v))
    x = torch.linspace(-12, 12, 20_001).double()
    q, p = Normal(m[0, 0], (v[0, 0] / 2).exp()), Normal(torch.zeros(()).double(), 1.0)
    integral = torch.trapezoid(q.log_prob(x).exp() * (q.log_prob(x) - p.log_prob(x)), x)
    assert float(nb15._costs(m, v)[0, 0]) == pytest.approx(float(integral), abs=1e-6)


def test_the_cost_is_accepted_in_every_spelling(capsys):
    accepts(capsys, nb15.kl_to_normal, lambda m, v: terms(m, v).sum(1), fragment="add up")
    accepts(capsys, nb15.kl_to_normal, by_torch)

    def of_the_paper(mean, log_variance):
        return -0.5 * (1 + log_variance - mean.pow(2) - log_variance.exp()).sum(-1)

    accepts(capsys, nb15.kl_to_normal, of_the_paper)


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda m, v: -terms(m, v).sum(1), "the sign is turned round"),
        (lambda m, v: (m**2 + v.exp() - 1 - v).sum(1), "the factor ½ is missing"),
        (lambda m, v: terms(m, v).mean(1), "you average over the numbers"),
        (lambda m, v: terms(m, v).sum(0), "axis 1"),
        (lambda m, v: terms(m, v), "one number for each code"),
        (lambda m, v: terms(m, v).sum(), "over the whole batch"),
        (lambda m, v: terms(m, v).mean(), "average over everything"),
        (lambda m, v: terms(m, v).sum(1).mean(), "average over the batch"),
        (lambda m, v: terms(m, v).sum(1) / math.log(2), "in bits"),
        (lambda m, v: (m**2 + v.exp() - v).sum(1) / 2, "the −1 is missing"),
        (lambda m, v: (m**2 + v.exp() - 1 + v).sum(1) / 2, "the sign of the log variance"),
        (lambda m, v: (m**2 + v.exp() + 1 - v).sum(1) / 2, "the sign of the 1"),
        (lambda m, v: (m**2 + (v / 2).exp() - 1 - v).sum(1) / 2, "is σ"),
        (lambda m, v: (m**2 + (2 * v).exp() - 1 - 2 * v).sum(1) / 2, "take it for that of σ"),
        (lambda m, v: (m**2 + (2 * v).exp() - 1 - v).sum(1) / 2, "not of σ"),
        (lambda m, v: (m**2 + v.exp() - 1 - v / 2).sum(1) / 2, "which is half of it"),
        (lambda m, v: (m + v.exp() - 1 - v).sum(1) / 2, "not squared"),
        (lambda m, v: (v.exp() - 1 - v).sum(1) / 2, "the mean is missing"),
        (lambda m, v: (m**2).sum(1) / 2, "the variance is missing"),
        (lambda m, v: (v + (1 + m**2) / v.exp() - 1).sum(1) / 2, "the other way round"),
        (lambda m, v: (m**2).sum(1) / 2 + (v.exp() - 1 - v).sum(1), "belongs to all terms"),
        (lambda m, v: terms(m.detach(), v).sum(1), "no gradient comes back to mean"),
        (lambda m, v: terms(m, v).sum(1).detach(), "cut off from the graph"),
        (lambda m, v: terms(m, v.detach()).sum(1), "no gradient comes back to log_variance"),
        (lambda m, v: (m**2 - 1 - v).sum(1) / 2, "the variance itself is missing"),
        (lambda m, v: (m**2 + v.exp() - 1).sum(1) / 2, "the logarithm is missing"),
        (lambda m, v: ((m**2 + v.exp() - v).sum(1) - 1) / 2, "once for each code"),
        (lambda m, v: (m**2 + v.exp() - 1 - v / 2).sum(1), "not to the last one alone"),
        (lambda m, v: (m**2 + (-v).exp() - 1 - v).sum(1) / 2, "the sign in the exponent"),
        (lambda m, v: (m**2 + (-v).exp() - 1 + v).sum(1) / 2, "turned round everywhere"),
        (lambda m, v: (m**2 + v**2 - 1 - v).sum(1) / 2, "log_variance is squared"),
        (lambda m, v: terms(m, v).sum(1) / len(m), "by the size of the batch"),
        (lambda m, v: (m.norm(dim=1) + v.exp().sum(1) - m.shape[1] - v.sum(1)) / 2, "the length of the mean"),
        (lambda m, v: terms(m, v).sum(1) + 1, "too large by 1"),
    ],
)
def test_the_cost_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb15.kl_to_normal, function, fragment=fragment)


# ---------------------------------------------------------------- one step towards a picture


def slope(G, image, z, how=lambda off: (off**2).sum()):
    z = z.detach().requires_grad_()
    (found,) = torch.autograd.grad(how(G(z) - image), z)
    return found


def with_an_optimiser(G, image, z, rate):
    z = z.clone().requires_grad_()
    optimiser = torch.optim.SGD([z], lr=rate)
    ((G(z) - image) ** 2).sum().backward()
    optimiser.step()
    return z.detach()


def trains_the_generator(G, image, z, rate):
    new = z - rate * slope(G, image, z)
    with torch.no_grad():
        for weights in G.parameters():
            weights -= 0.01
    return new


def two_steps(G, image, z, rate):
    for _ in range(2):
        z = z - rate * slope(G, image, z)
    return z


def keeps_the_graph(G, image, z, rate):
    z = z.clone().requires_grad_()
    (found,) = torch.autograd.grad(((G(z) - image) ** 2).sum(), z)
    return z - rate * found


def in_place(G, image, z, rate):
    z -= rate * slope(G, image, z)
    return z


def test_the_step_is_the_slope_taken_from_differences():
    random = torch.Generator().manual_seed(2)
    G = nb15._Painter(random).double()
    image, z = torch.rand(1, 1, 2, 3, generator=random).double(), torch.randn(1, 2, generator=random).double()
    wanted = nb15._moved(nb15._sum_of_squares)(G, image, z, 0.1)
    for axis in range(2):
        up, down = z.clone(), z.clone()
        up[0, axis] += 1e-4
        down[0, axis] -= 1e-4
        with torch.no_grad():
            rise = ((G(up) - image) ** 2).sum() - ((G(down) - image) ** 2).sum()
        assert float(wanted[0, axis]) == pytest.approx(float(z[0, axis] - 0.1 * rise / 2e-4), abs=1e-5)


def test_the_step_is_accepted_in_every_spelling(capsys):
    accepts(capsys, nb15.nearer, lambda G, image, z, rate: z - rate * slope(G, image, z), fragment="One step")
    accepts(capsys, nb15.nearer, with_an_optimiser)


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda G, x, z, r: z + r * slope(G, x, z), "you climb"),
        (lambda G, x, z, r: z - r * slope(G, x, z, lambda o: (o**2).mean()), "averaged over the whole batch"),
        (lambda G, x, z, r: z - r * slope(G, x, z, lambda o: (o**2).mean((1, 2, 3)).sum()), "averaged over the pixels"),
        (lambda G, x, z, r: z - r * slope(G, x, z, lambda o: (o**2).sum((1, 2, 3)).mean()), "averaged over the batch"),
        (lambda G, x, z, r: z - r * slope(G, x, z, lambda o: (o**2).sum() / 2), "half of the step"),
        (lambda G, x, z, r: z - r * slope(G, x, z, lambda o: o.abs().sum()), "absolute differences"),
        (lambda G, x, z, r: z - r * slope(G, x, z, lambda o: o.sum()), "not squared"),
        (lambda G, x, z, r: z - r * slope(G, x, z, lambda o: o.norm()), "the root of the sum"),
        (lambda G, x, z, r: z, "as it was"),
        (lambda G, x, z, r: slope(G, x, z), "this is the slope"),
        (lambda G, x, z, r: -r * slope(G, x, z), "the step alone"),
        (lambda G, x, z, r: z - slope(G, x, z), "the rate is missing"),
        (lambda G, x, z, r: z - r * slope(G, x, z).sign(), "by the sign of the slope"),
        (lambda G, x, z, r: z - r * F.normalize(slope(G, x, z)), "to length 1"),
        (lambda G, x, z, r: z - 2 * r * slope(G, x, z), "twice as far"),
        (lambda G, x, z, r: z - r * slope(G, x, z).mean(0), "averaged step"),
        (lambda G, x, z, r: z - slope(G, x, z) / r, "divided by the rate"),
        (lambda G, x, z, r: z - r * ((G(z) - x) ** 2).sum(), "Its *slope* by z"),
        (two_steps, "these are two steps"),
        (trains_the_generator, "the weights of G change"),
        (keeps_the_graph, "Detach what you return"),
        (in_place, "changes z"),
        (lambda G, x, z, r: G(z), "shape"),
        (lambda G, x, z, r: z - torch.autograd.grad(((G(z) - x) ** 2).sum(), z)[0], "requires_grad_"),
    ],
)
def test_the_step_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb15.nearer, function, fragment=fragment)


# ---------------------------------------------------------------- the nearest word


def near(rows, book, p=2.0):
    return book[torch.cdist(rows, book, p=p).argmin(1)]


def through(rows, words):
    return rows + (words - rows).detach()


def number_by_number(rows, book):
    parts = [book[(row[:, None] - book[:, k]).abs().argmin(1), k] for k, row in enumerate(rows.T)]
    return through(rows, torch.stack(parts, 1))


def by_loop(rows, book):
    words = torch.stack([min(book, key=lambda word, row=row: ((word - row) ** 2).sum().item()) for row in rows])
    return rows - (rows - words).detach()


def test_the_nearest_word_is_accepted_in_every_spelling(capsys):
    accepts(capsys, nb15.quantise, lambda rows, book: through(rows, near(rows, book)), fragment="backwards the row")
    accepts(capsys, nb15.quantise, lambda r, b: near(r, b).detach() + r - r.detach())
    accepts(capsys, nb15.quantise, by_loop)
    accepts(capsys, nb15.quantise, lambda r, b: through(r, b[((r[:, None] - b) ** 2).sum(2).argmin(1)]))
    accepts(capsys, nb15.quantise, lambda r, b: through(r, b[((b**2).sum(1) - 2 * r @ b.T).argmin(1)]))


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (near, "no gradient comes back to rows"),
        (lambda r, b: near(r, b).detach(), "cut off from the graph"),
        (lambda r, b: r + near(r, b) - r.detach(), "the book gets one as well"),
        (lambda r, b: 2 * r - r.detach() + (near(r, b) - r).detach(), "about 2 times"),
        (lambda r, b: near(r, b).detach() - r + r.detach(), "about -1 times"),
        (lambda r, b: through(r, b[torch.cdist(r, b).argmax(1)]), "*farthest*"),
        (lambda r, b: through(r, b[(r @ b.T).argmax(1)]), "largest dot product"),
        (lambda r, b: through(r, b[F.cosine_similarity(r[:, None], b, dim=2).argmax(1)]), "*direction*"),
        (lambda r, b: through(r, b[(r[:, None] - b).sum(2).argmin(1)]), "with their signs"),
        (lambda r, b: through(r, b[(r[:, None] - b).sum(2).abs().argmin(1)]), "cancel"),
        (lambda r, b: through(r, near(r, b, p=1.0)), "absolute differences"),
        (lambda r, b: r, "nothing was looked up"),
        (lambda r, b: b[torch.cdist(r, b).argmin(0)], "the other axis"),
        (lambda r, b: torch.cdist(r, b).argmin(1), "the *places*"),
        (lambda r, b: torch.cdist(r, b).amin(1), "the distances"),
        (lambda r, b: (-torch.cdist(r, b)).softmax(1) @ b, "softly"),
        (lambda r, b: near(r, b) - r, "the way from the row"),
        (lambda r, b: through(r, b[torch.cdist(r, b).sum(0).argmin()].expand_as(r)), "all rows get one word"),
        (lambda r, b: through(r, b[0].expand_as(r)), "the first word"),
        (lambda r, b: through(r, r.round()), "the book is not used"),
        (lambda r, b: through(r, near(F.normalize(r), F.normalize(b))), "to length 1"),
        (number_by_number, "looked up by itself"),
        (lambda r, b: r + near(r, b), "are added"),
    ],
)
def test_the_nearest_word_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb15.quantise, function, fragment=fragment)


# ---------------------------------------------------------------- losses of pairs


def up(s):
    return F.softplus(-s).mean()


def down(s):
    return F.softplus(s).mean()


def test_the_losses_of_pairs_are_accepted(capsys):
    accepts(capsys, nb15.pair_losses, lambda r, f: (up(r) + down(f), down(r) + up(f)), fragment="two kinds of pairs")
    bce = F.binary_cross_entropy_with_logits

    def by_labels(real_logits, fake_logits):
        ones, zeros = torch.ones_like(real_logits), torch.zeros_like(real_logits)
        return (
            bce(real_logits, ones) + bce(fake_logits, zeros),
            bce(real_logits, zeros) + bce(fake_logits, ones),
        )

    accepts(capsys, nb15.pair_losses, by_labels)

    def by_logarithms(r, f):
        return [-F.logsigmoid(a).mean() - F.logsigmoid(b).mean() for a, b in ((r, -f), (-r, f))]

    accepts(capsys, nb15.pair_losses, by_logarithms)


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda r, f: (up(r) + down(f), up(f)), "the pairs of the encoder are missing"),
        (lambda r, f: (up(r) + down(f), down(r)), "G's pairs are missing"),
        (lambda r, f: (up(r) + down(f), up(r) + down(f)), "D's own loss"),
        (lambda r, f: (up(r) + down(f), -(up(r) + down(f))), "minus D's loss"),
        (lambda r, f: (up(r) + down(f), up(r) + up(f)), "E gets the label"),
        (lambda r, f: (up(r) + down(f), down(r) + down(f)), "G gets the label"),
        (lambda r, f: (up(r) + down(f), (down(r) + up(f)) / 2), "not averaged"),
        (lambda r, f: (up(r) + down(f), len(r) * (down(r) + up(f))), "take the mean"),
        (lambda r, f: (up(r) + down(f), up(f) - up(r)), "E's term is minus D's"),
        (lambda r, f: (down(r) + up(f), up(r) + down(f)), "D's loss: real and fake have changed places"),
        (lambda r, f: (up(r), down(r) + up(f)), "D's loss: the fake term is missing"),
        (lambda r, f: (up(r) + down(f), (down(r) + up(f)).detach()), "cut off from the graph"),
        (lambda r, f: (up(r) + down(f), down(r.detach()) + up(f)), "no gradient comes back to real_logits"),
        (lambda r, f: (up(r) + down(f), (r**2).mean() + ((f - 1) ** 2).mean()), "least-squares"),
        (lambda r, f: (up(r) + down(f), -(down(r) + up(f))), "easier to tell apart"),
        (lambda r, f: up(r) + down(f), "two losses"),
        (lambda r, f: (F.softplus(-r) + F.softplus(f), down(r) + up(f)), "is a mean missing?"),
    ],
)
def test_the_losses_of_pairs_name_the_mistake(capsys, function, fragment):
    rejects(capsys, nb15.pair_losses, function, fragment=fragment)
