"""metrics.asked: each number on sets whose answer is known, and what each is blind to."""

import math

import pytest
import torch

from gancourse import runtime
from gancourse.data import spoils
from gancourse.metrics import asked, image_sets

G = runtime.generator


def chances(labels, count=3):
    return torch.nn.functional.one_hot(torch.tensor(labels), count).double()


def cloud(n, mean, stds, seed):
    return torch.tensor(mean) + torch.tensor(stds) * torch.randn(n, len(mean), generator=G(seed))


def test_accuracy_of_each_class_is_counted_by_what_was_asked_for():
    said = chances([0, 0, 1, 1, 2, 0])
    labels = torch.tensor([0, 0, 0, 1, 2, 2])
    assert asked.accuracy_per_class(said, labels).tolist() == pytest.approx([2 / 3, 1, 1 / 2])
    with pytest.raises(ValueError, match="labels must hold every class at least 1 times, got 0 of class 1"):
        asked.accuracy_per_class(said, torch.tensor([0, 0, 0, 2, 2, 2]))


def real_and_ours(scale):
    real = torch.cat([cloud(400, [0.0, 0.0], [1.0, 2.0], 0), cloud(300, [9.0, 0.0], [0.5, 1.0], 1)])
    ours = torch.cat([scale[0] * real[:400], 9 + scale[1] * (real[400:] - 9)])
    labels = torch.arange(700) // 400
    return ours, labels, real, labels


def test_spread_is_a_ratio_of_variances_within_a_class():
    ours = real_and_ours((0.5, 1.5))
    assert asked.within_class_spread(*ours).tolist() == pytest.approx([0.25, 2.25])
    order = torch.randperm(700, generator=G(3))
    mixed = asked.within_class_spread(ours[0][order], ours[1][order], *ours[2:])
    assert mixed.tolist() == pytest.approx([0.25, 2.25])


def test_one_stored_image_of_each_class_has_no_spread_and_is_heard_perfectly():
    real, labels = real_and_ours((1, 1))[2:]
    stored = real[[5, 405]][labels]
    assert asked.within_class_spread(stored, labels, real, labels).tolist() == [0, 0]
    assert asked.accuracy_per_class(chances(labels.tolist(), 2), labels).tolist() == [1, 1]
    assert float(asked.frechet_per_class(stored, labels, real, labels).min()) > 1


def test_frechet_of_each_class_is_that_of_its_samples_alone():
    ours, labels, real, _ = real_and_ours((1.3, 0.9))
    expected = [image_sets.frechet_distance(real[labels == k], ours[labels == k]) for k in (0, 1)]
    assert asked.frechet_per_class(ours, labels, real, labels).tolist() == pytest.approx(expected)
    assert expected[0] != pytest.approx(expected[1], rel=0.2)


def test_exchanged_labels_are_seen_within_classes_and_not_over_all():
    ours, labels, real, _ = real_and_ours((1, 1))
    assert asked.frechet_per_class(ours, labels, real, labels).tolist() == pytest.approx([0, 0], abs=1e-9)
    exchanged = 1 - labels
    assert float(asked.frechet_per_class(ours, exchanged, real, labels).min()) > 70  # 9 squared, less and more
    assert image_sets.frechet_distance(real, ours) == pytest.approx(0, abs=1e-9)


def test_codes_are_matched_with_the_classes_they_agree_with_most():
    codes = torch.tensor([0] * 5 + [1] * 4 + [2] * 6)
    classes = torch.tensor([2, 2, 2, 2, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 2])
    found = asked.matched_clusters(codes, classes, 3)
    assert found.partner.tolist() == [2, 0, 1]
    assert found.share == pytest.approx((4 + 2 + 4) / 15)


def test_matching_is_one_to_one_even_where_two_codes_like_one_class():
    codes, classes = torch.tensor([0, 0, 0, 1, 1, 1, 1]), torch.tensor([0, 0, 0, 0, 0, 0, 1])
    found = asked.matched_clusters(codes, classes, 2)
    assert (found.share, found.partner.tolist()) == (pytest.approx(4 / 7), [0, 1])  # greedy would give code 1 class 0
    renamed = asked.matched_clusters((codes + 1) % 2, classes, 2)
    assert renamed.share == found.share and renamed.partner.tolist() == [1, 0]


