"""The checkers of notebook 12 accept what is right and say which mistake was made."""

import pytest
import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment

from gancourse import losses
from gancourse.checks import nb12
from verdicts import accepts, rejects, verdict

FUNCTIONS = [
    nb12.conditional_losses,
    nb12.projection_logits,
    nb12.auxiliary_loss,
    nb12.label_code,
    nb12.matched_share,
]


@pytest.mark.parametrize("checker", FUNCTIONS)
def test_stubs_and_nonsense(capsys, checker):
    assert "not attempted" in verdict(capsys, checker, ...)
    assert "not attempted" in verdict(capsys, checker, lambda *_: ...)
    rejects(capsys, checker, lambda *_: None, fragment="returned None")
    rejects(capsys, checker, lambda *_: 1 / 0, fragment="ZeroDivisionError")
    rejects(capsys, checker, lambda *_: "images", fragment="expected")
    rejects(capsys, checker, 3, fragment="a function was expected")


# ---------------------------------------------------------------- the conditional losses


def conditional(G, D, real, labels, z, asked, *, g="asked", dr="labels", df="asked", dg="asked", detach=(True, False)):
    said = {"asked": asked, "labels": labels, "none": None}
    fake = G(z, said[g])
    shown = fake.detach() if detach[0] else fake
    d = losses.non_saturating_discriminator_loss(real_logits=D(real, said[dr]), fake_logits=D(shown, said[df]))
    again = fake.detach() if detach[1] else fake
    return d, losses.non_saturating_generator_loss(fake_logits=D(again, said[dg]))


def test_the_right_losses_pass(capsys):
    accepts(capsys, nb12.conditional_losses, lambda *case: conditional(*case), fragment="the label asked for")
    accepts(capsys, nb12.conditional_losses, lambda *case: list(conditional(*case)))


@pytest.mark.parametrize(
    ("places", "fragments"),
    [
        ({"g": "none"}, ("d_loss: G gets no label",)),
        ({"g": "labels"}, ("G is given the labels of the real batch",)),
        ({"dr": "none"}, ("d_loss: in D's step, D sees the real images without their labels",)),
        ({"dr": "asked"}, ("even real pairs are wrong",)),
        ({"df": "none"}, ("d_loss: in D's step, D sees the fakes without the labels",)),
        ({"df": "labels"}, ("d_loss: in D's step, D sees the fakes with the labels of the *real* batch",)),
        ({"dg": "none"}, ("g_loss: in G's step, D sees the fakes without their labels",)),
        ({"dg": "labels"}, ("g_loss: in G's step, D sees the fakes with the labels of the *real* batch",)),
        ({"dr": "none", "df": "none"}, ("the real images without", "; and ", "the fakes without")),
        ({"detach": (False, False)}, ("detach the fakes in D's loss",)),
        ({"detach": (True, True)}, ("detached in it too",)),
    ],
)
def test_each_omission_is_named(capsys, places, fragments):
    for fragment in fragments:
        rejects(capsys, nb12.conditional_losses, lambda *case: conditional(*case, **places), fragment=fragment)


@pytest.mark.parametrize(
    ("change", "fragment"),
    [
        (lambda d, g: (-d, g), "d_loss: this is V itself"),
        (lambda d, g: (g, d), "d_loss: "),
        (lambda d, g: (d, -g), "g_loss: the sign is turned round"),
        (lambda d, g: (d.item(), g), "cut off from the graph"),
        (lambda d, g: (d, g, d), "two losses, d_loss and g_loss, were expected"),
        (lambda d, g: d, "two losses, d_loss and g_loss, were expected"),
    ],
)
def test_other_mistakes_in_the_losses(capsys, change, fragment):
    rejects(capsys, nb12.conditional_losses, lambda *case: change(*conditional(*case)), fragment=fragment)


# ---------------------------------------------------------------- projection


def test_the_projection_in_three_ways(capsys):
    accepts(capsys, nb12.projection_logits, lambda h, labels, psi, rows: h @ psi + (h * rows[labels]).sum(1))
    accepts(
        capsys,
        nb12.projection_logits,
        lambda h, labels, psi, rows: h @ psi + torch.einsum("nf,nf->n", h, F.one_hot(labels, len(rows)).float() @ rows),
    )
    accepts(
        capsys, nb12.projection_logits, lambda h, labels, psi, rows: (h * (psi + rows[labels])).sum(1), fragment="label"
    )


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda h, labels, psi, rows: (h * rows[labels]).sum(1), "label-free part is missing"),
        (lambda h, labels, psi, rows: h @ psi, "the label plays no part"),
        (lambda h, labels, psi, rows: h @ psi + rows[labels].sum(1), "dot product with h"),
        (lambda h, labels, psi, rows: h @ psi + (h @ rows.T).sum(1), "*all* rows"),
        (lambda h, labels, psi, rows: h @ psi + (h @ rows.T).logsumexp(1), "log-sum-exp"),
        (lambda h, labels, psi, rows: h @ psi + (h @ rows.T).log_softmax(1)[range(len(h)), labels], "normaliser"),
        (lambda h, labels, psi, rows: h @ psi - (h * rows[labels]).sum(1), "added, not subtracted"),
        (lambda h, labels, psi, rows: h @ psi + (h * rows[labels]).mean(1), "took their mean"),
        (lambda h, labels, psi, rows: (h * rows[labels] * psi).sum(1), "three vectors"),
        (lambda h, labels, psi, rows: (h @ psi) * (h * rows[labels]).sum(1), "not multiplied"),
        (lambda h, labels, psi, rows: torch.sigmoid(h @ psi + (h * rows[labels]).sum(1)), "probabilities"),
        (lambda h, labels, psi, rows: h @ rows[labels].T, "every image met every label of the batch"),
        (lambda h, labels, psi, rows: (h @ psi)[:, None] + h @ rows.T, "Take the row of its own label first"),
    ],
)
def test_the_projection_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb12.projection_logits, function, fragment=fragment)


