"""tools/fake_runs.py: who is trained on what, and that a detector is asked about fakes it has not seen."""

import pytest
import torch

import fake_runs
from gancourse import helping, recommended, runtime, watermark
from gancourse.data import digits
from gancourse.metrics import judge as judges


@pytest.fixture
def quick(monkeypatch):
    data = digits.load("embedded", 28)
    judge = judges.load(data)
    for name, value in (("SHORT", 2), ("GAN_STEPS", 2), ("FIT_STEPS", 2), ("COUNT", 80), ("JUDGED", 40),
                        ("TOTAL", 200), ("_COUNTED", 200), ("bench", lambda: (data, judge))):  # fmt: skip
        monkeypatch.setattr(fake_runs, name, value)
    plan = {name: (share, 2, way) for name, (share, _, way) in fake_runs.PLAN.items()}
    monkeypatch.setattr(fake_runs, "PLAN", plan)
    monkeypatch.setattr(fake_runs, "so_far", lambda table, name, seeds: {})
    return data


def test_names_are_unique_and_every_row_of_the_plan_changes_one_thing():
    for names in (fake_runs.MINORITIES, fake_runs.DETECTORS, fake_runs.MARKS, fake_runs.SOURCES):
        assert len(set(names)) == len(names)
    plain = {share: (steps, way) for share, steps, way in fake_runs.PLAN.values() if way == "recommended"}
    for name, (share, steps, way) in fake_runs.PLAN.items():
        assert share in plain and name.startswith(f"{share:.0%}".replace("%", " %"))
        if way != "recommended":
            assert steps == fake_runs.SHORT


@pytest.mark.parametrize("way", ["recommended", "as often", "no brake"])
def test_every_way_draws_images_and_has_a_discriminator(quick, way):
    images = torch.cat([quick.images[quick.labels == 3][:90], quick.images[quick.labels == 7][:10]])
    labels = (torch.arange(100) >= 90).long()
    draw, discriminator = fake_runs.grown_with(images, labels, way, 2, 0)
    made = draw(6, 1)
    assert made.shape == (6, 1, 28, 28) and discriminator(made).shape == (6,)
    assert torch.equal(draw(6, 1), made) and not torch.equal(draw(6, 2), made)


def test_drawn_as_often_means_half_of_each(quick, monkeypatch):
    seen = {}

    def trained(images, seed, steps, *, stream=None, **more):
        seen["batches"] = [next(stream) for _ in range(40)]
        return None, None

    monkeypatch.setattr(fake_runs, "trained", trained)
    images = torch.cat([torch.zeros(180, 1, 28, 28), torch.ones(20, 1, 28, 28)])
    fake_runs.grown_with(images, (torch.arange(200) >= 180).long(), "as often", 2, 0)
    assert float(torch.cat(seen["batches"]).mean()) == pytest.approx(0.5, abs=0.04)


def test_a_row_of_a_minority(quick):
    rows = {row["name"]: row for row in fake_runs.minorities([7, 8], lambda name: name in ("real images", "10 %"))}
    real = rows["real images"]
    assert real["share"][0] < 0.05 and real["share"][1] > 0.95  # of threes, of sevens
    assert rows["10 %"]["seeds"] == [7, 8] and len(rows["10 %"]["clear"]) == 2
    assert rows["10 %"]["truth"] == 0.1 and rows["10 %"]["steps"] == 2


def test_the_relativistic_step_is_the_recommended_one_with_another_loss(monkeypatch):
    """With the losses of the recommended step in its place it does the very same."""
    real = 2 * torch.rand(8, 1, 16, 16, generator=runtime.generator(3)) - 1

    def after(make):
        parts = recommended.build(16, 1, width=4, num_steps=10, seed=0)
        step = make(parts, recommended.latents(parts, runtime.generator(1)))
        for _ in range(3):
            step(real.clone())
        return torch.cat([p.detach().flatten() for p in (*parts.generator.parameters(), *parts.average.parameters())])

    expected, changed = after(recommended.make_step), after(fake_runs.relativistic_step)
    assert not torch.allclose(changed, expected, atol=1e-3)
    plain = fake_runs.losses
    monkeypatch.setattr(plain, "relativistic_discriminator_loss", plain.non_saturating_discriminator_loss)
    monkeypatch.setattr(
        plain,
        "relativistic_generator_loss",
        lambda *, real_logits, fake_logits: plain.non_saturating_generator_loss(fake_logits=fake_logits),
    )
    assert torch.allclose(after(fake_runs.relativistic_step), expected, atol=1e-6)


