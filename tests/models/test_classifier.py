"""The classifier has the parameters and the answers of the judge's network, and refuses what it was not built for."""

import pytest
import torch

from gancourse import runtime
from gancourse.metrics import judge
from gancourse.models.classifier import Classifier


@pytest.mark.parametrize(
    "settings, expected",
    [
        # 25*16; 32; 16*9*32; 64; 32*49*64+64; 64*10+10
        ({}, 400 + 32 + 4_608 + 64 + 100_416 + 650),
        # 3*25*4; 8; 4*9*8; 16; 8*25*64+64 (18 halves to 9 and 5); 64*3+3
        ({"image_size": 18, "channels": 3, "classes": 3, "width": 4}, 300 + 8 + 288 + 16 + 12_864 + 195),
    ],
)
def test_parameters_by_hand(settings, expected):
    assert sum(p.numel() for p in Classifier(**settings).parameters()) == expected


def test_it_is_built_as_the_judge_is():
    with runtime.seeded(3):
        ours = Classifier().eval()
    theirs = judge._network(28).eval()
    theirs.load_state_dict({name.removeprefix("layers."): value for name, value in ours.state_dict().items()})
    images = 2 * torch.rand(5, 1, 28, 28, generator=runtime.generator(1)) - 1
    assert torch.equal(ours(images), theirs(images)) and ours(images).shape == (5, 10)


@pytest.mark.parametrize("side", [8, 14, 28, 33])
def test_each_image_is_judged_by_itself_from_its_features(side):
    with runtime.seeded(0):
        network = Classifier(side, classes=3).eval()
    images = 2 * torch.rand(5, 1, side, side, generator=runtime.generator(0)) - 1
    features = network.features(images).detach()
    assert network(images).shape == (5, 3) and features.shape == (5, 64) and features.min() >= 0
    assert torch.allclose(network(images), network.layers[-1](features))
    assert torch.allclose(network(images)[:1], network(images[:1]), atol=1e-6)


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"image_size": 7}, "at least 8"),
        ({"classes": 1}, "classes at least 2"),
        ({"channels": 2}, "channels must be one of 1, 3"),
        ({"width": 0}, "width must be a positive"),
    ],
)
def test_sizes_that_will_not_do_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        Classifier(**settings)


def test_other_images_are_refused():
    with pytest.raises(ValueError, match=r"\(N, 1, 28, 28\)"):
        Classifier()(torch.zeros(2, 1, 32, 32))
