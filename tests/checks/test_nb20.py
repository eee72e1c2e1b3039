"""The checkers of notebook 20 accept what is right and say which mistake was made."""

import numpy as np
import pytest
import torch

from gancourse import measured
from gancourse.checks import nb20
from verdicts import accepts, rejects, verdict

FUNCTIONS = [nb20.fgsm, nb20.into_ball, nb20.worst_of_all]


@pytest.mark.parametrize("checker", FUNCTIONS)
def test_stubs_and_nonsense(capsys, checker):
    assert "not attempted" in verdict(capsys, checker, ...)
    assert "not attempted" in verdict(capsys, checker, lambda *_: ...)
    rejects(capsys, checker, lambda *_: None, fragment="returned None")
    rejects(capsys, checker, lambda *_: 1 / 0, fragment="ZeroDivisionError")
    rejects(capsys, checker, lambda *_: "images", fragment="expected")
    rejects(capsys, checker, 3, fragment="a function was expected")


# ---------------------------------------------------------------- the fast gradient sign


def length(s):
    return s.flatten(1).norm(dim=1).view(-1, 1, 1, 1)


def far(s):
    return s.flatten(1).abs().amax(dim=1).view(-1, 1, 1, 1)


def test_no_change_within_the_limit_raises_a_straight_line_more():
    slopes, random = torch.randn(64, generator=torch.Generator().manual_seed(1)), torch.Generator().manual_seed(2)
    best = (slopes * 0.2 * slopes.sign()).sum()
    others = 0.2 * (2 * torch.rand(10_000, 64, generator=random) - 1)
    assert (others @ slopes).max() < best and torch.isclose(best, 0.2 * slopes.abs().sum())


def test_fgsm_accepts_other_spellings(capsys):
    accepts(capsys, nb20.fgsm, lambda x, s, e: (x + 2 * e * s.sign()).clamp(-1, 1), fragment="Each pixel moves")
    accepts(capsys, nb20.fgsm, lambda images, slopes, eps: torch.clip(images + eps * 2 * torch.sign(slopes), -1, 1))
    accepts(capsys, nb20.fgsm, lambda x, s, e: torch.where(s > 0, x + 2 * e, x - 2 * e).clamp(min=-1, max=1))
    accepts(capsys, nb20.fgsm, lambda x, s, e: (x + 2 * e * s / s.abs()).clamp(-1, 1))
    accepts(capsys, nb20.fgsm, lambda x, s, e: np.clip(x.numpy() + 2 * e * np.sign(s.numpy()), -1, 1))


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda x, s, e: (x + e * s.sign()).clamp(-1, 1), "half as long as it may be: `eps` is a share"),
        (lambda x, s, e: x + 2 * e * s.sign(), "some pixels leave [-1, 1]"),
        (lambda x, s, e: x + e * s.sign(), "and some pixels leave [-1, 1]"),
        (lambda x, s, e: (x - 2 * e * s.sign()).clamp(-1, 1), "goes *down* the loss, and makes the net surer"),
        (lambda x, s, e: (x - e * s.sign()).clamp(-1, 1), "goes *down* the loss; and the step is half"),
        (lambda x, s, e: x - 2 * e * s.sign(), "goes *down* the loss, and leaves"),
        (lambda x, s, e: (x + 2 * e * s).clamp(-1, 1), "Only their sign is wanted"),
        (lambda x, s, e: (x + e * s).clamp(-1, 1), "Only their sign is wanted"),
        (lambda x, s, e: x + 2 * e * s, "only their sign is wanted; and"),
        (lambda x, s, e: (x + 2 * e * s / length(s)).clamp(-1, 1), "divided by their length"),
        (lambda x, s, e: (x + 2 * e * s / far(s)).clamp(-1, 1), "divided by the largest"),
        (lambda x, s, e: (x + 2 * e * s.abs()).clamp(-1, 1), "every pixel gets brighter"),
        (lambda x, s, e: (x + 2 * e * s.sign()).clamp(0, 1), "cut off to [0, 1]; images lie in [-1, 1]"),
        (lambda x, s, e: (x + e * s.sign()).clamp(0, 1), "so that the step may also"),
        (lambda x, s, e: 2 * e * s.sign(), "the change alone"),
        (lambda x, s, e: (x + 2 * e * x.sign()).clamp(-1, 1), "taken of the images, not of the slopes"),
        (lambda x, s, e: x, "the images come back as they were"),
        (lambda x, s, e: (x + 2 * e * s.sign().mean()).clamp(-1, 1), "do not tell which step went wrong"),
        (lambda x, s, e: (x + 2 * e * s.sign()).clamp(-1, 1).flatten(1), "the shape should be"),
        (lambda x, s, e: x.add_(2 * e * s.sign()).clamp(-1, 1), "changes images, which it was given"),
    ],
)
def test_fgsm_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb20.fgsm, function, fragment=fragment)


