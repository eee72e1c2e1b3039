"""data.classes: formulas against integrals and draws, and where AC-GAN rests against closed forms."""

import math

import pytest
import torch
from scipy import integrate, stats

from gancourse import runtime
from gancourse.data import classes

TWO, UNEVEN = classes.on_a_line((-1.0, 1.0)), classes.on_a_line([-1.0, 0.0, 2.0])
FOLDED = math.sqrt(2 / math.pi) * math.exp(-0.5) + math.erf(math.sqrt(0.5))  # E |X| for X ~ N(1, 1)


def test_densities_and_chances_are_those_of_bayes():
    x = torch.tensor([-3.0, -0.2, 0.9, 50.0])
    expected = [stats.norm(mean).pdf(x.double().numpy()) for mean in (-1, 0, 2)]
    assert UNEVEN.densities(x).flatten().tolist() == pytest.approx([d for e in expected for d in e.tolist()])
    assert UNEVEN.mixture(x)[:3].tolist() == pytest.approx([sum(e[i] for e in expected) / 3 for i in range(3)])
    assert UNEVEN.posterior(x)[:, 1].tolist() == pytest.approx([e[1] / sum(f[1] for f in expected) for e in expected])
    assert UNEVEN.posterior(x)[:, 3].tolist() == pytest.approx([0, 0, 1], abs=1e-12)  # where every density is 0
    assert UNEVEN.posterior(x).sum(0).tolist() == pytest.approx([1] * 4)


def test_samples_come_from_their_class():
    points, labels = UNEVEN.sample(30_000, runtime.generator(0))
    assert (points.shape, points.dtype, labels.dtype) == ((30_000, 1), torch.float32, torch.int64)
    for k, mean in enumerate((-1, 0, 2)):
        own = points[labels == k, 0]
        assert len(own) == pytest.approx(10_000, rel=0.05)
        assert float(own.mean()) == pytest.approx(mean, abs=0.04)
        assert float(own.std()) == pytest.approx(1, abs=0.03)


def test_quantiles_are_those_of_scipy():
    assert UNEVEN.quantiles(4)[2].tolist() == pytest.approx(stats.norm(2).ppf([0.125, 0.375, 0.625, 0.875]).tolist())
    share = [sum(stats.norm(m).cdf(q) for m in (-1, 0, 2)) / 3 for q in UNEVEN.mixture_quantiles(5).tolist()]
    assert share == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9], abs=1e-6)


def test_the_distance_of_a_shifted_class_is_the_shift():
    samples = UNEVEN.quantiles(50).flip(1).clone()
    assert UNEVEN.distances(samples).tolist() == pytest.approx([0, 0, 0], abs=1e-12)
    samples[1] -= 0.3
    assert UNEVEN.distances(samples.expand(2, 3, 50))[1].tolist() == pytest.approx([0, 0.3, 0], abs=1e-12)
    assert float(UNEVEN.distance_of_all(samples)) == pytest.approx(0.1, abs=0.01)


def test_exchanged_labels_change_the_classes_and_not_the_whole():
    samples = TWO.quantiles(400).flip(0)
    assert TWO.distances(samples).tolist() == pytest.approx([2, 2])
    assert float(TWO.distance_of_all(samples)) == pytest.approx(0, abs=0.005)


def test_the_cut_of_two_classes_is_at_0_and_has_the_folded_mean():
    low, high = TWO.cut(4_000)
    assert float(low.max()) < 0 < float(high.min())
    assert float(high.mean()) == pytest.approx(FOLDED, abs=1e-3)
    assert TWO.distances(TWO.cut(4_000)).tolist() == pytest.approx([FOLDED - 1] * 2, abs=1e-3)
    assert round(FOLDED - 1, 4) == 0.1666  # the docstring's number
    assert float(TWO.distance_of_all(TWO.cut(4_000))) == 0


def test_the_cut_of_three_classes_is_by_equal_mass():
    slices = UNEVEN.cut(1_000)
    together = UNEVEN.mixture_quantiles(3_000)
    assert torch.equal(slices.flatten(), together)


