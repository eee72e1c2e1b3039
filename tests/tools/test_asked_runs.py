"""tools/asked_runs.py on a few digits: rows are whole, and the traps are what their names say."""

import pytest
import torch

import asked_runs
import guided_runs
from gancourse import measured, runtime
from gancourse.metrics import membership


def made(*names, seeds=(0,)):
    return {row["name"]: row for row in asked_runs.table(list(seeds), lambda name: name in names)}


def test_relabelled_samples_are_the_same_images_with_other_labels(small):
    rows = made("projection", asked_runs.RELABELLED)
    assert list(rows) == ["projection", asked_runs.RELABELLED]
    plain, relabelled = rows.values()
    assert plain["frechet"] == relabelled["frechet"]
    assert plain["cpu_seconds"][0] > 0 and relabelled["cpu_seconds"] == [0.0]
    assert len(plain["accuracy_per_class"][0]) == len(plain["frechet_per_class"][0]) == 10


def test_one_stored_image_per_class_is_heard_and_has_no_spread(small):
    row = made(asked_runs.STORED)[asked_runs.STORED]
    assert row["accuracy"] == [1.0] and row["spread"] == [0.0]
    pictures = measured.samples(row, 16)
    assert pictures.shape == (20, 1, 16, 16) and torch.equal(pictures[:10], pictures[10:])


def test_the_stored_image_is_a_training_image_the_judge_is_sure_of(small):
    images, labels = asked_runs.stored(0)
    assert labels.tolist() == [k % 10 for k in range(60)] and torch.equal(images[:10], images[50:])
    for image, label in zip(images[:10], range(10), strict=True):
        own = small.data.images[small.data.labels == label]
        assert bool((own == image).flatten(1).all(1).any())
        chances = small.judges[0].probabilities(own)[:, label]
        assert float(small.judges[0].probabilities(image[None])[0, label]) >= float(chances.quantile(0.9))


def test_real_images_are_compared_with_others(small):
    row = made(asked_runs.REAL)[asked_runs.REAL]
    assert row["accuracy"][0] > 0.9 and 0.6 < row["spread"][0] < 1.5 and row["frechet"][0] > 0


def test_the_chosen_image_is_the_one_that_d_prefers(small):
    generator, discriminator = asked_runs.trained("projection", small.data.images, small.data.labels, 0)
    labels = torch.arange(6) % 10
    images = asked_runs.chosen(generator, discriminator, labels, runtime.generator(1))
    noise = runtime.generator(1)
    drawn = torch.stack([asked_runs.conditional.ask(generator, labels, noise) for _ in range(asked_runs.CHOSEN)])
    with torch.no_grad():
        scores = torch.stack([discriminator(some, labels) for some in drawn])
    assert torch.equal(images, drawn[scores.argmax(0), torch.arange(6)])
    assert len(scores.argmax(0).unique()) > 1


def test_guided_rows_start_where_the_plain_row_does(small):
    arm = "AC-GAN"
    generator, discriminator = asked_runs.trained("classifier", small.data.images, small.data.labels, 0)
    labels = asked_runs.wanted_labels(60)
    made_ = {
        way: guided_runs.run(f"{arm}, {way}", generator, discriminator, labels, 0) for way in guided_runs.WAYS[arm]
    }
    start = torch.randn(60, generator.latent_dim, generator=runtime.generator(4))
    for way, (made_of, cost) in made_.items():
        assert cost["passes"] == (16 if "of 8" in way else 17) and cost["sampling_seconds"] > 0
        assert cost["moved"] == pytest.approx(float((made_of.z - start).norm(dim=1).mean()) if "step" in way else 0)
        assert torch.allclose(asked_runs.conditional.ask(generator, labels, z=made_of.z), made_of.images, atol=1e-5)
    plain = asked_runs.conditional.ask(generator, labels, z=start)
    score = guided_runs.class_of(discriminator)
    up = made_["4 steps of 0.2 up its classifier"][0].images
    assert float(membership.by_logit(score, up, labels).mean()) > float(
        membership.by_logit(score, plain, labels).mean()
    )


def test_of_eight_the_best_or_one_drawn_by_its_score(small):
    generator, _ = asked_runs.trained("projection", small.data.images, small.data.labels, 0)
    labels, z = asked_runs.wanted_labels(60), torch.zeros(60, generator.latent_dim)

    def ink(scale):
        return lambda _: lambda images, labels: scale * images.mean(dim=(1, 2, 3))

    found = {
        (scale, drawn): float(
            guided_runs.of_eight(ink(scale), drawn=drawn)(generator, None, labels, z, 0).images.mean()
        )
        for scale, drawn in ((1e4, False), (1e4, True), (0.0, True))
    }
    assert found[1e4, False] == pytest.approx(found[1e4, True], abs=1e-4) and found[0.0, True] < found[1e4, True]


def test_a_turned_step_is_as_long_and_goes_elsewhere(small):
    generator, discriminator = asked_runs.trained("projection", small.data.images, small.data.labels, 0)
    labels, z = asked_runs.wanted_labels(60), torch.randn(60, generator.latent_dim, generator=runtime.generator(4))
    up, turned = (
        guided_runs.along(guided_runs.logit_of, 4, 0.2, turned=turned)(generator, discriminator, labels, z, 0)
        for turned in (False, True)
    )
    assert turned.moved == pytest.approx(up.moved) and torch.allclose(
        (turned.z - z).norm(dim=1), (up.z - z).norm(dim=1), atol=1e-5
    )
    cosines = torch.cosine_similarity(turned.z - z, up.z - z)
    assert float(cosines.abs().mean()) < 0.3


def test_shuffled_labels_reach_the_training_and_nothing_else(small, monkeypatch):
    seen = []
    monkeypatch.setattr(
        asked_runs, "trained", lambda kind, images, labels, seed, **how: seen.append((kind, labels)) or stop()
    )

    class Stop(Exception):
        pass

    def stop():
        raise Stop

    for name in ("projection", "labels shuffled in training"):
        with pytest.raises(Stop):
            made(name)
    (_, true), (kind, shuffled) = seen
    assert kind == "projection" and torch.equal(true, small.data.labels)
    assert torch.equal(true.sort().values, shuffled.sort().values)
    assert float((true == shuffled).double().mean()) == pytest.approx(0.1, abs=0.04)


def test_all_rows_are_stored_with_every_seed():
    rows = {row["name"]: row for row in measured.load("asked")["rows"]}
    assert list(rows) == asked_runs.NAMES
    for name, row in rows.items():
        assert len(row["accuracy"]) == (1 if name == asked_runs.REAL else 3)
        assert measured.samples(row).shape == (20, 1, 28, 28)
    assert rows["projection"]["frechet"] == rows[asked_runs.RELABELLED]["frechet"]