# ---------------------------------------------------------------- back into the ball


def ball(m, x, e):
    return torch.minimum(torch.maximum(m, x - 2 * e), x + 2 * e)


def test_no_allowed_image_is_nearer_than_the_right_answer():
    random = torch.Generator().manual_seed(3)
    images = (3 * torch.rand(1, 1, 4, 4, generator=random) - 1.5).clamp(-1, 1)
    moved = images + torch.randn(images.shape, generator=random)
    right = nb20._nearest(moved, images, 0.2)
    assert float((right - images).abs().max()) <= 0.4 + 1e-6 and float(right.abs().max()) <= 1
    allowed = (images + 0.4 * (2 * torch.rand(20_000, 1, 4, 4, generator=random) - 1)).clamp(-1, 1)
    assert (allowed - moved).square().sum((1, 2, 3)).min() > (right - moved).square().sum()


def test_the_ball_accepts_other_spellings(capsys):
    accepts(capsys, nb20.into_ball, lambda m, x, e: ball(m, x, e).clamp(-1, 1), fragment="no square root")
    accepts(capsys, nb20.into_ball, lambda m, x, e: (x + (m - x).clamp(-2 * e, 2 * e)).clamp(-1, 1))
    accepts(capsys, nb20.into_ball, lambda m, x, e: x + (m.clamp(-1, 1) - x).clamp(-2 * e, 2 * e))
    accepts(capsys, nb20.into_ball, lambda m, x, e: m.clamp((x - 2 * e).clamp(min=-1), (x + 2 * e).clamp(max=1)))
    accepts(
        capsys,
        nb20.into_ball,
        lambda m, x, e: np.clip(np.clip(m.numpy(), x.numpy() - 2 * e, x.numpy() + 2 * e), -1, 1),
    )


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda m, x, e: ball(m, x, e / 2).clamp(-1, 1), "half as wide as it may be: `eps`"),
        (lambda m, x, e: ball(m, x, e / 2), "and some pixels leave"),
        (lambda m, x, e: ball(m, x, e), "but some pixels leave [-1, 1]"),
        (lambda m, x, e: m.clamp(-1, 1), "but not within eps"),
        (lambda m, x, e: m.clamp(-2 * e, 2 * e), "± 2 eps, and is nearly grey"),
        (lambda m, x, e: m.clamp(-e, e), "± eps, and is nearly grey"),
        (lambda m, x, e: (m - x).clamp(-2 * e, 2 * e), "the change alone; it has"),
        (lambda m, x, e: (m - x).clamp(-e, e), "the change alone (and half"),
        (
            lambda m, x, e: (x + (m - x) * (2 * e / far(m - x)).clamp(max=1)).clamp(-1, 1),
            "made smaller until its largest part fits",
        ),
        (lambda m, x, e: (x + 2 * e * (m - x) / far(m - x)).clamp(-1, 1), "scaled until its largest part"),
        (lambda m, x, e: (x + (m - x) * (2 * e / length(m - x)).clamp(max=1)).clamp(-1, 1), "the *length* of"),
        (lambda m, x, e: (x + 2 * e * (m - x).sign()).clamp(-1, 1), "put on the border"),
        (
            lambda m, x, e: torch.maximum(torch.minimum(m, x - 2 * e), x + 2 * e).clamp(-1, 1),
            "minimum and maximum are mixed up",
        ),
        (lambda m, x, e: ball(x, m, e).clamp(-1, 1), "`moved` and `images` are mixed up"),
        (lambda m, x, e: ball(m, x, e).clamp(0, 1), "cut off to [0, 1]"),
        (lambda m, x, e: torch.where((m - x).abs() <= 2 * e, m, x).clamp(-1, 1), "put back to where it came from"),
        (lambda m, x, e: x, "before any step"),
        (lambda m, x, e: m, "comes back as it is"),
    ],
)
def test_the_ball_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb20.into_ball, function, fragment=fragment)


