"""The panel of directions: steps lead where they should, the bars are the ruler's, and the words agree."""

import pytest
import torch

from gancourse import runtime
from gancourse.data import ellipses
from gancourse.labs import directions as lab
from gancourse.metrics import directions


@pytest.fixture
def made():
    stand_in = lab.StandIn()
    random = directions.random(4, 8, generator=runtime.generator(3))
    return lab.Moved(stand_in, {"closed form": directions.closed_form(stand_in.weight), "random": random}, seed=1)


def test_the_closed_form_of_the_stand_in_moves_one_factor_each(made):
    """Its rows are orthogonal, so each direction of the closed form belongs to one factor, longest first."""
    order = made._generator.weight.norm(dim=1).argsort(descending=True).tolist()
    for made.z in (1, 5, 9):
        for slider, factor in zip(lab.SLIDERS, order, strict=True):
            for other in lab.SLIDERS:
                setattr(made, other, 0.7 if other == slider else 0.0)
            change = (made.after - made.before).abs()
            assert int(change.argmax()) == factor and float(change[factor] / change.sum()) > 0.75, (made.z, slider)


def test_a_random_direction_of_the_stand_in_moves_several(made):
    made.which, made.first = "random", 1.0
    change = (made.after - made.before).abs()
    assert float(change.max() / change.sum()) < 0.75


def test_steps_add_up_and_no_step_leaves_the_image_as_it_was(made):
    made.first = 0.0
    assert torch.equal(made.before, made.after) and "nothing has moved" in made.status()
    made.first, made.third = 0.5, -1.5
    code = made._codes[made.z - 1]
    rows = made._sets["closed form"]
    there = made._generator((code + 0.5 * rows[0] - 1.5 * rows[2])[None])
    assert torch.allclose(made.after, ellipses.measure(there)[0], atol=1e-4)


def test_the_status_says_which_factor_follows_most(made):
    made.first, made.fourth = 1.5, 0.0
    change = made.after - made.before
    most = int(change.abs().argmax())
    said = made.status()
    assert f"of the change is {ellipses.FACTORS[most]}" in said and "steps +1.5, +0.0, +0.0, +0.0" in said
    assert f"{float(change.abs()[most] / change.abs().sum()):.0%} of the change" in said
    for name, value in zip(ellipses.FACTORS, change.tolist(), strict=True):
        assert f"{name} {round(value, 2) + 0.0:+.2f}" in said


def test_bars_and_marks_show_what_is_measured(made):
    made.second = -1.0
    made.draw()
    before, after = made.before.tolist(), made.after.tolist()
    assert list(made._circles.get_xdata()) == pytest.approx(before)
    assert list(made._crosses.get_xdata()) == pytest.approx(after)
    for bar, start, end in zip(made._bars, before, after, strict=True):
        assert (bar.get_x(), bar.get_x() + bar.get_width()) == pytest.approx(
            (min(start, end), max(start, end)), abs=1e-6
        )
    assert made.draw() is made.draw(), "one figure, drawn again"


def test_what_cannot_be_moved_is_refused(made):
    rows = torch.eye(8)
    with pytest.raises(TypeError, match="have a latent_dim, got function"):
        lab.Moved(lambda z: z, {"a": rows})
    with pytest.raises(ValueError, match="got none"):
        lab.Moved(lab.StandIn(), {})
    for wrong in (rows[:3], rows[:, :5], rows[0]):
        with pytest.raises(ValueError, match=r"sets\['a'\] must hold at least 4 directions of 8 numbers"):
            lab.Moved(lab.StandIn(), {"a": wrong})
    with pytest.raises(ValueError, match="together, or neither"):
        lab.panel(lab.StandIn())


def test_the_panel_moves_with_its_controls():
    panel = lab.panel()
    try:
        assert not panel.live and panel.alert_text == ""
        words = panel.status_text
        for attribute, value in (
            ("which", "random"),
            *((slider, lab.FARTHEST) for slider in lab.SLIDERS[1:]),
            ("z", 20),
        ):
            before = panel.png
            panel.controls[attribute].value = value
            assert panel.alert_text == "" and panel.status_text != words and panel.png != before, attribute
            words = panel.status_text
        panel.controls["first"].value = -lab.FARTHEST
        assert panel.alert_text == "" and panel.status_text != words
    finally:
        panel.close()
