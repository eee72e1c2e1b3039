"""Codebooks in the plane: what kills words, what revives them, and the best one beside them."""

import pytest
import torch

from gancourse.data import toy
from gancourse.encoding import words
from gancourse.models.codebook import nearest
from gancourse.runtime import generator

SOURCE = toy.ring(8, 1.0, 0.15)


def used(book, points):
    return len(nearest(points, book).unique())


@pytest.fixture(scope="module")
def points():
    return SOURCE.sample(2_000, generator(5))


@pytest.mark.parametrize("kind", list(words.KINDS))
def test_who_is_alive_after_a_far_start(kind, points):
    book = words.train_book(SOURCE, kind=kind, words=16, num_steps=150, seed=1)
    assert (used(book.book, points) == 16) == (kind == "restarts")
    if kind != "restarts":
        assert used(book.book, points) < 6
    assert not book.training and not book.book.requires_grad


@pytest.mark.parametrize("kind", list(words.KINDS))
def test_all_are_alive_after_a_start_on_points_and_near_the_best(kind, points):
    book = words.train_book(SOURCE, kind=kind, start="data", words=16, num_steps=150, seed=1).book
    best = words.best_book(points, 16)
    assert used(book, points) == 16
    assert words.distortion(best, points) < words.distortion(book, points) < 1.6 * words.distortion(best, points)


def test_distortion_by_hand():
    book = torch.tensor([[0.0, 0.0], [4.0, 0.0]])
    assert words.distortion(book, torch.tensor([[0.0, 1.0], [3.0, 1.0], [1.0, 2.0]])) == pytest.approx((1 + 2 + 5) / 3)


def test_the_best_book_of_known_heaps_is_their_middles():
    heaps = torch.tensor([[0.0, 0.0], [5.0, 1.0], [-3.0, 8.0]])
    points = (heaps.unsqueeze(1) + 0.01 * torch.randn(3, 50, 2, generator=generator(0))).flatten(0, 1)
    found = words.best_book(points, 3)
    assert torch.cdist(heaps, found).min(1).values.max() < 0.02 and found.dtype == torch.float32


def test_a_run_depends_on_its_seed_alone():
    one, two, other = (words.train_book(SOURCE, kind="restarts", words=8, num_steps=30, seed=s).book for s in (1, 1, 2))
    assert torch.equal(one, two) and not torch.equal(one, other)


@pytest.mark.parametrize(
    "settings, named",
    [
        ({"kind": "ema"}, "kind must be one of gradient, averages, restarts, got 'ema'"),
        ({"start": "near"}, "start must be one of far, data, got 'near'"),
        ({"words": 0}, "words must be a whole number from 1 on"),
        ({"num_steps": 0}, "num_steps must be a whole number from 1 on"),
    ],
)
def test_others_are_refused(settings, named):
    with pytest.raises(ValueError, match=named):
        words.train_book(SOURCE, seed=0, **settings)
