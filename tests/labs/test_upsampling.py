"""The panel of sizes: what it says of a setting is what torch makes and what counting stamps gives."""

import pytest
import torch
from torch import nn

from gancourse.labs import upsampling


@pytest.mark.parametrize("kernel", range(2, 8))
@pytest.mark.parametrize("stride", range(1, 5))
@pytest.mark.parametrize("padding", range(4))
def test_sizes_and_counts_are_right_for_every_place_of_the_sliders(kernel, stride, padding):
    lab = upsampling.Upsampling(kernel, stride, padding)
    layer = nn.ConvTranspose2d(1, 1, kernel, stride, padding, bias=False)
    side = layer(torch.zeros(1, 1, 9, 9)).shape[-1]
    assert lab.size == side == lab.output().shape[0] and f"becomes {side} by {side}" in lab.status()
    assert side <= 40
    per_axis = torch.zeros(8 * stride + kernel)
    for i in range(9):
        per_axis[i * stride : i * stride + kernel] += 1
    per_axis = per_axis[padding : len(per_axis) - padding]
    assert torch.equal(lab.counts(), per_axis[:, None] * per_axis)
    rim = max(kernel - padding, 0)
    inner = per_axis[rim : len(per_axis) - rim]
    inner = inner if len(inner) else per_axis
    assert lab.inside() == sorted({int(a * b) for a in inner for b in inner})
    even = kernel % stride == 0
    said = lab.status()
    if kernel < stride:
        assert "no stamp at all" in said
    elif len(inner) >= stride:  # enough left to see the whole pattern
        assert ("no checkerboard" in said) == even


def test_the_brightness_stays_away_from_the_rim():
    lab = upsampling.Upsampling(4, 2, 1)
    flat = torch.full((9, 9), 0.3)
    lab.picture = flat
    assert torch.allclose(lab.output()[4:-4, 4:-4], torch.tensor(0.3), atol=1e-6)


def test_dcgan_s_layer_doubles():
    assert "9 by 9 becomes 18 by 18, exactly 2 times the side" in upsampling.Upsampling(4, 2, 1).status()
    assert "(2 times the side would be 18)" in upsampling.Upsampling(3, 2, 1).status()
    assert "1, 2, 4 stamps: a checkerboard" in upsampling.Upsampling(3, 2, 1).status()


@pytest.mark.parametrize("settings", [(2, 1, 3), (3, 2, 1), (4, 2, 1), (7, 2, 0), (2, 3, 0), (7, 4, 0)])
def test_the_result_lies_in_its_field_and_both_pictures_have_the_same_one(settings):
    lab = upsampling.Upsampling(4, 2, 1)
    lab.draw()
    lab.kernel, lab.stride, lab.padding = settings
    axes = lab.draw().axes
    for ax in axes:
        left, right, bottom, top = ax.images[0].get_extent()
        assert (right - left, bottom - top) == (lab.size, lab.size)
        assert ax.get_xlim()[0] <= left and right <= ax.get_xlim()[1]
        assert ax.get_ylim()[1] <= top and bottom <= ax.get_ylim()[0]
    assert len({(ax.get_xlim(), ax.get_ylim()) for ax in axes}) == 1
    if 17 <= lab.size <= 24:
        assert axes[0].get_xlim()[1] < 1.5 * lab.size, "a small result does not stand in a white field"


def test_sliders_change_the_picture_and_the_words():
    panel = upsampling.panel()
    try:
        before, words = panel.png, panel.status_text
        panel.controls["kernel"].value = 4
        assert panel.png != before and panel.status_text != words and "18 by 18" in panel.status_text
        assert panel.alert_text == ""
        for control, values in (("stride", range(1, 5)), ("padding", range(4)), ("kernel", range(2, 8))):
            for value in values:
                panel.controls[control].value = value
                assert panel.alert_text == ""
    finally:
        panel.close()
