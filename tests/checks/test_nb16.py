"""The checkers of notebook 16 accept what is right and say which mistake was made."""

import numpy as np
import pytest
import torch

from gancourse.checks import nb16
from verdicts import accepts, rejects, verdict

FUNCTIONS = [nb16.truncate, nb16.modulate, nb16.directions, nb16.slant_direction]


@pytest.mark.parametrize("checker", FUNCTIONS)
def test_stubs_and_nonsense(capsys, checker):
    assert "not attempted" in verdict(capsys, checker, ...)
    assert "not attempted" in verdict(capsys, checker, lambda *_: ...)
    rejects(capsys, checker, lambda *_: None, fragment="returned None")
    rejects(capsys, checker, lambda *_: 1 / 0, fragment="ZeroDivisionError")
    rejects(capsys, checker, lambda *_: "codes", fragment="expected")
    rejects(capsys, checker, 3, fragment="a function was expected")
    rejects(capsys, checker, lambda *args: args[0] * float("nan"), fragment="")


# ---------------------------------------------------------------- truncation


def test_truncation_accepts_other_spellings(capsys):
    accepts(capsys, nb16.truncate, lambda c, m, p: m + p * (c - m), fragment="psi = 0")
    accepts(capsys, nb16.truncate, lambda codes, middle, psi: psi * codes + (1 - psi) * middle)
    accepts(capsys, nb16.truncate, lambda codes, middle, psi: torch.lerp(middle.expand_as(codes), codes, psi))
    accepts(capsys, nb16.truncate, lambda c, m, p: torch.stack([m + p * (code - m) for code in c]))
    accepts(capsys, nb16.truncate, lambda c, m, p: c - (1 - p) * (c - m))
    accepts(capsys, nb16.truncate, lambda c, m, p: (m + p * (c - m)).numpy())


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda c, m, p: p * c, "towards 0"),
        (lambda c, m, p: c + p * (m - c), "psi is turned round"),
        (lambda c, m, p: (1 - p) * c + p * m, "psi is turned round"),
        (lambda c, m, p: p * (c - m), "never added again"),
        (lambda c, m, p: m + p * c, "Scale the *difference*"),
        (lambda c, m, p: p * (c + m), "nothing was taken away"),
        (lambda c, m, p: m - p * (c - m), "look at the sign"),
        (lambda c, m, p: m + p * (m - c), "look at the sign"),
        (lambda c, m, p: c.clamp(-p, p), "cut off"),
        (lambda c, m, p: m + (c - m).clamp(-p, p), "nothing is cut off"),
        (lambda c, m, p: c.mean(0) + p * (c - c.mean(0)), "their own mean"),
        (lambda c, m, p: m + p * (c - c.mean(0)), "their own mean"),
        (lambda c, m, p: c.mean(1, keepdim=True) + p * (c - c.mean(1, keepdim=True)), "numbers of *one* code"),
        (lambda c, m, p: m + p * torch.nn.functional.normalize(c - m, dim=1), "as long as psi"),
        (lambda c, m, p: c + (1 - p) * m, "still count whole"),
        (lambda c, m, p: c, "psi is not used"),
        (lambda c, m, p: m.expand_as(c), "every code is the middle"),
        (lambda c, m, p: m + p * (c - m).mean(0), "the shape should be"),
        (lambda c, m, p: (m + p * (c - m))[0], "the shape should be"),
        (lambda c, m, p: m + p**2 * (c - m), "should be"),
        (lambda c, m, p: 2 * (m + p * (c - m)), "it is 2 times"),
    ],
)
def test_truncation_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb16.truncate, function, fragment=fragment)


def test_truncation_in_place_is_refused(capsys):
    def in_place(codes, middle, psi):
        codes -= middle
        codes *= psi
        codes += middle
        return codes

    rejects(capsys, nb16.truncate, in_place, fragment="changes")


# ---------------------------------------------------------------- modulation


def scaled(w, s):
    return s[:, None, :, None, None] * w


def right(w, s):
    return scaled(w, s) / scaled(w, s).square().sum((2, 3, 4), keepdim=True).sqrt()


def by_loops(weight, scales):
    samples = []
    for scale in scales:
        filters = []
        for one in weight:
            one = torch.stack([factor * part for factor, part in zip(scale, one, strict=True)])
            filters.append(one / one.norm())
        samples.append(torch.stack(filters))
    return torch.stack(samples)


def test_modulation_accepts_other_spellings(capsys):
    accepts(capsys, nb16.modulate, right, fragment="length 1")
    accepts(capsys, nb16.modulate, by_loops)
    accepts(capsys, nb16.modulate, lambda w, s: torch.nn.functional.normalize(scaled(w, s).flatten(2), dim=2).view(
        len(s), *w.shape))  # fmt: skip
    accepts(
        capsys, nb16.modulate, lambda w, s: scaled(w, s) * (scaled(w, s).square().sum((2, 3, 4), True) + 1e-8).rsqrt()
    )
    accepts(capsys, nb16.modulate, lambda w, s: torch.einsum("oiab,ni->noiab", w, s)
            / torch.einsum("oiab,ni->no", w.square(), s.square()).sqrt()[:, :, None, None, None])  # fmt: skip


