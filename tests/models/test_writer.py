"""Writers, what is shown of their letters, and the discriminator that scores beginnings."""

import math

import pytest
import torch
from torch.nn import functional as F

from gancourse import runtime
from gancourse.data import language
from gancourse.models import writer
from gancourse.models.writer import Discriminator, NoiseWriter, Writer


@pytest.fixture(scope="module")
def pair():
    with runtime.seeded(3):
        return Writer(letters=4, hidden=6), Discriminator(letters=4, width=5)


def test_the_gumbel_trick_draws_the_exact_probabilities():
    q = torch.tensor([0.5, 0.3, 0.15, 0.05])
    noise = writer.gumbel(torch.rand(200_000, 4, generator=runtime.generator(0)))
    for tau in (0.1, 1.0, 5.0):  # tau does not change who wins
        letters, _ = writer.relaxed(q.log().expand(200_000, 4), noise, "soft", tau)
        shares = torch.bincount(letters, minlength=4) / len(letters)
        assert torch.allclose(shares, q, atol=0.005)
    # mean and variance of the Gumbel distribution
    assert float(noise.mean()) == pytest.approx(0.57722, abs=0.01)
    assert float(noise.var()) == pytest.approx(math.pi**2 / 6, abs=0.03)
    assert torch.isfinite(writer.gumbel(torch.tensor([0.0, 1.0]))).all()


def test_what_is_seen_of_a_letter_by_hand():
    log_q = torch.tensor([[0.7, 0.2, 0.1]]).log().requires_grad_()
    noise = torch.tensor([[0.0, 1.5, 0.0]])
    letter, hard = writer.relaxed(log_q, noise, "hard")
    assert letter.tolist() == [1] and hard.tolist() == [[0, 1, 0]] and not hard.requires_grad
    weights = [0.7, 0.2 * math.exp(1.5), 0.1]
    for tau in (1.0, 0.5):
        _, soft = writer.relaxed(log_q, noise, "soft", tau)
        powers = [w ** (1 / tau) for w in weights]
        assert soft[0].tolist() == pytest.approx([power / sum(powers) for power in powers], rel=1e-5)
        _, straight = writer.relaxed(log_q, noise, "straight_through", tau)
        assert straight.detach().tolist() == [[0, 1, 0]]
        slopes = [torch.autograd.grad(seen[0, 2], log_q)[0] for seen in (soft, straight)]
        assert slopes[0].abs().sum() > 0 and torch.allclose(
            slopes[0], slopes[1]
        )  # the values of hard, the slope of soft


def test_the_probabilities_of_every_string_sum_to_one(pair):
    strings = language.every_string(4, 3)
    log_q = pair[0].log_prob(strings).detach()
    assert log_q.shape == (64,) and float(log_q.exp().sum()) == pytest.approx(1, abs=1e-5)


def test_words_are_written_as_often_as_log_prob_says(pair):
    n, strings = 40_000, language.every_string(4, 2)
    with torch.no_grad():
        written = pair[0].write(n, 2, runtime.generator(5))
        q = pair[0].log_prob(strings).exp()
        sharper = pair[0].write(n, 2, runtime.generator(5), temperature=0.5)
    counts = torch.bincount(written.words[:, 0] * 4 + written.words[:, 1], minlength=16) / n
    assert torch.allclose(counts, q, atol=0.008)
    first = pair[0].log_probs(strings)[0, 0].exp()  # at temperature 1/2: squares, divided by their sum
    shares = torch.bincount(sharper.words[:, 0], minlength=4) / n
    squares = first.square() / first.square().sum()
    assert torch.allclose(shares, squares, atol=0.008)
    assert torch.allclose(sharper.log_q[:, 0].exp(), squares[sharper.words[:, 0]])