# ---------------------------------------------------------------- AC-GAN's term


def up(logits):
    return losses.non_saturating_generator_loss(fake_logits=logits)


def test_the_auxiliary_loss_passes(capsys):
    accepts(capsys, nb12.auxiliary_loss, lambda f, c, y, w: up(f) + w * F.cross_entropy(c, y), fragment="being guessed")
    accepts(
        capsys,
        nb12.auxiliary_loss,
        lambda f, c, y, w: F.softplus(-f).mean() - w * c.log_softmax(1).gather(1, y[:, None]).mean(),
    )


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda f, c, y, w: up(f), "classifier's term is missing"),
        (lambda f, c, y, w: w * F.cross_entropy(c, y), "D's verdict is missing: "),
        (lambda f, c, y, w: F.cross_entropy(c, y), "and the weight too"),
        (lambda f, c, y, w: up(f) + F.cross_entropy(c, y), "the weight is missing"),
        (lambda f, c, y, w: up(f) - w * F.cross_entropy(c, y), "wrong sign"),
        (lambda f, c, y, w: up(f) + w * F.cross_entropy(c.softmax(1), y), "softmax was applied twice"),
        (lambda f, c, y, w: up(f) + w * F.nll_loss(c, y), "nll_loss wants"),
        (lambda f, c, y, w: up(f) - w * c.softmax(1).gather(1, y[:, None]).mean(), "logarithm is missing"),
        (lambda f, c, y, w: up(f) + w * F.cross_entropy(c, c.argmax(1)), "the guess with itself"),
        (lambda f, c, y, w: up(f) + w * F.cross_entropy(c, y, reduction="sum"), "a sum over the batch"),
        (lambda f, c, y, w: F.softplus(f).mean() + w * F.cross_entropy(c, y), "D's verdict: G is trained towards"),
    ],
)
def test_the_auxiliary_loss_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb12.auxiliary_loss, function, fragment=fragment)


# ---------------------------------------------------------------- which set


RIGHT = {
    "A": "one image per class",
    "B": "blind",
    "C": "projection, z shortened",
    "D": "projection, relabelled",
    "E": "projection",
}


def test_the_five_sets(capsys):
    accepts(capsys, nb12.sets, RIGHT, fragment="No single column")
    accepts(capsys, nb12.sets, {letter.lower(): name.upper() for letter, name in RIGHT.items()})
    assert "not attempted" in verdict(capsys, nb12.sets, dict.fromkeys("ABCDE", ...))
    rejects(capsys, nb12.sets, RIGHT | {"D": ...}, fragment="no answer for 'D' yet")
    rejects(capsys, nb12.sets, RIGHT | {"D": "blind"}, fragment="used exactly once")
    rejects(capsys, nb12.sets, RIGHT | {"D": "blind", "B": RIGHT["D"]}, fragment="2 of the 5 are wrong. Look again: B")
    rejects(capsys, nb12.sets, RIGHT | {"C": "projection", "E": RIGHT["C"]}, fragment="What does a short z do")


# ---------------------------------------------------------------- a mixed label, and a match


def test_the_code_of_a_mixture(capsys):
    accepts(capsys, nb12.label_code, lambda weights, table: weights @ table, fragment="matrix product")
    accepts(capsys, nb12.label_code, lambda weights, table: (weights[:, :, None] * table).sum(1))


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda weights, table: table[weights.argmax(1)], "the largest class alone"),
        (lambda weights, table: (weights > 0).float() @ table, "counts in full"),
        (lambda weights, table: weights @ table / len(table), "sum to 1 already"),
        (lambda weights, table: weights.softmax(1) @ table, "a softmax changes them"),
        (lambda weights, table: -weights @ table, "the sign is not"),
    ],
)
def test_the_code_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb12.label_code, function, fragment=fragment)


def counted(codes, kinds):
    size = 1 + int(max(codes.max(), kinds.max()))
    return torch.stack([torch.bincount(kinds[codes == code], minlength=size) for code in range(size)]).numpy()


def matched(codes, kinds, maximize=True):
    table = counted(codes, kinds)
    return table[linear_sum_assignment(table, maximize=maximize)].sum() / len(codes)


def test_a_match_by_scipy_passes(capsys):
    accepts(capsys, nb12.matched_share, matched, fragment="a tenth")


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda codes, kinds: (codes == kinds).float().mean(), "code = kind"),
        (lambda codes, kinds: counted(codes, kinds).max(1).sum() / len(codes), "One kind for each code"),
        (lambda codes, kinds: counted(codes, kinds).max(0).sum() / len(codes), "One code for each kind"),
        (lambda codes, kinds: nb12._greedy(codes, kinds), "the largest count first"),
        (lambda codes, kinds: matched(codes, kinds) * len(codes), "the share of all is wanted"),
        (lambda codes, kinds: matched(codes, kinds, maximize=False), "*worst* matching"),
    ],
)
def test_a_match_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb12.matched_share, function, fragment=fragment)
