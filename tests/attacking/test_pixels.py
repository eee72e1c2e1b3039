"""Attacks stay within their limit and do on linear networks what can be worked out by hand."""

import pytest
import torch
import torch.nn.functional as F

from gancourse import runtime
from gancourse.attacking import pixels

SIDE = 8


def grey(count=6, spread=0.5, seed=0):
    return spread * (2 * torch.rand(count, 1, SIDE, SIDE, generator=runtime.generator(seed)) - 1)


def weights(classes=3, seed=1):
    return torch.randn(classes, SIDE * SIDE, generator=runtime.generator(seed))


def linear(weight):
    return lambda images: images.flatten(1) @ weight.T


LABELS = torch.tensor([0, 1, 2, 0, 1, 2])


def assert_allowed(changed, images, epsilon):
    assert changed.shape == images.shape and not changed.requires_grad and changed.dtype == images.dtype
    assert float(changed.abs().max()) <= 1
    assert float((changed - images).abs().max()) <= 2 * epsilon + 1e-6


def test_within_is_the_nearest_allowed_image():
    images = torch.tensor([[[[-1.0, -0.9, 0.0, 0.9]]]])
    changed = torch.tensor([[[[-3.0, 0.0, 0.1, 3.0]]]])
    assert torch.allclose(pixels.within(changed, images, 0.1), torch.tensor([[[[-1.0, -0.7, 0.1, 1.0]]]]))
    assert torch.equal(pixels.within(changed, images, 0.0), images)


def test_noise_moves_every_pixel_by_the_whole_limit_up_as_often_as_down():
    images = torch.zeros(50, 1, SIDE, SIDE)
    moved = pixels.noise(images, 0.2, runtime.generator(0))
    assert torch.allclose(moved.abs(), torch.full_like(moved, 0.4))
    assert abs(float((moved > 0).double().mean()) - 0.5) < 0.03  # 3,200 signs: a deviation of 0.009
    assert_allowed(pixels.noise(grey(spread=1.0), 0.3, runtime.generator(0)), grey(spread=1.0), 0.3)


def test_margin_by_hand():
    logits = torch.tensor([[1.0, 4.0, 2.0], [1.0, 4.0, 2.0], [3.0, 3.0, 0.0]])
    assert pixels.margin(logits, torch.tensor([1, 2, 0])).tolist() == [2.0, -2.0, 0.0]


def test_a_linear_objective_rises_by_the_limit_times_the_sum_of_absolute_slopes():
    images, w = grey(), weights(1)[0]

    def objective(images):
        return images.flatten(1) @ w

    expected = 2 * 0.1 * w.abs().sum()
    for settings in ({"num_steps": 1}, {"num_steps": 7}, {"num_steps": 7, "generator": runtime.generator(2)}):
        changed = pixels.climb(objective, images, 0.1, **settings)
        assert torch.allclose(objective(changed) - objective(images), expected.expand(6), rtol=1e-4)
        assert_allowed(changed, images, 0.1)


def test_fgsm_on_a_linear_network_by_hand():
    images, weight = grey(), weights(2)
    labels = LABELS % 2
    own, other = weight[labels], weight[1 - labels]
    for loss in pixels.LOSSES:
        changed = pixels.fgsm(linear(weight), images, labels, 0.1, loss=loss)
        assert torch.allclose((changed - images).flatten(1), 0.2 * (other - own).sign(), atol=1e-6)


def test_the_slope_is_each_images_own():
    images = grey()
    found = pixels.slope(lambda images: images.flatten(1).square().sum(1) * torch.arange(6), images)
    assert torch.allclose(found, 2 * images * torch.arange(6)[:, None, None, None]) and not images.requires_grad


def test_a_slope_is_found_where_gradients_are_off():
    with torch.no_grad():
        assert torch.equal(pixels.slope(lambda images: images.flatten(1).sum(1), grey()), torch.ones_like(grey()))


def bumpy(images):
    """An objective with many tops: where a climb ends depends on where it begins."""
    return torch.cos(20 * images).flatten(1).sum(1)


def test_of_all_restarts_each_image_keeps_the_highest():
    images, ends = grey(), []
    for count in (1, 8):
        changed = pixels.climb(bumpy, images, 0.3, num_steps=5, restarts=count, generator=runtime.generator(0))
        assert_allowed(changed, images, 0.3)
        ends.append(bumpy(changed))
    single = [
        bumpy(pixels.climb(bumpy, images, 0.3, num_steps=5, generator=generator))
        for generator in [runtime.generator(0)]
        for _ in range(8)
    ]
    assert torch.allclose(ends[1], torch.stack(single).amax(dim=0))  # the same eight starts, drawn one by one
    assert bool((ends[1] > ends[0]).any())


def test_more_steps_do_more_on_a_network_that_bends():
    weight = weights(20), weights(3, seed=5)[:, :20]

    def network(images):
        return (images.flatten(1) @ weight[0].T).relu() @ weight[1].T

    images = grey()
    harm = [
        float(F.cross_entropy(network(changed), LABELS))
        for changed in (
            images,
            pixels.noise(images, 0.1, runtime.generator(0)),
            pixels.fgsm(network, images, LABELS, 0.1),
            pixels.pgd(network, images, LABELS, 0.1, num_steps=20, restarts=3, generator=runtime.generator(0)),
        )
    ]
    assert harm[3] > harm[2] > max(harm[:2])


