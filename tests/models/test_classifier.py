"""The small classifier has the parameters it should and judges each image by itself."""

import pytest
import torch

from gancourse import runtime
from gancourse.models.classifier import Classifier


def built(seed=0, **settings):
    with runtime.seeded(seed):
        return Classifier(**settings)


@pytest.mark.parametrize(
    "settings, count",
    [
        # 25*16 + 32; 16*32*9 + 64; 32*49*64 + 64; 64*2 + 2
        ({}, 432 + 4_672 + 100_416 + 130),
        # 25*4 + 8; 4*8*9 + 16; 8*16*64 + 64; 64*10 + 10
        ({"classes": 10, "image_size": 14, "width": 4}, 108 + 304 + 8_256 + 650),
    ],
)
def test_parameters_by_hand(settings, count):
    assert sum(p.numel() for p in built(**settings).parameters()) == count


@pytest.mark.parametrize("side", [8, 14, 28, 33])
def test_shapes(side):
    network = built(classes=3, image_size=side).eval()
    images = 2 * torch.rand(5, 1, side, side, generator=runtime.generator(0)) - 1
    assert network(images).shape == (5, 3) and network.features(images).shape == (5, 64)
    assert float(network.features(images).detach().min()) >= 0
    assert torch.allclose(network(images), network.decide(network.features(images)))
    assert torch.allclose(network(images)[:1], network(images[:1]), atol=1e-6)


def test_it_is_the_network_of_the_judge():
    from gancourse.metrics import judge

    ours, theirs = built(classes=10), judge._network(28)
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)))
    images = 2 * torch.rand(4, 1, 28, 28, generator=runtime.generator(1)) - 1
    assert torch.allclose(ours.eval()(images), theirs.eval()(images), atol=1e-6)


@pytest.mark.parametrize(
    "settings, words",
    [({"classes": 1}, "classes"), ({"image_size": 7}, "image_size"), ({"width": 0}, "width")],
)
def test_wrong_sizes_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        Classifier(**settings)
    with pytest.raises(ValueError, match="images"):
        built()(torch.zeros(2, 1, 20, 20))
