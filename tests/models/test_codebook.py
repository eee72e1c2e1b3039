"""A codebook chooses the nearest word, lets gradients through as it says, and moves and revives words by its rules."""

import math

import pytest
import torch

from gancourse import runtime
from gancourse.models.codebook import Codebook, nearest, perplexity, straight_through

WORDS = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 3.0]])
POINTS = torch.tensor([[0.2, 0.1], [1.9, -0.3], [0.8, 0.0], [0.1, 2.0]])


def test_the_nearest_word_and_its_shape():
    assert nearest(POINTS, WORDS).tolist() == [0, 1, 0, 2]
    assert nearest(POINTS.view(2, 2, 2), WORDS).tolist() == [[0, 1], [0, 2]]
    random = runtime.generator(0)
    vectors, book = torch.randn(3, 5, 7, generator=random), torch.randn(11, 7, generator=random)
    by_hand = (vectors.unsqueeze(-2) - book).square().sum(-1).argmin(-1)
    assert torch.equal(nearest(vectors, book), by_hand)


def test_near_words_far_from_the_origin_are_told_apart():
    book = torch.tensor([[100.0, 100.0], [100.0, 100.02]]).repeat(20, 1)
    assert nearest(torch.tensor([[100.0, 100.018]]), book).tolist() == [1]
    many = nearest(torch.tensor([[100.0, 100.018], [100.0, 100.001]]).repeat(30, 1), book)
    assert many.tolist() == [1, 0] * 30


def test_the_gradient_goes_straight_through_and_not_to_the_words():
    vectors, words = POINTS.clone().requires_grad_(), WORDS[[0, 1, 0, 2]].clone().requires_grad_()
    out = straight_through(vectors, words)
    assert torch.allclose(out, words)
    (out * torch.arange(8.0).view(4, 2)).sum().backward()
    assert torch.equal(vectors.grad, torch.arange(8.0).view(4, 2)) and words.grad is None


def test_the_loss_and_its_gradients_by_hand():
    book = Codebook(3, 2, commitment=0.25, start=WORDS)
    vectors = POINTS.clone().requires_grad_()
    words, tokens, loss = book(vectors)
    off = POINTS - WORDS[[0, 1, 0, 2]]
    assert tokens.tolist() == [0, 1, 0, 2] and torch.allclose(words, WORDS[tokens])
    assert float(loss.detach()) == pytest.approx(1.25 * float(off.square().mean()))
    loss.backward()
    assert torch.allclose(vectors.grad, 0.25 * 2 * off / 8)
    expected = torch.zeros(3, 2).index_add_(0, tokens, -2 * off / 8)
    assert torch.allclose(book.book.grad, expected)


def test_words_that_follow_means_get_no_gradient_and_go_where_they_should():
    book = Codebook(3, 2, follow=0.9, start=WORDS)
    assert not book.book.requires_grad
    _, tokens, loss = book(POINTS.clone().requires_grad_())
    assert float(loss.detach()) == pytest.approx(0.25 * float((POINTS - WORDS[tokens]).square().mean()))
    book.update(POINTS, tokens, runtime.generator(0))
    # counts begin at 1 with the word itself: 0.9 of it and 0.1 of what came, over 0.9 + 0.1 n
    sums = 0.9 * WORDS + 0.1 * torch.stack([POINTS[[0, 2]].sum(0), POINTS[1], POINTS[3]])
    assert torch.allclose(book.book, sums / torch.tensor([[0.9 + 0.2], [1.0], [1.0]]))


def test_a_word_that_none_chose_stays_where_it_is_under_running_means():
    book = Codebook(3, 2, follow=0.5, start=torch.cat([WORDS[:2], torch.tensor([[50.0, 50.0]])]))
    for _ in range(60):
        book.update(POINTS, book(POINTS).tokens, runtime.generator(0))
    assert torch.allclose(book.book[2], torch.tensor([50.0, 50.0]), rtol=1e-4)
    assert int(book.idle[2]) == 60


def test_dead_words_are_put_onto_vectors_after_the_updates_that_were_said():
    start = torch.cat([WORDS[:2], torch.tensor([[50.0, 50.0], [-40.0, 9.0]])])
    book = Codebook(4, 2, restart_after=3, start=start)
    random = runtime.generator(1)
    counts = [book.update(POINTS, torch.tensor([0, 1, 0, 1]), random) for _ in range(3)]
    assert counts == [0, 0, 2]
    assert all(any(torch.equal(word, point) for point in POINTS) for word in book.book.detach()[2:])
    assert torch.equal(book.book.detach()[:2], WORDS[:2]) and book.idle.tolist() == [0, 0, 0, 0]
    never = Codebook(4, 2, start=start)
    assert [never.update(POINTS, torch.tensor([0, 1, 0, 1]), random) for _ in range(30)] == [0] * 30
    assert torch.equal(never.book.detach(), start)


def test_a_restarted_word_that_follows_means_stays_where_it_was_put():
    start = torch.cat([WORDS[:2], torch.tensor([[50.0, 50.0]])])
    book = Codebook(3, 2, restart_after=1, follow=0.99, start=start)
    book.update(POINTS, torch.tensor([0, 1, 0, 1]), runtime.generator(1))
    put = book.book[2].clone()
    assert any(torch.equal(put, point) for point in POINTS)
    book.restart_after = None
    book.update(POINTS, torch.tensor([0, 1, 0, 1]), runtime.generator(1))
    assert torch.allclose(book.book[2], put)


def test_perplexity_counts_words_by_their_shares():
    assert perplexity(torch.tensor([3, 3, 3]), 5) == pytest.approx(1)
    assert perplexity(torch.arange(6).view(2, 3), 8) == pytest.approx(6)
    shares = torch.tensor([0, 0, 0, 1])
    assert perplexity(shares, 2) == pytest.approx(math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25))))


def test_first_words_are_small_and_of_the_seed():
    with runtime.seeded(0):
        book = Codebook(50, 3).book.detach()
    assert float(book.abs().max()) <= 1 / 50 and float(book.std()) == pytest.approx(1 / 50 / 3**0.5, rel=0.1)


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda: nearest([1], WORDS), TypeError, "vectors must be a tensor"),
        (lambda: nearest(POINTS, WORDS[0]), ValueError, r"book must have shape \(\.\.\., D\)"),
        (lambda: nearest(POINTS, torch.zeros(3, 4)), ValueError, r"book must have shape \(K, 2\)"),
        (lambda: nearest(POINTS, WORDS.double()), ValueError, "book must have the vectors' dtype"),
        (lambda: nearest(POINTS.long(), WORDS), TypeError, "vectors must hold floating-point"),
        (lambda: straight_through(POINTS, WORDS), ValueError, "words must have the shape of vectors"),
        (lambda: perplexity(torch.tensor([0.5]), 2), TypeError, "tokens must be an int64"),
        (lambda: perplexity(torch.tensor([2]), 2), ValueError, "tokens must be from 0 to 1, got 2 to 2"),
        (lambda: perplexity(torch.zeros(0, dtype=torch.int64), 2), ValueError, "tokens is empty"),
        (lambda: Codebook(0), ValueError, "words must be a positive whole number"),
        (lambda: Codebook(follow=1.0), ValueError, "follow must be less than 1"),
        (lambda: Codebook(restart_after=0), ValueError, "restart_after must be a whole number from 1 on"),
        (
            lambda: Codebook(3, 2, start=torch.zeros(2, 2)),
            ValueError,
            r"start must be floating point of shape \(3, 2\)",
        ),
        (lambda: Codebook(commitment=-1), ValueError, "commitment must be a finite number"),
    ],
)
def test_others_are_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()
