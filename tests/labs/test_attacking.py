"""The panel of attacks: what it shows keeps its limit, is what the attacks give, and the words agree."""

import pytest
import torch

from gancourse import runtime
from gancourse.attacking import pixels, projection
from gancourse.labs import attacking as lab


@pytest.fixture(scope="module")
def trained():
    return lab._small(0)


@pytest.fixture
def made(trained):
    again = lab.Attacked(
        trained._plain, trained._hardened, trained._generator, trained._images, trained._labels, seed=3
    )
    return again


def test_every_attack_keeps_its_limit_and_nothing_changes_nothing(made):
    for made.attack in lab.ATTACKS:
        for made.epsilon in (0.0, 0.12, lab.FARTHEST):
            change = (made.image - made._clean).abs().max()
            reach = 0.0 if made.attack == "nothing" else 2 * made.epsilon
            assert float(change) <= reach + 1e-6 and float(made.image.abs().max()) <= 1, made.attack
    made.attack, made.epsilon = "noise", 0.2
    inside = made._clean.abs() < 0.6
    assert torch.allclose((made.image - made._clean).abs()[inside], torch.tensor(0.4))


def test_attacks_are_made_on_the_net_that_the_words_say(made):
    image, label = made._images[4:5], made._labels[4:5]
    made.digit, made.epsilon = 5, 0.1
    nets = {"plain": made._plain, "hardened": made._hardened, "projected": made._plain}
    others = {"plain": made._hardened, "hardened": made._plain, "projected": made._hardened}
    for made.net in lab.NETS:
        made.attack = "FGSM"
        assert torch.equal(made.image, pixels.fgsm(nets[made.net], image, label, 0.1)[0, 0])
        for made.attack, targets in (("PGD", nets), ("PGD on the other", others)):
            wanted = pixels.pgd(targets[made.net], image, label, 0.1, num_steps=20, generator=runtime.generator(3))
            assert torch.equal(made.image, wanted[0, 0]), (made.net, made.attack)


def test_the_projected_net_answers_for_a_picture_of_the_generator(made):
    made.net, made.attack, made.epsilon, made.digit = "projected", "noise", 0.2, 2
    found = projection.project(made._generator, made.image[None, None], runtime.generator(4), restarts=4, num_steps=60)
    assert torch.allclose(made.seen, found.images[0, 0], atol=1e-5) and not torch.equal(made.seen, made.image)
    assert torch.allclose(made.shares.float(), made._plain(found.images).softmax(1)[0], atol=1e-4)
    assert f"Its picture is {float(found.errors):.3f} away" in made.status()
    made.net = "plain"
    assert torch.equal(made.seen, made.image) and "Its picture" not in made.status()


def test_pgd_fools_the_plain_net_and_noise_does_not(made):
    right = {attack: 0 for attack in lab.ATTACKS}
    made.epsilon = 0.16
    for made.attack in ("noise", "PGD"):
        for made.digit in range(1, 21):
            right[made.attack] += made.answer == made._label
    assert right["noise"] >= 17 and right["PGD"] <= 4


def test_the_words_say_what_is_shown(made):
    made.digit, made.attack, made.epsilon = 7, "PGD", 0.2
    said = made.status()
    assert f"Digit 7, a {int(made._labels[6])}. PGD, limit 0.20: pixels moved by up to 0.20" in said
    assert f"The plain net reads {made.answer}, " in said and f"{float(made.shares.max()):.0%}" in said
    assert ("right" in said) == (made.answer == int(made._labels[6]))
    made.attack = "nothing"
    assert "No change" in made.status() and "up to 0.00" in made.status()


def test_the_bars_are_the_shares_and_the_pictures_the_images(made):
    made.attack, made.epsilon, made.net = "PGD", 0.2, "plain"
    made.draw()
    assert [bar.get_height() for bar in made._bars] == pytest.approx(made.shares.tolist())
    clean, change, attacked, seen = (shown.get_array() for shown in made._pictures)
    assert torch.allclose(torch.tensor(clean + change), made.image, atol=1e-6)
    assert torch.equal(torch.tensor(attacked), made.image) and torch.equal(torch.tensor(seen), made.seen)
    assert made._pictures[1].get_clim() == (-0.8, 0.8)


def test_what_is_no_attack_or_no_data_is_refused(made, trained):
    made.attack = "a hammer"
    with pytest.raises(ValueError, match="choose one of nothing, noise"):
        made.status()
    nets = trained._plain, trained._hardened, trained._generator
    with pytest.raises(ValueError, match="labels must be one for each"):
        lab.Attacked(*nets, trained._images, trained._labels[:3])
    with pytest.raises(TypeError, match="images must be a tensor"):
        lab.Attacked(*nets, None, trained._labels)


def test_the_panel_moves_with_its_controls(made):
    panel = lab.panel(made)
    try:
        assert not panel.live and panel.alert_text == ""
        words = panel.status_text
        for attribute, values in {
            "attack": ("noise", "FGSM", "nothing", "PGD on the other"),
            "net": ("projected", "hardened"),
            "epsilon": (0.2, 0.0),
            "digit": (3, 20),
        }.items():
            for value in values:
                panel.controls[attribute].value = value
                assert panel.alert_text == "" and panel.status_text != words, (attribute, value)
                words = panel.status_text
    finally:
        panel.close()
