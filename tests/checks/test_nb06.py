"""The checkers of notebook 06 accept what is right and say which mistake was made."""

import math

import pytest
import torch
from torch import Tensor

from gancourse.checks import nb06
from verdicts import accepts, rejects, verdict

FUNCTIONS = {nb06.normalise: 2, nb06.grid: 1, nb06.slerp: 1, nb06.nearest_distances: 1}


@pytest.mark.parametrize("checker", FUNCTIONS)
def test_stubs_and_nonsense(capsys, checker):
    def unfinished(*_):
        raise NotImplementedError

    count = FUNCTIONS[checker]
    assert "not attempted" in verdict(capsys, checker, *[...] * count)
    assert "not attempted" in verdict(capsys, checker, *[lambda *_: ...] * count)
    assert "not attempted" in verdict(capsys, checker, *[unfinished] * count)
    rejects(capsys, checker, *[lambda *_: None] * count, fragment="returned None")
    rejects(capsys, checker, *[lambda *_: 1 / 0] * count, fragment="ZeroDivisionError")
    rejects(capsys, checker, *[lambda *_: "images"] * count, fragment="tensor")
    rejects(capsys, checker, *[3] * count, fragment="a function was expected")


# ---------------------------------------------------------------- normalise and undo


def forth(pixels):
    return pixels.float() / 127.5 - 1


def back(images):
    return ((images + 1) * 127.5).round().clamp(0, 255).byte()


def test_normalise_accepts_the_reference_and_another_way(capsys):
    accepts(capsys, nb06.normalise, forth, back)
    accepts(
        capsys,
        nb06.normalise,
        lambda pixels: 2 * (pixels.float() / 255) - 1,
        lambda images: (images.clamp(-1, 1) * 127.5 + 128).byte(),
    )


def in_place(pixels):
    pixels += 1
    return forth(pixels)


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda p: p.float() / 255, "half of what tanh can reach"),
        (lambda p: p.float() / 127.5, "[0, 2]; shift"),
        (lambda p: (p.float() - p.float().mean()) / p.float().std(), "this standardises"),
        (lambda p: 2 * p.float() - 1, "divide by 255 first"),
        (lambda p: 1 - p.float() / 127.5, "black and white are exchanged"),
        (lambda p: p.float() - 127.5, "divide as well"),
        (lambda p: p.float() / 128 - 1, "127.5"),
        (lambda p: 2 * p - 1, "returns torch.uint8, and floats are wanted"),
        (lambda p: forth(p).double(), "torch.float32"),
        (lambda p: forth(p).flatten(), "the shape should be (1, 1, 2, 3)"),
        (lambda p: 2 * (p.float() - p.min()) / (p.max() - p.min()) - 1, "and not its min and max"),
        (in_place, "changes pixels, which it was given"),
        (lambda p: p.float() / 100, "you return (0, 0.51, 1.02, 2.04, 2.55, 0.17)"),
    ],
)
def test_normalise_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb06.normalise, function, back, fragment=fragment)


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda x: (x + 1) / 2, "ends in [0, 1]"),
        (lambda x: (x + 1) * 127.5, "torch.float32; pixels are torch.uint8"),
        (lambda x: ((x + 1) * 127.5).clamp(0, 255).byte(), "one too dark"),
        (lambda x: (255 * x).clamp(0, 255).byte(), "does not shift: −1 becomes −255"),
        (lambda x: (100 * (x + 1)).clamp(0, 255).byte(), "reverse order"),
        (lambda x: ((x + 1) * 127.5).round().to(torch.int64).to(torch.uint8), "wrap round"),
    ],
)
def test_undoing_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb06.normalise, forth, function, fragment=fragment)


# ---------------------------------------------------------------- pictures and lines