def test_codes_that_say_nothing_match_little_more_than_by_chance():
    codes, classes = (torch.randint(10, (5_000,), generator=G(seed)) for seed in (0, 1))
    assert 0.1 < asked.matched_clusters(codes, classes).share < 0.13


def image(*lit, size=9):
    image = torch.full((1, 1, size, size), -1.0)
    for row, column in lit:
        image[0, 0, row, column] = 1.0
    return image


def test_moments_of_a_few_pixels_are_those_of_their_places():
    two = asked.moments(image((4, 2), (4, 6)))
    assert [float(part) for part in two] == pytest.approx([2 / 81, 2, 0, 0])
    rising = asked.moments(image((6, 2), (4, 3), (2, 4)))  # one pixel to the right for two upwards
    assert float(rising.slant) == pytest.approx(0.5)
    assert [float(rising.width), float(rising.height)] == pytest.approx([math.sqrt(2 / 3), math.sqrt(8 / 3)])
    assert float(asked.moments(image((6, 4), (4, 3), (2, 2))).slant) == pytest.approx(-0.5)
    assert [float(part) for part in asked.moments(image())] == [0, 0, 0, 0]


def test_moments_do_not_notice_where_an_image_stands():
    images = torch.full((3, 1, 20, 20), -1.0)
    images[:, :, 5:12, 6:12] = 2 * torch.rand(3, 1, 7, 6, generator=G(0)) - 1
    moved = spoils.shift_pixels(images, 3, -4)
    for before, after in zip(asked.moments(images), asked.moments(moved), strict=True):
        assert torch.allclose(before, after)


def test_slanting_an_image_adds_its_slope_to_the_slant():
    images = torch.full((4, 1, 28, 28), -1.0)
    images[:, :, 9:19, 10:18] = 2 * torch.rand(4, 1, 10, 8, generator=G(0)) - 1
    before, after = asked.moments(images), asked.moments(spoils.slant(images, 0.5))
    assert (after.slant - before.slant).tolist() == pytest.approx([0.5] * 4, abs=0.03)
    assert (after.ink - before.ink).abs().max() < 0.002


HALVES, ONE_SHORT = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 0, 0, 1])


def rows(columns=2):
    return torch.rand(4, columns, generator=G(0))


@pytest.mark.parametrize(
    ("call", "arguments", "error", "message"),
    [
        (asked.matched_clusters, (torch.tensor([0.0]), torch.tensor([0])), TypeError, "codes must be an int64 tensor"),
        (asked.matched_clusters, (torch.tensor([0]), torch.tensor([10])), ValueError, "classes must be from 0 to 9"),
        (asked.matched_clusters, (torch.tensor([0]), torch.tensor([1, 2])), ValueError, "one for each of the codes"),
        (asked.moments, (torch.zeros(1, 3, 8, 8),), ValueError, "images must have 1 channel"),
        (asked.within_class_spread, (rows(), HALVES, 0 * rows(), HALVES), ValueError, "of class 0 are all alike"),
        (
            asked.within_class_spread,
            (rows(), ONE_SHORT, rows(), HALVES),
            ValueError,
            "at least 2 times, got 1 of class 1",
        ),
        (
            asked.frechet_per_class,
            (rows(), HALVES[:3], rows(), HALVES),
            ValueError,
            "one for each of features, 4, got 3",
        ),
        (asked.frechet_per_class, (rows(3), HALVES, rows(), HALVES), ValueError, "must have as many features"),
        (asked.frechet_per_class, (rows(), HALVES, rows(), HALVES - 1), ValueError, "real_labels must be from 0 on"),
    ],
)
def test_what_cannot_be_is_refused_by_name(call, arguments, error, message):
    with pytest.raises(error, match=message):
        call(*arguments)
