"""Digits: what comes out, from which source, and what is said when something is wrong."""

import dataclasses
import gzip
import hashlib
import subprocess
import sys

import numpy as np
import pytest
import torch

from gancourse.data import digits, files
from sources import REAL, Server


@pytest.fixture(autouse=True)
def nothing_at_hand(tmp_path, monkeypatch):
    """No data folder, an empty cache, no network, and no memory of earlier failures."""
    monkeypatch.setenv("GANCOURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(files.tempfile, "tempdir", str(tmp_path))
    for name in ("GANCOURSE_DATA", "GANCOURSE_OFFLINE", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for wanted in ("_MNIST", "_FASHION_MNIST"):
        nowhere = dataclasses.replace(getattr(digits, wanted), addresses=("http://127.0.0.1:9/",))
        monkeypatch.setattr(digits, wanted, nowhere)
    files.forget_failures()
    yield
    files.forget_failures()


# ---------------------------------------------------------------- the embedded digits


def test_embedded_digits_need_nothing_and_are_split_by_class(capsys):
    found = digits.load("embedded")
    assert found.images.shape == (1_442, 1, 28, 28) and found.test_images.shape == (355, 1, 28, 28)
    assert found.images.dtype == torch.float32 and found.labels.dtype == torch.int64
    assert (found.images.min(), found.images.max()) == (-1, 1)
    edges = torch.cat(
        [found.images[..., edge] for edge in (0, 1, -2, -1)] + [found.images[..., (0, -1), :].flatten(2)], 2
    )
    assert (edges == -1).all(), "every image has a black border, as MNIST's have"
    assert (found.labels.bincount() + found.test_labels.bincount()).tolist() == [
        *(178, 182, 177, 183, 181, 182, 181, 179, 174, 180)  # scikit-learn's description of the set
    ]
    assert found.test_labels.bincount().tolist() == [35, 36, 35, 36, 36, 36, 36, 35, 34, 36]
    assert found.name == "embedded" and found.image_size == 28 and found.class_names == tuple("0123456789")
    said = capsys.readouterr().out
    assert said == found.source + "\n" and "1,442 + 355" in said and "28x28" in said
    assert found.source in repr(found)


def test_embedded_images_and_labels_belong_together():
    found = digits.load("embedded")
    distances = torch.cdist(found.test_images.flatten(1), found.images.flatten(1))
    guesses = found.labels[distances.argmin(dim=1)]
    assert (guesses == found.test_labels).float().mean() > 0.97
    assert distances.min() > 0, "no test image is among the training images"


def test_embedded_digits_are_the_same_every_time_and_draw_no_random_number():
    state = torch.random.get_rng_state()
    first, second = digits.load("embedded"), digits.load("embedded")
    assert torch.equal(first.images, second.images) and torch.equal(first.test_labels, second.test_labels)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("size", [8, 16, 28, 32, 64])
def test_embedded_digits_in_other_sizes_keep_their_ink(size):
    found, usual = digits.load("embedded", image_size=size), digits.load("embedded")
    assert found.images.shape[1:] == (1, size, size) and found.image_size == size
    assert found.images.min() >= -1 and found.images.max() <= 1
    assert torch.allclose(found.images.mean(), usual.images.mean(), atol=0.06)
    rows = torch.linspace(-1, 1, size)[:, None]  # the centre of the ink does not move
    ink, usual_ink = found.images + 1, usual.images + 1
    centre = ((ink * rows).sum((1, 2, 3)) / ink.sum((1, 2, 3))).mean()
    usual_rows = torch.linspace(-1, 1, 28)[:, None]
    assert abs(centre - ((usual_ink * usual_rows).sum((1, 2, 3)) / usual_ink.sum((1, 2, 3))).mean()) < 0.02


# ---------------------------------------------------------------- a stand-in for MNIST


def fake_mnist():
    """Files of MNIST's shape: image i is black but for one pixel, its label is i mod 10."""
    contents = {}
    for part, count in (("train", 60_000), ("t10k", 10_000)):
        images = np.zeros((count, 28, 28), dtype=np.uint8)
        order = np.arange(count)
        images[order, order % 28, (order // 28) % 28] = 255
        images[0, 0, 1] = 51
        contents[f"{part}-images-idx3-ubyte"] = b"".join(
            [bytes([0, 0, 8, 3]), *(extent.to_bytes(4, "big") for extent in images.shape), images.tobytes()]
        )
        labels = (order % 10).astype(np.uint8)
        contents[f"{part}-labels-idx1-ubyte"] = bytes([0, 0, 8, 1]) + count.to_bytes(4, "big") + labels.tobytes()
    return contents


@pytest.fixture(scope="module")
def fake():
    contents = fake_mnist()
    return contents, {f"{name}.gz": gzip.compress(content, 1, mtime=0) for name, content in contents.items()}


@pytest.fixture
def fake_published(fake, monkeypatch):
    """Make the stand-in the published MNIST; returns its packed files."""
    contents, packed = fake
    made = tuple(
        files.PublishedFile(name, len(content), sha256=hashlib.sha256(content).hexdigest())
        for name, content in contents.items()
    )
    order = {file.name: file for file in made}
    wanted = dataclasses.replace(digits._MNIST, files=tuple(order[file.name] for file in digits._MNIST.files))
    monkeypatch.setattr(digits, "_MNIST", wanted)
    return packed


def put(folder, packed):
    folder.mkdir(parents=True)
    for name, payload in packed.items():
        (folder / name).write_bytes(payload)


@pytest.mark.parametrize("name", ["auto", "mnist"])
def test_files_at_hand_become_images_in_range_with_their_labels(fake_published, tmp_path, monkeypatch, capsys, name):
    put(tmp_path / "mine" / "mnist", fake_published)
    monkeypatch.setenv("GANCOURSE_DATA", str(tmp_path / "mine"))
    state = torch.random.get_rng_state()
    found = digits.load(name)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert found.name == "mnist" and "from GANCOURSE_DATA" in found.source
    assert capsys.readouterr().out == found.source + "\n"
    assert found.images.shape == (60_000, 1, 28, 28) and found.test_images.shape == (10_000, 1, 28, 28)
    assert found.labels[:12].tolist() == [*range(10), 0, 1] and found.test_labels.shape == (10_000,)
    assert found.images[0, 0, 0, 0] == 1 and found.images[0, 0, 1, 0] == -1
    assert found.images[0, 0, 0, 1] == pytest.approx(51 / 127.5 - 1)
    assert found.images[29, 0, 1, 1] == 1 and found.images[59_999, 0, 59_999 % 28, 59_999 // 28 % 28] == 1
    assert found.test_images[30, 0, 2, 1] == 1


def test_size_32_is_a_border_and_other_sizes_are_resampled(fake_published, tmp_path, monkeypatch):
    put(tmp_path / "mine", fake_published)
    monkeypatch.setenv("GANCOURSE_DATA", str(tmp_path / "mine"))
    bordered = digits.load("mnist", image_size=32)
    assert bordered.images[29, 0, 3, 3] == 1 and (bordered.images[29] == 1).sum() == 1
    small = digits.load("mnist", image_size=14)
    assert small.images.shape == (60_000, 1, 14, 14) and small.images.min() == -1 and small.images.max() <= 1
    assert small.images[29, 0].argmax() == 0  # pixel (1, 1) of 28 is pixel (0, 0) of 14


def test_auto_downloads_when_it_can_and_keeps_the_files(fake_published, monkeypatch, tmp_path, capsys):
    server = Server()
    try:
        monkeypatch.setattr("sources.PACKED", {n.removesuffix(".gz"): p for n, p in fake_published.items()})
        monkeypatch.setattr("sources.CONTENT", dict.fromkeys((n.removesuffix(".gz") for n in fake_published), b""))
        wanted = dataclasses.replace(digits._MNIST, addresses=tuple(server.addresses("html", "right")))
        monkeypatch.setattr(digits, "_MNIST", wanted)
        found = digits.load("auto")
        assert found.name == "mnist" and "downloaded" in found.source
        said = capsys.readouterr().out
        assert said.count("it is a web page or an error message") == 4 and said.endswith(found.source + "\n")
        # a file cut off in the cache, as by a kill while unpacking: named, replaced once, whole again
        target = tmp_path / "cache" / "mnist" / "t10k-labels-idx1-ubyte.gz"
        target.write_bytes(target.read_bytes()[:50])
        before = len(server.requests)
        assert digits.load("auto").name == "mnist"
        assert f"{target} is damaged: it is cut off" in capsys.readouterr().out
        assert len(server.requests) == before + 2  # one wrong, one right
        assert "from the cache" in digits.load("mnist").source
    finally:
        server.close()


def test_a_damaged_set_that_cannot_be_replaced_gives_the_embedded_digits_with_a_line(
    fake_published, tmp_path, monkeypatch, capsys
):
    put(tmp_path / "mine", fake_published)
    damaged = tmp_path / "mine" / "train-images-idx3-ubyte.gz"
    damaged.write_bytes(damaged.read_bytes()[:3_000])
    monkeypatch.setenv("GANCOURSE_DATA", str(tmp_path / "mine"))
    found = digits.load("auto")
    assert found.name == "embedded"
    first, second = capsys.readouterr().out.splitlines()
    assert f"{damaged} is damaged: it is cut off" in first
    assert "embedded set" in second and "MNIST is not at hand and could not be fetched (no connection" in second
    with pytest.raises(files.DataUnavailable, match="set GANCOURSE_DATA"):
        digits.load("mnist")


# ---------------------------------------------------------------- without a network


def test_auto_waits_for_a_failed_network_only_once(monkeypatch, capsys):
    calls = []
    original = files.download
    monkeypatch.setattr(files, "download", lambda *a, **k: calls.append(a) or original(*a, **k))
    assert digits.load("auto").name == "embedded" and len(calls) == 1
    assert digits.load("auto").name == "embedded" and len(calls) == 1
    assert "tried once in this session" in capsys.readouterr().out
    with pytest.raises(files.DataUnavailable, match=r"MNIST is not at hand .* digits.load\('embedded'\)"):
        digits.load("mnist")
    assert len(calls) == 2  # asked for by name, it tries again


def test_auto_is_impatient_and_a_named_set_is_not(monkeypatch):
    limits = []

    def refuse(wanted, *, seconds, patient, say):
        limits.append((wanted.name, seconds, patient))
        raise files.DataUnavailable("no", "advice")

    monkeypatch.setattr(files, "fetch", refuse)
    digits.load("auto")
    for name in ("mnist", "fashion_mnist"):
        with pytest.raises(files.DataUnavailable):
            digits.load(name)
    assert [(name, patient) for name, _, patient in limits] == [
        ("mnist", False),
        ("mnist", True),
        ("fashion_mnist", True),
    ]
    assert limits[0][1] <= 20 < limits[1][1] == limits[2][1]


# ---------------------------------------------------------------- the real thing


@pytest.mark.skipif(REAL is None, reason="MNIST is not at hand: set GANCOURSE_DATA to a folder that holds it")
def test_real_mnist(monkeypatch):
    monkeypatch.setenv("GANCOURSE_DATA", str(REAL))
    found = digits.load("mnist")
    assert found.labels.bincount().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert found.labels[:5].tolist() == [5, 0, 4, 1, 9] and found.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    pixels = (found.images + 1) / 2  # the mean and deviation everybody normalises MNIST with
    assert pixels.mean() == pytest.approx(0.1307, abs=5e-5) and pixels.std() == pytest.approx(0.3081, abs=5e-5)


def test_published_sets_are_complete_verified_and_fetched_over_https():
    # The fixtures of this file replace the addresses, so look at a fresh copy of the module.
    code = """
from gancourse.data import digits
for wanted in (digits._MNIST, digits._FASHION_MNIST):
    sums = [file.sha256 or file.sha256_gz for file in wanted.files]
    print(wanted.name, [file.unpacked_bytes for file in wanted.files], len(set(sums)), {len(s) for s in sums},
          len({a.split("/")[2] for a in wanted.addresses}) >= 2,
          all(a.startswith("https://") and a.endswith("/") for a in wanted.addresses))
import sys
print([name for name in ("sklearn", "scipy", "pooch", "requests", "matplotlib") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    sizes = [16 + 60_000 * 784, 8 + 60_000, 16 + 10_000 * 784, 8 + 10_000]
    assert done.stdout.splitlines() == [
        f"mnist {sizes} 4 {{64}} True True",
        f"fashion_mnist {sizes} 4 {{64}} True True",
        "[]",
    ]


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize("name", ["MNIST", "", None, 3])
def test_an_unknown_name_is_refused_with_those_there_are(name):
    with pytest.raises(ValueError, match="name must be one of 'auto', 'embedded', 'mnist', 'fashion_mnist', got"):
        digits.load(name)


@pytest.mark.parametrize("size", [7, 65, 28.0, True, "28", None])
def test_an_impossible_size_is_refused(size):
    with pytest.raises(ValueError, match="image_size must be a whole number from 8 to 64, got"):
        digits.load("embedded", image_size=size)


@pytest.mark.parametrize(
    ("images", "error", "fragment"),
    [
        (np.zeros((2, 1, 4, 4)), TypeError, "images must be a tensor of shape (N, C, H, W), got ndarray"),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), TypeError, "got dtype torch.uint8"),
        (torch.zeros(2, 4, 4), ValueError, "shape (N, C, H, W), got (2, 4, 4)"),
        (torch.zeros(0, 1, 4, 4), ValueError, "images is empty"),
        (torch.zeros(2, 3, 4, 4), ValueError, "must have 1 channel(s), got 3"),
        (torch.full((2, 1, 4, 4), torch.nan), ValueError, "must be finite"),
        (torch.full((2, 1, 4, 4), -torch.inf), ValueError, "must be finite"),
        (torch.full((2, 1, 4, 4), 1.1), ValueError, "must lie in [-1, 1], got [1.10, 1.10]"),
        (torch.full((2, 1, 4, 4), -1.1), ValueError, "must lie in [-1, 1], got [-1.10, -1.10]"),
        (torch.tensor([0.0, 0, 0, 1]).expand(2, 1, 4, 4), ValueError, "got [0.00, 1.00]; these look like images in"),
        (torch.tensor([-1e-6, 0, 0, 1]).expand(2, 1, 4, 4), ValueError, "these look like images in"),  # resampled
        (
            torch.tensor([1.0] * 15 + [0.0]).expand(2, 1, 16, 16),
            ValueError,
            "these look like images in",
        ),  # black on white
    ],
)
def test_check_images_names_what_is_wrong(images, error, fragment):
    with pytest.raises(error) as caught:
        digits.check_images(images, channels=1)
    assert fragment in str(caught.value)


@pytest.mark.parametrize("value", [-1.0, 0.0, 0.3, 1.0, 1.0005])
def test_check_images_accepts_whatever_a_generator_with_tanh_may_make(value):
    digits.check_images(torch.full((2, 1, 4, 4), value))
    digits.check_images(torch.full((2, 3, 4, 4), value), channels=3)