def test_diagnosis(capsys):
    right = {"A": 3, "B": 1, "C": 4, "D": 2}
    accepts(capsys, nb06.diagnosis, right)
    accepts(capsys, nb06.diagnosis, {picture: str(cause) for picture, cause in right.items()})
    assert "not attempted" in verdict(capsys, nb06.diagnosis, ...)
    assert "not attempted" in verdict(capsys, nb06.diagnosis, dict.fromkeys("ABCD", ...))
    rejects(capsys, nb06.diagnosis, {"A": 3, "B": 1, "C": 4, "D": ...}, fragment="no answer for 'D' yet")
    rejects(capsys, nb06.diagnosis, {"A": 3, "B": 1, "C": 2, "D": 4}, fragment="2 of the 4 are wrong. Look again: pic")
    rejects(capsys, nb06.diagnosis, {"A": 1, "B": 3, "C": 4, "D": 2}, fragment="picture A is grey")
    rejects(capsys, nb06.diagnosis, {"A": 3, "B": 3, "C": 4, "D": 2}, fragment="is used exactly once")
    rejects(capsys, nb06.diagnosis, {"A": 3}, fragment="no answer for 'B' yet")
    rejects(capsys, nb06.diagnosis, [3, 1, 4, 2], fragment="a dict with a number from 1 to 4 for each picture")


def test_the_wrong_line(capsys):
    accepts(capsys, nb06.wrong_line, 2)
    for line in (1, 3, 4, 5, 6, 7, 8):
        rejects(capsys, nb06.wrong_line, line, fragment=f"line {line} ")
    for nonsense in (0, 9, True, "two", None, 2.5):
        rejects(capsys, nb06.wrong_line, nonsense, fragment="numbered from 1 to 8")


# ---------------------------------------------------------------- grid


def right_grid(images: Tensor, columns: int) -> Tensor:
    count, _, height, width = images.shape
    cells = images.reshape(count // columns, columns, height, width)
    return cells.permute(0, 2, 1, 3).reshape(-1, columns * width)


def test_grid_accepts_the_reference_and_other_ways(capsys):
    accepts(capsys, nb06.grid, right_grid)
    accepts(capsys, nb06.grid, lambda images, columns: right_grid(images, columns)[None])
    accepts(
        capsys,
        nb06.grid,
        lambda images, columns: torch.cat([torch.cat([*row], dim=2) for row in images.split(columns)], dim=1)[0],
    )


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda x, c: x.reshape(len(x) // c * x.shape[2], -1), "torn apart"),
        (lambda x, c: x.reshape(4, 9), "the numbers do not fill that shape"),
        (lambda x, c: x, "the shape should be (4, 9), but is (6, 1, 2, 3)"),
        (lambda x, c: right_grid(x, len(x) // c), "rows and columns of the grid are exchanged"),
        (lambda x, c: right_grid(x.unflatten(0, (c, -1)).transpose(0, 1).flatten(0, 1), c), "row by row"),
        (lambda x, c: right_grid(x / x.max(), c), "the values were rescaled"),
        (lambda x, c: right_grid(x.flip(0), c), "in reverse order"),
        (lambda x, c: right_grid(x.roll(1, 0), c), "which step went wrong"),
    ],
)
def test_grid_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb06.grid, function, fragment=fragment)


# ---------------------------------------------------------------- slerp


def angle_of(a, b):
    return torch.acos((a @ b / (a.norm() * b.norm())).clamp(-1, 1))


def right_slerp(a, b, t):
    angle = angle_of(a, b)
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


def lerp(a, b, t):
    return (1 - t) * a + t * b


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lerp, "this is the straight line"),
        (lambda a, b, t: right_slerp(b, a, t), "you walk from b to a"),
        (lambda a, b, t: right_slerp(a / a.norm(), b / b.norm(), t), "cut to length 1"),
        (
            lambda a, b, t: lerp(a, b, t) / lerp(a, b, t).norm() * ((1 - t) * a.norm() + t * b.norm()),
            "pushed out to the sphere",
        ),
        (lambda a, b, t: right_slerp(a, b, t) * torch.sin(angle_of(a, b)), "divided by sin(angle)"),
        (lambda a, b, t: torch.sin((1 - t) * angle_of(a, b)) / torch.sin(angle_of(a, b)) * a, "part of b is missing"),
        (lambda a, b, t: math.cos(t * math.pi / 2) * a + math.sin(t * math.pi / 2) * b, "not exactly 90°"),
        (lambda a, b, t: a * torch.acos(a @ b + 100), "NaN came out"),
        (lambda a, b, t: a, "which step went wrong"),
        (lambda a, b, t: right_slerp(a, b, t)[None], "the shape should be (64,)"),
        (lambda a, b, t: right_slerp(a, b, min(max(t, 0.01), 0.99)), "should stand exactly at one end"),
    ],
)
def test_slerp_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb06.slerp, function, fragment=fragment)


