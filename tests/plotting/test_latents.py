"""Pictures of a latent space show every number they are given, and refuse what does not fit."""

import numpy as np
import pytest
import torch

from gancourse.plotting import latents, style

MOVED = torch.tensor([[3.0, 1.0], [0.5, 0.5], [0.0, 2.0]])


def test_each_direction_shows_its_shares():
    left, right = latents.shares_of_factors({"found": MOVED, "random": MOVED[:2] * 7}, ["across", "angle"]).axes
    assert (left.get_title(), right.get_title()) == ("found", "random")
    shown = np.array([[75, 25], [50, 50], [0, 100]])
    assert np.allclose(left.images[0].get_array(), shown / 100)
    assert np.allclose(right.images[0].get_array(), shown[:2] / 100), "a factor for all changes no share"
    assert [text.get_text() for text in left.texts] == [str(share) for share in shown.flatten()]
    assert [text.get_position() for text in left.texts[:3]] == [(0, 0), (1, 0), (0, 1)]
    assert [label.get_text() for label in left.get_xticklabels()] == ["across", "angle"]
    assert [label.get_text() for label in left.get_yticklabels()] == ["1", "2", "3"]
    assert left.images[0].get_clim() == right.images[0].get_clim() == (0, 0.75)
    dark = [text.get_color() for text in left.texts]
    assert dark == ["white", "black", "white", "white", "black", "white"]


@pytest.mark.parametrize(
    ("effects", "message"),
    [
        ({}, "one to four sets"),
        ({str(k): MOVED for k in range(5)}, "one to four sets"),
        ({"a": MOVED[:, :1]}, r"effects\['a'\] must have shape \(K, 2\)"),
        ({"a": MOVED[0]}, r"must have shape \(K, 2\)"),
        ({"a": -MOVED}, "not negative"),
        ({"a": MOVED / 0}, "finite"),
        ({"a": MOVED * torch.tensor([[1.0], [0.0], [1.0]])}, "direction 2 moves nothing"),
    ],
)
def test_effects_that_do_not_fit_are_refused(effects, message):
    with pytest.raises(ValueError, match=message):
        latents.shares_of_factors(effects, ["across", "angle"])


PSI = [1.0, 0.7, 0.4]
CURVES = {"z": ([0.7, 0.5, 0.1], [0.6, 0.7, 0.8]), "w": ([0.3, 0.2, 0.1], [0.7, 0.8, 0.9])}


def test_the_trade_off_has_each_curve_with_its_psi():
    (ax,) = latents.trade_off(CURVES, PSI, real=(0.9, 0.95), title="digits").axes
    assert ax.get_title() == "digits" and ax.get_legend() is not None
    for drawn, (name, curve) in zip(ax.lines, CURVES.items(), strict=False):
        assert drawn.get_label() == name and np.allclose(drawn.get_data(), curve)
    assert len({(drawn.get_color(), drawn.get_marker(), drawn.get_linestyle()) for drawn in ax.lines}) == 3
    assert np.allclose(ax.lines[-1].get_xydata(), [[0.9, 0.95]]) and ax.lines[-1].get_color() == style.COLOURS["real"]
    assert [text.get_text() for text in ax.texts] == ["1", "0.7", "0.4"] * 2
    assert [text.xy for text in ax.texts[:3]] == list(zip(*CURVES["z"], strict=True))
    assert ax.get_xlim()[1] > 1 and ax.get_ylim()[1] > 1


def test_the_trade_off_draws_where_it_is_told():
    figure, ax = style.figure()
    assert latents.trade_off({"z": CURVES["z"]}, PSI, ax=ax) is figure and len(ax.lines) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"curves": {}}, "one to 3 names"),
        ({"curves": {str(k): CURVES["z"] for k in range(4)}}, "one to 3 names"),
        ({"psi": PSI[:2]}, r"curves\['z'\] must hold 2 numbers"),
        ({"curves": {"z": ([0.1, 0.2, 1.2], [0.1, 0.2, 0.3])}}, "from 0 to 1"),
        ({"curves": {"z": ([0.1, 0.2, float("nan")], [0.1, 0.2, 0.3])}}, "from 0 to 1"),
        ({"real": (0.5, 2.0)}, "real must hold 2 numbers"),
    ],
)
def test_a_trade_off_that_does_not_fit_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        latents.trade_off(**{"curves": CURVES, "psi": PSI} | change)