def test_only_the_margin_still_slopes_where_a_network_is_very_sure():
    images, weight = grey(), weights(2)
    right = linear(weight)(images).argmax(1)
    sure, moved = linear(1e4 * weight), {}
    for loss in pixels.LOSSES:
        changed = pixels.pgd(sure, images, right, 0.1, num_steps=3, generator=runtime.generator(0), loss=loss)
        moved[loss] = pixels.margin(linear(weight)(changed), right) - pixels.margin(linear(weight)(images), right)
    assert torch.allclose(moved["margin"], -0.2 * (weight[0] - weight[1]).abs().sum().expand(6), rtol=1e-4)
    assert bool((moved["cross_entropy"] > 0.5 * moved["margin"]).all())


def test_search_by_squares_never_goes_up_and_ends_near_the_best_of_a_smooth_linear_network():
    images = grey(spread=0.2)
    smooth = torch.ones(1, SIDE, SIDE)
    smooth[:, : SIDE // 2] = -1.0
    network = linear(torch.cat([smooth, -smooth]).flatten(1))
    labels = LABELS % 2
    clean = pixels.margin(network(images), labels)
    best = clean - 2 * 0.2 * 2 * SIDE * SIDE  # each pixel counts once for each logit
    found = []
    for queries in (2, 50, 400):
        changed = pixels.random_search(network, images, labels, 0.2, queries=queries, generator=runtime.generator(0))
        assert_allowed(changed, images, 0.2)
        found.append(pixels.margin(network(changed), labels))
    assert bool((found[1] <= found[0]).all() and (found[2] <= found[1]).all())
    assert float(((clean - found[2]) / (clean - best)).min()) > 0.7


def test_search_by_squares_asks_as_often_as_it_says_and_never_for_a_gradient():
    asked = []

    def network(images):
        asked.append(torch.is_grad_enabled())
        return linear(weights())(images)

    pixels.random_search(network, grey(), LABELS, 0.2, queries=17, generator=runtime.generator(0))
    assert asked == 17 * [False]


def test_a_search_begins_with_stripes_and_tries_one_square_of_a_shrinking_size():
    images, g = grey(spread=0.0), runtime.generator(0)
    striped = pixels.stripes(images, 0.2, g) - images
    assert torch.allclose(striped.abs(), torch.full_like(images, 0.4)) and bool((striped == striped[:, :, :1]).all())
    assert striped.unique().numel() == 2
    sizes = []
    for done in (0.05, 0.2, 0.5, 0.9):
        moved = pixels.with_squares(images, images, 0.2, done, g) - images
        for change in moved[:, 0]:
            rows, columns = (change != 0).any(1).nonzero(), (change != 0).any(0).nonzero()
            width = len(rows)
            assert len(columns) == width and int((change != 0).sum()) == width**2  # one square, and a full one
            assert rows[-1] - rows[0] == width - 1 and change[change != 0].unique().numel() == 1
        sizes.append(width)
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > sizes[-1]
    assert torch.equal(pixels.with_squares(striped, images, 0.0, 0.5, g)[striped == 0], images[striped == 0])


def test_only_what_every_attack_leaves_right_is_kept():
    rows = torch.tensor([[1, 1, 0, 1], [1, 0, 1, 1], [1, 1, 1, 0]]).bool()
    assert pixels.worst_of_all(rows).tolist() == [True, False, False, False]
    assert torch.equal(pixels.worst_of_all(list(rows)), pixels.worst_of_all(rows))


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: pixels.within(grey(2), grey(3), 0.1), "shape of images"),
        (lambda: pixels.within(grey(2), grey(2), 1.5), "epsilon must be"),
        (lambda: pixels.noise(grey() * 9, 0.1, runtime.generator(0)), r"\[-1, 1\]"),
        (lambda: pixels.margin(torch.zeros(3, 2), torch.zeros(2, dtype=torch.int64)), "one for each row"),
        (lambda: pixels.margin(torch.zeros(3, 2), torch.zeros(3)), "int64"),
        (lambda: pixels.climb(lambda images: images.sum(), grey(), 0.1), "one number for each image"),
        (lambda: pixels.climb(bumpy, grey(), 0.1, restarts=2), "give a generator"),
        (lambda: pixels.climb(bumpy, grey(), 0.1, num_steps=0), "num_steps must be"),
        (lambda: pixels.fgsm(linear(weights()), grey(), LABELS, -0.1), "epsilon must be"),
        (lambda: pixels.fgsm(linear(weights()), grey(), LABELS, 0.1, loss="hinge"), "loss must be one of"),
        (lambda: pixels.fgsm(linear(weights()), grey(), LABELS[:2], 0.1), "one for each row"),
        (
            lambda: pixels.random_search(
                linear(weights()), grey(), LABELS, 0.1, queries=1, generator=runtime.generator(0)
            ),
            "queries must be",
        ),
        (
            lambda: pixels.pgd(linear(weights()), grey(), LABELS, 0.1, generator=runtime.generator(0), loss="hinge"),
            "loss must be one of",
        ),
        (lambda: pixels.worst_of_all([]), "one row of bool"),
        (lambda: pixels.worst_of_all(torch.ones(2, 3)), "one row of bool"),
    ],
)
def test_what_will_not_do_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