def test_what_is_returned_beside_the_words_fits_them(pair):
    for output in writer.OUTPUTS:
        written = pair[0].write(7, 5, runtime.generator(1), output=output)
        assert written.words.shape == written.log_q.shape == (7, 5) and written.seen.shape == (7, 5, 4)
        assert written.seen.argmax(-1).equal(written.words)
        assert written.seen.requires_grad == (output != "hard")
    # hard words were read back as they were written
    hard = pair[0].write(7, 5, runtime.generator(1))
    expected = pair[0].log_probs(hard.words).gather(-1, hard.words[..., None])[..., 0]
    assert torch.allclose(hard.log_q, expected, atol=1e-6)
    assert hard.seen.equal(F.one_hot(hard.words, 4).float())


def test_a_letter_is_expected_from_those_before_it_alone(pair):
    words = torch.tensor([[0, 1, 2, 3], [0, 1, 3, 0]])
    same = torch.isclose(*pair[0].log_probs(words)).all(-1)
    assert same.tolist() == [True, True, True, False]  # place 2 is where they begin to differ


def test_a_score_reads_no_letter_after_its_own(pair):
    seen = F.one_hot(torch.randint(4, (1, 9), generator=runtime.generator(2)), 4).float().requires_grad_()
    scores = pair[1](seen)
    assert scores.shape == (1, 9)
    for t in range(9):
        (slope,) = torch.autograd.grad(scores[0, t], seen, retain_graph=True)
        reads = slope[0].abs().sum(-1) > 0
        assert reads.tolist() == [max(0, t - 4) <= k <= t for k in range(9)]  # two kernels of 3 see five letters


def test_scores_by_hand():
    judge = Discriminator(letters=2, width=1)
    with torch.no_grad():
        for parameter in judge.parameters():
            parameter.zero_()
        judge.first.weight[0, 1] = torch.tensor([4.0, 2.0, 1.0])  # of "b", two before, one before, here
        judge.second.weight[0, 0] = torch.tensor([0.0, 0.0, 1.0])
        judge.out.weight.fill_(1.0)
        judge.out.bias.fill_(-0.5)
    word = F.one_hot(torch.tensor([[1, 0, 1, 0]]), 2).float()
    assert judge(word).tolist() == [[0.5, 1.5, 4.5, 1.5]]  # 1; 2; 4 + 1; 2; each less 1/2


def test_a_word_from_noise_is_shares_of_letters():
    with runtime.seeded(0):
        network = NoiseWriter(letters=5, length=6, latent_dim=3, width=8)
    z = torch.randn(4, 3, generator=runtime.generator(0))
    made = network(z)
    assert made.shape == (4, 6, 5) and torch.allclose(made.sum(-1), torch.ones(4, 6))
    assert not torch.allclose(made[0], made[1])


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda w, d: w.log_prob(torch.zeros(2, 3)), TypeError, "int64"),
        (lambda w, d: w.log_prob(torch.tensor([1, 2])), ValueError, "shape"),
        (lambda w, d: w.log_prob(torch.tensor([[1, 4]])), ValueError, "from 0 to 3, got 1 to 4"),
        (lambda w, d: w.write(0, 2, runtime.generator(0)), ValueError, "n must"),
        (lambda w, d: w.write(2, 0, runtime.generator(0)), ValueError, "length must"),
        (lambda w, d: w.write(2, 2, runtime.generator(0), temperature=0), ValueError, "temperature must .* above 0"),
        (lambda w, d: w.write(2, 2, runtime.generator(0), output="softly"), ValueError, "output must be one of hard"),
        (lambda w, d: w.write(2, 2, runtime.generator(0), tau=0.0), ValueError, "tau must .* above 0"),
        (lambda w, d: d(torch.zeros(2, 3, 5)), ValueError, "seen must have shape"),
        (lambda w, d: d(torch.zeros(2, 4)), ValueError, "seen must have shape"),
        (lambda w, d: Writer(letters=0), ValueError, "letters must"),
        (lambda w, d: Discriminator(width=1.5), ValueError, "width must"),
        (lambda w, d: NoiseWriter()(torch.zeros(2, 3)), ValueError, "z must have shape"),
    ],
)
def test_wrong_inputs_are_refused(pair, call, error, words):
    with pytest.raises(error, match=words):
        call(*pair)
