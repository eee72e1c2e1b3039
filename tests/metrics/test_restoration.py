"""Numbers for restored images against closed forms."""

import math

import pytest
import torch

from gancourse import runtime
from gancourse.metrics import restoration


def images(count=4, side=6, seed=0):
    return 2 * torch.rand(count, 1, side, side, generator=runtime.generator(seed)) - 1


def test_psnr_by_hand():
    truth = images()
    # every pixel 0.2 off: 10 log10(4 / 0.04) = 20 dB
    assert restoration.psnr(truth + 0.2, truth) == pytest.approx(20)
    assert restoration.psnr((truth + 0.2) / 2, truth / 2, peak=1) == pytest.approx(20)  # units do not matter
    assert restoration.psnr(truth + 0.2, truth, peak=1) == pytest.approx(20 - 20 * math.log10(2))
    # half the error is 3 dB
    gain = restoration.psnr(truth + 0.2 / math.sqrt(2), truth) - restoration.psnr(truth + 0.2, truth)
    assert gain == pytest.approx(10 * math.log10(2))
    assert restoration.psnr(truth, truth) == math.inf


def test_psnr_is_of_the_whole_set_and_not_the_mean_over_images():
    truth = torch.zeros(2, 1, 3, 3)
    off = truth.clone()
    off[0] += 0.2
    off[1] += 0.02  # 20 and 40 dB
    assert restoration.psnr(off, truth) == pytest.approx(10 * math.log10(4 / ((0.04 + 0.0004) / 2)))


def test_sharpness_by_hand():
    truth = images()
    assert restoration.sharpness(truth, truth) == pytest.approx(1)
    assert restoration.sharpness(0.3 * truth + 0.1, truth) == pytest.approx(0.3)
    assert restoration.sharpness(torch.zeros_like(truth), truth) == 0
    # stripes across count as stripes down: a step of 2 in each of 5 differences, three times as wide in the other
    across, down = torch.zeros(1, 1, 6, 6), torch.zeros(1, 1, 6, 6)
    across[..., ::2], down[..., ::3, :] = 1, 1  # 5 of 5 differences; 3 of 5
    assert restoration.sharpness(down, across) == pytest.approx(3 / 5)
    assert restoration.sharpness(across, down) == pytest.approx(5 / 3)


def test_a_sampler_of_the_truth_has_noise_use_one():
    random = runtime.generator(1)
    centre = images(count=20_000, side=2, seed=2)
    truth = centre + 0.3 * torch.randn(centre.shape, generator=random)
    for draws in (2, 5):
        made = centre + 0.3 * torch.randn(draws, *centre.shape, generator=random)
        assert restoration.noise_use(made, truth) == pytest.approx(1, abs=0.02)
    twice = centre + 0.6 * torch.randn(3, *centre.shape, generator=random)
    # 2 * 4 s^2 / (4 s^2 + s^2)
    assert restoration.noise_use(twice, truth) == pytest.approx(1.6, abs=0.03)


def test_noise_use_by_hand():
    truth = torch.tensor([[0.0, 0.0]])
    draws = torch.tensor([[[1.0, 0.0]], [[3.0, 0.0]], [[2.0, 0.0]]])
    # pairs differ by 2, 1, 1 in the first number: (4 + 1 + 1) / 3; errors 1, 9, 4: over two numbers both are halved
    assert restoration.noise_use(draws, truth) == pytest.approx((6 / 3) / (14 / 3))
    assert restoration.noise_use(torch.ones(4, 1, 2), truth) == 0


def test_flicker_by_hand():
    digit = torch.tensor([1.0, -1.0, 0.0, 0.0])  # ink 2, 0, 1, 1
    still = digit.expand(5, 3, 4)
    assert restoration.flicker(still, still) == 0
    gone = still.clone()
    gone[1::2] = -1
    assert restoration.flicker(gone, still) == pytest.approx(1)  # every second frame black: all ink comes and goes
    pale = still.clone()
    pale[1::2] = (still[1::2] + 1) / 2 - 1
    assert restoration.flicker(pale, still) == pytest.approx(1 / 2)
    once = still.clone()
    once[-1] = -1  # one change of four
    assert restoration.flicker(once, still) == pytest.approx(1 / 4)
    assert restoration.flicker(gone[:, :, :1], still[:, :, :1]) == pytest.approx(1)


def test_changed_counts_sure_answers_of_another_class_among_sure_truths():
    truth = torch.tensor(
        [[0.95, 0.03, 0.02], [0.95, 0.03, 0.02], [0.95, 0.03, 0.02], [0.01, 0.98, 0.01], [0.5, 0.4, 0.1]]
    )
    made = torch.tensor(
        [[0.02, 0.03, 0.95], [0.05, 0.8, 0.15], [0.91, 0.05, 0.04], [0.02, 0.95, 0.03], [0.0, 1.0, 0.0]]
    )
    assert restoration.changed(made, truth) == pytest.approx(1 / 4)  # the last truth is unsure
    assert restoration.changed(made, truth, confident=0.75) == pytest.approx(2 / 4)
    assert restoration.changed(made, truth, confident=0.4) == pytest.approx(3 / 5)
    assert restoration.changed(truth, truth) == 0


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda x: restoration.psnr(x, x[:2]), ValueError, "restored and truth must have one shape"),
        (lambda x: restoration.psnr(x, x, peak=0), ValueError, "peak must be a finite number above 0, got 0"),
        (lambda x: restoration.psnr(x, (x > 0).long()), TypeError, "truth must hold floating-point numbers"),
        (lambda x: restoration.psnr(x * math.nan, x), ValueError, "restored must be finite"),
        (lambda x: restoration.sharpness(x, x * 0), ValueError, "truth has no edges"),
        (lambda x: restoration.sharpness(x[0, 0], x[0, 0]), ValueError, "truth must be images of shape"),
        (lambda x: restoration.flicker(x[:1], x[:1]), ValueError, "T at least 2"),
        (lambda x: restoration.flicker(x, x[:2]), ValueError, "film and truth must have one shape"),
        (lambda x: restoration.flicker(x, 0 * x - 1), ValueError, "truth is black everywhere"),
        (lambda x: restoration.noise_use(x, x), ValueError, "draws must have shape"),
        (lambda x: restoration.noise_use(x[None], x), ValueError, "draws must have shape .K, ...., K at least 2"),
        (lambda x: restoration.noise_use(x.expand(2, *x.shape), x), ValueError, "draws equal the truth"),
        (lambda x: restoration.changed(x.flatten(1), x.flatten(1)), ValueError, "probabilities must be at least 0"),
        (lambda x: restoration.changed(torch.eye(3), torch.eye(3)[:2]), ValueError, "must have one shape"),
        (lambda x: restoration.changed(torch.eye(3), torch.eye(3), confident=2), ValueError, "confident must be"),
        (
            lambda x: restoration.changed(torch.eye(2), torch.full((2, 2), 0.5)),
            ValueError,
            "no image of which the judge is sure",
        ),
    ],
)
def test_anything_else_is_refused_by_name(call, error, words):
    with pytest.raises(error, match=words):
        call(images())