def test_at_weight_1_two_classes_rest_where_the_closed_form_says():
    """On x > 0 the density drawn is e^height N(x; 1) / 2 - p(x), with e^height = 2 / Phi(1)."""
    at_1, below_1 = stats.norm.pdf(1), stats.norm.cdf(1)
    mean = 2 * (1 + at_1 / below_1) - FOLDED
    rest = TWO.auxiliary(1.0, 4_000)
    assert rest.mean(1).tolist() == pytest.approx([-mean, mean], abs=2e-3)
    assert TWO.distances(rest).tolist() == pytest.approx([mean - 1] * 2, abs=2e-3)
    assert round(mean - 1, 3) == 0.409  # the docstring's number


@pytest.mark.parametrize("weight", [0.3, 3.0])
def test_at_other_weights_two_classes_agree_with_quadrature(weight):
    density = lambda x: (stats.norm.pdf(x - 1) + stats.norm.pdf(x + 1)) / 2  # noqa: E731
    height = lambda x: (1 / (1 + math.exp(-2 * x))) ** weight  # noqa: E731

    def drawn(scale, power):
        return integrate.quad(lambda x: x**power * density(x) * max(0.0, scale * height(x) - 1), 0, 9, limit=200)[0]

    low, high = 1.0, 40.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if drawn(middle, 0) < 0.5 else (low, middle)
    mean = 2 * drawn(low, 1)
    assert TWO.auxiliary(weight, 4_000).mean(1).tolist() == pytest.approx([-mean, mean], abs=3e-3)


def test_a_small_weight_leads_to_the_cut_and_a_large_one_away_from_it():
    found = [float(UNEVEN.distances(UNEVEN.auxiliary(w, 2_000)).mean()) for w in (0.02, 0.3, 1.0, 3.0)]
    assert found[0] == pytest.approx(float(UNEVEN.distances(UNEVEN.cut(2_000)).mean()), abs=0.02)
    assert found == sorted(found)


def test_at_rest_no_sample_gains_by_moving():
    """Independent of the solver: a histogram of what is drawn gives r, and the sum has one height for each label."""
    rest = UNEVEN.auxiliary(1.0, 200_000)
    edges = torch.linspace(-4, 5, 91, dtype=torch.float64)
    middles = (edges[1:] + edges[:-1]) / 2
    counts = torch.stack([torch.histc(part, 90, -4, 5) for part in rest]) / rest.numel()
    ratio = counts.sum(0) / (UNEVEN.mixture(middles) * 0.1)
    sums = torch.log1p(ratio) - UNEVEN.posterior(middles).log()  # -log D - log C, label by label
    for k in range(3):
        drawn = counts[k] > 0.2 * counts[k].max()
        heights = sums[k][drawn]
        assert float(heights.max() - heights.min()) < 0.02
        assert float(sums[k][middles.abs() < 3.5].min()) > float(heights.median()) - 0.06


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: classes.on_a_line(1.0), TypeError, "means must be a list of numbers, got float"),
        (lambda: classes.on_a_line([1.0]), ValueError, "at least two finite numbers"),
        (lambda: classes.on_a_line([0, math.inf]), ValueError, "at least two finite numbers"),
        (lambda: classes.on_a_line([1, 0]), ValueError, "means must rise, got \\[1, 0\\]"),
        (lambda: TWO.auxiliary(0.0, 5), ValueError, "weight must be a finite number, from 0.02 to 30.0, got 0.0"),
        (lambda: TWO.quantiles(0), ValueError, "n must be a whole number from 1 on, got 0"),
        (
            lambda: TWO.distances(torch.zeros(3, 5)),
            ValueError,
            "samples must have shape \\(..., 2, n\\), got \\(3, 5\\)",
        ),
        (lambda: TWO.distances(torch.zeros(2, 5).long()), TypeError, "samples must be a floating-point tensor"),
        (lambda: TWO.distances(torch.full((2, 1), math.nan)), ValueError, "samples must be finite, got 2 that are not"),
        (lambda: TWO.densities(torch.zeros(2, 1)), ValueError, "x must have shape \\(N,\\), got \\(2, 1\\)"),
        (lambda: TWO.densities([0.0]), TypeError, "x must be a floating-point tensor"),
    ],
)
def test_what_cannot_be_is_refused_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()