def test_what_is_said_of_real_and_fake():
    def network(images):  # fake if lighter than 0; the logit is ten times the mean
        light = images.mean(dim=(1, 2, 3))
        return torch.stack([torch.zeros_like(light), 10 * light], dim=1)

    real, fake = torch.full((4, 1, 4, 4), -0.5), torch.full((4, 1, 4, 4), 0.5)
    found = fake_runs.said(network, real, fake)
    half = fake_runs.THRESHOLDS.index(0.5)
    assert found["auc"] == 1 and found["false_alarms"][half] == 0 and found["caught"][half] == 1
    assert found["caught"][-1] == 0  # sigmoid(5) is below .999
    assert found["error"] == pytest.approx(1 - torch.tensor(5.0).sigmoid().item(), abs=1e-4)
    assert found["counts"] == [4, *[0] * 8, 4] and found["true"][0] == 0 and found["true"][9] == 1
    backwards = fake_runs.said(network, fake, real)
    assert backwards["auc"] == 0 and backwards["caught"][half] == 0


def test_detectors_are_asked_about_fakes_they_have_not_seen(quick, monkeypatch):
    drawn, taught = {}, []
    light = {name: (k + 1) / 10 for k, name in enumerate(fake_runs.SOURCES)}

    def generators(data, seed):
        def sampler(name):
            def draw(count, at):
                drawn.setdefault((seed, name), []).append((count, at))
                noise = torch.rand(count, 1, 28, 28, generator=runtime.generator(at))
                return (light[name] + 0.05 * noise + 0.001 * seed).clamp(-1, 1) - 0.9

            return sampler_of(draw)

        return {name: (sampler(name), lambda images: images.mean(dim=(1, 2, 3)))
                for name in fake_runs.SOURCES if name != fake_runs.OTHER}  # fmt: skip

    def sampler_of(draw):
        return draw

    def fit(draw, *, num_steps, seed):
        images, labels = draw(2_000, runtime.generator(0))
        taught.append(images[labels == 1])
        return helping.Classifier(classes=2).eval()

    monkeypatch.setattr(fake_runs, "generators", generators)
    monkeypatch.setattr(fake_runs.helping, "fit", fit)
    rows = {row["name"]: row for row in fake_runs.detectors(4, 2, lambda name: True)}
    assert set(rows) == {"generators", *fake_runs.DETECTORS}
    for seed in (4, 5):
        seeds_of_z = {at for count, at in drawn[seed, fake_runs.A]}
        assert 600 + seed in seeds_of_z and 700 in seeds_of_z  # trained on one, asked about another
    of = rows["four"]["of"]
    assert set(of) == set(fake_runs.SOURCES) and all(len(values["auc"]) == 2 for values in of.values())
    assert set(rows["one"]["scores"]) == {"real", *fake_runs.SOURCES}
    assert all(values == sorted(values) for values in rows["one"]["scores"].values())
    assert set(rows["one"]["after"]) == set(fake_runs.CHANGES) and not rows["four"]["after"]
    assert "train against test" in rows["A's own D"]["of"]
    one, four = taught[1], taught[4]  # of the first seed: raw, 8 bits, spoiled, two, four
    kinds = lambda images: {round(float(i.mean()) + 0.9, 1) for i in images}  # noqa: E731
    assert kinds(one) == {0.1} and kinds(four) == {0.1, 0.3, 0.4}


def test_marks_are_counted_against_unmarked_images():
    chests = 0.3 * torch.rand(120, 1, 28, 28, generator=runtime.generator(0))
    chests = torch.nn.functional.avg_pool2d(chests, 5, 1, 2) - 0.3
    marked = watermark.embed(chests, fake_runs.KEY, 0.1)
    found = fake_runs.marks(marked, chests, 2)
    assert found["auc"] == 1 and found["caught_at_1_percent"] == 1 and found["score"] > 5 > found["score_unmarked"]
    wrong = fake_runs.marks(chests, chests, 2)
    assert wrong["auc"] == 0.5 and wrong["caught_at_1_percent"] <= 0.02
    row = {"of": {}}
    fake_runs.on(row, chests[:60], chests[60:], chests)
    keys = [key for key in row["of"] if key.startswith("cells of 2")]
    assert len(keys) == 9 + 1 + 2  # untouched, 8 bits, six changes, a pixel; another key; a forger twice
    assert row["of"]["cells of 2: taken off by a forger"]["score"][0] < row["of"]["cells of 2: untouched"]["score"][0]
