"""Mode counting on point sets whose answer is known by hand."""

import math

import pytest
import torch

from gancourse import runtime
from gancourse.data import toy
from gancourse.metrics import modes

RING = toy.ring()  # 8 modes, radius 1, std 0.05
LINE = toy.mixture([-4.0, 0.0, 4.0], 0.5, weights=[1, 2, 1])


def at(counts, target=RING, offset=0.0):
    """``counts[k]`` points, each ``offset`` standard deviations from mode k along the first axis."""
    shift = torch.zeros(target.dim)
    shift[0] = offset * target.mode_std
    return torch.cat([(centre.float() + shift).expand(n, -1) for centre, n in zip(target.modes, counts, strict=True)])


# ---------------------------------------------------------------- covered and quality


def test_counts_by_hand():
    points = at([100, 50, 20, 19, 0, 0, 0, 611])  # 800 points: fair share 100, so 20 count and 19 do not
    assert modes.covered(points, RING) == 4
    assert modes.quality(points, RING) == 1.0
    assert modes.covered(points, RING, share=0.5) == 3
    assert modes.covered(points, RING, share=0.19) == 5


def test_good_means_within_three_standard_deviations():
    assert modes.quality(at([10] * 8, offset=2.99), RING) == 1.0
    assert modes.quality(at([10] * 8, offset=3.01), RING) == 0.0
    assert modes.covered(at([10] * 8, offset=3.01), RING) == 0
    mixed = torch.cat([at([30] + [0] * 7), torch.zeros(10, 2)])  # the centre of the ring is 20 std from all modes
    assert modes.quality(mixed, RING) == pytest.approx(0.75)


def test_only_good_samples_cover_a_mode():
    near, far = at([19] + [0] * 7), at([981] + [0] * 7, offset=6)
    assert modes.covered(torch.cat([near, far]), RING) == 0


def test_fair_share_follows_the_weights():
    """Of 100 samples the middle mode's fair share is 50, of which 10 are a fifth; the others' 25, so 5."""
    assert modes.covered(at([4, 92, 4], LINE), LINE) == 1
    assert modes.covered(at([5, 90, 5], LINE), LINE) == 3
    assert modes.covered(at([46, 9, 45], LINE), LINE) == 2


def test_modes_of_unequal_width():
    blobs = toy.mixture([[-3.0, 0.0], [3.0, 0.0]], [0.1, 1.0])
    assert blobs.mode_std is None
    points = torch.tensor([[-2.6, 0.0], [3.0, 2.5]])  # 4 and 2.5 standard deviations away
    assert modes.quality(points, blobs) == 0.5
    assert modes.covered(points, blobs) == 1


def test_the_target_itself_reaches_the_ceiling():
    for target, dim in ((RING, 2), (toy.grid(), 2), (LINE, 1)):
        perfect = modes.report(target.sample(20_000, runtime.generator(0)), target)
        assert perfect.covered == perfect.of == len(target.modes)
        assert perfect.quality == pytest.approx(modes.ceiling(dim), abs=0.003)
        assert perfect.reverse_kl < 0.002 and perfect.forward_kl < 0.002
        assert perfect.verdict == "covers all"


def test_ceiling_in_closed_form():
    assert modes.ceiling(2) == pytest.approx(1 - math.exp(-4.5), abs=1e-12)
    assert modes.ceiling(1) == pytest.approx(math.erf(3 / math.sqrt(2)), abs=1e-12)
    assert modes.ceiling(2, reach=1) == pytest.approx(1 - math.exp(-0.5), abs=1e-12)


# ---------------------------------------------------------------- divergences between histograms


def test_histogram_counts_every_sample_once():
    points = torch.cat([at([1, 2, 3, 4, 0, 0, 0, 0]), torch.tensor([[50.0, 0.0]])])  # the stray one: nearest mode 0
    assert torch.allclose(modes.histogram(points, RING) * 11, torch.tensor([2.0, 2, 3, 4, 0, 0, 0, 0]).double())


