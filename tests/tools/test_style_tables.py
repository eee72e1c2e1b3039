"""tools/style_tables.py on a few digits: what is measured, of which generator, and what is stored of it."""

import pytest
import torch

import growing_tables
import style_tables
from gancourse import measured, runtime, styling
from gancourse.data import digits, ellipses
from gancourse.metrics import directions, image_sets
from gancourse.metrics import judge as judges


@pytest.fixture
def few(monkeypatch):
    """Embedded digits of 28 pixels, and short runs with few samples."""
    data = digits.load("embedded")
    judge = judges.load(data)
    at = growing_tables.Bench(data, judge, judge.features(data.test_images[:200]), data.test_images[200:260])
    for module in (growing_tables, style_tables):
        monkeypatch.setattr(module, "bench", lambda: at)
        monkeypatch.setattr(module, "SAMPLES", 180)
    for name, value in (("WAYS", 60), ("MANY", 100), ("FIT_ON", 150), ("TRAINED_ON", 200), ("SETS", 2)):
        monkeypatch.setattr(style_tables, name, value)
    monkeypatch.setattr(growing_tables, "SCORED", 50)
    monkeypatch.setattr(styling, "_COUNTED", 500)
    monkeypatch.setattr(style_tables, "STEPS_TAKEN", {"ellipses": 20, "digits": 10})
    for settings in (*style_tables.VARIANTS.values(), style_tables.ELLIPSES):
        monkeypatch.setitem(settings, "num_steps", 2)
    return at


def test_the_plain_row_truncates_z_and_the_styled_one_w(few, monkeypatch):
    seen = []
    monkeypatch.setattr(style_tables, "truncated", lambda paint, codes, middle: seen.append((codes, middle)) or {})
    plain, with_style = (style_tables.made(name, 0) for name in ("plain", "styled"))
    style_tables.of_plain(plain, 0)
    style_tables.of_styled(with_style, 0)
    (z, none), (w, middle) = seen
    assert none is None and torch.equal(z, style_tables.latents(180, 32, 0))
    assert torch.equal(w, with_style.map(style_tables.latents(180, 64, 0)))
    assert torch.equal(middle, with_style.mean_style(runtime.generator(7), 100))


def test_truncation_is_measured_for_every_psi(few):
    paint = lambda codes: codes.view(-1, 1, 1, 1).expand(-1, 1, 28, 28).clamp(-1, 1)  # noqa: E731
    codes = torch.linspace(-1, 1, 180).view(-1, 1)
    found = style_tables.truncated(paint, codes, None)
    expected = [style_tables.numbers(paint(psi * codes)) for psi in style_tables.PSI]
    assert found["by_psi"]["frechet"] == [one["frechet"] for one in expected] and found["psi"][0] == 1.0
    shown = measured.samples(found)
    assert len(shown) == 32 and shown[:, 0, 0, 0].tolist() == pytest.approx(
        [psi * value for psi in (1.0, 0.8, 0.6, 0.4) for value in codes[:8, 0].tolist()], abs=0.005
    )


def test_the_shrunk_control_has_its_z_drawn_to_the_middle(few, monkeypatch):
    painted = []
    monkeypatch.setattr(style_tables, "length", lambda paint, codes, between: painted.append(paint(codes)) or 1.0)
    plain = style_tables.made("plain", 0)
    found = style_tables.of_shrunk(plain, 0)
    z = style_tables.latents(180, 32, 0)
    assert found["numbers"] == style_tables.numbers(styling.pictures(plain, 0.25 * z))
    assert torch.equal(painted[0], plain(0.25 * z))


def test_mixing_says_whose_class_and_factors_stay(few, monkeypatch):
    generator = style_tables.made("styled", 0)
    images, w = few.data.test_images[:60], torch.zeros(60, 64)
    monkeypatch.setattr(style_tables.styling, "pictures", lambda paint, codes: images)
    found = style_tables.mixing(generator, w, images, 1)  # as if the first style decided everything
    assert found["class_of_first"] == 1 and found["slant_of_first"] == 1 and found["ink_of_first"] == 1
    others = few.judge.probabilities(images.roll(1, 0)).argmax(1)
    chance = image_sets.label_agreement(few.judge.probabilities(images), others)
    assert found["class_of_rest"] == pytest.approx(chance, abs=1e-4) and abs(found["slant_of_rest"]) < 0.6
    monkeypatch.setattr(style_tables.styling, "pictures", lambda paint, codes: images.roll(1, 0))
    found = style_tables.mixing(generator, w, images, 1)
    assert found["class_of_rest"] == 1 and found["width_of_rest"] == 1


