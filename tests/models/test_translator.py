"""The translator begins as a copy, has the parameters it should, and sees a window of 18 by 18."""

import pytest
import torch

from gancourse import runtime
from gancourse.models.translator import Translator


def built(*channels, seed=0, trained=True, **settings):
    with runtime.seeded(seed):
        network = Translator(*channels, **settings)
        if trained:  # away from the start, where the last convolution is 0
            for weight in network.parameters():
                weight.data.add_(0.1 * torch.randn_like(weight))
    return network


def images(count=3, channels=1, side=28, seed=1):
    return 2 * torch.rand(count, channels, side, side, generator=runtime.generator(seed)) - 1


@pytest.mark.parametrize(
    "channels, settings, count",
    [
        # first 4*16*9 + 16, middle 2*(16*16*9 + 16), last 16*4*9 + 4, copy 1 + 1
        ((1, 1), {}, 592 + 4_640 + 580 + 2),
        # first 12*16*9 + 16, last 16*4*9 + 4, copy 3 + 1
        ((3, 1), {}, 1_744 + 4_640 + 580 + 4),
        ((3, 3), {}, 1_744 + 4_640 + 1_740 + 12),
        # four planes more for the first one: (12 + 4)*16*9 + 16
        ((3, 3), {"domains": 4}, 2_320 + 4_640 + 1_740 + 12),
        # width 5: 4*5*9 + 5, 2*(5*5*9 + 5), 5*8*9 + 8, 2 + 2
        ((1, 2), {"width": 5}, 185 + 460 + 368 + 4),
    ],
)
def test_parameters_by_hand(channels, settings, count):
    assert sum(weight.numel() for weight in Translator(*channels, **settings).parameters()) == count


@pytest.mark.parametrize("side", [16, 28, 30])
def test_it_begins_as_the_copy_of_its_input(side):
    grey, colour = images(side=side), images(channels=3, side=side)
    assert torch.allclose(built(trained=False)(grey), torch.tanh(grey), atol=1e-6)
    mean = colour.mean(dim=1, keepdim=True)
    assert torch.allclose(built(3, 1, trained=False)(colour), torch.tanh(mean), atol=1e-6)
    told = built(3, 2, domains=3, trained=False)(colour, torch.tensor([0, 2, 1]))
    assert torch.allclose(told, torch.tanh(mean).expand(-1, 2, -1, -1), atol=1e-6)


def test_every_part_learns_from_the_second_step_on():
    network = built(trained=False)
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    for step in range(2):
        optimizer.zero_grad()
        (network(images()) - 0.5).square().mean().backward()
        moving = [name for name, weight in network.named_parameters() if weight.grad.abs().sum() > 0]
        if step == 0:
            assert set(moving) == {"last.weight", "last.bias", "copy.weight", "copy.bias"}
        optimizer.step()
    assert len(moving) == len(list(network.parameters()))


def test_it_begins_at_random_if_it_shall_be_no_copy():
    x = images(2)
    network = Translator(as_copy=False)
    assert not network.copy.weight.any() and network.last.weight.std() > 0.01
    apart = (network(x) - torch.tanh(x)).abs().mean()
    assert apart > 0.3 and not torch.equal(network(x), Translator(as_copy=False)(x))


def test_a_pixel_sees_a_window_of_eighteen():
    x = images(1, side=64).requires_grad_()
    built()(x)[0, 0, 32, 32].backward()
    rows, columns = (x.grad[0, 0].abs().sum(dim) > 0 for dim in (1, 0))
    for seen in (rows, columns):
        places = seen.nonzero().flatten()
        assert len(places) == 18 and places[0] == 32 - 8 and places[-1] == 32 + 9


def test_the_domain_changes_the_answer_and_one_hot_rows_are_as_good_as_numbers():
    network, x = built(1, 1, domains=3), images(2)
    answers = [network(x, torch.full((2,), k)) for k in range(3)]
    assert all(not torch.allclose(answers[i], answers[j], atol=1e-3) for i, j in ((0, 1), (0, 2), (1, 2)))
    mixed = network(x, torch.tensor([2, 0]))
    assert torch.allclose(mixed[0], answers[2][0], atol=1e-5) and torch.allclose(mixed[1], answers[0][1], atol=1e-5)
    one_hot = torch.eye(3)[torch.tensor([2, 0])]
    assert torch.allclose(network(x, one_hot), mixed, atol=1e-6)


def test_images_are_translated_each_by_itself():
    network, x = built(), images(4)
    assert torch.allclose(network(x)[2:3], network(x[2:3]), atol=1e-5)


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda: built(given_channels=0), ValueError, "given_channels must be a positive whole number, got 0"),
        (lambda: built(domains=-1), ValueError, "domains must be a whole number from 0 on"),
        (lambda: built()(images(side=15)), ValueError, "images must have an even side, got 15"),
        (lambda: built()(images(channels=3)), ValueError, "images must have shape"),
        (lambda: built()(images()[:, :, :, :20]), ValueError, "images must have shape"),
        (lambda: built()(None), TypeError, "images must be a tensor"),
        (lambda: built()(images(), torch.zeros(3).long()), ValueError, "domain must be None: this network has 0"),
        (lambda: built(domains=2)(images()), ValueError, "domain must be given: this network has 2"),
        (lambda: built(domains=2)(images(), torch.tensor([0, 1])), ValueError, "domain must be one for each of images"),
        (lambda: built(domains=2)(images(), torch.tensor([0, 1, 2])), ValueError, "must be from 0 to 1"),
    ],
)
def test_what_it_refuses(make, error, words):
    with pytest.raises(error, match=words):
        make()
