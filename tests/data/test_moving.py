"""Lanes have the exact answers that they promise, and crossing digits pass through each other."""

import pytest
import torch

from gancourse import runtime
from gancourse.data import moving


def digits(count=40, side=28):
    """Bright blobs, brighter at the left and at the top, so that a flip would be seen."""
    at = torch.linspace(1, 0.2, side)
    whole = -torch.ones(count, 1, side, side)
    inner = slice(side // 7 + 1, side - side // 7 - 1)
    bright = torch.outer(at, at.sqrt())[inner, inner]
    strength = torch.rand(count, 1, 1, 1, generator=runtime.generator(0)) / 2 + 0.5
    whole[:, :, inner, inner] = 2 * strength * bright - 1
    return whole


@pytest.mark.parametrize("side", [28, 16, 32])
def test_the_exact_answers_of_lanes(side):
    images = digits(side=side)
    ways = moving.lane_images(images)
    assert ways.shape == (3, 40, 1, side, side)
    ink = (ways + 1).sum(dim=(2, 3, 4))
    assert torch.allclose(ink[0], ink[1]) and torch.allclose(ink[0], ink[2])
    assert float(((ways[0] > -1) & (ways[1] > -1)).sum()) == 0  # no overlap
    assert float(((ways[1] > -1) & (ways[2] > -1)).sum()) == 0
    assert torch.equal(moving.lane_median(images), -torch.ones_like(images))  # the digit vanishes
    mean = moving.lane_mean(images)
    assert torch.allclose((mean + 1).sum(dim=(1, 2, 3)), ink[0], rtol=1e-5)
    assert torch.allclose(mean, (ways[0] + ways[1] + ways[2]) / 3)
    # the best of a thousand other answers is worse by squares than the mean, and by absolute values than the median
    other = mean + 0.05 * torch.randn(mean.shape, generator=runtime.generator(1))
    assert (ways - mean).square().mean() < (ways - other).square().mean()
    assert (ways + 1).abs().mean() < (ways - mean).abs().mean()


def test_each_lane_has_a_third_of_the_odds_and_all_else_is_fixed():
    images = digits(count=3_000)
    damaged = moving.lanes(images, generator=runtime.generator(3))
    ways = moving.lane_images(images)
    same = torch.stack([(damaged.truth == way).flatten(1).all(1) for way in ways])
    assert bool((same.sum(0) == 1).all())
    assert same.double().mean(1).tolist() == pytest.approx([1 / 3] * 3, abs=0.04)
    assert damaged.mask.abs().max() == 0
    assert torch.equal(damaged.seen, ways[1])  # the first frame: in the middle lane
    for lane, (first, stop) in enumerate([(0, 9), (9, 18), (19, 28)]):  # by hand: 9 of 28 pixels, at column 9
        outside = torch.ones(28, 28, dtype=torch.bool)
        outside[first:stop, 9:18] = False
        assert ways[lane][..., outside].max() == -1 and ways[lane][..., ~outside].max() > 0


@pytest.mark.parametrize("side", [28, 16])
def test_a_digit_moves_straight_from_edge_to_edge(side):
    before, after, truth = film = moving.straight(digits(count=3, side=side))
    half, quarter = side // 2, side // 4
    assert before[..., half:].max() < -0.999 and after[..., :half].max() < -0.999
    assert torch.equal(before[..., :half], after[..., half:])
    assert torch.equal(before[..., :half], truth[..., quarter : quarter + half])
    assert before.max() > 0 and (before[:, :, :quarter].max() == -1) and (before[:, :, quarter + half :].max() == -1)
    assert torch.equal(film.given, torch.stack([before[:, 0], after[:, 0]], dim=1))


def test_crossing_digits_pass_through_each_other():
    images = digits(count=3)
    images[1] = -1  # nothing comes back to meet the first; the third comes back where the second would be
    before, after, truth = moving.crossing(images)
    for ours, alone in zip((before, after, truth), moving.straight(images), strict=True):
        assert torch.allclose(ours[0], alone[0], atol=1e-5)
    assert torch.allclose(before[1], moving.straight(images).after[2], atol=1e-5)
    assert torch.allclose(after[1], moving.straight(images).before[2], atol=1e-5)
    both, alone = moving.crossing(digits(count=2)).truth, moving.straight(digits(count=2)).truth
    assert torch.equal(both[0], torch.maximum(*alone)) and torch.equal(both[0], both[1])


@pytest.mark.parametrize("side", [28, 16])
def test_a_digit_runs_to_the_right_and_jumps_between_given_frames_only(side):
    images = digits(count=2_000, side=side)
    film = moving.jumps(images, generator=runtime.generator(4))
    assert film.frames.shape == (9, 2_000, 1, side, side) and film.lane.shape == (9, 2_000)
    ways = moving.lane_images(images)
    small, middle = side * 9 // 28, (side - side * 9 // 28) // 2
    for number in (0, 3, 4, 8):  # by hand: the digit of a lane, moved from the middle to its column
        left = round((side - small) * number / 8)
        at = ways.roll(left - middle, -1)[film.lane[number], torch.arange(2_000)]
        assert torch.equal(film.frames[number], at)
    before, between, after = film.lane[:-1:2], film.lane[1::2], film.lane[2::2]
    assert bool(((between == before) | (between == after)).all())
    apart = before != after
    assert float(apart.double().mean()) == pytest.approx(2 / 3, abs=0.03)
    assert float((between == before)[apart].double().mean()) == pytest.approx(1 / 2, abs=0.03)
    assert torch.bincount(film.lane[::2].flatten()).double().div(10_000).tolist() == pytest.approx(
        [1 / 3] * 3, abs=0.02
    )


def test_questions_of_a_film_are_its_odd_frames_and_answers_go_back_there():
    film = moving.jumps(digits(count=3), 5, generator=runtime.generator(4))
    asked = film.questions()
    for part, numbers in zip(asked, ((0, 2), (2, 4), (1, 3)), strict=True):
        assert torch.equal(part, torch.cat([film.frames[number] for number in numbers]))
    assert torch.equal(film.with_answers(asked.truth), film.frames)
    black = film.with_answers(-torch.ones_like(asked.truth))
    assert black[1::2].max() == -1 and torch.equal(black[::2], film.frames[::2]) and film.frames[1].max() > 0
    one = moving.between_jumps(digits(count=50), generator=runtime.generator(5))
    film = moving.jumps(digits(count=50), generator=runtime.generator(5))
    asked, times = film.questions(), []
    for nth in range(50):
        every = asked.truth.unflatten(0, (4, 50))[:, nth]
        (time,) = (every == one.truth[nth]).flatten(1).all(1).nonzero().flatten().tolist()
        times.append(time)
        assert torch.equal(one.before[nth], film.frames[2 * time, nth])
        assert torch.equal(one.after[nth], film.frames[2 * time + 2, nth])
    assert set(times) == {0, 1, 2, 3}


def test_the_ink_of_lanes_and_the_digit_that_is_followed():
    images = digits(count=30)
    film = moving.jumps(images, generator=runtime.generator(4))
    ink = moving.lane_ink(film.frames)
    assert torch.equal(ink.argmax(0), film.lane)
    whole = ((film.frames + 1) / 2).sum((2, 3, 4))
    assert torch.allclose(ink.amax(0), whole, rtol=1e-4) and torch.allclose(ink.sum(0), whole, rtol=1e-4)
    cuts = moving.followed(film.frames)
    assert cuts.shape == (9, 30, 1, 9, 9)
    assert torch.equal(cuts, cuts[:1].expand_as(cuts))  # the digit is the same in every frame
    assert torch.equal(cuts[0], moving.lane_images(images)[1][:, :, 9:18, 9:18])
    still = film.frames[:1].expand_as(film.frames)  # a digit that does not run leaves the cut
    assert not torch.allclose(moving.followed(still)[1], cuts[1], atol=0.1)


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda x: moving.jumps(x, generator=0), TypeError, "generator must be a torch.Generator, got int"),
        (lambda x: moving.jumps(x, 4, generator=runtime.generator(0)), ValueError, "frames must be odd"),
        (lambda x: moving.jumps(x, 1, generator=runtime.generator(0)), ValueError, "frames must be a whole number"),
        (lambda x: moving.jumps(x[:, :, 4:], generator=runtime.generator(0)), ValueError, "images must be square"),
        (lambda x: moving.lanes(x, generator=0), TypeError, "generator must be a torch.Generator, got int"),
        (lambda x: moving.lane_mean(x[:, :, 4:]), ValueError, "images must be square"),
        (lambda x: moving.lane_mean(x * 3), ValueError, "must lie in"),
        (lambda x: moving.crossing(x[:1]), ValueError, "at least two digits"),
    ],
)
def test_anything_else_is_refused_by_name(call, error, words):
    with pytest.raises(error, match=words):
        call(digits(count=4))