def test_divergences_by_hand():
    one = at([40] + [0] * 7)
    assert modes.reverse_kl(one, RING) == pytest.approx(math.log(8))
    assert modes.forward_kl(one, RING) == math.inf
    half = at([10] * 4 + [0] * 4)
    assert modes.reverse_kl(half, RING) == pytest.approx(math.log(2))
    uneven = at([1, 1, 2], LINE)  # q = 1/4 1/4 1/2 against p = 1/4 1/2 1/4
    assert modes.reverse_kl(uneven, LINE) == pytest.approx(0.25 * math.log(2))
    uneven = at([2, 1, 1], LINE)
    assert modes.forward_kl(uneven, LINE) == pytest.approx(0.25 * math.log(0.5) + 0.5 * math.log(2))
    assert modes.reverse_kl(uneven, LINE) == pytest.approx(0.5 * math.log(2) + 0.25 * math.log(0.5))
    skewed = at([1, 8, 1], LINE)  # here the two directions differ
    assert modes.reverse_kl(skewed, LINE) == pytest.approx(0.2 * math.log(0.4) + 0.8 * math.log(1.6))
    assert modes.forward_kl(skewed, LINE) == pytest.approx(0.5 * math.log(2.5) + 0.5 * math.log(0.625))


# ---------------------------------------------------------------- verdicts and reports


@pytest.mark.parametrize(
    "covered, of, quality, words",
    [
        (8, 8, 0.9, "covers all"),
        (7, 8, 0.9, "drops modes"),
        (3, 8, 0.99, "drops modes"),
        (2, 8, 0.8, "collapse"),
        (1, 25, 1.0, "collapse"),
        (2, 8, 0.79, "drops modes"),
        (0, 8, 0.9, "no mode at all"),
        (0, 8, 0.0, "no mode at all"),
        (0, 8, math.nan, "diverged"),
        (1, 2, 0.95, "collapse"),
        (2, 2, 0.95, "covers all"),
    ],
)
def test_verdicts(covered, of, quality, words):
    assert modes.verdict(covered, of, quality) == words


def test_verdict_refuses_impossible_numbers():
    with pytest.raises(ValueError, match="covered must lie between 0 and the number of modes, 8, got 9"):
        modes.verdict(9, 8, 0.5)
    with pytest.raises(ValueError, match="quality must lie between 0 and 1, got 1.5"):
        modes.verdict(1, 8, 1.5)


def test_a_report_over_an_ensemble_is_its_members_reports():
    several = torch.stack([at([10] * 8), at([80] + [0] * 7), at([10] * 8, offset=9)])
    together = modes.report(several, RING)
    assert together.covered.tolist() == [8, 1, 0]
    assert together.verdict == ["covers all", "collapse", "no mode at all"]
    assert len(together) == 3
    for k, points in enumerate(several):
        alone = modes.report(points, RING)
        assert str(together[k]) == str(alone)
        assert together[k].reverse_kl == pytest.approx(alone.reverse_kl, nan_ok=True)
        for name in ("covered", "quality", "reverse_kl", "forward_kl"):
            assert getattr(modes, name)(points, RING) == pytest.approx(getattr(alone, name))
            assert getattr(modes, name)(several, RING)[k].item() == pytest.approx(getattr(alone, name))
    assert str(together[1]) == "1 of 8 modes, 100% of the samples within 3 standard deviations of one: collapse"
    assert str(together).splitlines()[2].startswith("2: 0 of 8 modes, 0%")
    with pytest.raises(TypeError, match="cannot be indexed"):
        alone[0]


def test_diverged_members_are_said_to_be():
    several = torch.stack([at([10] * 8), torch.full((80, 2), math.nan)])
    got = modes.report(several, RING, diverged_ok=True)
    assert got.verdict == ["covers all", "diverged"]
    assert got.covered.tolist() == [8, 0]
    assert got.quality.tolist() == [1.0, 0.0]
    assert math.isnan(got.reverse_kl[1]) and math.isnan(got.forward_kl[1])
    assert str(got[1]) == "diverged: the samples are not finite"
    with pytest.raises(ValueError, match="points must be finite, got 160 NaN or infinite"):
        modes.report(several, RING)