def divided(m, dims):
    return m / m.square().sum(dims, keepdim=True).sqrt()


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (scaled, "not *de*modulated"),
        (lambda w, s: divided(w, (1, 2, 3)).expand(len(s), *w.shape), "the scales are missing"),
        (lambda w, s: divided(w, (1, 2, 3)), "weights of its own"),
        (lambda w, s: scaled(divided(w, (1, 2, 3)), s), "*before* the scaling"),
        (lambda w, s: divided(scaled(w, 1 + s), (2, 3, 4)), "1 + scale"),
        (lambda w, s: divided(scaled(w, s), (1, 2, 3, 4)), "one sum over all filters"),
        (lambda w, s: scaled(w, s) / scaled(w, s).norm(), "one sum over everything"),
        (lambda w, s: divided(scaled(w, s), (0, 2, 3, 4)), "over the samples as well"),
        (lambda w, s: divided(scaled(w, s), (1, 3, 4)), "over the output maps"),
        (lambda w, s: divided(scaled(w, s), (3, 4)), "the kernel only"),
        (lambda w, s: divided(scaled(w, s), (2,)), "the input maps only"),
        (lambda w, s: scaled(w, s) / scaled(w, s).square().sum((2, 3, 4), keepdim=True), "the root is missing"),
        (lambda w, s: scaled(w, s) / scaled(w, s).square().mean((2, 3, 4), keepdim=True).sqrt(), "the *mean* square"),
        (lambda w, s: scaled(w, s) / scaled(w, s).abs().sum((2, 3, 4), keepdim=True), "add up as squares"),
        (lambda w, s: scaled(w, s) / w.square().sum((1, 2, 3), keepdim=True).sqrt(), "*before* the scaling"),
        (lambda w, s: scaled(w, s) / scaled(w, s).std((2, 3, 4), keepdim=True), "standard deviation"),
        (lambda w, s: scaled(w, s) * scaled(w, s).square().sum((2, 3, 4), keepdim=True).sqrt(), "you multiply"),
        (lambda w, s: right(w, s.square()), "squared"),
        (lambda w, s: right(w, 1 / s), "divide by the scales"),
        (lambda w, s: -right(w, s), "the sign is not"),
        (lambda w, s: right(w, s).flatten(0, 1), "share an axis"),
        (lambda w, s: right(w, s).transpose(1, 2), "should be"),
        (lambda w, s: right(w.detach(), s), "no gradient comes back to weight"),
        (lambda w, s: right(w, s.detach()), "no gradient comes back to scales"),
        (lambda w, s: scaled(w, s) / scaled(w, s).detach().square().sum((2, 3, 4), keepdim=True).sqrt(), "detached"),
        (lambda w, s: s * w, "two shapes do not fit"),
    ],
)
def test_modulation_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb16.modulate, function, fragment=fragment)


def test_scales_on_the_output_maps_are_named(capsys):
    def outputs(w, s):
        return s[:, :, None, None, None] * w if w.shape[0] == s.shape[1] else scaled(w, s)

    rejects(capsys, nb16.modulate, outputs, fragment="the *output* maps")
    rejects(
        capsys, nb16.modulate, lambda w, s: divided(outputs(w, s), (2, 3, 4)), fragment="demodulation takes them away"
    )


# ---------------------------------------------------------------- directions in closed form


def closed(weight, factors):
    return torch.linalg.svd(factors[:, None] * weight).Vh


def test_the_first_direction_is_the_one_that_moves_the_layer_most():
    """Found again by trying ten thousand directions."""
    random = torch.Generator().manual_seed(0)
    weight, factors = torch.randn(6, 3, generator=random), torch.rand(6, generator=random) + 0.5
    tried = torch.nn.functional.normalize(torch.randn(10_000, 3, generator=random), dim=1)
    moved = (tried @ (factors[:, None] * weight).T).norm(dim=1)
    first = nb16._closed(weight, factors)[0]
    assert abs(float(first @ tried[moved.argmax()])) > 0.999
    assert float(moved.max()) == pytest.approx(float((factors[:, None] * weight @ first).norm()), rel=1e-3)


def by_eigenvectors(weight, factors):
    folded = factors[:, None] * weight
    return torch.linalg.eigh(folded.T @ folded).eigenvectors.flip(1).T


