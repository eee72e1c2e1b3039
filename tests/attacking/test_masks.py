"""Masks leave answers as they should and hide the slope; the honest attack finds it again."""

import pytest
import torch
from plane_world import SIDE, images, reader

from gancourse import runtime
from gancourse.attacking import masks, pixels

GIVEN = images(20)
NETWORK = reader(torch.randn(SIDE * SIDE, generator=runtime.generator(1)))


def own(network):
    labels = network(GIVEN).argmax(1)
    return pixels.slope(
        lambda given: torch.nn.functional.cross_entropy(network(given), labels, reduction="none"), GIVEN
    )


def test_a_saturated_network_answers_the_same_without_a_slope():
    loud = masks.Saturated(NETWORK, 1e4)
    assert torch.equal(loud(GIVEN), 1e4 * NETWORK(GIVEN))
    still = own(loud).flatten(1).abs().amax(1) == 0
    assert bool(still[NETWORK(GIVEN)[:, 0].abs() > 0.05].all()) and bool((own(NETWORK) != 0).any())


@pytest.mark.parametrize(
    "levels, expected", [(2, [-1, -1, 1, 1, 1]), (3, [-1, 0, 0, 1, 1]), (5, [-1, -0.5, 0.5, 1, 1])]
)
def test_pixels_are_rounded_to_levels_from_black_to_white(levels, expected):
    seen = []
    masks.Rounded(lambda given: seen.append(given) or given, levels)(torch.tensor([-0.9, -0.3, 0.3, 0.8, 1.0]))
    assert torch.allclose(seen[0], torch.tensor(expected, dtype=torch.float32))


def test_only_the_straight_pass_lets_a_gradient_through_rounding():
    hidden, straight = (masks.Rounded(NETWORK, 3, straight=value) for value in (False, True))
    assert torch.allclose(hidden(GIVEN), straight(GIVEN), atol=1e-5)
    slopes = [
        pixels.slope(lambda given, network=network: network(given)[:, 1], GIVEN) for network in (hidden, straight)
    ]
    assert not slopes[0].any()
    assert torch.allclose(slopes[1], pixels.slope(lambda given: NETWORK(given)[:, 1], GIVEN))


def test_noise_is_drawn_anew_within_its_size_and_in_range():
    seen = []
    noisy = masks.Noisy(lambda given: seen.append(given) or given, 0.2, runtime.generator(0))
    for _ in range(2):
        noisy(GIVEN)
    assert not torch.equal(*seen)
    assert float((seen[0] - GIVEN).abs().max()) == pytest.approx(0.4, abs=0.01)
    noisy(torch.ones_like(GIVEN))
    assert float(seen[2].max()) == 1 and float(seen[2].min()) == pytest.approx(0.6, abs=0.02)


@pytest.mark.parametrize(
    "build, words",
    [
        (lambda: masks.Saturated(NETWORK, 0.0), "factor must be above 0"),
        (lambda: masks.Rounded(NETWORK, 1), "levels must be"),
        (lambda: masks.Noisy(NETWORK, 1.5, runtime.generator(0)), "size must be"),
    ],
)
def test_what_will_not_do_is_refused(build, words):
    with pytest.raises(ValueError, match=words):
        build()