# ---------------------------------------------------------------- the literature's rules


def test_literature_counts_a_mode_from_one_good_sample():
    target = modes.PROTOCOLS["ring"].target
    points = at([2493, 1, 1, 1, 1, 1, 1, 1], target)
    assert modes.literature_report(points, "ring").covered == 8
    assert modes.covered(points, target) == 1
    far = at([2499, 1, 0, 0, 0, 0, 0, 0], target, offset=3.5)
    assert modes.literature_report(far, "ring").covered == 0


def test_literature_targets():
    ring, grid = (modes.PROTOCOLS[name].target for name in ("ring", "grid"))
    assert torch.allclose(ring.modes.norm(dim=1), torch.ones(8, dtype=torch.float64))
    assert (ring.mode_std, grid.mode_std, len(grid.modes)) == (0.01, 0.05, 25)
    assert sorted(set(grid.modes[:, 0].tolist())) == [-4, -2, 0, 2, 4]


def test_literature_report_refuses_other_numbers_of_samples():
    with pytest.raises(ValueError, match="points must hold the protocol's 2,500 samples, got 100"):
        modes.literature_report(torch.zeros(100, 2), "grid")
    with pytest.raises(ValueError, match="name must be one of ring, grid, got 'moons'"):
        modes.literature_report(torch.zeros(2500, 2), "moons")


# ---------------------------------------------------------------- refusals

GOOD = torch.zeros(4, 2)


@pytest.mark.parametrize(
    "points, error, words",
    [
        ([[0.0, 0.0]], TypeError, "points must be a tensor"),
        (torch.zeros(4, 2, dtype=torch.int64), TypeError, "points must hold floating-point numbers"),
        (torch.zeros(4, 3), ValueError, r"points must have shape \(N, 2\) or \(K, N, 2\) for ring of 8"),
        (torch.zeros(2), ValueError, "points must have shape"),
        (torch.zeros(0, 2), ValueError, "points is empty"),
        (torch.full((4, 2), math.nan), ValueError, "points must be finite, got 8"),
    ],
)
@pytest.mark.parametrize("name", ["covered", "quality", "histogram", "reverse_kl", "forward_kl", "report"])
def test_bad_points_are_refused(name, points, error, words):
    with pytest.raises(error, match=words):
        getattr(modes, name)(points, RING)


@pytest.mark.parametrize("name", ["covered", "quality", "histogram", "reverse_kl", "forward_kl", "report"])
def test_a_target_without_modes_is_refused(name):
    for target in (toy.two_moons(), toy.uniform([0.0, 0.0], [1.0, 1.0])):
        with pytest.raises(
            ValueError, match="target must be a distribution with modes to count, got .* which has none"
        ):
            getattr(modes, name)(GOOD, target)


@pytest.mark.parametrize("share", [0, -0.1, 1.1, "0.2", True, math.nan])
def test_bad_shares_are_refused(share):
    for function in (modes.covered, modes.report):
        with pytest.raises(ValueError, match="share must be above 0 and at most 1"):
            function(GOOD, RING, share=share)


def test_bad_ceilings_are_refused():
    with pytest.raises(ValueError, match="dim must be a positive whole number"):
        modes.ceiling(0)
    with pytest.raises(ValueError, match="reach must be a positive finite number"):
        modes.ceiling(2, reach=0)


def test_fewer_samples_than_modes_get_no_verdict():
    ring = toy.ring()
    assert modes.report(ring.modes[:1].float(), ring).verdict == "too few samples"
    assert modes.report(ring.modes[:7].float().repeat(2, 1, 1), ring).verdict == ["too few samples"] * 2
    assert modes.report(ring.modes.float(), ring).verdict == "covers all"