def test_directions_accept_other_spellings(capsys):
    accepts(capsys, nb16.directions, closed, fragment="No sample was drawn")
    accepts(capsys, nb16.directions, lambda w, f: torch.linalg.svd(torch.diag(f) @ w, full_matrices=False)[2])
    accepts(capsys, nb16.directions, by_eigenvectors)
    accepts(capsys, nb16.directions, lambda w, f: -closed(w, f))
    accepts(capsys, nb16.directions, lambda w, f: torch.linalg.svd((f[:, None] * w).T).U.T)
    accepts(capsys, nb16.directions, lambda w, f: closed(w, f / f.norm()))
    accepts(capsys, nb16.directions, lambda w, f: np.linalg.svd((f[:, None] * w).numpy())[2])


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda w, f: torch.linalg.svd(w).Vh, "the multipliers are missing"),
        (lambda w, f: torch.linalg.svd(w / f[:, None]).Vh, "you divide by the multipliers"),
        (lambda w, f: torch.linalg.svd(f.square()[:, None] * w).Vh, "multiplied twice"),
        (lambda w, f: torch.linalg.svd(f.abs().sqrt()[:, None] * w).Vh, "the *root* of its multiplier"),
        (lambda w, f: closed(w, f).flip(0), "the weakest direction comes first"),
        (lambda w, f: closed(w, f).T, "the *columns*"),
        (lambda w, f: torch.linalg.svd(w).Vh.T, "are missing"),
        (lambda w, f: by_eigenvectors(w, f).T, "the *columns*"),
        (lambda w, f: by_eigenvectors(w, f).flip(0), "the weakest direction comes first"),
        (lambda w, f: torch.linalg.svd(f[:, None] * w).U, "where the layer's *outputs* live"),
        (lambda w, f: torch.linalg.svd(f[:, None] * w, full_matrices=False).U, "the shape should be"),
        (lambda w, f: torch.linalg.svd(f[:, None] * w).S, "the shape should be"),
        (lambda w, f: torch.linalg.svd(f[:, None] * w).S[:, None] * closed(w, f), "not of length 1"),
        (lambda w, f: torch.pca_lowrank(f[:, None] * w, w.shape[1])[2].T, "you take away the mean"),
        (
            lambda w, f: torch.linalg.eigh(w.T @ (f.square()[:, None] * w)).eigenvectors,
            "the weakest direction comes first",
        ),
        (lambda w, f: torch.linalg.svd(f * w), "two shapes do not fit"),
        (lambda w, f: torch.nn.functional.normalize(f[:, None] * w, dim=1), "the shape should be"),
        (lambda w, f: torch.eye(w.shape[1]), "not the directions that move the layer most"),
        (lambda w, f: torch.ones(w.shape[1], w.shape[1]), "perpendicular"),
        (lambda w, f: closed(w, f)[0], "the shape should be"),
        (lambda w, f: torch.linalg.svd(f[:, None] * w), "three parts"),
    ],
)
def test_directions_name_the_mistake(capsys, function, fragment):
    rejects(capsys, nb16.directions, function, fragment=fragment)


# ---------------------------------------------------------------- the slant's direction


def fitted(codes, slant):
    x = torch.cat([codes, torch.ones(len(codes), 1)], 1)
    return torch.linalg.lstsq(x, slant[:, None]).solution[:-1, 0]


def test_the_slant_accepts_other_spellings(capsys):
    accepts(capsys, nb16.slant_direction, lambda c, s: fitted(c, s) / fitted(c, s).norm(), fragment="Labels")

    def by_covariance(codes, slant):
        x = codes - codes.mean(0)
        return torch.nn.functional.normalize(torch.linalg.solve(x.T @ x, x.T @ (slant - slant.mean())), dim=0)

    accepts(capsys, nb16.slant_direction, by_covariance)
    accepts(capsys, nb16.slant_direction, lambda c, s: by_covariance(c, s)[None])
    accepts(capsys, nb16.slant_direction, lambda c, s: by_covariance(c, s)[:, None])


def unit(v):
    return v / v.norm()


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (fitted, "its length is not 1"),
        (lambda c, s: -unit(fitted(c, s)), "to the *left*"),
        (lambda c, s: unit(torch.linalg.lstsq(c, s[:, None]).solution[:, 0]), "neither codes nor slant"),
        (lambda c, s: unit(torch.linalg.lstsq(c, s[:, None] - s.mean()).solution[:, 0]), "the codes are not"),
        (lambda c, s: unit((c - c.mean(0)).T @ (s - s.mean())), "least squares fit them all together"),
        (lambda c, s: unit(c.T @ s), "weighted by their slant"),
        (lambda c, s: unit(c[s.argmax()]), "leans most"),
        (lambda c, s: unit(c[s > s.median()].mean(0) - c[s <= s.median()].mean(0)), "from the mean of the codes"),
        (lambda c, s: fitted(c, s) / fitted(c, s).sum(), "is not 1"),
        (lambda c, s: unit(((c - c.mean(0)) / c.std(0)).T @ (s - s.mean())), "own correlation"),
        (lambda c, s: unit(torch.cat([fitted(c, s), s.mean()[None]])), "the shape should be"),
        (lambda c, s: 0 * fitted(c, s), "nothing but 0"),
    ],
)
def test_the_slant_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb16.slant_direction, function, fragment=fragment)
