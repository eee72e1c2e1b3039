"""metrics.paths: arcs and lines by hand, and path lengths that are known exactly."""

import math

import pytest
import torch

from gancourse import runtime
from gancourse.metrics import paths

A = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0]])
B = torch.tensor([[0.0, 1.0], [2.0, 0.0], [3.0, 3.0]])


def test_a_third_of_the_way_by_hand():
    arc = paths.slerp(A, B, 1 / 3)
    assert arc[0].tolist() == pytest.approx([math.cos(math.pi / 6), math.sin(math.pi / 6)], abs=1e-6)
    assert arc[1].tolist() == pytest.approx([2 * math.sin(math.pi / 6), 2 * math.cos(math.pi / 6)], abs=1e-6)
    assert arc[2].tolist() == [3.0, 3.0]  # both the same: the way is a point
    assert paths.lerp(A, B, 0.25)[0].tolist() == [0.75, 0.25]


def test_ends_lengths_and_one_share_for_each_row():
    random = runtime.generator(0)
    a, b = (torch.nn.functional.normalize(torch.randn(50, 7, generator=random)) * 5 for _ in range(2))
    assert torch.allclose(paths.slerp(a, b, 0.0), a, atol=1e-5) and torch.allclose(paths.slerp(a, b, 1.0), b, atol=1e-5)
    t = torch.rand(50, 1, generator=random)
    between = paths.slerp(a, b, t)
    assert torch.allclose(between.norm(dim=1), torch.full((50,), 5.0), atol=1e-4)
    assert torch.allclose(between[7:8], paths.slerp(a[7:8], b[7:8], float(t[7])), atol=1e-6)
    # the angle grows in proportion to t
    angle = lambda x, y: torch.nn.functional.cosine_similarity(x, y).clamp(-1, 1).acos()  # noqa: E731
    assert torch.allclose(angle(a, between), t[:, 0] * angle(a, b), atol=1e-3)


def test_ways_of_different_lengths_go_over_gradually():
    half = paths.slerp(torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 6.0]]), 0.5)
    assert half[0].tolist() == pytest.approx([2 * math.sqrt(0.5), 6 * math.sqrt(0.5)], rel=1e-5)


def test_nearly_parallel_rows_stay_finite_and_opposite_ones_are_refused():
    a = torch.tensor([[1.0, 0.0, 0.0]])
    near = paths.slerp(a, a + torch.tensor([[0.0, 1e-6, 0.0]]), 0.5)
    assert torch.allclose(near, a, atol=1e-5)
    with pytest.raises(ValueError, match="must not be opposite"):
        paths.slerp(a, -2 * a, 0.5)
    with pytest.raises(ValueError, match="no row of zeros"):
        paths.slerp(a, torch.zeros(1, 3), 0.5)


def flat(images):
    return images.flatten(1)


def test_the_path_length_of_a_linear_map_is_that_of_the_way():
    """For x = c u with unit u, the features move by |b - a|^2 for the whole way, at every step."""
    random = runtime.generator(1)
    a, b = torch.randn(300, 4, generator=random), torch.randn(300, 4, generator=random)
    spread = torch.linalg.qr(torch.randn(9, 4, generator=random)).Q
    paint = lambda codes: (3 * codes @ spread.T).view(-1, 1, 3, 3)  # noqa: E731
    found = paths.path_length(paint, flat, a, b, between=paths.lerp, generator=runtime.generator(2))
    assert found == pytest.approx(9 * float((b - a).square().sum(1).mean()), rel=1e-3)
    wider = paths.path_length(paint, flat, a, b, between=paths.lerp, generator=runtime.generator(2), step=0.5)
    assert wider == pytest.approx(found, rel=1e-3)


def test_on_a_circle_it_is_the_angle_and_collapse_scores_best():
    turned = torch.linspace(0.3, 2.5, 200)
    a = torch.tensor([[1.0, 0.0]]).expand(200, 2)
    b = torch.stack([turned.cos(), turned.sin()], 1)
    paint = lambda codes: codes.view(-1, 1, 1, 2)  # noqa: E731
    found = paths.path_length(paint, flat, a, b, between=paths.slerp, generator=runtime.generator(3), step=0.01)
    assert found == pytest.approx(float(turned.square().mean()), rel=1e-3)
    collapsed = lambda codes: 0.1 * paint(codes)  # noqa: E731
    less = paths.path_length(collapsed, flat, a, b, between=paths.slerp, generator=runtime.generator(3), step=0.01)
    assert less == pytest.approx(found / 100, rel=1e-3)
    nothing = lambda codes: torch.zeros(len(codes), 1, 2, 2)  # noqa: E731
    assert paths.path_length(nothing, flat, a, b, between=paths.slerp, generator=runtime.generator(3)) == 0


def test_every_step_lies_on_its_way():
    seen = []

    def between(a, b, t):
        seen.append(t)
        return paths.lerp(a, b, t)

    a, b = torch.zeros(600, 2), torch.ones(600, 2)
    paths.path_length(
        lambda c: c.view(-1, 1, 1, 2), flat, a, b, between=between, generator=runtime.generator(4), step=0.3
    )
    t, later = torch.cat(seen[::2]), torch.cat(seen[1::2])
    assert len(t) == 600 and torch.allclose(later - t, torch.tensor(0.3))
    assert 0 <= float(t.min()) < 0.02 and 0.98 < float(later.max()) <= 1


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"a": torch.zeros(3, 2)}, ValueError, r"one shape \(N, C\), got \(3, 2\) and \(4, 2\)"),
        ({"a": [0.0]}, TypeError, "a must be a tensor"),
        ({"b": torch.full((4, 2), torch.nan)}, ValueError, "b must be finite"),
        ({"step": 0.0}, ValueError, "step must be above 0"),
        ({"step": 1.5}, ValueError, "step must be a finite number, from 0.0 to 1.0"),
    ],
)
def test_other_things_are_refused(change, error, words):
    given = {"a": torch.ones(4, 2), "b": torch.ones(4, 2), "step": 0.1, **change}
    with pytest.raises(error, match=words):
        paths.path_length(lambda c: c, lambda x: x, **given, between=paths.lerp, generator=runtime.generator(0))
