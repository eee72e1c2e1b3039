"""Distances between sets of images: closed forms, independent computations, and what no batch may change."""

import math

import numpy as np
import pytest
import torch

from gancourse import runtime
from gancourse.data import digits
from gancourse.metrics import image_sets, judge


def gaussian(count, dim, seed, *, scale=1.0, shift=0.0):
    """Points whose axes are coupled and of unequal spread, in float64."""
    random = runtime.generator(seed)
    mix = torch.randn(dim, dim, generator=random, dtype=torch.float64)
    return torch.randn(count, dim, generator=random, dtype=torch.float64) @ mix * scale + shift


@pytest.fixture(scope="module")
def sets():
    return gaussian(90, 6, 1), gaussian(70, 6, 2, scale=0.7, shift=0.5)


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """A judge that has learnt for three steps only, real images, and images that are not real."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANCOURSE_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(judge, "_STEPS_IF_SMALL", 3)
        data = digits.load("embedded")
        made = judge.load(data)
    noise = torch.rand(80, 1, 28, 28, generator=runtime.generator(3)) * 2 - 1
    return made, data.test_images[:120], (0.7 * data.images[:80] + 0.3 * noise)


# ---------------------------------------------------------------- the Frechet distance


def test_frechet_on_the_line_is_the_difference_of_means_and_deviations():
    real = torch.tensor([[0.0], [1.0], [5.0]])  # mean 2, variance 7 (divisor N - 1)
    fake = torch.tensor([[1.0], [3.0], [5.0], [7.0]])  # mean 4, variance 20/3
    wanted = (2 - 4) ** 2 + (math.sqrt(7) - math.sqrt(20 / 3)) ** 2
    assert image_sets.frechet_distance(real, fake) == pytest.approx(wanted, rel=1e-12)


def test_frechet_of_known_covariances_has_its_closed_form():
    corners = torch.tensor([[a, b] for a in (-1.0, 1.0) for b in (-1.0, 1.0)], dtype=torch.float64)
    turned = corners @ torch.tensor([[1.0, 1.0], [1.0, -1.0]], dtype=torch.float64) / math.sqrt(2)
    wide = corners * torch.tensor([3.0, 1.0])
    # covariance 4/3 of diag(9, 1) against 4/3 of the identity, and a shift of (1, 2)
    wanted = 5 + 4 / 3 * ((3 - 1) ** 2 + 0)
    assert image_sets.frechet_distance(wide, turned + torch.tensor([1.0, 2.0])) == pytest.approx(wanted, rel=1e-12)


def test_frechet_agrees_with_scipys_matrix_root(sets):
    from scipy.linalg import sqrtm

    real, fake = (points.numpy() for points in sets)
    covariances = np.cov(real, rowvar=False), np.cov(fake, rowvar=False)
    root = sqrtm(covariances[0] @ covariances[1])
    wanted = np.square(real.mean(0) - fake.mean(0)).sum() + np.trace(sum(covariances) - 2 * root.real)
    assert image_sets.frechet_distance(*sets) == pytest.approx(wanted, rel=1e-9)
    assert image_sets.frechet_distance(*reversed(sets)) == pytest.approx(wanted, rel=1e-9)
    assert image_sets.frechet_distance(*(points.float() for points in sets)) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("counts", [(2, 2), (5, 300), (40, 3)])
def test_frechet_stays_real_with_fewer_samples_than_features(counts):
    real, fake = gaussian(counts[0], 64, 1), gaussian(counts[1], 64, 2)
    found = image_sets.frechet_distance(real, fake)
    # the trace of the root from the eigenvalues of S1 S2, which are real and at least 0 but for rounding
    eigenvalues = np.linalg.eigvals(np.cov(real.numpy(), rowvar=False) @ np.cov(fake.numpy(), rowvar=False))
    wanted = float((real.mean(0) - fake.mean(0)).square().sum() + real.var(0).sum() + fake.var(0).sum())
    wanted -= 2 * np.sqrt(eigenvalues.real.clip(min=0)).sum()
    assert found == pytest.approx(wanted, rel=1e-4)
    assert image_sets.frechet_distance(real, real) == pytest.approx(0, abs=1e-8)


def test_frechet_of_constant_features_is_the_distance_of_the_points():
    assert image_sets.frechet_distance(torch.zeros(5, 3), torch.full((4, 3), 2.0)) == pytest.approx(12)


# ---------------------------------------------------------------- the kernel distance


def test_kernel_distance_on_the_line_by_its_moments():
    """(xy + 1)^3 = 1 + 3xy + 3(xy)^2 + (xy)^3, so pairs of different points give products of sums of powers."""
    real = torch.tensor([[0.0], [1.0], [2.0], [-1.5]])
    fake = torch.tensor([[0.5], [3.0], [1.0]])
    wanted = 0.0
    for power, weight in ((1, 3), (2, 3), (3, 1)):
        a, b = (points.double().flatten() ** power for points in (real, fake))
        within = [(c.sum() ** 2 - c.square().sum()) / (len(c) * (len(c) - 1)) for c in (a, b)]
        wanted += weight * float(within[0] + within[1] - 2 * a.mean() * b.mean())
    assert image_sets.kernel_distance(real, fake) == pytest.approx(wanted, rel=1e-12)


def test_kernel_distance_agrees_with_a_double_loop(sets, monkeypatch):
    real, fake = (points.numpy() for points in sets)

    def k(x, y):
        return (float(np.dot(x, y)) / 6 + 1) ** 3

    n, m = len(real), len(fake)
    wanted = sum(k(real[i], real[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    wanted += sum(k(fake[i], fake[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    wanted -= 2 * sum(k(x, y) for x in real for y in fake) / (n * m)
    assert image_sets.kernel_distance(*sets) == pytest.approx(wanted, rel=1e-9)
    monkeypatch.setattr(image_sets, "_ROWS", 7)
    assert image_sets.kernel_distance(*sets) == pytest.approx(wanted, rel=1e-9)


def test_kernel_distance_is_right_on_average_at_any_number():
    """Two samples of one distribution: the mean over many draws is 0, with few samples as with many."""
    for count in (5, 40):
        points = torch.randn(400, 2, count, 3, generator=runtime.generator(count), dtype=torch.float64)
        found = torch.tensor([image_sets.kernel_distance(a, b) for a, b in points])
        assert abs(float(found.mean())) < 4 * float(found.std()) / math.sqrt(400)
        assert float(found.min()) < 0


# ---------------------------------------------------------------- the floor


def test_the_floor_takes_disjoint_random_parts():
    real = torch.arange(40, dtype=torch.float64).reshape(20, 2)
    seen = []

    def spy(a, b):
        seen.append((a[:, 0], b[:, 0]))
        return len(seen)

    found = image_sets.real_against_real(real, 9, distance=spy, repeats=3, generator=runtime.generator(0))
    assert found.tolist() == [1, 2, 3] and found.dtype == torch.float64
    for a, b in seen:
        both = torch.cat([a, b])
        assert len(a) == len(b) == 9 and len(both.unique()) == 18 and set(both.tolist()) <= set(real[:, 0].tolist())
    assert not torch.equal(seen[0][0], seen[1][0])
    again = image_sets.real_against_real(real, 10, repeats=2, generator=runtime.generator(0))
    assert torch.equal(again, image_sets.real_against_real(real, 10, repeats=2, generator=runtime.generator(0)))


def test_the_frechet_floor_falls_with_the_number_and_the_kernels_does_not():
    real, draw = gaussian(2_000, 16, 5), runtime.generator(0)
    frechet = [image_sets.real_against_real(real, n, generator=draw).mean() for n in (50, 200, 800)]
    assert frechet[0] > 2 * frechet[1] > 4 * frechet[2] > 0
    few, many = (
        image_sets.real_against_real(
            real, n, distance=image_sets.kernel_distance, repeats=40, generator=runtime.generator(0)
        )
        for n in (50, 800)
    )
    assert abs(float(few.mean())) < 4 * float(few.std()) / math.sqrt(40) and float(few.std()) > float(many.std())


@pytest.mark.parametrize(
    ("wrong", "fragment"),
    [
        ({"n": 1}, "n must be a whole number from 2 to 10 (half of the 20 samples), got 1"),
        ({"n": 11}, "n must be a whole number from 2 to 10"),
        ({"n": 5.0}, "got 5.0"),
        ({"repeats": 0}, "repeats must be a whole number from 1 on, got 0"),
        ({"repeats": True}, "repeats must be a whole number from 1 on, got True"),
    ],
)
def test_a_floor_that_cannot_be_drawn_is_refused(wrong, fragment):
    with pytest.raises(ValueError) as caught:
        image_sets.real_against_real(**{"real": torch.randn(20, 2), "n": 5, "generator": runtime.generator(0)} | wrong)
    assert fragment in str(caught.value)


# ---------------------------------------------------------------- precision and recall


def test_precision_and_recall_of_points_that_can_be_checked_by_eye():
    real = torch.tensor([[0.0], [1.0], [3.0], [10.0]])  # nearest neighbours: 1, 1, 2, 7 away
    fake = torch.tensor([[5.0], [5.5], [-1.5], [30.0]])  # 0.5, 0.5, 6.5, 24.5 away
    # k = 1: the balls of real cover [-1, 1], [0, 2], [1, 5], [3, 17]; 5 and 5.5 are in, the others not
    # those of fake cover [4.5, 5.5], [5, 6], [-8, 5], [5.5, 54.5]: all the real ones are in
    assert image_sets.precision_recall(real, fake, k=1) == (0.5, 1.0)
    assert image_sets.precision_recall(fake, real, k=1) == (1.0, 0.5)
    rim = torch.tensor([[2.0], [6.0]])
    assert image_sets.precision_recall(torch.tensor([[0.0], [1.0]]), rim, k=1).precision == 0.5  # the rim belongs


@pytest.mark.parametrize("k", [1, 3, 10])
def test_precision_and_recall_agree_with_scikit_learn(sets, k, monkeypatch):
    from sklearn.neighbors import NearestNeighbors

    real, fake = (points.numpy() for points in sets)

    def share(centres, points):
        radii = NearestNeighbors(n_neighbors=k).fit(centres).kneighbors()[0][:, -1]  # of itself, itself left out
        inside = np.linalg.norm(points[:, None] - centres[None], axis=2) <= radii
        return inside.any(axis=1).mean()

    wanted = share(real, fake), share(fake, real)
    assert min(wanted) > 0 and wanted[0] != wanted[1]
    assert image_sets.precision_recall(*sets, k=k) == pytest.approx(wanted)
    monkeypatch.setattr(image_sets, "_ROWS", 7)
    assert image_sets.precision_recall(*sets, k=k) == pytest.approx(wanted)


def test_precision_and_recall_name_the_two_failures():
    random = runtime.generator(0)
    data = torch.randn(300, 2, generator=random) + 6 * torch.randint(2, (300, 1), generator=random)  # two clumps
    one_clump = torch.randn(300, 2, generator=random)
    found = image_sets.precision_recall(data, one_clump)
    assert found.precision > 0.9 and found.recall < 0.65
    scattered = 12 * torch.rand(300, 2, generator=random) - 3
    found = image_sets.precision_recall(data, scattered)
    assert found.precision < 0.65 and found.recall > 0.9
    assert image_sets.precision_recall(data, data) == (1.0, 1.0)


@pytest.mark.parametrize("k", [0, 4, 1.0, True, None])
def test_a_wrong_k_is_refused(k):
    with pytest.raises(ValueError, match="k must be a whole number from 1 to 3"):
        image_sets.precision_recall(torch.randn(9, 2), torch.randn(4, 2), k=k)


# ---------------------------------------------------------------- copies


def test_the_nearest_is_the_nearest_whatever_the_pieces(monkeypatch):
    random = runtime.generator(0)
    queries, pool = torch.randn(23, 1, 5, 4, generator=random), torch.randn(57, 1, 5, 4, generator=random)
    pool[40] = queries[7]
    wanted = np.linalg.norm(queries.flatten(1).numpy()[:, None] - pool.flatten(1).numpy(), axis=2)
    for rows, columns in ((500, 10_000), (4, 10)):
        monkeypatch.setattr(image_sets, "_ROWS", rows)
        monkeypatch.setattr(image_sets, "_COLUMNS", columns)
        found = image_sets.nearest(queries, pool)
        assert found.indices.tolist() == wanted.argmin(axis=1).tolist()
        np.testing.assert_allclose(found.distances.numpy(), wanted.min(axis=1), rtol=1e-5)
        assert found.distances[7] == 0 and found.indices[7] == 40
    assert image_sets.nearest(queries.double(), pool).distances.dtype == torch.float64
    assert image_sets.nearest(queries.bfloat16(), pool).distances.dtype == torch.float32


def test_copies_come_near_one_fresh_draws_near_a_half_and_noise_near_nought():
    random = runtime.generator(1)
    train, held_out, fresh = torch.randn(3, 400, 4, generator=random)
    copies = train[:100] + 1e-3 * torch.randn(100, 4, generator=random)
    assert image_sets.nearer_than_held_out(copies, train, held_out) > 0.95
    assert abs(image_sets.nearer_than_held_out(fresh, train, held_out) - 0.5) < 0.08
    assert image_sets.nearer_than_held_out(10 + fresh, train, held_out) < 0.05


def test_nearer_than_held_out_is_the_mann_whitney_statistic():
    from scipy.stats import mannwhitneyu

    train = torch.tensor([[0.0], [10.0]])
    fake = torch.tensor([[1.0], [2.0], [13.0], [9.0], [4.0]])  # 1, 2, 3, 1, 4 away
    held_out = torch.tensor([[2.0], [0.5], [14.0], [-3.0], [3.0], [15.0]])  # 2, 0.5, 4, 3, 3, 5
    wanted = mannwhitneyu([2, 0.5, 4, 3, 3, 5], [1, 2, 3, 1, 4]).statistic / 30
    assert image_sets.nearer_than_held_out(fake, train, held_out) == pytest.approx(wanted) != 0.5
    assert image_sets.nearer_than_held_out(held_out, train, held_out) == 0.5


# ---------------------------------------------------------------- from probabilities


def rows(*kinds):
    """One-hot rows, or a row of a list."""
    return torch.stack([torch.eye(4)[kind] if isinstance(kind, int) else torch.tensor(kind) for kind in kinds])


def test_entropy_of_the_classes():
    assert image_sets.class_entropy(rows(0, 1, 2, 3)) == pytest.approx(math.log(4))
    assert image_sets.class_entropy(rows(2, 2, 2)) == 0
    unsure = [0.4, 0.3, 0.2, 0.1]  # counts as a 0
    wanted = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert image_sets.class_entropy(rows(0, unsure, 3, 0)) == pytest.approx(wanted)


def test_confidence_is_the_mean_of_the_largest():
    assert image_sets.confidence(rows(1, [0.1, 0.2, 0.3, 0.4], [0.6, 0.4, 0.0, 0.0])) == pytest.approx(2 / 3)
    assert image_sets.confidence(torch.full((5, 4), 0.25)) == pytest.approx(0.25)


def test_inception_style_score_has_its_closed_forms():
    assert image_sets.inception_style_score(rows(0, 1, 2, 3)) == pytest.approx(4)
    assert image_sets.inception_style_score(rows(0, 0, 1)) == pytest.approx(3 / 2 ** (2 / 3))  # exp of an entropy
    assert image_sets.inception_style_score(torch.full((5, 4), 0.25)) == pytest.approx(1)
    assert image_sets.inception_style_score(rows(2, 2)) == pytest.approx(1)


def test_inception_style_score_agrees_with_scipy():
    from scipy.stats import entropy

    probabilities = torch.randn(60, 10, generator=runtime.generator(2)).mul(2).softmax(dim=1)
    p = probabilities.double().numpy()
    wanted = math.exp(np.mean([entropy(row, p.mean(axis=0)) for row in p]))
    assert image_sets.inception_style_score(probabilities) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("count", [image_sets.confidence, image_sets.class_entropy, image_sets.inception_style_score])
def test_logits_are_no_probabilities(count):
    with pytest.raises(ValueError, match="are these logits"):
        count(torch.randn(4, 10))


# ---------------------------------------------------------------- with the judge


def test_the_size_of_the_batches_changes_no_answer(judged, monkeypatch):
    made, real, fake = judged

    def numbers():
        features = [made.features(images) for images in (real, fake)]
        probabilities = made.probabilities(fake)
        return [
            image_sets.frechet_distance(*features),
            image_sets.kernel_distance(*features),
            *image_sets.precision_recall(*features),
            image_sets.nearer_than_held_out(features[1], features[0][:60], features[0][60:]),
            image_sets.confidence(probabilities),
            image_sets.class_entropy(probabilities),
            image_sets.inception_style_score(probabilities),
        ]

    at_once = numbers()
    assert all(map(math.isfinite, at_once)) and at_once[0] > 0.001
    monkeypatch.setattr(judge, "_LARGEST_BATCH", 7)
    monkeypatch.setattr(image_sets, "_ROWS", 9)
    assert numbers() == pytest.approx(at_once, rel=1e-3)
    split = torch.cat([made.features(part) for part in fake.split(11)])
    torch.testing.assert_close(split, made.features(fake), rtol=1e-4, atol=1e-5)


def test_features_decide_what_the_judge_says(judged):
    made, real, _ = judged
    features = made.features(real)
    assert features.shape == (120, 64) and not features.requires_grad and float(features.min()) >= 0
    torch.testing.assert_close(made._network[-1](features).softmax(dim=1), made.probabilities(real))
    with pytest.raises(ValueError, match="images must be 28x28, as this judge was trained, got 32x32"):
        made.features(torch.zeros(3, 1, 32, 32))


# ---------------------------------------------------------------- what is refused

GOOD = torch.randn(5, 3)


@pytest.mark.parametrize(
    "distance", [image_sets.frechet_distance, image_sets.kernel_distance, image_sets.precision_recall]
)
@pytest.mark.parametrize(
    ("real", "fake", "error", "fragment"),
    [
        ([[1.0]], GOOD, TypeError, "real must be a tensor, one row for each sample, got list"),
        (GOOD, GOOD.long(), TypeError, "fake must hold floating-point numbers, got dtype torch.int64"),
        (GOOD, GOOD[:1], ValueError, "fake must be features of shape (N, D), N at least 2, got (1, 3)"),
        (GOOD, GOOD[:, :, None], ValueError, "fake must be features of shape (N, D), N at least 2, got (5, 3, 1)"),
        (GOOD[0], GOOD, ValueError, "real must have shape (N, ...), at least one sample, got (3,)"),
        (GOOD[:0], GOOD, ValueError, "real must have shape (N, ...), at least one sample, got (0, 3)"),
        (GOOD, GOOD[:, :2], ValueError, "real and fake must have as many features, got 3 and 2"),
        (GOOD, GOOD * torch.nan, ValueError, "fake must be finite, got 15 NaN or infinite value(s)"),
    ],
)
def test_what_is_no_set_of_features_is_refused_by_name(distance, real, fake, error, fragment):
    with pytest.raises(error) as caught:
        distance(real, fake)
    assert fragment in str(caught.value)


def test_neighbours_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"agree in all but the number, got \(5, 3\) and \(5, 2\)"):
        image_sets.nearest(GOOD, GOOD[:, :2])
    with pytest.raises(ValueError, match="pool must be finite"):
        image_sets.nearest(GOOD, GOOD * torch.inf)
