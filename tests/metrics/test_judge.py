"""The judge: right about real digits, unsure about noise, and the same whatever the batch."""

import dataclasses
import hashlib
import io
import os
import re
import tracemalloc
import zipfile
from pathlib import Path

import pytest
import torch

from gancourse import runtime
from gancourse.data import digits, files
from gancourse.metrics import judge
from moments import altered
from sources import REAL


@pytest.fixture(scope="module")
def embedded():
    return digits.load("embedded")


@pytest.fixture(scope="module")
def trained(embedded, tmp_path_factory):
    """A judge trained here and now, with an empty cache; and the random state before and after."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANCOURSE_CACHE", str(tmp_path_factory.mktemp("cache")))
        before = torch.random.get_rng_state()
        made = judge.load(embedded)
        assert torch.equal(torch.random.get_rng_state(), before), "training must not move the global random stream"
    return made


@pytest.fixture
def quick(tmp_path, monkeypatch):
    """An empty cache, and a training of three steps."""
    monkeypatch.setenv("GANCOURSE_CACHE", str(tmp_path))
    monkeypatch.setattr(judge, "_STEPS_IF_SMALL", 3)
    return tmp_path


def nonsense(size, count=500):
    """Samples that are no digits: noise, fog, grey, a blank sheet, scrambled pixels."""
    generator = runtime.generator(7)
    noise = torch.rand(count, 1, size, size, generator=generator) * 2 - 1
    faint = (0.1 * torch.randn(count, 1, size, size, generator=generator)).clamp(-1, 1)
    return {
        "noise": noise,
        "faint noise": faint,
        "fog": torch.nn.functional.avg_pool2d(noise, 5, 1, 2),
        "grey": torch.zeros(count, 1, size, size),
        "blank": -torch.ones(count, 1, size, size),
    }


# ---------------------------------------------------------------- what it knows


def test_the_judge_names_unseen_embedded_digits(trained, embedded):
    probabilities = trained.probabilities(embedded.test_images)
    right = (probabilities.argmax(dim=1) == embedded.test_labels).float().mean()
    assert right >= 0.97 and trained.accuracy == pytest.approx(float(right), abs=1e-6)
    assert (probabilities.max(dim=1).values >= judge.CONFIDENT).float().mean() > 0.93
    assert judge.classes_covered(probabilities) == list(range(10))
    assert (judge.class_histogram(probabilities) - embedded.test_labels.bincount() / 355).abs().max() < 0.03


def test_the_judge_is_unsure_about_what_is_no_digit(trained, embedded):
    for name, images in nonsense(28).items():
        assert judge.classes_covered(trained.probabilities(images)) == [], name
    one_kind = embedded.images[embedded.labels == 3]
    assert judge.classes_covered(trained.probabilities(one_kind)) == [3]


@pytest.mark.skipif(REAL is None, reason="MNIST is not at hand: set GANCOURSE_DATA to a folder that holds it")
def test_the_judge_names_mnists_test_set(monkeypatch):
    monkeypatch.setenv("GANCOURSE_DATA", str(REAL))
    found = digits.load("mnist")
    made = judge.load(found)
    probabilities = made.probabilities(found.test_images)
    right = (probabilities.argmax(dim=1) == found.test_labels).float().mean()
    assert right >= 0.985 and made.accuracy == pytest.approx(float(right), abs=1e-4)
    assert (probabilities.max(dim=1).values >= judge.CONFIDENT).float().mean() > 0.95
    for name, images in nonsense(28).items():
        assert len(judge.classes_covered(made.probabilities(images))) <= 1, name


# ---------------------------------------------------------------- how it answers


def test_the_batch_makes_no_difference(trained, embedded, monkeypatch):
    images = embedded.test_images[:60]
    together = trained.probabilities(images)
    alone = torch.cat([trained.probabilities(image[None]) for image in images])
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-6)
    monkeypatch.setattr(judge, "_LARGEST_BATCH", 7)
    torch.testing.assert_close(trained.probabilities(images), together, rtol=1e-4, atol=1e-6)
    strange = torch.cat([images, torch.ones_like(images)])
    torch.testing.assert_close(trained.probabilities(strange)[:60], together, rtol=1e-4, atol=1e-6)


def test_answers_are_probabilities_without_a_graph_and_draw_nothing(trained, embedded):
    images = embedded.test_images[:5].clone().requires_grad_()
    before = torch.random.get_rng_state()
    probabilities = trained.probabilities(images)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert probabilities.shape == (5, 10) and not probabilities.requires_grad
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(5))
    torch.testing.assert_close(trained.probabilities(images.detach().double()), probabilities)
    assert "28x28" in repr(trained)


@pytest.mark.parametrize(
    ("images", "error", "fragment"),
    [
        ([[1.0]], TypeError, "images must be a tensor"),
        (torch.zeros(3, 28, 28), ValueError, "images must have shape (N, C, H, W), got (3, 28, 28)"),
        (torch.zeros(3, 3, 28, 28), ValueError, "images must have 1 channel(s), got 3"),
        (torch.zeros(3, 1, 32, 32), ValueError, "images must be 28x28, as this judge was trained, got 32x32"),
        (torch.zeros(0, 1, 28, 28), ValueError, "images is empty"),
        (torch.full((3, 1, 28, 28), torch.nan), ValueError, "images must be finite"),
        (torch.full((3, 1, 28, 28), -3.0), ValueError, "images must lie in [-1, 1], got [-3.00, -3.00]"),
        (torch.zeros(3, 1, 28, 28, device="meta"), ValueError, "images are on meta, but this judge is on cpu"),
    ],
)
def test_wrong_images_are_refused_by_name(trained, images, error, fragment):
    with pytest.raises(error) as caught:
        trained.probabilities(images)
    assert fragment in str(caught.value)


def test_images_in_0_1_are_refused(trained, embedded):
    with pytest.raises(ValueError, match=r"images must lie in \[-1, 1\], got \[0.00, 1.00\]; .* 2 \* images - 1"):
        trained.probabilities((embedded.images[:20] + 1) / 2)


# ---------------------------------------------------------------- counting


def sure(label, confidence, classes=10):
    row = torch.full((classes,), (1 - confidence) / (classes - 1))
    row[label] = confidence
    return row


def test_histogram_counts_the_winners():
    rows = torch.stack([sure(2, 0.4), sure(2, 0.99), sure(0, 0.95), sure(7, 0.3)])
    shares = judge.class_histogram(rows)
    assert shares.dtype == torch.float64
    assert shares.tolist() == [0.25, 0, 0.5, 0, 0, 0, 0, 0.25, 0, 0]


def test_a_class_is_covered_by_enough_clear_samples():
    rows = [sure(4, 0.99)] * 96 + [sure(1, 0.91)] * 2 + [sure(7, 0.89)] * 1 + [sure(3, 0.99)] * 1
    covered = judge.classes_covered(torch.stack(rows))
    assert covered == [1, 4]  # 3 has one sample of 100, 7 none that is clear
    assert judge.classes_covered(torch.stack(rows), share=0.01) == [1, 3, 4]
    assert judge.classes_covered(torch.stack(rows), share=0.01, confident=0.88) == [1, 3, 4, 7]
    assert judge.classes_covered(torch.stack(rows), share=0.03) == [4]
    assert judge.classes_covered(torch.stack(rows), confident=0.995) == []
    assert judge.classes_covered(torch.stack([sure(5, 0.9)])) == [5]  # the thresholds themselves count
    unclear = [sure(1, 0.99)] * 3 + [sure(1, 0.5)] * 197
    assert judge.classes_covered(torch.stack(unclear)) == []  # 1.5 % of all samples, though all that is clear
    assert (judge.CONFIDENT, judge.COVERED_SHARE) == (0.9, 0.02)


@pytest.mark.parametrize("count", [judge.class_histogram, judge.classes_covered])
@pytest.mark.parametrize(
    ("rows", "error", "fragment"),
    [
        ([[1.0]], TypeError, "probabilities must be a floating-point tensor of shape (N, K), got list"),
        (torch.ones(3, 1, dtype=torch.int64), TypeError, "got torch.int64"),
        (torch.ones(3), ValueError, "must have shape (N, K), not empty, got (3,)"),
        (torch.ones(0, 10), ValueError, "not empty, got (0, 10)"),
        (torch.randn(4, 10), ValueError, "are these logits?"),
        (torch.full((4, 10), torch.nan), ValueError, "are these logits?"),
        (torch.ones(4, 10), ValueError, "sum to 1"),
    ],
)
def test_wrong_probabilities_are_refused(count, rows, error, fragment):
    with pytest.raises(error) as caught:
        count(rows)
    assert fragment in str(caught.value)


@pytest.mark.parametrize("name", ["confident", "share"])
@pytest.mark.parametrize("value", [0, -0.1, 1.1, True, "0.5", None, float("nan")])
def test_wrong_thresholds_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} must be a number above 0 and at most 1, got"):
        judge.classes_covered(torch.full((2, 10), 0.1), **{name: value})


# ---------------------------------------------------------------- the cache


def test_the_judge_is_trained_once_and_equals_itself_afterwards(quick, embedded, capsys):
    first = judge.load(embedded)
    assert "Judge: trained in" in capsys.readouterr().out
    second = judge.load(embedded)
    assert "Judge: from the cache" in capsys.readouterr().out
    images = embedded.test_images[:50]
    assert torch.equal(first.probabilities(images), second.probabilities(images))
    assert first.accuracy == second.accuracy
    assert len(list(quick.rglob("*.pt"))) == 1


def test_training_repeats_exactly_whatever_the_global_seed(quick, embedded):
    images, answers = embedded.test_images[:50], []
    for seed in (1, 2):
        with runtime.seeded(seed):
            answers.append(judge.load(embedded).probabilities(images))
        next(quick.rglob("*.pt")).unlink()
    assert torch.equal(*answers)


def test_other_data_and_other_sizes_have_their_own_judge(quick, embedded, capsys):
    judge.load(embedded)
    changed = embedded.labels.clone()
    changed[0] = (changed[0] + 1) % 10
    judge.load(dataclasses.replace(embedded, labels=changed))
    darker = embedded.images.clone()
    darker[0, 0, 0, 0] = -0.5
    judge.load(dataclasses.replace(embedded, images=darker))
    small = judge.load(digits.load("embedded", image_size=9))
    assert small.probabilities(torch.zeros(2, 1, 9, 9)).shape == (2, 10)
    assert "from the cache" not in capsys.readouterr().out and len(list(quick.rglob("*.pt"))) == 4


def vouched(payload):
    """A stored judge as somebody might forge it: with a right checksum around anything."""
    return hashlib.sha256(payload).digest() + payload


def packed(content):
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


class Trap:
    def __reduce__(self):
        return (os.mkdir, ("trapped",))


def bomb():
    """A judge with something in its file that unpacks to more than any judge."""
    buffer = io.BytesIO(packed({"network": judge._network(28).state_dict(), "accuracy": 0.5}))
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/99", bytes(11_000_000))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"short", packed({}), packed([1]), packed({"network": {}, "accuracy": 0.9}), packed(Trap()), bomb()),
        *("larger than any judge", "a pipe", "a folder"),
    ],
    ids=lambda content: content if isinstance(content, str) else f"{len(content)} bytes",
)
def test_what_is_no_judge_is_named_and_neither_run_nor_waited_for(quick, embedded, capsys, monkeypatch, content):
    monkeypatch.chdir(quick)
    first = judge.load(embedded)
    path = next(quick.rglob("*.pt"))
    path.unlink()
    if content == "a pipe":
        os.mkfifo(path)
    elif content == "a folder":
        path.mkdir()
    elif content == "larger than any judge":
        with path.open("wb") as stream:
            stream.truncate(10**8)
    else:
        path.write_bytes(vouched(content))
    capsys.readouterr()
    tracemalloc.start()
    second = judge.load(embedded)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert f"{path} is damaged: training the judge again." in capsys.readouterr().out
    images = embedded.test_images[:50]
    assert torch.equal(first.probabilities(images), second.probabilities(images))
    assert most < 5_000_000 and not Path("trapped").exists()
    judge.load(embedded)
    assert ("from the cache" in capsys.readouterr().out) == (content != "a folder")


def test_no_altered_judge_gets_in(quick, embedded, capsys):
    judge.load(embedded)
    path, count = next(quick.rglob("*.pt")), 0
    for content in altered(path.read_bytes(), 200):
        path.write_bytes(content)
        capsys.readouterr()
        assert judge._read(path, 28) is None and f"{path} is damaged" in capsys.readouterr().out
        count += 1
    assert count > 190


@pytest.mark.parametrize("damage", ["flipped", "half", "empty", "pickle"])
def test_a_damaged_judge_is_named_and_made_again(quick, embedded, capsys, damage):
    first = judge.load(embedded)
    path = next(quick.rglob("*.pt"))
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(
        {
            "flipped": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
            "half": whole[:middle],
            "empty": b"",
            "pickle": b"cos\nsystem\n(S'exit 1'\ntR.",
        }[damage]
    )
    capsys.readouterr()
    second = judge.load(embedded)
    assert f"{path} is damaged" in capsys.readouterr().out
    assert path.read_bytes()[:32] == hashlib.sha256(path.read_bytes()[32:]).digest()
    images = embedded.test_images[:50]
    assert torch.equal(first.probabilities(images), second.probabilities(images))
    judge.load(embedded)
    assert "from the cache" in capsys.readouterr().out


def test_without_a_cache_the_judge_is_trained_each_time(quick, embedded, monkeypatch, capsys):
    monkeypatch.setattr(files, "cache_folder", lambda: None)
    judge.load(embedded)
    judge.load(embedded)
    assert capsys.readouterr().out.count("Judge: trained in") == 2 and list(quick.rglob("*")) == []


def test_a_full_disk_costs_a_line_not_the_judge(quick, embedded, monkeypatch, capsys):
    def full(descriptor):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(files.os, "fsync", full)
    assert judge.load(embedded).accuracy > 0
    said = capsys.readouterr().out
    assert re.search(
        r"embedded-28-\w+\.pt could not be written \(No space left on device: it needs 0\.\d MB, and", said
    )
    assert "This judge is not kept." in said and [path.name for path in quick.rglob("*")] == ["judge"]


def test_training_leaves_the_thread_count_and_the_grad_mode_alone(quick, embedded):
    threads = torch.get_num_threads()
    with torch.no_grad():
        judge.load(embedded)
        assert not torch.is_grad_enabled()
    assert torch.get_num_threads() == threads


def test_wrong_arguments_are_refused(quick, embedded):
    with pytest.raises(TypeError, match=r"digits must come from digits.load\(...\), got Tensor"):
        judge.load(embedded.images)
    with pytest.raises(ValueError, match="device must be 'cuda', 'mps' or 'cpu', got 'abacus'"):
        judge.load(embedded, "abacus")
    with pytest.raises(ValueError, match=r"digits.images must lie in \[-1, 1\], got \[0.00, 1.00\]"):
        judge.load(dataclasses.replace(embedded, images=(embedded.images + 1) / 2))