# ---------------------------------------------------------------- the worst of all


def test_worst_of_all_accepts_other_spellings(capsys):
    accepts(capsys, nb20.worst_of_all, lambda r, y: (r == y).all(0).float().mean(), fragment="nothing that was tried")
    accepts(capsys, nb20.worst_of_all, lambda r, y: (r == y).all(dim=0).sum().item() / len(y))
    accepts(capsys, nb20.worst_of_all, lambda reads, labels: (reads == labels).int().prod(0).double().mean())
    accepts(capsys, nb20.worst_of_all, lambda r, y: float(np.mean([all(c == t) for c, t in zip(r.T, y, strict=True)])))
    accepts(capsys, nb20.worst_of_all, lambda r, y: 1 - (r != y).any(0).double().mean())


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda r, y: (r == y).double().mean(), "the mean over all attacks and images"),
        (lambda r, y: (r == y).double().mean(1).min(), "the worst *single* attack"),
        (lambda r, y: min((row == y).double().mean() for row in r), "the worst *single* attack"),
        (lambda r, y: (r == y).double().mean(1).max(), "the weakest attack"),
        (lambda r, y: (r == y).any(0).double().mean(), "survives *one* attack"),
        (lambda r, y: 1 - (r == y).all(0).double().mean(), "the share that falls"),
        (lambda r, y: (r == y).all(0).sum(), "their share is wanted"),
        (lambda r, y: (r == y).double().mean(1).prod(), "the accuracies are multiplied"),
        (lambda r, y: (r.mode(0).values == y).double().mean(), "the attacks vote"),
        (lambda r, y: (r == r[0]).all(0).double().mean(), "lead to the *same* answer"),
        (lambda r, y: (r == y).all(0), "is a mean over the images missing?"),
        (lambda r, y: r == y, "is it `all` over the attacks?"),
    ],
)
def test_worst_of_all_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb20.worst_of_all, function, fragment=fragment)


# ---------------------------------------------------------------- hidden slopes


def test_masked_knows_right_answers_and_says_where_to_look(capsys):
    accepts(capsys, nb20.masked, dict(nb20.HIDDEN), fragment="cruder one")
    accepts(capsys, nb20.masked, {k.lower(): v.upper() for k, v in nb20.HIDDEN.items()})
    for letter, answer in nb20.HIDDEN.items():
        other = {"hidden": "honest", "honest": "hidden"}[answer]
        rejects(capsys, nb20.masked, dict(nb20.HIDDEN) | {letter: other}, fragment=f"Look again: {nb20._WHY[letter]}")
    assert "not attempted" in verdict(capsys, nb20.masked, dict.fromkeys(nb20.HIDDEN, ...))
    rejects(capsys, nb20.masked, {"A": "hidden"}, fragment="no answer for 'B'")
    rejects(capsys, nb20.masked, {"A": "masked"}, fragment="should be one of 'hidden' and 'honest'")
    rejects(capsys, nb20.masked, "hidden", fragment="a dict with 'hidden' or 'honest'")


def test_what_is_called_hidden_is_so_in_the_stored_table():
    """Where an attack without slopes does far better than PGD, the slopes are hidden."""
    letters = {"A": "8 levels", "B": "hardened", "C": "logits times 1,000", "D": "plain"}  # as the notebook has them
    (row,) = (row for row in measured.load("attacked")["rows"] if row["name"] == "masked")
    for letter, name in letters.items():
        found = row["right"][name]
        blind = np.minimum(found["random search"], found["PGD on another seed"])
        gap = np.array(found["PGD"]) - blind
        assert (gap > 0.15).all() if nb20.HIDDEN[letter] == "hidden" else (gap < 0.01).all(), (letter, gap)
