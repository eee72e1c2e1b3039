"""metrics.directions: found where they are known, and measured against generators whose effects are known."""

import pytest
import torch
from torch import nn

from gancourse import runtime
from gancourse.data import ellipses
from gancourse.metrics import asked, directions
from gancourse.models import dense_conv, styled

CODES = torch.randn(2_000, 6, generator=runtime.generator(0))
TURN = torch.linalg.qr(torch.randn(6, 6, generator=runtime.generator(1))).Q


def drawer(codes):
    """A generator whose first four entries, made smaller, are the factors of an ellipse."""
    return ellipses.draw((0.2 * codes[:, :4]).clamp(-1, 1), 28)


def eval_pair(kind, **settings):
    with runtime.seeded(2):
        generator = kind(16, latent_dim=6, width=2, **settings)
        for layer in generator.modules():
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
                layer.running_var.uniform_(0.5, 4)
                if layer.affine:
                    layer.weight.data.uniform_(0.2, 3)
    return generator.eval()


# ---------------------------------------------------------------- finding them


def test_random_rows_are_orthonormal_and_their_generator_s_own():
    rows = directions.random(4, 6, generator=runtime.generator(3))
    assert torch.allclose(rows @ rows.T, torch.eye(4), atol=1e-6)
    assert torch.equal(rows, directions.random(4, 6, generator=runtime.generator(3)))
    assert not torch.equal(rows, directions.random(4, 6, generator=runtime.generator(4)))


def test_closed_form_finds_what_a_matrix_stretches_most():
    weight = torch.diag(torch.tensor([1.0, 5.0, 3.0, 0.5, 2.0, 4.0])) @ TURN.T
    rows = directions.closed_form(torch.cat([weight, torch.zeros(3, 6)]))
    for row, expected in zip(rows, TURN.T[[1, 5, 2, 4, 0, 3]], strict=True):
        assert abs(float(row @ expected)) == pytest.approx(1, abs=1e-5)


def test_the_first_weight_with_batch_norm_folded_in_is_the_slope_of_the_layer():
    generator = eval_pair(dense_conv.Generator)
    slope = directions.first_weight(generator)
    before = generator.dense[:2]
    z = CODES[:5]
    step = torch.linalg.qr(TURN).Q[0]
    assert torch.allclose(before(z + step) - before(z), (slope @ step).expand(5, -1), atol=1e-4)
    assert torch.equal(directions.first_weight(generator, folded=False), generator.dense[0].weight)
    assert torch.allclose(directions.first_layer(generator, z), before(z).relu())


def test_of_a_styled_generator_all_weights_that_read_w_count():
    generator = eval_pair(styled.StyledGenerator)
    weight = directions.first_weight(generator)
    assert weight.shape == (256 + 4 + 2, 6)  # modulated: one scale for each map
    assert torch.equal(weight[256:260], generator.at_quarter.affine.weight)
    w = generator.map(CODES[:3]).detach()
    assert torch.allclose(directions.first_layer(generator, w), generator.dense[:3](w))


def test_principal_directions_of_a_stretched_turn_are_its_axes():
    stretched = CODES @ TURN * torch.tensor([3.0, 1.0, 5.0, 0.5, 2.0, 4.0])
    rows = directions.principal(CODES, torch.cat([stretched, 0.01 * stretched], dim=1))
    for row, place in zip(rows, [2, 5, 0, 4, 1, 3], strict=True):
        assert abs(float(row @ TURN[:, place])) > 0.95
    assert torch.allclose(rows.norm(dim=1), torch.ones(6))
    assert abs(float(rows[0] @ TURN[:, 2])) > 0.995


def test_a_supervised_direction_moves_its_factor_and_leaves_the_others():
    slopes = torch.tensor([[1.0, 0.5, 0, 0, 0, 2.0], [0.5, 1.0, 0.3, 0, 0, 0], [0, 0, 1.0, 0, 4.0, 0]])
    rows = directions.supervised(CODES, CODES @ slopes.T + 7)
    moved = rows @ slopes.T
    assert torch.allclose(moved, torch.diag(moved.diag()), atol=1e-4) and bool((moved.diag() > 0.3).all())
    assert torch.allclose(rows.norm(dim=1), torch.ones(3))


def test_one_deviation_of_the_codes_along_it():
    wide = CODES * torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    rows = directions.one_deviation(7 * torch.eye(6), wide)
    assert rows.diag().tolist() == pytest.approx(wide.std(0).tolist(), rel=1e-4)
    assert torch.equal(rows, torch.diag(rows.diag()))


