"""Spoiled sets: what is in them, what is not, how often, and that nothing is drawn from elsewhere."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gancourse import runtime
from gancourse.data import spoiled_sets

COUNTS = (30, 50, 20)  # of classes 0, 1, 2


def labelled(counts=COUNTS, start=0.0):
    """Images that are all different (each of one grey, which is its number) with labels, in a mixed order."""
    labels = torch.cat([torch.full((count,), kind) for kind, count in enumerate(counts)])
    labels = labels[torch.randperm(len(labels), generator=runtime.generator(9))]
    greys = start + torch.arange(len(labels)) / 1000
    return greys.reshape(-1, 1, 1, 1).expand(-1, 1, 4, 4).clone(), labels


IMAGES, LABELS = labelled()
TRAIN, TRAIN_LABELS = labelled((20, 20, 20), start=-0.9)


def draw(seed=0):
    return runtime.generator(seed)


def numbers(images):
    return (images[:, 0, 0, 0] * 1000).round().long()


SETS = {
    "draw": lambda g: spoiled_sets.draw(IMAGES, LABELS, 40, generator=g),
    "weighted": lambda g: spoiled_sets.draw(IMAGES, LABELS, 40, generator=g, weights={1: 0.5}),
    "few_kinds": lambda g: spoiled_sets.few_kinds(IMAGES, LABELS, 40, per_class=3, generator=g),
    "one_mode": lambda g: spoiled_sets.one_mode(IMAGES, LABELS, 20, label=1, share=0.4, generator=g),
}


@pytest.mark.parametrize("spoil", SETS.values(), ids=SETS)
def test_labels_stay_with_their_images_and_the_generator_decides(spoil):
    before = IMAGES.clone(), LABELS.clone()
    images, labels = spoil(draw())
    assert torch.equal(labels, LABELS[numbers(images)]) and torch.equal(images, IMAGES[numbers(images)])
    assert torch.equal(spoil(draw()).images, images) and not torch.equal(spoil(draw(1)).images, images)
    assert torch.equal(IMAGES, before[0]) and torch.equal(LABELS, before[1])
    images.zero_()
    assert torch.equal(IMAGES, before[0])


def test_a_draw_repeats_nothing_and_may_take_everything():
    for n in (1, 40, 100):
        assert len(numbers(spoiled_sets.draw(IMAGES, LABELS, n, generator=draw()).images).unique()) == n


@pytest.mark.parametrize(
    ("n", "weights", "wanted"),
    [
        (40, {}, [12, 20, 8]),
        (40, {1: 0}, [24, 0, 16]),
        (26, {2: 2}, [7, 11, 9]),  # 30 : 50 : 40 of 26 is 6.5 : 10.83 : 8.67, the largest rests are rounded up
        (20, {0: 0, 1: 0}, [0, 0, 20]),
        (40, {0: 0.5, 2: 0.0}, [9, 31, 0]),
    ],
)
def test_weights_set_the_number_of_each_class(n, weights, wanted):
    images, labels = spoiled_sets.draw(IMAGES, LABELS, n, generator=draw(), weights=weights)
    assert len(numbers(images).unique()) == n
    if n == 40 and len(labels.unique()) > 1:
        assert not torch.equal(labels, labels.sort().values), "classes come mixed"
    found = labels.bincount(minlength=3).tolist()
    assert sum(found) == n and max(abs(a - b) for a, b in zip(found, wanted, strict=True)) <= 1
    if n != 26:
        assert found == wanted


@given(st.integers(1, 300), st.integers(1, 20), st.integers(0, 5))
def test_few_kinds_hold_that_many_of_each_class_as_often_as_each_other(n, per_class, seed):
    images = spoiled_sets.few_kinds(IMAGES, LABELS, n, per_class=per_class, generator=draw(seed)).images
    found, often = numbers(images).unique(return_counts=True)
    assert len(images) == n and len(found) == min(n, 3 * per_class)
    assert int(often.max() - often.min()) <= 1
    of_each = LABELS[found].bincount(minlength=3)
    assert int(of_each.max()) <= per_class and int(of_each.max() - of_each.min()) <= 1


@given(st.floats(0, 1), st.integers(0, 5))
def test_copies_are_that_share_and_all_different(share, seed):
    some = spoiled_sets.draw(IMAGES, LABELS, 50, generator=draw(7))
    before = numbers(some.images), some.labels.clone()
    images, labels = spoiled_sets.copies(*some, TRAIN, TRAIN_LABELS, share, generator=draw(seed))
    is_copy = numbers(images) < 0
    assert int(is_copy.sum()) == round(share * 50) and len(numbers(images).unique()) == 50
    assert torch.equal(images[~is_copy], some.images[~is_copy]) and torch.equal(labels[~is_copy], some.labels[~is_copy])
    assert torch.equal(labels[is_copy], TRAIN_LABELS[numbers(images[is_copy]) + 900])
    assert torch.equal(numbers(some.images), before[0]) and torch.equal(some.labels, before[1])


def test_every_training_image_may_be_copied_and_every_image_replaced():
    taken, kept = set(), set()
    for seed in range(12):
        found = numbers(spoiled_sets.copies(IMAGES, LABELS, TRAIN, TRAIN_LABELS, 0.4, generator=draw(seed)).images)
        taken |= set(found[found < 0].tolist())
        kept |= {place for place, number in enumerate(found.tolist()) if number >= 0}
    assert taken == set(range(-900, -840)) and kept == set(range(100))


def test_one_mode_keeps_the_images_around_one_of_the_class():
    pool, lowest = {int(n) for n in numbers(IMAGES)[LABELS == 1]}, set()
    for seed in range(6):
        images, labels = spoiled_sets.one_mode(IMAGES, LABELS, 40, label=1, share=0.4, generator=draw(seed))
        found = numbers(images)
        assert len(found.unique()) == 40 and int((labels == 1).sum()) == 20
        kept = sorted(int(n) for n in found[labels == 1])
        between = [n for n in pool if kept[0] <= n <= kept[-1]]
        assert sorted(between) == kept  # on a line of greys the nearest ones are an interval
        lowest.add(kept[0])
    assert len(lowest) > 2, "it lies around the image that was drawn"
    some = spoiled_sets.one_mode(IMAGES, LABELS, 20, label=1, share=0.4, generator=draw())
    of_it = sorted(numbers(some.images)[some.labels == 1].tolist())
    assert len(of_it) == 10 and len([n for n in pool if of_it[0] <= n <= of_it[-1]]) > 10, "10 of the 20 that are near"
    assert len(spoiled_sets.one_mode(IMAGES, LABELS, 42, label=1, share=0.41, generator=draw()).images) == 42
    everything = spoiled_sets.one_mode(IMAGES, LABELS, 100, label=1, share=1.0, generator=draw())
    assert len(numbers(everything.images).unique()) == 100


@given(st.floats(0, 1), st.integers(2, 60), st.integers(0, 5))
def test_permuted_labels_are_the_same_labels_elsewhere(share, count, seed):
    labels = torch.arange(count)
    mixed = spoiled_sets.permute_labels(labels, share, generator=draw(seed))
    moved = round(share * count)
    assert torch.equal(mixed.sort().values, labels)
    assert int((mixed != labels).sum()) == (moved if moved > 1 else 0)
    assert torch.equal(labels, torch.arange(count))


def test_a_tenth_of_ten_even_classes_is_right_by_chance():
    labels = torch.arange(10).repeat(400)
    mixed = spoiled_sets.permute_labels(labels, generator=draw())
    assert float((mixed == labels).double().mean()) == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize(
    ("spoil", "error", "fragment"),
    [
        (
            lambda: spoiled_sets.draw(IMAGES, LABELS, 101, generator=draw()),
            ValueError,
            "n must be a whole number from 1 to 100, got 101",
        ),
        (lambda: spoiled_sets.draw(IMAGES, LABELS, 0, generator=draw()), ValueError, "n must be"),
        (
            lambda: spoiled_sets.draw(IMAGES, LABELS[:9], 5, generator=draw()),
            ValueError,
            "labels must be one for each of images, 100, got 9",
        ),
        (
            lambda: spoiled_sets.draw(IMAGES, LABELS.float(), 5, generator=draw()),
            TypeError,
            "labels must be an int64 tensor, got torch.float32",
        ),
        (
            lambda: spoiled_sets.draw(IMAGES, LABELS[:, None], 5, generator=draw()),
            ValueError,
            "labels must have shape (N,)",
        ),
        (lambda: spoiled_sets.draw(IMAGES * 9, LABELS, 5, generator=draw()), ValueError, "images must lie in [-1, 1]"),
        (
            lambda: spoiled_sets.draw(IMAGES, LABELS, 60, generator=draw(), weights={1: 0}),
            ValueError,
            "needs 36 images of class 0, got 30",
        ),
        (
            lambda: spoiled_sets.draw(IMAGES, LABELS, 5, generator=draw(), weights={7: 0}),
            ValueError,
            "weights must name classes of the set, got 7",
        ),
        (
            lambda: spoiled_sets.draw(IMAGES, LABELS, 5, generator=draw(), weights={1: -1}),
            ValueError,
            "weights[1] must be a finite number, at least 0, got -1",
        ),
        (
            lambda: spoiled_sets.draw(IMAGES, LABELS, 5, generator=draw(), weights=[1]),
            TypeError,
            "weights must map classes to numbers, got list",
        ),
        (
            lambda: spoiled_sets.draw(IMAGES, LABELS, 5, generator=draw(), weights={0: 0, 1: 0, 2: 0}),
            ValueError,
            "weights must leave at least one class in",
        ),
        (
            lambda: spoiled_sets.few_kinds(IMAGES, LABELS, 5, per_class=21, generator=draw()),
            ValueError,
            "per_class must be a whole number from 1 to 20, got 21",
        ),
        (
            lambda: spoiled_sets.copies(IMAGES, LABELS, TRAIN, TRAIN_LABELS, 1.5, generator=draw()),
            ValueError,
            "share must be a finite number, from 0 to 1, got 1.5",
        ),
        (
            lambda: spoiled_sets.copies(IMAGES, LABELS, TRAIN, TRAIN_LABELS, 1, generator=draw()),
            ValueError,
            "train_images must hold at least the 100 images to copy, got 60",
        ),
        (
            lambda: spoiled_sets.copies(IMAGES, LABELS, TRAIN[..., :2], TRAIN_LABELS, 0.1, generator=draw()),
            ValueError,
            "train_images must be of shape (1, 4, 4), got (1, 4, 2)",
        ),
        (
            lambda: spoiled_sets.one_mode(IMAGES, LABELS, 50, label=1, share=0.4, generator=draw()),
            ValueError,
            "leaves 20 images of class 1, but n = 50 needs 25 of them",
        ),
        (
            lambda: spoiled_sets.one_mode(IMAGES, LABELS, 5, label=3, generator=draw()),
            ValueError,
            "label must be a class of the set, got 3",
        ),
        (
            lambda: spoiled_sets.permute_labels(LABELS[:0], generator=draw()),
            ValueError,
            "labels must have shape (N,), at least one, got (0,)",
        ),
    ],
)
def test_what_cannot_be_made_is_refused_by_name(spoil, error, fragment):
    with pytest.raises(error) as caught:
        spoil()
    assert fragment in str(caught.value)
