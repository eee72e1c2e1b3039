"""X-rays: the file is believed for its content, copies go, everybody has the same subset; a phantom with a ceiling."""

import base64
import hashlib
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from gancourse import runtime
from gancourse.data import files, xrays
from sources import REAL


def arrays(seed=0, train=60, val=20, test=10):
    """Return arrays like those of the file: of the training images one occurs twice, and one is also in val."""
    random = np.random.default_rng(seed)
    found = {}
    for split, count in (("train", train), ("val", val), ("test", test)):
        found[f"{split}_images"] = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        found[f"{split}_labels"] = (np.arange(count)[:, None] % 2).astype(np.uint8)
    found["train_images"][7] = found["train_images"][3]
    found["train_images"][8] = found["val_images"][5]
    return found


def packed(content):
    stream = io.BytesIO()
    np.savez(stream, **content)
    return stream.getvalue()


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty data folder, an empty cache, no network; what is published is ``arrays()``."""
    monkeypatch.setenv("GANCOURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(files.tempfile, "tempdir", str(tmp_path))
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("GANCOURSE_DATA", str(folder))
    monkeypatch.delenv("GANCOURSE_OFFLINE", raising=False)
    monkeypatch.setattr(xrays, "_MD5", hashlib.md5(packed(arrays())).hexdigest())
    thinned = arrays(train=50)
    digest = hashlib.sha256(b"".join(thinned[key].tobytes() for key in xrays._keys())).hexdigest()
    monkeypatch.setattr(xrays, "_THINNED", digest)
    sent = {}

    def download(url, most_bytes, *, seconds):
        sent.setdefault("asked", []).append(url)
        answer = sent.get("answer", files.Unreachable("no connection"))
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(files, "download", download)
    files.forget_failures()
    yield folder, sent
    files.forget_failures()


# ---------------------------------------------------------------- the file


@pytest.mark.parametrize("name", ["pneumoniamnist.npz", "pneumoniamnist/pneumoniamnist.npz"])
def test_the_published_file_is_found_and_its_copies_go(place, name, capsys):
    (place[0] / name).parent.mkdir(exist_ok=True)
    (place[0] / name).write_bytes(packed(arrays()))
    found = xrays.load("auto")
    assert found.name == "pneumonia" and found.class_names == ("normal", "pneumonia")
    assert found.images.shape == (58, 1, 28, 28) and found.images.dtype == torch.float32
    kept = [k for k in range(60) if k not in (7, 8)]
    assert torch.equal(((found.images + 1) * 127.5).round(), torch.from_numpy(arrays()["train_images"])[kept, None])
    assert found.labels.tolist() == [k % 2 for k in kept] and found.labels.dtype == torch.int64
    assert found.val_images.shape == (20, 1, 28, 28) and found.test_labels.tolist() == [0, 1] * 5
    assert float(found.images.min()) == -1 and float(found.images.max()) == 1
    said = capsys.readouterr().out
    assert said == found.source + "\n" and "the published file" in said and "2 repeated images left out" in said
    assert "58 + 20 + 10" in said and "from GANCOURSE_DATA" in said


def test_gancourse_data_may_name_the_file_itself(place, monkeypatch):
    (place[0] / "mine.npz").write_bytes(packed(arrays()))
    monkeypatch.setenv("GANCOURSE_DATA", str(place[0] / "mine.npz"))
    assert len(xrays.load("pneumonia").images) == 58


def test_the_thinned_copy_is_recognised_by_its_arrays_and_named(place, capsys):
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays(train=50))  # packed by somebody else
    (place[0] / "pneumoniamnist.npz").write_bytes(stream.getvalue())
    assert len(xrays.load("pneumonia").images) == 48
    assert "a thinned copy (of 4,708 training images)" in capsys.readouterr().out


def spoilt():
    other = arrays()
    other["train_images"][0, 0, 0] ^= 1
    pickled = io.BytesIO()
    np.savez(pickled, **arrays() | {"train_images": np.array([{}], dtype=object)})
    return {
        "one pixel": packed(other),
        "cut off": packed(arrays())[:-100],
        "an array is missing": packed({k: v for k, v in arrays().items() if k != "val_labels"}),
        "objects in it": pickled.getvalue(),
        "a web page": b"<!doctype html>",
        "other labels": packed(arrays() | {"val_labels": np.full((20, 1), 2, np.uint8)}),
        "other sizes": packed(arrays() | {"val_images": np.zeros((20, 14, 14), np.uint8)}),
        "empty": b"",
    }


@pytest.mark.parametrize("what", list(spoilt()))
def test_a_wrong_file_is_named_and_left_alone(place, what, capsys):
    path, content = place[0] / "pneumoniamnist.npz", spoilt()[what]
    path.write_bytes(content)
    found = xrays.load("auto")
    said = capsys.readouterr().out
    assert found.name == "phantom" and "pneumoniamnist.npz is not PneumoniaMNIST as published" in said
    assert path.read_bytes() == content


def test_a_file_that_unpacks_to_too_much_is_not_unpacked(place, monkeypatch, capsys):
    monkeypatch.setattr(xrays, "_MOST_UNPACKED", 50_000)
    (place[0] / "pneumoniamnist.npz").write_bytes(packed(arrays()))
    assert xrays.load("auto").name == "phantom"
    assert "unpacks to more than" in capsys.readouterr().out
    monkeypatch.setattr(xrays, "_MOST_BYTES", 1_000)
    xrays.load("auto")
    assert "far too large" in capsys.readouterr().out


def test_what_was_downloaded_is_verified_and_kept(place, capsys):
    place[1]["answer"] = packed(arrays())
    assert "downloaded" in xrays.load("pneumonia").source
    assert place[1]["asked"] == list(xrays._ADDRESSES)
    assert "from the cache" in xrays.load("pneumonia").source and len(place[1]["asked"]) == 1
    place[1]["answer"] = packed(arrays(train=50))  # the thinned copy is nobody's publication
    cached = files.cache_folder() / "pneumoniamnist" / "pneumoniamnist.npz"
    cached.write_bytes(b"broken")
    with pytest.raises(files.DataUnavailable, match=r"wrong pneumoniamnist.npz: zenodo.org.*xrays.load\('phantom'\)"):
        xrays.load("pneumonia")
    assert cached.read_bytes() == b"broken" and "sent a wrong" in capsys.readouterr().out


def test_without_a_network_the_phantom_comes_and_the_failure_is_not_waited_for_again(place, monkeypatch):
    first = xrays.load("auto")
    assert first.name == "phantom" and "no connection" in first.source
    again = xrays.load("auto")
    assert "tried once in this session" in again.source and len(place[1]["asked"]) == 1
    with pytest.raises(files.DataUnavailable, match="no connection"):
        xrays.load("pneumonia")  # asked for by name it is tried again
    monkeypatch.setenv("GANCOURSE_OFFLINE", "1")
    with pytest.raises(files.DataUnavailable, match="forbids"):
        xrays.load("pneumonia")
    assert len(place[1]["asked"]) == 2
    with pytest.raises(ValueError, match="'auto', 'pneumonia', 'phantom', got 'lungs'"):
        xrays.load("lungs")


@pytest.mark.skipif(
    not (REAL and (Path(REAL) / "pneumoniamnist.npz").is_file()), reason="no pneumoniamnist.npz at hand"
)
def test_the_real_file(monkeypatch, capsys):
    monkeypatch.setenv("GANCOURSE_DATA", str(REAL))
    found = xrays.load("pneumonia")
    assert [len(found.val_images), len(found.test_images)] == [524, 624]
    assert found.test_labels.bincount().tolist() == [234, 390]
    few = xrays.subset(found, 50, 0)
    digest = hashlib.sha256(((few.images + 1) * 127.5).round().to(torch.uint8).numpy().tobytes()).hexdigest()
    assert digest[:16] == "3b1b4614b4e67674"
    assert len(xrays.subset(found, 776, 3).images) == 776
    with pytest.raises(ValueError, match="from 2 to 776"):
        xrays.subset(found, 778, 0)
    right = (xrays.heart_side(found.images) > 0).double()
    assert float(right[found.labels == 0].mean()) > 0.95


# ---------------------------------------------------------------- subsets


def small(images=None, name="pneumonia", count=60):
    random = runtime.generator(1)
    images = torch.randint(0, 256, (count, 1, 28, 28), generator=random) / 127.5 - 1 if images is None else images
    labels = torch.arange(len(images)) % 2
    return xrays.XRays(images, labels, images[:2], labels[:2], images[:2], labels[:2], name, "Data: made up")


def pixels(images):
    return [image.tobytes() for image in ((images + 1) * 127.5).round().to(torch.uint8).numpy()]


@pytest.fixture
def all_named(monkeypatch):
    named = {hashlib.sha256(one).digest()[:4] for one in pixels(small().images)}
    monkeypatch.setattr(xrays, "_named_normals", lambda: named)
    return named


@pytest.mark.parametrize("name", ["pneumonia", "phantom"])
def test_a_subset_is_balanced_and_nothing_in_it_is_held_out(name, all_named):
    data = small(name=name)
    few = xrays.subset(data, 20, 5)
    assert few.labels.tolist() == [0] * 10 + [1] * 10 and few.held_labels.tolist() == [0] * 20 + [1] * 20
    both = pixels(few.images) + pixels(few.held_images)
    assert len(set(both)) == 60
    labelled = dict(zip(pixels(data.images), data.labels.tolist(), strict=True))
    assert [labelled[one] for one in both] == few.labels.tolist() + few.held_labels.tolist()
    larger = xrays.subset(data, 40, 5)
    assert pixels(larger.images)[:10] == pixels(few.images)[:10]  # small subsets lie in larger ones
    assert pixels(xrays.subset(data, 20, 6).images) != pixels(few.images)


def test_held_out_are_at_most_150_of_a_class():
    data = small(count=800, name="phantom")
    assert [len(part) for part in xrays.subset(data, 50, 0)] == [50, 50, 300, 300]
    assert len(xrays.subset(data, 800, 0).held_images) == 0


def test_the_subset_does_not_depend_on_which_file_it_came_from(all_named):
    """More normals that are not named, and another order of all, change nothing."""
    data = small()
    more = torch.randint(0, 256, (30, 1, 28, 28), generator=runtime.generator(9)) / 127.5 - 1
    images, labels = torch.cat([more, data.images]), torch.cat([torch.zeros(30, dtype=torch.long), data.labels])
    order = torch.randperm(90, generator=runtime.generator(2))
    larger = xrays.XRays(images[order], labels[order], *[data.val_images, data.val_labels] * 2, "pneumonia", "")
    for n, seed in ((10, 0), (60, 4)):
        assert pixels(xrays.subset(larger, n, seed).images) == pixels(xrays.subset(data, n, seed).images)
    all_named.remove(hashlib.sha256(pixels(data.images[:1])[0]).digest()[:4])
    with pytest.raises(ValueError, match="from 2 to 58"):
        xrays.subset(data, 60, 0)


def test_the_list_of_named_images_is_what_it_says():
    stored = json.loads((Path(xrays.__file__).parent / "xrays.json").read_text(encoding="utf-8"))
    assert len(base64.b64decode(stored["normal"])) == 4 * stored["count"] == 4 * 388
    assert len(xrays._named_normals()) == 388 and all(len(one) == 4 for one in xrays._named_normals())


@pytest.mark.parametrize("n, words", [(7, "even"), (0, "from 2"), (62, "from 2 to 60"), (2.5, "whole number")])
def test_wrong_numbers_are_refused(n, words, all_named):
    with pytest.raises(ValueError, match=words):
        xrays.subset(small(), n, 0)
    with pytest.raises(ValueError, match="seed"):
        xrays.subset(small(), 10, -1)


# ---------------------------------------------------------------- the phantom


def drawn(count=3_000, seed=0):
    labels = torch.arange(count) % 2
    return labels, *xrays.phantom(labels, generator=runtime.generator(seed))


def test_the_haze_is_log_normal_and_three_times_as_strong_in_the_ill():
    labels, images, factors = drawn()
    assert images.shape == (3_000, 1, 28, 28) and factors.shape == (3_000, len(xrays.FACTORS))
    assert float(images.min()) >= -1 and float(images.max()) <= 1 and images.dtype == torch.float32
    logs = factors[:, 1].log()
    for kind, median in ((0, 0.15), (1, 0.45)):
        of = logs[labels == kind]
        assert float(of.mean()) == pytest.approx(math.log(median), abs=0.04)
        assert float(of.std()) == pytest.approx(0.45, abs=0.03)
    assert bool((factors[:, 0] == 1).all())


def test_the_best_auc_is_that_of_whoever_knows_the_haze():
    labels, _, factors = drawn(20_000, seed=3)
    assert xrays.best_auc() == pytest.approx(roc_auc_score(labels, factors[:, 1]), abs=0.004)


def test_the_label_reaches_the_image_through_the_haze_alone(monkeypatch):
    """With the same haze in both classes, the same random numbers draw the same image whatever the label."""
    monkeypatch.setattr(xrays, "_HAZE", (0.3, 0.3))
    images = [xrays.phantom(torch.full((5,), kind), generator=runtime.generator(4)).images for kind in (0, 1)]
    assert torch.equal(*images)
    monkeypatch.setattr(xrays, "_HAZE", (0.15, 0.45))
    images = [xrays.phantom(torch.full((5,), kind), generator=runtime.generator(4)).images for kind in (0, 1)]
    lighter = images[1] - images[0]
    assert float(lighter.min()) >= -1e-6 and float(lighter.max()) > 0.1  # more haze makes nothing darker


def test_the_heart_is_on_the_right_and_mirrored_on_the_left():
    labels, images, _ = drawn()
    side = xrays.heart_side(images)
    assert torch.allclose(xrays.heart_side(images.flip(3)), -side, atol=1e-5)
    assert float((side[labels == 0] > 0).double().mean()) > 0.9
    with pytest.raises(ValueError, match="28x28"):
        xrays.heart_side(images[..., :20])


def test_the_phantom_is_always_the_same(capsys):
    first = xrays.load("phantom")
    assert [len(part) for part in (first.images, first.val_images, first.test_images)] == [2_000, 500, 600]
    assert first.labels.bincount().tolist() == [1_000, 1_000] and first.class_names == ("normal", "hazy")
    xrays._drawn.cache_clear()
    assert torch.equal(first.images, xrays.load("phantom").images)
    assert capsys.readouterr().out == 2 * (first.source + "\n") and first.source in repr(first)


@pytest.mark.parametrize(
    "labels, error, words",
    [
        (torch.zeros(3), TypeError, "int64"),
        ([0, 1], TypeError, "list"),
        (torch.tensor([0, 2]), ValueError, "0 or 1"),
        (torch.zeros(0, dtype=torch.long), ValueError, "not empty"),
        (torch.zeros(2, 1, dtype=torch.long), ValueError, r"\(2, 1\)"),
    ],
)
def test_wrong_labels_are_refused(labels, error, words):
    with pytest.raises(error, match=words):
        xrays.phantom(labels, generator=runtime.generator(0))