# ---------------------------------------------------------------- measuring them


def test_effects_of_a_generator_whose_entries_are_the_factors():
    unit = torch.tensor([0.1, 0.2, 0.4, 0.8])
    moved = directions.effects(drawer, CODES[:60], torch.eye(6), ellipses.measure, unit=unit, step=0.5)
    assert moved.shape == (6, 4)
    # 0.2 of a factor for each unit of an entry, half a unit to each side
    assert moved[:4].diag().tolist() == pytest.approx([2.0, 1.0, 0.5, 0.25], rel=0.06)
    assert torch.equal(moved[4:], torch.zeros(2, 4))
    off = moved[:4] * unit
    assert float((off - torch.diag(off.diag())).max()) < 0.01
    assert directions.purity(moved[:4]).min() > 0.9 and directions.named(moved[:4]) == 4
    doubled = directions.effects(drawer, CODES[:60], 0.5 * torch.eye(6), ellipses.measure, unit=unit)
    assert torch.allclose(doubled, moved, atol=1e-5)


def test_changes_both_ways_are_not_set_off_against_each_other():
    paint = lambda codes: codes  # noqa: E731
    measure = lambda x: x[:, :1] * x[:, 1:2].sign()  # noqa: E731
    codes = torch.tensor([[0.0, 1.0], [0.0, -1.0]])
    found = directions.effects(paint, codes, torch.tensor([[1.0, 0.0]]), measure, unit=torch.ones(1))
    assert found.tolist() == [[2.0]]


def test_purity_and_names_by_hand():
    moved = torch.tensor([[1.0, 2.0, 1.0], [0.0, 3.0, 0.0], [1.0, 1.0, 1.0]])
    assert directions.purity(moved).tolist() == pytest.approx([0.5, 1.0, 1 / 3])
    assert directions.named(moved) == 2 and directions.named(moved[:2]) == 1


def test_linear_fit_of_a_line_of_noise_and_of_half_of_both():
    noise = torch.randn(2_000, 1, generator=runtime.generator(5))
    line = CODES[:, :1] - 2 * CODES[:, 3:4] + 9
    factors = torch.cat([line, noise, line + 5**0.5 * noise, CODES[:, 1:2].square()], dim=1)
    found = directions.linear_fit(CODES, factors)
    assert float(found[0]) == pytest.approx(1, abs=1e-5)
    assert found[1:].tolist() == pytest.approx([0, 0.5, 0], abs=0.05)


def test_digits_are_measured_by_the_moments_of_notebook_12():
    images = 2 * torch.rand(4, 1, 12, 12, generator=runtime.generator(6)) - 1
    found, moments = directions.of_digits(images), asked.moments(images)
    for place, name in enumerate(directions.DIGIT_FACTORS):
        assert torch.allclose(found[:, place], getattr(moments, name).float())


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: directions.random(7, 6, generator=runtime.generator(0)), ValueError, "count must be .* from 1 to 6"),
        (lambda: directions.first_weight(dense_conv.Generator(16)), ValueError, "must be in eval mode"),
        (lambda: directions.first_weight(nn.Linear(2, 2).eval()), ValueError, "begin with a dense layer"),
        (lambda: directions.closed_form(CODES[0]), ValueError, "weight must"),
        (lambda: directions.principal(CODES, CODES[:, :3]), ValueError, "hidden must have at least 6"),
        (lambda: directions.principal(CODES, CODES[:50]), ValueError, "hidden must have one row for each of codes"),
        (lambda: directions.supervised(CODES[:, :2], CODES), ValueError, "factors must be at most 2"),
        (lambda: directions.one_deviation(torch.zeros(1, 6), CODES), ValueError, "no row of zeros"),
        (lambda: directions.one_deviation(torch.ones(1, 5), CODES), ValueError, "rows of one length"),
        (
            lambda: directions.effects(drawer, CODES[:2], torch.eye(6), ellipses.measure, unit=torch.zeros(4)),
            ValueError,
            "unit must be above 0",
        ),
        (lambda: directions.purity(torch.zeros(2, 3)), ValueError, "must move something"),
        (lambda: directions.linear_fit(CODES[:13], CODES[:13]), ValueError, "codes must have more than 14 rows"),
    ],
)
def test_other_things_are_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()
