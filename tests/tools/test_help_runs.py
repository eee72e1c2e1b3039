"""tools/help_runs.py: arms that differ in one thing, the try chosen on validation, no test image in training."""

import pytest
import torch

import help_runs
from gancourse import helping, measured, runtime
from gancourse.data import xrays


@pytest.fixture(scope="module")
def data():
    return xrays.load("phantom")


@pytest.fixture
def quick(monkeypatch, data):
    for name, value in (("GAN_STEPS", 2), ("FIT_STEPS", 2), ("LENGTHS", (1, 2, 3)), ("SAMPLES", 60), ("LOOKS", (1, 2)),
                        ("SIZES", (50,)), ("RARE_STEPS", 2), ("RARE_LENGTHS", (1, 2, 3))):  # fmt: skip
        monkeypatch.setattr(help_runs, name, value)
    monkeypatch.setattr(xrays, "load", lambda name: data)
    monkeypatch.setattr(measured, "names", lambda: [])


def test_the_try_is_chosen_on_validation_and_judged_on_test(monkeypatch, data):
    """A draw that is good on validation images and bad on test images is the one that is taken."""
    networks = {}

    def fit(draw, *, num_steps, seed):
        networks[num_steps] = draw
        return draw

    def margins(network, images):
        part, labels = ("val", data.val_labels) if len(images) == 500 else ("test", data.test_labels)
        good = network[part]
        return (2.0 * labels - 1) * (1 if good else -1)

    monkeypatch.setattr(helping, "fit", fit)
    monkeypatch.setattr(helping, "margins", margins)
    tries = {"honest": ({"val": True, "test": False}, 1), "lucky": ({"val": False, "test": True}, 2)}
    found = help_runs.best_try(tries, data, 0)
    assert found["chosen"] == "honest" and found["auc"] == 0 and found["validation"] == 1 and found["balanced"] == 0
    assert found["tries"] == {"honest": 0, "lucky": 1}


def test_every_arm_has_three_tries_and_all_of_an_arm_are_of_one_subset(monkeypatch, quick, data):
    seen = {}

    def best_try(tries, data, seed):
        draws = {name: draw(64, runtime.generator(0)) for name, (draw, _) in tries.items()}
        seen[len(seen)] = draws
        return {"auc": 0.5, "balanced": 0.5, "validation": 0.5, "chosen": next(iter(tries)), "tries": {}}

    monkeypatch.setattr(help_runs, "best_try", best_try)
    reference = helping.fit(helping.pool(data.images[:50], data.labels[:50]), num_steps=1)
    arms = {*help_runs.ARMS, help_runs.TWICE, help_runs.LARGER, help_runs.LEAK}
    found = help_runs.arms_of(data, 50, 1, arms, reference)
    assert set(found) == arms and all(len(draws) == 3 for draws in seen.values())
    few = {image.numpy().tobytes() for image in xrays.subset(data, 50, 1).images}
    order = list(found)
    alone = next(iter(seen[order.index(help_runs.ALONE)].values()))[0]
    assert {image.numpy().tobytes() for image in alone} <= few
    for name, share in zip(("share 0.25", "share 0.5", "share 0.75"), help_runs.SHARES, strict=True):
        images, _ = seen[order.index(help_runs.GAN)][name]
        real = sum(image.numpy().tobytes() in few for image in images)
        assert real == 64 - round(64 * share)
    only = next(iter(seen[order.index(help_runs.ONLY)].values()))[0]
    assert not {image.numpy().tobytes() for image in only} & few
    for arm in (help_runs.GAN, help_runs.SEEN, help_runs.LARGER, help_runs.LEAK):
        assert {"frechet", "gan_seconds", "obeyed", "picture"} <= set(found[arm])


def test_the_gans_see_what_their_names_say(monkeypatch, quick, data):
    seen = []

    def of_pair(images, labels, seed, reference, data, augment):
        seen.append((images, labels, augment))
        return (images, labels), {"gan_seconds": 0.0}

    monkeypatch.setattr(help_runs, "of_pair", of_pair)
    arms = {help_runs.GAN, help_runs.SEEN, help_runs.LARGER, help_runs.LEAK}
    help_runs.arms_of(data, 50, 1, arms, None)
    few = xrays.subset(data, 50, 1)
    same = lambda images: {image.numpy().tobytes() for image in images}  # noqa: E731
    (plain, plain_labels, none), (augmented, _, augment), (others, other_labels, _), (leak, leak_labels, _) = seen
    assert torch.equal(plain, few.images) and torch.equal(augmented, few.images)
    assert none is None and augment is not None
    assert torch.equal(plain_labels, few.labels)
    assert len(others) == 700 and not same(others) & same(few.images) and other_labels.bincount().tolist() == [350, 350]
    assert len(leak) == 50 + len(data.test_images) and same(leak) >= same(data.test_images)
    assert torch.equal(leak_labels[50:], data.test_labels)


def test_rows_of_helped(quick, capsys):
    rows = {
        row["name"]: row for row in help_runs.helped([3, 4], lambda name: name in ("50: alone", help_runs.EVERYTHING))
    }
    assert set(rows) == {"50: alone", help_runs.EVERYTHING}
    row = rows["50: alone"]
    assert row["seeds"] == [3, 4] and all(len(row[key]) == 2 for key in ("auc", "balanced", "chosen", "tries"))
    assert len(set(help_runs.HELPED)) == len(help_runs.HELPED)


