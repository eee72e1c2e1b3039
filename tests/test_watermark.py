"""The mark: coins in cells, found by its key, and a bound over keys that holds for every image."""

import math

import pytest
import torch

from gancourse import runtime, watermark


def smooth(count=20, side=28, seed=0):
    """Grey ramps and hills: images as smooth as X-rays."""
    random = runtime.generator(seed)
    coarse = torch.rand(count, 1, 4, 4, generator=random) * 1.2 - 0.6
    return torch.nn.functional.interpolate(coarse, size=side, mode="bicubic", align_corners=False).clamp(-0.9, 0.9)


@pytest.mark.parametrize("cell", [1, 2, 4])
def test_a_pattern_is_coins_in_cells(cell):
    found = watermark.pattern(7, 28, cell)
    assert found.shape == (1, 28, 28) and set(found.unique().tolist()) == {-1.0, 1.0}
    cells = found.reshape(28 // cell, cell, 28 // cell, cell)
    assert bool((cells == cells[:, :1, :, :1]).all())
    assert torch.equal(found, watermark.pattern(7, 28, cell)) and not torch.equal(found, watermark.pattern(8, 28, cell))
    mean = torch.stack([watermark.pattern(key, 28, cell) for key in range(600)]).mean(dim=0)
    assert float(mean.abs().max()) < 5 / math.sqrt(600)  # every cell is a fair coin


def test_embed_adds_the_pattern_and_cuts_off():
    images = smooth(2)
    marked = watermark.embed(images, 3, 0.05)
    assert torch.allclose(marked - images, 0.05 * watermark.pattern(3).expand(2, 1, 28, 28), atol=1e-6)
    ends = watermark.embed(torch.tensor([[-1.0, 1.0], [-1.0, 1.0]]).reshape(1, 1, 2, 2), 3, 0.3, cell=1)
    assert float(ends.abs().max()) <= 1
    assert torch.equal(watermark.embed(images, 3, 0.0), images)


def test_score_by_hand():
    """A single light cell in the middle: less its neighbours' mean it is 8/9 there and -1/9 around."""
    image = torch.full((1, 1, 10, 10), -0.5)
    image[..., 4:6, 4:6] = 0.4
    signs = watermark.pattern(11, 10, 2)[0, ::2, ::2]
    around = signs[1:4, 1:4].sum()
    expected = (9 * signs[2, 2] - around) / math.sqrt(8**2 + 8)
    assert float(watermark.score(image, 11)) == pytest.approx(float(expected), abs=1e-5)
    assert float(watermark.score(0.3 * image - 0.2, 11)) == pytest.approx(float(expected), abs=1e-4)  # light, contrast
    assert float(watermark.score(torch.full((1, 1, 10, 10), 0.4), 11)) == 0


def test_over_keys_the_score_of_any_image_is_bounded():
    images = torch.cat([smooth(3), 2 * torch.rand(1, 1, 28, 28, generator=runtime.generator(5)) - 1])
    spot = torch.full((1, 1, 28, 28), -1.0)
    spot[..., 10, 10] = 1
    images = torch.cat([images, spot])
    scores = torch.stack([watermark.score(images, key) for key in range(3_000)])
    assert torch.allclose(scores.mean(dim=0), torch.zeros(5), atol=0.06)
    assert torch.allclose(scores.square().mean(dim=0), torch.ones(5), atol=0.1)
    for level in (1.0, 2.0, 3.0):
        assert float((scores > level).double().mean(dim=0).max()) <= math.exp(-(level**2) / 2)


def test_the_key_finds_its_mark_and_others_do_not():
    images = smooth(200)
    marked = watermark.embed(images, 42, 0.1)
    assert float(watermark.score(marked, 42).min()) > 6
    assert float(watermark.score(images, 42).abs().max()) < 5
    assert abs(float(watermark.score(marked, 43).mean())) < 3


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda: watermark.pattern(-1), ValueError, "seed"),
        (lambda: watermark.pattern(1, 28, 3), ValueError, "divide"),
        (lambda: watermark.pattern(1, 28, 0), ValueError, "cell"),
        (lambda: watermark.embed(smooth(1), 1, 1.5), ValueError, "strength"),
        (lambda: watermark.embed(smooth(1)[0], 1), ValueError, "shape"),
        (lambda: watermark.score([1.0], 1), TypeError, "tensor"),
    ],
)
def test_wrong_arguments_are_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()
