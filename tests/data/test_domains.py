"""Known maps do what they say to every pixel, and are undone where they say so."""

import math

import pytest
import torch

from gancourse import runtime
from gancourse.data import domains
from gancourse.data.digits import Digits


def images(count=6, side=16, seed=0):
    return 2 * torch.rand(count, 1, side, side, generator=runtime.generator(seed)) - 1


def digits(train=21, test=8, side=16):
    """Images of one grey each, so that every image says which it is."""
    greys = torch.linspace(-1, 1, train + test).view(-1, 1, 1, 1).expand(-1, 1, side, side)
    labels = torch.arange(train + test) % 10
    return Digits(greys[:train], labels[:train], greys[train:], labels[train:], "embedded", "greys")


# ---------------------------------------------------------------- digits to digits


def test_outlines_are_one_minus_the_range_of_the_neighbours():
    x = images(2, 6)
    made = domains.outlines(x)
    for n in range(2):
        for row in range(6):
            for column in range(6):
                near = x[n, 0, max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
                assert float(made[n, 0, row, column]) == pytest.approx(1 - float(near.max() - near.min()), abs=1e-6)
    assert torch.equal(made, domains.outlines(-x))  # which side has the ink is lost
    assert torch.equal(domains.outlines(torch.full_like(x, 0.3)), torch.ones_like(x))


def test_inverting_undoes_itself():
    x = images()
    assert torch.equal(domains.inverted(x), -x) and torch.equal(domains.inverted(domains.inverted(x)), x)


def test_a_slant_moves_the_top_to_the_right_and_is_undone_to_the_bit():
    line = torch.full((1, 1, 28, 28), -1.0)
    line[:, :, :, 14] = 1
    leaning = domains.slanted(line, 0.5)
    place = leaning[0, 0].argmax(dim=1)
    assert place[0] == 14 + 7 and place[27] == 14 - 7 and place[13] == 14 and place[14] == 14
    for lean in (0.5, -0.37, 1.0):
        assert torch.equal(domains.slanted(domains.slanted(images(), lean), -lean), images())
    assert torch.equal(domains.slanted(line, -0.5), leaning.flip(3).roll(1, 3))
    with pytest.raises(ValueError, match="lean must be a finite number, from -1.0 to 1.0, got 2"):
        domains.slanted(line, 2)


# ---------------------------------------------------------------- shifts


@pytest.mark.parametrize("side, pixels", [(28, [-4, -2, 0, 2, 4]), (16, [-2, -1, 0, 1, 2])])
def test_there_are_five_shifts_and_their_exact_answers(side, pixels):
    x = images(3, side)
    ways = domains.shift_images(x)
    assert ways.shape == (5, 3, 1, side, side)
    for way, by in zip(ways, pixels, strict=True):
        for column in (5, 9):
            assert torch.equal(way[..., column + by], x[..., column])
    assert torch.allclose(domains.shift_mean(x), sum(ways) / 5)
    middle = ways.sort(dim=0).values[2]
    assert torch.equal(domains.shift_median(x), middle)


def test_the_median_keeps_what_is_wide_and_loses_what_is_thin():
    x = torch.full((2, 1, 28, 28), -1.0)
    x[0, :, 10:12, 4:24] = 1  # a level bar, 20 wide
    x[1, :, 4:24, 13:15] = 1  # an upright one, 2 wide
    made = domains.shift_median(x)
    assert torch.equal(made[0], x[0])  # at its end three of the five shifts still reach
    assert (made[1] == -1).all()


def test_shifts_are_drawn_with_equal_odds_and_nothing_of_the_answer_is_known():
    x = images(2_000, 16)
    damaged = domains.shifted(x, generator=runtime.generator(3))
    assert damaged.seen is x and not damaged.mask.any() and damaged.given.shape == (2_000, 2, 16, 16)
    ways = domains.shift_images(x)
    which = torch.stack([(way == damaged.truth).flatten(1).all(1) for way in ways])
    assert (which.sum(0) == 1).all()
    counts = which.sum(1)
    assert (counts - 400).abs().max() < 4 * math.sqrt(2_000 * 0.2 * 0.8)
    again = domains.shifted(x, generator=runtime.generator(3))
    assert torch.equal(again.truth, damaged.truth)
    with pytest.raises(TypeError, match=r"generator must be a torch.Generator, got int"):
        domains.shifted(x, generator=0)


# ---------------------------------------------------------------- paper


def test_ink_is_black_and_paper_has_its_colour():
    x = torch.tensor([1.0, -1.0, 0.0]).view(3, 1, 1, 1).expand(-1, 1, 4, 4)
    made = domains.coloured(x, torch.tensor([0, 1, 3]))
    assert made.shape == (3, 3, 4, 4) and made.abs().max() <= 1
    pixel = made[:, :, 0, 0]
    assert torch.allclose(pixel[0], torch.full((3,), -1.0))  # ink, whatever the paper
    assert torch.allclose(pixel[1], torch.tensor([-1.0, 1.0, -1.0]))  # green paper
    assert torch.allclose(pixel[2], torch.full((3,), 0.75 - 1))  # half ink on grey
    assert torch.allclose(domains.on_grey(x), domains.coloured(x, 3)[:, 1:2]) and domains.on_grey(x).shape == x.shape


def test_what_is_written_can_be_read_off_for_whoever_knows_the_paper():
    x, papers = images(8), torch.arange(8) % 4
    assert torch.allclose(domains.read_off(domains.coloured(x, papers), papers), x, atol=1e-5)
    wrong = domains.read_off(domains.coloured(x, 0), 1)  # on red paper there is no green light
    assert torch.allclose(wrong, torch.ones_like(x), atol=1e-5)
    # the nearest digit in squares, by a search over all greys
    pixel = 2 * torch.rand(1, 3, 1, 1, generator=runtime.generator(4)) - 1
    greys = torch.linspace(-1, 1, 2_001).view(-1, 1, 1, 1)
    apart = (domains.coloured(greys, 3) - pixel).square().sum(1)
    assert float(domains.read_off(pixel, 3)) == pytest.approx(float(greys[apart.argmin()]), abs=2e-3)


@pytest.mark.parametrize(
    "papers, words",
    [
        (4, "papers must be int64 of shape .N,., or one number from 0 to 3, got 4"),
        (torch.tensor([0, 1]), r"papers must be int64 of shape \(6,\), got torch.int64 of shape \(2,\)"),
        (torch.tensor([0, 1, 2, 3, 4, 0]), "papers must be from 0 to 3, got 0 to 4"),
        (torch.zeros(6), "papers must be int64"),
        (True, "papers must be int64"),
    ],
)
def test_papers_that_do_not_exist_are_refused(papers, words):
    with pytest.raises(ValueError, match=words):
        domains.coloured(images(), papers)


# ---------------------------------------------------------------- halves


def test_the_halves_never_met_and_the_test_images_are_seen_both_ways():
    data = domains.unpaired(digits(), domains.inverted, generator=runtime.generator(1), n_test=5)
    a, b = data.a[:, 0, 0, 0], -data.b[:, 0, 0, 0]
    assert len(a) == len(b) == 10 and not torch.isin(a, b).any()
    assert len(data.test_a) == 5 and torch.equal(data.test_b, -data.test_a) and data.papers is None
    known = digits()
    for image, label in zip(data.test_a, data.labels, strict=True):
        place = (known.test_images[:, 0, 0, 0] == image[0, 0, 0]).nonzero().item()
        assert known.test_labels[place] == label
    other = domains.unpaired(digits(), domains.inverted, generator=runtime.generator(2), n_test=99)
    assert len(other.test_a) == 8 and not torch.equal(other.a, data.a)


def test_coloured_and_grey_halves():
    data = domains.papers_and_grey(digits(401, 300), generator=runtime.generator(1), n_test=300)
    assert data.a.shape == (200, 3, 16, 16) and data.b.shape == (200, 1, 16, 16)
    plain = domains.read_off(data.test_a, data.papers)
    assert torch.allclose(domains.on_grey(plain), data.test_b, atol=1e-5)
    assert (torch.bincount(data.papers, minlength=4) - 100).abs()[:3].max() < 35 and int(data.papers.max()) == 2


def test_two_papers_are_red_and_green():
    data = domains.papers_and_grey(digits(401, 300), generator=runtime.generator(1), n_test=300, papers=2)
    assert data.papers.unique().tolist() == [0, 1]
    assert abs(int(data.papers.sum()) - 150) < 35
    assert torch.allclose(data.a[:, 2], torch.full_like(data.a[:, 2], -1))  # no blue light from either
    with pytest.raises(ValueError, match="papers must be a whole number from 2 to 3, got 4"):
        domains.papers_and_grey(digits(), generator=runtime.generator(1), papers=4)


def test_other_digits_and_numbers_are_refused():
    random = runtime.generator(0)
    with pytest.raises(TypeError, match=r"digits must come from data.digits.load, got Tensor"):
        domains.unpaired(images(), domains.outlines, generator=random)
    with pytest.raises(TypeError, match=r"generator must be a torch.Generator, got NoneType"):
        domains.papers_and_grey(digits(), generator=None)
    with pytest.raises(ValueError, match="n_test must be a whole number from 1 on, got 0"):
        domains.unpaired(digits(), domains.outlines, generator=random, n_test=0)
    for function in (domains.outlines, domains.slanted, domains.inverted, domains.shift_images, domains.on_grey):
        with pytest.raises(ValueError, match=r"images must lie in \[-1, 1\]"):
            function(3 * images())
