"""The panel of live drawing: it walks, draws what the chosen network makes of the place, and keeps each one's time."""

import itertools
import time

import pytest
import torch

from gancourse.labs import live


def flat(value, side=6):
    """Make a network that draws one grey, a little brighter where the first number of z is larger."""
    return lambda z: (value + 0.01 * z[:, :1]).view(-1, 1, 1, 1).expand(-1, 1, side, side)


@pytest.fixture
def made():
    return live.Live({"dark": flat(-0.5), "bright": flat(0.5)}, latent_dim=8, seed=3)


def test_the_walk_stays_at_its_distance_and_comes_round(made):
    z = []
    for _ in range(72):
        z.append(made.latents())
        made.step()
    z = torch.cat(z)
    assert z.shape == (72, 8) and torch.allclose(z.norm(dim=1), torch.full((72,), 8**0.5), atol=1e-4)
    assert torch.allclose(made.latents()[0], z[0], atol=1e-4) and made.steps_done == 72
    turns = (z[1:] - z[:-1]).norm(dim=1)
    assert torch.allclose(turns, turns[:1].expand(71), atol=1e-3) and turns[0] > 0.1


def test_across_and_down_are_two_directions_at_right_angles_to_the_walk_and_to_each_other(made):
    start = made.latents()[0]
    moves = []
    for across, down in ((1.0, 0.0), (0.0, 1.0)):
        made.across, made.down = across, down
        moves.append(made.latents()[0] - start)
    assert torch.allclose(torch.stack(moves).norm(dim=1), torch.full((2,), live._UNIT), atol=1e-4)
    assert abs(float(moves[0] @ moves[1])) < 1e-4 and all(abs(float(move @ start)) < 1e-4 for move in moves)
    made.across = made.down = 0.0
    made.step()
    assert all(abs(float(move @ made.latents()[0])) < 1e-4 for move in moves)


def test_a_picture_of_many_has_each_neighbour_in_its_place(made):
    made.images, made.across = 16, 0.7
    z, picture = made.latents(), made.picture()
    assert z.shape == (16, 8) and picture.shape == (24, 24)
    for k, (row, column) in enumerate(itertools.product(range(4), range(4))):
        part = picture[6 * row : 6 * row + 6, 6 * column : 6 * column + 6]
        assert torch.allclose(part, (-0.5 + 0.01 * z[k, 0]).expand(6, 6))
    steps = z.unflatten(0, (4, 4))
    assert torch.allclose(
        (steps[:, 1] - steps[:, 0]).norm(dim=1), torch.full((4,), live._APART * live._UNIT), atol=1e-4
    )
    middle = z.mean(dim=0)
    made.images = 1
    assert torch.allclose(made.latents()[0], middle, atol=1e-4)


def test_each_network_s_time_is_kept_for_itself_and_for_each_number_of_images():
    def slow(z):
        end = time.thread_time() + 0.02
        while time.thread_time() < end:
            pass
        return flat(0.0)(z)

    made = live.Live({"quick": flat(0.0), "slow": slow}, latent_dim=8)
    assert made.milliseconds("quick") is None and "The net takes" not in made.status()
    for made.kind in ("quick", "slow"):
        for _ in range(3):
            made.draw()
    assert made.milliseconds("slow") > 19 and made.milliseconds("quick") < 10
    assert (
        f"The net takes {made.milliseconds('slow'):.2f} ms" in made.status() and "Shown in the panel" in made.status()
    )
    for place, name in enumerate(made.nets):
        (x,), (y,) = made._marks[place].get_data()
        assert x == pytest.approx(made.milliseconds(name), abs=0.01) and y == place
    made.images = 16
    assert made.milliseconds("slow") is None
    made.reset()
    made.images = 1
    assert made.milliseconds("slow") is None and made.steps_done == 0


def test_the_picture_shows_what_the_chosen_network_makes(made):
    made.kind = "bright"
    figure = made.draw()
    assert torch.allclose(torch.as_tensor(made._image.get_array()), made.picture()) and made.picture().min() > 0.3
    assert figure.axes[0].get_title() == "bright, 1 image" and made.draw() is figure


def test_the_same_seed_walks_the_same_way(made):
    nets = made.nets
    assert torch.equal(made.latents(), live.Live(nets, latent_dim=8, seed=3).latents())
    assert not torch.equal(made.latents(), live.Live(nets, latent_dim=8, seed=4).latents())


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [("kind", "magic", "kind must be one of dark"), ("images", 2, "must be one of 1")],
)
def test_what_is_not_offered_is_refused(made, attribute, value, message):
    setattr(made, attribute, value)
    with pytest.raises(ValueError, match=message):
        made.draw()
    with pytest.raises(ValueError, match="at least one network"):
        live.Live({}, latent_dim=8)
    with pytest.raises(ValueError, match="latent_dim must be"):
        live.Live(made.nets, latent_dim=3)


def test_every_control_of_the_panel_changes_what_is_said(made):
    panel = live.panel(made.nets, latent_dim=8)
    try:
        assert panel.live and panel.alert_text == ""
        panel.advance(2)
        words = panel.status_text
        assert words.startswith("Step 2, dark, 1 image a picture, across 0.0, down 0.0.")
        for attribute, value, said in (("kind", "bright", "bright, 1 image a"), ("images", 16, "16 images a picture"),
                                       ("across", 1.5, "across 1.5"), ("down", -0.4, "down -0.4")):  # fmt: skip
            panel.controls[attribute].value = value
            assert panel.alert_text == "" and said in panel.status_text, attribute
    finally:
        panel.close()


def test_without_networks_small_ones_are_trained():
    panel = live.panel(seed=1)
    try:
        assert list(panel.stepper.nets)[:2] == ["whole", "half the units"]
        stepper = panel.stepper
        digit = stepper.picture()
        assert digit.shape == (16, 16) and digit.std() > 0.1
        whole, again = stepper.nets["whole"], stepper.nets["8 bits"]
        z = torch.randn(50, whole.latent_dim, generator=torch.Generator().manual_seed(2))
        assert (whole(z) - again(z)).abs().mean() < 0.05
        less = stepper.nets["half the units"]
        apart = (whole(z) - less(z)).square().mean()
        assert less.hidden == 128 and apart < 0.6 * whole(z).var(dim=0).mean()  # nearer than the mean image is
    finally:
        panel.close()