def test_slerp_accepts_the_reference(capsys):
    accepts(capsys, nb06.slerp, right_slerp)


# ---------------------------------------------------------------- copies


def every(images, train):
    return torch.cdist(images.flatten(1), train.flatten(1), compute_mode="donot_use_mm_for_euclid_dist")


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda x, t: every(x, t).min(dim=0).values, "each *training* image"),
        (lambda x, t: every(x, t).mean(dim=1), "the mean over all training images"),
        (lambda x, t: every(x, t).max(dim=1).values, "the farthest"),
        (lambda x, t: every(x, t).min(dim=1).values ** 2, "squared distances"),
        (lambda x, t: every(x, t).min(dim=1).values / x[0].numel() ** 0.5, "root of the *mean*"),
        (lambda x, t: every(x, t).argmin(dim=1), "not the distances"),
        (lambda x, t: every(x, t).min(), "one number for all"),
        (lambda x, t: every(x, t), "the whole table of distances"),
        (lambda x, t: torch.cdist(x.flatten(1), t.flatten(1), p=1).min(dim=1).values, "absolute differences"),
        (lambda x, t: every(x, t).min(dim=1).values + 1, "too large by 1, every time"),
        (lambda x, t: [0.0] * 5, "a tensor was expected"),
    ],
)
def test_nearest_distances_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb06.nearest_distances, function, fragment=fragment)


def test_nearest_distances_accepts_the_reference_and_a_rough_cdist(capsys):
    accepts(capsys, nb06.nearest_distances, lambda x, t: every(x, t).min(dim=1).values)
    accepts(capsys, nb06.nearest_distances, lambda x, t: every(x, t).amin(1).float())


# ---------------------------------------------------------------- other people's ways


def test_numbers_and_letters_may_be_written_in_many_ways(capsys):
    for line in (2.0, "2", torch.tensor(2)):
        accepts(capsys, nb06.wrong_line, line)
    accepts(capsys, nb06.diagnosis, {"d": 2.0, "c": 4, "b": "1", "a": torch.tensor(3)})
    rejects(capsys, nb06.diagnosis, {3: "A", 1: "B", 4: "C", 2: "D"}, fragment="the dict is turned round")
    rejects(capsys, nb06.diagnosis, {"A": [3], "B": 1, "C": 4, "D": 2}, fragment="but is [3]")


def test_arrays_count_as_pictures_and_distances(capsys):
    accepts(capsys, nb06.grid, lambda x, c: right_grid(x, c).numpy())
    accepts(capsys, nb06.slerp, lambda a, b, t: right_slerp(a, b, t).numpy())
    accepts(capsys, nb06.slerp, lambda a, b, t: right_slerp(a.float(), b.float(), t))
    accepts(capsys, nb06.nearest_distances, lambda x, t: every(x, t).amin(1).numpy())


@pytest.mark.parametrize(
    ("checker", "answers", "fragment"),
    [
        (nb06.grid, (lambda x, c: right_grid(x, 3),), "That was for 8 images of 3 by 2 in 2 columns"),
        (nb06.grid, (lambda x, c: right_grid(x.flip(3), c),), "every image is mirrored"),
        (nb06.normalise, (forth, lambda x: x.add_(1).mul_(127.5).round().clamp(0, 255).byte()), "changes images"),
        (nb06.normalise, (lambda p: p / 255 - 1, back), "in [−1, 0]"),
        (nb06.slerp, (lambda a, b, t: a.mul_(1 - t) + t * b,), "changes a"),
        (nb06.nearest_distances, (lambda x, t: every(x, t).min(1),), "take .values"),
    ],
)
def test_other_mistakes_are_named(capsys, checker, answers, fragment):
    rejects(capsys, checker, *answers, fragment=fragment)