def test_further_seeds_go_to_the_end(quick, monkeypatch):
    stored = {"name": "50: alone", "n": 50, "arm": "alone", "seeds": [0, 1]}
    stored |= {key: [9, 9] for key in ("auc", "balanced", "validation", "chosen", "tries", "cpu_seconds")}
    monkeypatch.setattr(measured, "names", lambda: ["helped"])
    monkeypatch.setattr(measured, "load", lambda name: {"rows": [stored]})
    (row,) = help_runs.helped([2, 3], lambda name: name == "50: alone")
    assert row["seeds"] == [0, 1, 2, 3] and row["auc"][:2] == [9, 9] and len(row["auc"]) == 4
    (row,) = help_runs.helped([0, 1], lambda name: name == "50: alone")
    assert row["seeds"] == [0, 1]  # the same seeds again replace what is stored


def test_further_seeds_of_later_rows_are_not_lost_when_the_first_row_is_stored(quick, monkeypatch):
    """The command stores each row as it comes, and the file then holds the new rows alone."""
    keys = ("logit", "nearness", "frechet", "obeyed", "length", "auc", "cpu_seconds")
    stored = [{"name": name, "seeds": [0, 1], **{key: [9, 9] for key in keys}} for name in help_runs.KEPT_PRIVATE]
    monkeypatch.setattr(measured, "names", lambda: ["kept_private"])
    monkeypatch.setattr(measured, "load", lambda name: {"rows": list(stored)})
    seen = []
    for row in help_runs.kept_private([2], lambda name: True):
        stored.clear()
        seen.append(row)
    assert [row["seeds"] for row in seen] == [[0, 1, 2]] * len(help_runs.KEPT_PRIVATE)
    assert all(row["auc"][:2] == [9, 9] and len(row["auc"]) == 3 for row in seen)


def test_crowds_of_the_phantom_are_one(quick, data, monkeypatch):
    monkeypatch.setattr(help_runs, "FIT_STEPS", 40)
    found = help_runs.crowds(data, [0])["auc"]
    assert len(found) == 6 and all(0.35 < values[0] < 0.65 for values in found.values())
    other = xrays.XRays(data.images, data.labels, data.val_images, data.val_labels,
                        data.test_images * 0.8, data.test_labels, "phantom", "")  # fmt: skip
    found = help_runs.crowds(other, [0])["auc"]
    assert min(value[0] for name, value in found.items() if "test" in name) > 0.75


def test_members_are_the_subset_and_others_are_not(quick, monkeypatch):
    """A discriminator that knows the subset by heart wins the game at every look."""

    def train_pair(images, labels, *, num_steps, seed, augment, on_step):
        known = {image.numpy().tobytes() for image in images}
        pair = helping.Pair(None, None)
        for step in range(1, num_steps + 1):
            on_step(step, lambda x, y: torch.tensor([float(i.numpy().tobytes() in known) for i in x]), lambda: None)
        return pair

    monkeypatch.setattr(helping, "train_pair", train_pair)
    monkeypatch.setattr(helping, "made", lambda generator, count, seed: (torch.zeros(60, 1, 28, 28), None))
    rows = list(help_runs.remembered([5, 6], lambda name: True))
    assert [row["name"] for row in rows] == ["50: plain", "50: augmented"]
    for row in rows:
        assert row["logit"] == [[1, 1], [1, 1]] == row["advantage"] and row["steps"] == [1, 2]
        assert len(row["classifier"]) == len(row["mirrored"]) == 2 and len(row["nearness"][0]) == 2
        assert all(0.35 < value < 0.65 for values in row["nearness"] for value in values)


def test_a_private_row_says_what_it_promises(quick, monkeypatch):
    asked = []
    plain = help_runs.private.train_pair

    def train_pair(images, labels, **settings):
        asked.append(settings)
        return plain(images, labels, **settings)

    monkeypatch.setattr(help_runs.private, "train_pair", train_pair)
    rows = {row["name"]: row for row in help_runs.kept_private([3, 4], lambda name: True)}
    assert list(rows) == help_runs.KEPT_PRIVATE
    assert [(given["noise"], given["largest"]) for given in asked[::2]] == [
        (0.0, float("inf")), (0.0, 1.0), (1.6, 1.0), (9.5, 1.0)
    ]  # fmt: skip
    for row in rows.values():
        assert row["seeds"] == [3, 4] and row["weights"] == 3_770 and row["picture"]
        assert all(len(row[key]) == 2 for key in ("logit", "nearness", "frechet", "obeyed", "auc", "length"))
        assert ("epsilon" in row) == (row["noise"] > 0)


def test_log_probabilities_are_of_the_true_label():
    network = lambda images: images.flatten(1)[:, :3]  # noqa: E731
    images = torch.randn(4, 1, 2, 2, generator=runtime.generator(0))
    labels = torch.tensor([0, 2, 1, 1])
    expected = torch.stack([images[k].flatten()[:3].log_softmax(0)[labels[k]] for k in range(4)])
    assert torch.allclose(help_runs.of_true_label(network, images, labels), expected)
