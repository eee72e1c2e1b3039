"""The checkers of notebook 17 accept what is right and say which mistake was made."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from gancourse.checks import nb17
from verdicts import accepts, rejects, verdict

FUNCTIONS = [nb17.alias, nb17.lengths, nb17.shift, nb17.loudest]


@pytest.mark.parametrize("checker", FUNCTIONS)
def test_stubs_and_nonsense(capsys, checker):
    assert "not attempted" in verdict(capsys, checker, ...)
    assert "not attempted" in verdict(capsys, checker, lambda *_: ...)
    rejects(capsys, checker, lambda *_: None, fragment="returned None")
    rejects(capsys, checker, lambda *_: 1 / 0, fragment="ZeroDivisionError")
    rejects(capsys, checker, lambda *_: "sounds", fragment="expected")
    rejects(capsys, checker, 3, fragment="a function was expected")


# ---------------------------------------------------------------- frequencies


def test_a_tone_and_its_alias_give_the_same_numbers():
    t = np.arange(300)
    for frequency, rate in ((5_000, 8_000), (9_100, 8_000), (23_000, 8_000), (6_500, 4_000)):
        heard = nb17._alias(frequency, rate)
        assert 0 <= heard <= rate / 2
        assert np.allclose(np.cos(2 * np.pi * frequency * t / rate), np.cos(2 * np.pi * heard * t / rate), atol=1e-6)


def test_frequencies_are_accepted(capsys):
    accepts(capsys, nb17.alias, lambda f, rate: abs(f - rate * round(f / rate)), fragment="are the same numbers")
    accepts(capsys, nb17.alias, lambda f, rate: abs((f + rate / 2) % rate - rate / 2))
    accepts(capsys, nb17.alias, lambda f, rate: torch.tensor(min(f % rate, rate - f % rate)))


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda f, rate: min(f, rate / 2), "comes back down"),
        (lambda f, rate: f % rate, "stop above half of it"),
        (lambda f, rate: f % (rate / 2), "begins anew at 0"),
        (lambda f, rate: abs(f - rate), "only between half the rate and one and a half"),
        (lambda f, rate: abs(rate / 2 - f), "distance to *half*"),
        (lambda f, rate: f, "unchanged"),
        (lambda f, rate: rate - f % rate, "The *smaller* of both"),
        (lambda f, rate: max(f % rate, rate - f % rate), "the larger one"),
        (lambda f, rate: 2 * abs(f - rate * round(f / rate)), "Which whole multiple"),
    ],
)
def test_wrong_frequencies_are_named(capsys, function, fragment):
    rejects(capsys, nb17.alias, function, fragment=fragment)


# ---------------------------------------------------------------- lengths


@pytest.mark.parametrize(("n", "k", "s", "p"), [(100, 9, 4, 3), (37, 5, 3, 2), (1_024, 16, 4, 6)])
def test_the_lengths_are_pytorch_s(n, k, s, p):
    x, w = torch.zeros(1, 1, n), torch.zeros(1, 1, k)
    assert nb17._shorter(n, k, s, p) == F.conv1d(x, w, stride=s, padding=p).shape[-1]
    assert nb17._longer(n, k, s, p) == F.conv_transpose1d(x, w, stride=s, padding=p).shape[-1]


def down(n, k, s, p):
    return (n + 2 * p - k) // s + 1


def up(n, k, s, p):
    return (n - 1) * s - 2 * p + k


def test_lengths_are_accepted(capsys):
    accepts(capsys, nb17.lengths, lambda *a: (down(*a), up(*a)), fragment="1,024 → 256")
    accepts(capsys, nb17.lengths, lambda n, k, s, p: [int((n + 2 * p - k) / s + 1), s * (n - 1) + k - 2 * p])
    accepts(capsys, nb17.lengths, lambda *a: torch.tensor([down(*a), up(*a)]))


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda *a: (up(*a), down(*a)), "exchanged"),
        (lambda n, k, s, p: (down(n, k, s, p) - 1, up(n, k, s, p)), "fence posts"),
        (lambda n, k, s, p: ((n + p - k) // s + 1, up(n, k, s, p)), "at one end only; padding comes at both"),
        (lambda n, k, s, p: ((n - k) // s + 1, up(n, k, s, p)), "the first is not padded"),
        (lambda n, k, s, p: ((n + 2 * p - k) / s + 1, up(n, k, s, p)), "no whole number"),
        (lambda n, k, s, p: (n // s, n * s), "divided by stride"),
        (lambda n, k, s, p: (down(n, k, s, p), up(n, k, s, p) + s), "one stride too long"),
        (lambda n, k, s, p: (down(n, k, s, p), up(n, k, s, p) + 4 * p), "the second adds its padding"),
        (lambda n, k, s, p: (down(n, k, s, p), up(n, k, s, p) + p), "cut off at one end only"),
        (lambda n, k, s, p: (down(n, k, s, p), up(n, k, s, p) + 2 * p), "not cut off at all"),
        (lambda n, k, s, p: (down(n, k, s, p), up(n, k, s, p) - k), "a whole kernel"),
        (lambda *a: down(*a), "two numbers"),
    ],
)
def test_wrong_lengths_are_named(capsys, function, fragment):
    rejects(capsys, nb17.lengths, function, fragment=fragment)


# ---------------------------------------------------------------- phases


def by_padding(maps, shifts):
    return torch.stack(
        [F.pad(one[None], (4, 4), "reflect")[0, :, 4 - s : 4 - s + one.shape[-1]] for one, s in
         zip(maps, shifts.tolist(), strict=True)]
    )  # fmt: skip


def test_shifts_are_accepted(capsys):
    accepts(capsys, nb17.shift, by_padding, fragment="an eighth of a note")

    def by_index(maps, shifts):
        last = maps.shape[-1] - 1
        place = (torch.arange(last + 1) - shifts[:, None]).abs()
        place = torch.where(place > last, 2 * last - place, place)
        return torch.gather(maps, 2, place[:, None, :].expand_as(maps))

    accepts(capsys, nb17.shift, by_index)


def one_by_one(move):
    return lambda maps, shifts: torch.stack([move(one, s) for one, s in zip(maps, shifts.tolist(), strict=True)])


def filled(mode):
    return one_by_one(lambda one, s: F.pad(one[None], (4, 4), mode)[0, :, 4 - s : 4 - s + one.shape[-1]])


def with_edge_twice(one, s):
    wide = torch.cat([one[:, :4].flip(-1), one, one[:, -4:].flip(-1)], -1)
    return wide[:, 4 - s : 4 - s + one.shape[-1]]


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda m, s: by_padding(m, -s), "the other way"),
        (one_by_one(lambda one, s: one.roll(s, -1)), "comes in at the other"),
        (filled("constant"), "filled with zeros"),
        (filled("replicate"), "the number at the edge, again and again"),
        (lambda m, s: by_padding(m, s[:1].repeat(len(m))), "each has its own"),
        (lambda m, s: m, "nothing is shifted"),
        (one_by_one(with_edge_twice), "comes twice"),
        (lambda m, s: by_padding(m, s).detach(), "G could not learn through D"),
    ],
)
def test_wrong_shifts_are_named(capsys, function, fragment):
    rejects(capsys, nb17.shift, function, fragment=fragment)


# ---------------------------------------------------------------- spectrograms


def test_spectrograms_are_accepted(capsys):
    accepts(capsys, nb17.loudest, lambda s, rate: torch.linspace(0, rate / 2, len(s))[s.argmax(0)], fragment="31 Hz")
    accepts(capsys, nb17.loudest, lambda s, rate: s.numpy().argmax(0) * rate / (2 * len(s) - 2))


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda s, rate: s.argmax(0) * rate / (len(s) - 1), "twice as high as it should be: the last row"),
        (lambda s, rate: s.argmax(0) * rate / (2 * len(s)), "a little too low"),
        (lambda s, rate: s.argmax(0) * rate / len(s), "and a little off"),
        (lambda s, rate: s.argmax(0), "the number of the row"),
        (lambda s, rate: (s.argmax(0) + 1) * rate / (2 * len(s) - 2), "one row too high"),
        (lambda s, rate: s.amax(0), "how strong it is"),
        (lambda s, rate: s.argmin(0) * rate / (2 * len(s) - 2), "the *weakest*"),
        (lambda s, rate: s.mean(1).argmax().expand(s.shape[1]) * rate / (2 * len(s) - 2), "the same for every window"),
    ],
)
def test_wrong_readings_are_named(capsys, function, fragment):
    rejects(capsys, nb17.loudest, function, fragment=fragment)
