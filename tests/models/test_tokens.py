"""A tokeniser writes and reads sixteen tokens, and a prior never sees the token that it is about to say."""

import pytest
import torch

from gancourse import runtime
from gancourse.models.tokens import Prior, Tokeniser


def built(kind, seed=0, **settings):
    with runtime.seeded(seed):
        return kind(**settings)


def images(count=3, side=28, channels=1):
    return 2 * torch.rand(count, channels, side, side, generator=runtime.generator(1)) - 1


def count(network):
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("side", [16, 28])
def test_parameters_by_hand(side):
    # in: 16*16+16; 16*32*16+32; 32*64*9+64; 64*16+16. book 128*16.
    # out: 16*64*9+128; 64*32*9+64; 32*16*16+32; 16*16+1
    into, book, out = 272 + 8_224 + 18_496 + 1_040, 2_048, 9_344 + 18_496 + 8_224 + 257
    assert count(built(Tokeniser, image_size=side)) == into + book + out


def test_the_prior_s_parameters_by_hand():
    # two tables of 6*48; 16*48; 3*160*(48+160+2); 160*5+5
    assert count(built(Prior, words=5)) == 2 * 288 + 768 + 100_800 + 805


@pytest.mark.parametrize("side, channels", [(16, 1), (28, 3)])
def test_sixteen_tokens_there_and_back(side, channels):
    network = built(Tokeniser, image_size=side, channels=channels, words=9).eval()
    x = images(side=side, channels=channels)
    tokens = network.tokens(x)
    assert tokens.shape == (3, 4, 4) and tokens.dtype == torch.int64
    again, vectors, quantised = network(x)
    assert again.shape == x.shape and float(again.detach().abs().max()) <= 1
    assert torch.equal(quantised.tokens, tokens) and torch.equal(vectors, network.encode(x))
    assert torch.allclose(network.decode(tokens), again, atol=1e-6)
    assert torch.equal(network.decode(tokens.flatten(1)), network.decode(tokens))


def test_a_token_stands_for_its_place():
    """Another word in one corner changes the image near that corner, and not in the opposite one."""
    network = built(Tokeniser, words=9).eval()
    with torch.no_grad():
        network.codebook.book.normal_(generator=runtime.generator(4))
    tokens = torch.zeros(1, 4, 4, dtype=torch.int64)
    other = tokens.clone()
    other[0, 0, 3] = 5  # up, to the right
    moved = (network.decode(other) - network.decode(tokens)).detach().abs()[0, 0]
    assert moved[:7, -7:].max() > 1e-3 and moved[-7:, :7].max() == 0


def test_the_encoder_learns_through_the_words():
    network = built(Tokeniser)
    again, _, _ = network(images())
    again.square().sum().backward()
    assert network.to_grid[0].weight.grad.abs().max() > 0 and network.codebook.book.grad is None


def test_what_comes_later_changes_no_earlier_odds():
    prior = built(Prior, words=7)
    tokens = torch.randint(7, (2, 16), generator=runtime.generator(2))
    said = prior(tokens).detach()
    assert said.shape == (2, 16, 7)
    for place in (0, 3, 9):
        other = tokens.clone()
        other[:, place] = (other[:, place] + 3) % 7
        moved = (prior(other).detach() - said).abs().amax(dim=(0, 2)) > 1e-7
        assert not moved[: place + 1].any() and bool(moved[place + 1])


def test_the_token_above_is_seen():
    prior = built(Prior, words=7)
    for parameter in prior.read.parameters():  # a network without memory sees the token before and the one above
        if parameter.ndim == 2 and parameter.shape[1] == 160:
            parameter.data.zero_()
    tokens = torch.randint(7, (1, 16), generator=runtime.generator(2))
    other = tokens.clone()
    other[:, 2] = (other[:, 2] + 3) % 7
    seen = [prior._seen(tokens), prior._seen(other)]
    moved = (seen[0] - seen[1]).detach().abs().amax(dim=(0, 2)) > 0
    assert moved.nonzero().flatten().tolist() == [3, 6]


def test_samples_follow_the_odds_that_the_prior_says():
    """A prior whose last layer is fixed draws each token from these odds, wherever it stands."""
    prior = built(Prior, words=3)
    prior.say.weight.data.zero_()
    prior.say.bias.data = torch.tensor([0.5, 0.2, 0.3]).log()
    drawn = prior.sample(4_000, runtime.generator(0))
    shares = torch.bincount(drawn.flatten(), minlength=3) / drawn.numel()
    assert shares.tolist() == pytest.approx([0.5, 0.2, 0.3], abs=0.01)


def test_sampling_says_the_odds_of_the_forward_pass(monkeypatch):
    prior, said = built(Prior, words=7), []
    monkeypatch.setattr(torch, "multinomial", lambda odds, n, generator: said.append(odds) or odds.argmax(1, True))
    tokens = prior.sample(2, runtime.generator(0))
    assert torch.allclose(torch.stack(said, 1), prior(tokens).softmax(2), atol=1e-6)


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda: Tokeniser(32), ValueError, "image_size must be one of 16, 28, got 32"),
        (lambda: Tokeniser().tokens(images(side=16)), ValueError, "images must have shape"),
        (lambda: Tokeniser().decode(torch.zeros(1, 4, 4)), TypeError, "tokens must be int64"),
        (lambda: Tokeniser(words=3).decode(torch.full((1, 16), 3)), ValueError, "tokens must be from 0 to 2"),
        (lambda: Prior(3)(torch.zeros(2, 15, dtype=torch.int64)), ValueError, r"shape \(N, 4, 4\) or \(N, 16\)"),
        (lambda: Prior(3).sample(0, runtime.generator(0)), ValueError, "n must be a whole number from 1 on"),
        (lambda: Prior(0), ValueError, "words must be a positive whole number"),
    ],
)
def test_others_are_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()