def test_noise_inputs_of_strength_0_change_nothing(few):
    generator = style_tables.made("styled", 0)
    for place in (generator.at_quarter, generator.at_half):
        place.strength.data.zero_()
    w = generator.map(style_tables.latents(180, 64, 0)).detach()
    images = styling.pictures(generator.paint, w)
    found = style_tables.noise_inputs(generator, w, images, 0)
    assert found["pixel_change"] == 0 and found["class_kept"] == 1 and found["pixel_spread"] > 0
    assert found["frechet_with"] == found["frechet_without"]
    generator.at_half.strength.data.fill_(1.0)
    assert style_tables.noise_inputs(generator, w, images, 0)["pixel_change"] > 0.01


def test_rows_of_styles_are_whole(few):
    rows = {
        row["name"]: row for row in style_tables.styles_table([0, 1], lambda name: name in style_tables.STYLE_NAMES[:4])
    }
    assert list(rows) == [style_tables.REAL, "plain", style_tables.SHRUNK_NAME, "styled"]
    assert all(len(rows[name][key]) == 2 for name in list(rows)[1:] for key in ("frechet", "path_length", "fit"))
    assert rows["plain"]["frechet"] == [one["frechet"][0] for one in rows["plain"]["by_psi"]]
    assert len(rows["styled"]["mixing"][1]) == 2 and measured.samples(rows["styled"]).shape == (32, 1, 28, 28)


def test_directions_are_as_many_as_factors_and_one_deviation_long(few, monkeypatch):
    used = []
    real = directions.effects
    monkeypatch.setattr(directions, "effects", lambda *given, **more: used.append(given[1:3]) or real(*given, **more))
    rows = list(style_tables.directions_table([0], lambda name: name.startswith("ellipses")))
    assert [row["name"] for row in rows] == style_tables.DIRECTION_NAMES[:5]
    assert len(used) == 4 + 2 and all(rows.shape == (4, 8) and len(codes) == 20 for codes, rows in used)
    assert all(float(rows.norm(dim=1).max()) < 1.4 and float(rows.norm(dim=1).min()) > 0.6 for _, rows in used)
    found = {row["name"]: row for row in rows}
    assert found["ellipses: random"]["worst"][0] <= found["ellipses: random"]["best"][0]
    assert all(0.25 <= row["purity"][0] <= 1 and len(row["effects"][0]) == 4 for row in rows)


def test_a_painter_whose_codes_are_factors_is_found_pure(few, monkeypatch):
    class Painter(torch.nn.Module):
        latent_dim = 4

        def __init__(self):
            super().__init__()
            norm = torch.nn.BatchNorm1d(4)
            self.dense = torch.nn.Sequential(torch.nn.Linear(4, 4, bias=False), norm)
            self.dense[0].weight.data = torch.diag(torch.tensor([4.0, 3.0, 2.0, 1.0]))

        def forward(self, z):
            return ellipses.draw((0.25 * z).clamp(-1, 1), 28)

    unit = torch.full((4,), 0.25)
    found = style_tables.directions_of(Painter().eval(), ellipses.measure, unit, 20, 0)
    for kind in ("closed form", "supervised"):
        assert found[kind]["purity"] > 0.9 and found[kind]["named"] == 4
    assert found["random"]["best"] < 0.7
    assert found["fit"] == pytest.approx([1] * 4, abs=0.1)


def test_stored_styles_show_what_the_notebook_says():
    rows = {row["name"]: row for row in measured.load("styles")["rows"]}
    assert list(rows) == [name for name in style_tables.STYLE_NAMES if name in rows]
    for name in ("plain", "styled"):
        for by_psi in rows[name]["by_psi"]:
            assert by_psi["precision"][2] > by_psi["precision"][0] and by_psi["recall"][2] < 0.8 * by_psi["recall"][0]
    shrunk = rows[style_tables.SHRUNK_NAME]
    assert max(shrunk["path_length"]) < 0.5 * min(rows["plain"]["path_length"])
    assert min(shrunk["frechet"]) > 3 * max(rows["plain"]["frechet"])


def test_stored_directions_are_of_five_seeds_and_beat_all_random_sets_on_ellipses():
    rows = {row["name"]: row for row in measured.load("directions")["rows"]}
    chance = rows["ellipses: random"]
    assert len(chance["purity"]) == 5 and chance["seeds"] == list(range(1000, 1005))
    for kind in ("closed form", "principal", "supervised"):
        row = rows[f"ellipses: {kind}"]
        assert min(row["purity"]) > max(chance["best"]) and set(row["named"]) == {4}
    assert max(chance["named"]) < 4
