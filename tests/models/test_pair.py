"""The discriminator of pairs sees both parts of a pair, together, and each pair by itself."""

import pytest
import torch

from gancourse import runtime
from gancourse.models.pair import Discriminator


def built():
    with runtime.seeded(0):
        return Discriminator(16, 1, 3, width=4)


def pairs(count=6):
    random = runtime.generator(1)
    return 2 * torch.rand(count, 1, 16, 16, generator=random) - 1, torch.randn(count, 3, generator=random)


def test_parameters_by_hand():
    # images: 1*16*4+4; 4*16*8+8; 128*256+256; 256*256+256. codes: 3*256+256. together: 512*256+256; 256+1
    expected = 68 + 520 + 33_024 + 65_792 + 1_024 + 131_328 + 257
    assert sum(p.numel() for p in built().parameters()) == expected


def test_each_pair_is_scored_by_itself_and_by_both_parts():
    network, (x, z) = built(), pairs()
    logits = network(x, z)
    assert logits.shape == (6,)
    for other in (network(x.flip(-1), z), network(x, -z)):
        assert (other - logits).abs().min() > 1e-5
    changed = z.clone()
    changed[2] += 1
    moved = (network(x, changed) - logits).abs() > 1e-6
    assert moved.tolist() == [False, False, True, False, False, False]


def test_it_is_no_sum_of_a_score_for_the_image_and_one_for_the_code():
    network, (x, z) = built(), pairs()
    with torch.no_grad():
        first, second = (network(x[:2], z[[place, place]]).diff() for place in (0, 4))
    assert float((first - second).abs()) > 1e-5


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda x, z: (x[..., :8], z), r"images must have shape \(N, 1, 16, 16\)"),
        (lambda x, z: (x, z[:, :2]), r"codes must have shape \(N, 3\)"),
        (lambda x, z: (x, z[:4]), "codes must be one for each of the images, 6, got 4"),
    ],
)
def test_other_pairs_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        built()(*change(*pairs()))
