"""Streams of batches: each sample once an epoch, and a stream that is taken up again goes on exactly."""

import pytest
import torch

from gancourse.data import batches, toy


def stream_of(n, size, seed=0):
    return batches.stream(torch.arange(float(n))[:, None], size, torch.Generator().manual_seed(seed))


def test_an_epoch_shows_each_sample_once_and_shuffled():
    stream = stream_of(10, 5)
    first = torch.cat([next(stream), next(stream)]).flatten()
    second = torch.cat([next(stream), next(stream)]).flatten()
    assert first.sort().values.tolist() == second.sort().values.tolist() == list(range(10))
    assert not torch.equal(first, second) and not torch.equal(first, torch.arange(10.0))


def test_the_last_partial_batch_is_left_out():
    stream = stream_of(7, 3)
    for _ in range(5):
        epoch = torch.cat([next(stream), next(stream)]).flatten()
        assert len(epoch.unique()) == 6


@pytest.mark.parametrize("taken", [0, 1, 2, 3])
def test_a_resumed_stream_goes_on_exactly(taken):
    whole = stream_of(7, 3)
    for _ in range(taken):
        next(whole)
    state = whole.state_dict()
    expected = [next(whole) for _ in range(6)]
    resumed = stream_of(7, 3, seed=99)
    next(resumed)
    resumed.load_state_dict(state)
    assert all(torch.equal(next(resumed), batch) for batch in expected)


def test_a_distribution_gives_fresh_samples():
    class Noise:
        def sample(self, n, generator):
            return torch.randn(n, 2, generator=generator)

    stream = batches.stream(Noise(), 4, torch.Generator().manual_seed(1))
    first = next(stream)
    state = stream.state_dict()
    second = next(stream)
    assert first.shape == (4, 2) and not torch.equal(first, second)
    stream.load_state_dict(state)
    assert torch.equal(next(stream), second)


def test_a_state_of_another_data_set_is_refused():
    stream = stream_of(7, 3)
    next(stream)
    with pytest.raises(ValueError, match="7 samples, but this stream has 8"):
        stream_of(8, 3).load_state_dict(stream.state_dict())
    with pytest.raises(ValueError, match="batches of 3, but this stream has 2"):
        stream_of(7, 2).load_state_dict(stream.state_dict())
    other = batches.stream(torch.rand(7, 1), 3, torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match="other data than this stream's, though of equal size"):
        other.load_state_dict(batches.stream(torch.ones(7, 1), 3, torch.Generator()).state_dict())
    toys = [batches.stream(toy.gaussian(mean, 1), 3, torch.Generator()) for mean in (0, 1)]
    with pytest.raises(ValueError, match="other data"):
        toys[0].load_state_dict(toys[1].state_dict())


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((torch.zeros(3, 1), 4), ValueError, "source has 3 samples, fewer than one batch of 4"),
        ((torch.tensor(1.0), 1), ValueError, "source has no samples"),
        ((torch.zeros(3, 1), 0), ValueError, "batch_size must be at least 1"),
        ((torch.zeros(3, 1), 2.0), TypeError, "batch_size must be a whole number"),
        (("digits", 2), TypeError, "source must be a tensor or have a sample method, got str"),
    ],
)
def test_bad_streams_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        batches.stream(*arguments, torch.Generator())
    with pytest.raises(TypeError, match="generator must be a torch.Generator"):
        batches.stream(torch.zeros(3, 1), 2, 0)


@pytest.mark.parametrize("of", [2, 3])
def test_parts_share_out_the_batches_of_the_whole_stream(of):
    """No image twice, none left out, the same order for any number of parts, over more than one epoch."""
    data = torch.arange(20.0)[:, None]
    whole = batches.stream(data, 6, torch.Generator().manual_seed(1))
    parts = [batches.stream(data, 6, torch.Generator().manual_seed(1), part=(which, of)) for which in range(of)]
    for _ in range(8):
        assert torch.equal(next(whole), torch.cat([next(part) for part in parts]))
    states = [stream.state_dict() for stream in (whole, *parts)]
    assert all(state["place"] == states[0]["place"] and state["order"].equal(states[0]["order"]) for state in states)
    resumed = batches.stream(data, 6, torch.Generator(), part=(1, 2))
    resumed.load_state_dict(states[-1])
    assert torch.equal(next(resumed), next(whole)[3:])


def test_a_part_of_a_distribution_is_a_part_of_the_whole_draw():
    ring = toy.ring()
    whole, part = (batches.stream(ring, 8, torch.Generator().manual_seed(2), part=p) for p in ((0, 1), (1, 4)))
    assert torch.equal(next(part), next(whole)[2:4])


@pytest.mark.parametrize("part", [(2, 2), (-1, 2), (0, 0), (0, 3), (0.0, 2)])
def test_a_part_that_is_none_is_refused(part):
    with pytest.raises(ValueError, match="part must be .which, of how many., and divide batches of 4"):
        batches.stream(torch.zeros(8, 1), 4, torch.Generator(), part=part)


def test_labelled_batches_keep_each_label_with_its_sample():
    images, labels = torch.arange(10.0).view(10, 1), torch.arange(10) * 7
    found = batches.labelled(images, labels, 3, torch.Generator().manual_seed(0))
    plain = batches.stream(images, 3, torch.Generator().manual_seed(0))
    for _ in range(7):  # over two epochs
        some, theirs = next(found)
        assert torch.equal(some, next(plain))
        assert torch.equal(some[:, 0].long() * 7, theirs)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([[1.0]], torch.zeros(1)), TypeError, "images must be a tensor, got list"),
        ((torch.zeros(4, 1), [0] * 4), TypeError, "labels must be a tensor, got list"),
        ((torch.zeros(4, 1), torch.zeros(3)), ValueError, "labels must be one for each of the images, got 3 for 4"),
        ((torch.zeros(4, 1), torch.tensor(1)), ValueError, "got no for 4"),
        ((torch.zeros(1, 1), torch.zeros(1)), ValueError, "source has 1 samples, fewer than one batch of 2"),
    ],
)
def test_labels_that_do_not_belong_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        batches.labelled(*arguments, 2, torch.Generator())
