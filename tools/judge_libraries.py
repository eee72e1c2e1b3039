"""What tools/tables.py needs to ask other people's libraries for the same numbers, on the same features.

They are no part of the course's environment. In a fresh one, with the course's folder in PYTHONPATH:

    pip install -r tools/judge_libraries.txt
    python tools/tables.py libraries

Every row is one number by one library, beside the course's own: how many digits agree, and where they do not, which
convention differs.
"""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gancourse import runtime
from gancourse.data import digits, spoiled_sets, spoils
from gancourse.metrics import image_sets, neighbours, transport, two_samples
from gancourse.metrics import judge as judges

N, K, SEED = 1_000, 5, 0
FEW = 60  # points for the solvers that are slow
DIRECTIONS = 100

# ---------------------------------------------------------------- the sets


def sets() -> dict[str, tuple[Tensor, Tensor]]:
    """Return real images and three sets beside them: features and probabilities, with the judge of the course."""
    data = digits.load("mnist")
    judge = judges.load(data)
    random = runtime.generator(SEED)
    order = torch.randperm(len(data.test_images), generator=random)
    reference, pool = data.test_images[order[:N]], (data.test_images[order[N:]], data.test_labels[order[N:]])
    images = {
        "reference": reference,
        "real images": spoiled_sets.draw(*pool, N, generator=random).images,
        "noise 0.1": spoils.noise(spoiled_sets.draw(*pool, N, generator=random).images, 0.1, generator=random),
        "blur 0.4": spoils.blur(spoiled_sets.draw(*pool, N, generator=random).images, 0.4),
        "ten images per class": spoiled_sets.few_kinds(*pool, N, per_class=10, generator=random).images,
    }
    return {name: (judge.features(of_set), judge.probabilities(of_set)) for name, of_set in images.items()}


# ---------------------------------------------------------------- the libraries


class Given(nn.Module):
    """A network that gives back what it is shown: libraries that ask for images get features."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.num_features = count

    def forward(self, features: Tensor) -> Tensor:
        return features


def torchmetrics_fid(real: Tensor, fake: Tensor, dtype: torch.dtype) -> float:
    from torchmetrics.image.fid import FrechetInceptionDistance

    metric = FrechetInceptionDistance(feature=Given(real.shape[1]))
    if dtype is torch.float64:
        metric.set_dtype(dtype)
    metric.update(real.to(dtype), real=True)
    metric.update(fake.to(dtype), real=False)
    return float(metric.compute())


def torchmetrics_kid(real: Tensor, fake: Tensor, dtype: torch.dtype, subsets: int, size: int) -> tuple[float, float]:
    from torchmetrics.image.kid import KernelInceptionDistance

    with runtime.seeded(SEED):
        metric = KernelInceptionDistance(feature=Given(real.shape[1]), subsets=subsets, subset_size=size)
        metric.update(real.to(dtype), real=True)
        metric.update(fake.to(dtype), real=False)
        mean, deviation = metric.compute()
    return float(mean), float(deviation)


def torchmetrics_score(probabilities: Tensor, splits: int) -> float:
    from torchmetrics.image.inception import InceptionScore

    with runtime.seeded(SEED):
        metric = InceptionScore(feature=Given(probabilities.shape[1]), splits=splits)
        metric.update(probabilities.double().log())
        return float(metric.compute()[0])


def pytorch_fid(real: Tensor, fake: Tensor, *, bias: bool = False) -> float:
    from pytorch_fid.fid_score import calculate_frechet_distance

    real, fake = real.double().numpy(), fake.double().numpy()
    covariances = [np.cov(points, rowvar=False, bias=bias) for points in (real, fake)]
    return float(calculate_frechet_distance(real.mean(0), covariances[0], fake.mean(0), covariances[1]))


def torch_fidelity_fid(real: Tensor, fake: Tensor) -> float:
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    statistics = [fid_features_to_statistics(points.float()) for points in (fake, real)]
    return fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]


def torch_fidelity_kid(real: Tensor, fake: Tensor, estimate: str) -> float:
    from torch_fidelity.metric_kid import kernel_poly, mmd2

    real, fake = real.double().numpy(), fake.double().numpy()
    how = {"kid_kernel_poly_degree": 3, "kid_kernel_poly_gamma": None, "kid_kernel_poly_coef0": 1}
    kernels = [kernel_poly(a, b, **how) for a, b in ((real, real), (real, fake), (fake, fake))]
    return float(mmd2(*kernels, mmd_est=estimate))


def torch_fidelity_prc(first: Tensor, second: Tensor) -> tuple[float, float]:
    from torch_fidelity.metric_prc import prc_features_to_metric

    how = {"prc_neighborhood": K, "prc_batch_size": 10_000, "save_cpu_ram": False, "verbose": False}
    found = prc_features_to_metric(first, second, **how)
    return found["precision"], found["recall"]


def authors_prdc(real: Tensor, fake: Tensor) -> dict[str, float]:
    from prdc import compute_prdc

    with contextlib.redirect_stdout(io.StringIO()):
        found = compute_prdc(real_features=real.double().numpy(), fake_features=fake.double().numpy(), nearest_k=K)
    return {name: float(value) for name, value in found.items()}


def itself_counted(real: Tensor, fake: Tensor) -> tuple[float, float]:
    """Precision and recall by scikit-learn, as they come out when a sample is taken for its own first neighbour."""
    from sklearn.neighbors import NearestNeighbors

    def share(centres: np.ndarray, points: np.ndarray) -> float:
        radii = NearestNeighbors(n_neighbors=K).fit(centres).kneighbors(centres)[0][:, -1]
        return float((np.linalg.norm(points[:, None] - centres[None], axis=2) <= radii).any(axis=1).mean())

    real, fake = real.double().numpy(), fake.double().numpy()
    return share(real, fake), share(fake, real)


# ---------------------------------------------------------------- the rows


def digits_agreed(ours: float, theirs: float) -> float:
    """Return how many digits of two numbers agree: minus the logarithm of their relative difference, from 0 to 16."""
    if not math.isfinite(theirs):
        return 0.0
    if ours == theirs:
        return 16.0
    return round(max(0.0, min(16.0, -math.log10(abs(ours - theirs) / max(abs(ours), abs(theirs))))), 1)


SAME = "the same"
Row = tuple[str, str, str, float, float, str]  # number, library, call, ours, theirs, convention


def frechet(real: Tensor, fake: Tensor) -> Iterator[Row]:
    import ot

    name, ours = "Fréchet distance", image_sets.frechet_distance(real, fake)
    yield (
        name,
        "torchmetrics",
        "FrechetInceptionDistance",
        ours,
        torchmetrics_fid(real, fake, torch.float32),
        ("returns float32"),
    )
    yield (
        name,
        "torchmetrics",
        "the same with set_dtype(float64)",
        ours,
        torchmetrics_fid(real, fake, torch.float64),
        SAME,
    )
    yield name, "pytorch-fid", "calculate_frechet_distance", ours, pytorch_fid(real, fake), SAME
    yield (
        name,
        "pytorch-fid",
        "the same, covariances with divisor N",
        ours,
        pytorch_fid(real, fake, bias=True),
        ("divisor N, not N - 1"),
    )
    yield name, "torch-fidelity", "fid_statistics_to_metric", ours, torch_fidelity_fid(real, fake), "means in float32"
    a, b = real.double().numpy(), fake.double().numpy()
    bures = float(ot.gaussian.bures_wasserstein_distance(a.mean(0), b.mean(0), np.cov(a.T), np.cov(b.T)))
    yield (
        name,
        "POT",
        "gaussian.bures_wasserstein_distance",
        ours,
        bures,
        ("not squared" if math.isfinite(bures) else "no number: a covariance without an inverse"),
    )


def kernel(real: Tensor, fake: Tensor) -> Iterator[Row]:
    from sklearn.metrics.pairwise import polynomial_kernel

    name, ours = "kernel distance", image_sets.kernel_distance(real, fake)
    for dtype, says in ((torch.float32, "in float32"), (torch.float64, SAME)):
        whole = torchmetrics_kid(real, fake, dtype, 1, N)[0]
        yield (
            name,
            "torchmetrics",
            f"KernelInceptionDistance, all samples, {dtype}".replace("torch.", ""),
            ours,
            whole,
            says,
        )
    parts = torchmetrics_kid(real, fake, torch.float64, 100, N // 2)[0]
    yield name, "torchmetrics", "the same, 100 parts of half the samples", ours, parts, "a mean over random parts"
    for estimate, says in (("unbiased", SAME), ("biased", "biased: pairs of a sample with itself are counted")):
        yield name, "torch-fidelity", f'mmd2, "{estimate}"', ours, torch_fidelity_kid(real, fake, estimate), says
    a, b = real.double().numpy(), fake.double().numpy()
    means = [float(polynomial_kernel(x, y).mean()) for x, y in ((a, a), (b, b), (a, b))]
    biased = "biased: pairs of a sample with itself are counted"
    yield name, "scikit-learn", "mean of polynomial_kernel", ours, means[0] + means[1] - 2 * means[2], biased


def shares(real: Tensor, fake: Tensor) -> Iterator[Row]:
    ours = dict(zip(("precision", "recall"), image_sets.precision_recall(real, fake, k=K), strict=True))
    ours |= dict(zip(("density", "coverage"), neighbours.density_coverage(real, fake, k=K), strict=True))
    theirs = authors_prdc(real, fake)
    for name, value in ours.items():
        strict = "strictly inside the ball; ours counts the rim"
        yield name, "prdc", "compute_prdc", value, theirs[name], SAME if value == theirs[name] else strict
    for first, second, says in ((fake, real, "generated first"), (real, fake, "roles exchanged")):
        found = torch_fidelity_prc(first, second)
        for place, name in enumerate(("precision", "recall")):
            yield name, "torch-fidelity", f"prc_features_to_metric, {says}", ours[name], found[place], says
    for name, value in zip(("precision", "recall"), itself_counted(real, fake), strict=True):
        yield name, "scikit-learn", "kneighbors(the same points)", ours[name], value, "k counts the sample itself"


def lines(real: Tensor, fake: Tensor) -> Iterator[Row]:
    import ot
    from scipy.stats import wasserstein_distance, wasserstein_distance_nd

    column = int(real.var(dim=0).argmax())
    a, b = (points[:, column].double() for points in (real, fake))
    name, ours = "W1 of one feature", transport.wasserstein_1d(a, b)
    yield name, "scipy", "stats.wasserstein_distance", ours, float(wasserstein_distance(a.numpy(), b.numpy())), SAME
    yield name, "POT", "wasserstein_1d", ours, float(ot.wasserstein_1d(a.numpy(), b.numpy(), p=1)), SAME
    few = [points[:FEW].double() for points in (real, fake)]
    name, ours = f"W1 of {FEW} samples", transport.wasserstein_by_assignment(*few)
    weights = np.full(FEW, 1 / FEW)
    x, y = (points.numpy() for points in few)
    yield name, "POT", "emd2", ours, float(ot.emd2(weights, weights, ot.dist(x, y, metric="euclidean"))), SAME
    yield (
        name,
        "POT",
        "emd2, dist as it comes",
        ours,
        float(ot.emd2(weights, weights, ot.dist(x, y))),
        ("squared distances are ot.dist's own choice"),
    )
    yield name, "scipy", "stats.wasserstein_distance_nd", ours, float(wasserstein_distance_nd(x, y)), SAME
    ways = torch.randn(real.shape[1], DIRECTIONS, generator=runtime.generator(SEED), dtype=torch.float64)
    ways = (ways / ways.norm(dim=0)).numpy()
    x, y = real.double().numpy(), fake.double().numpy()
    one = transport.sliced_wasserstein(real, fake, directions=DIRECTIONS, generator=runtime.generator(SEED))
    two = two_samples.sliced_w2(real, fake, directions=DIRECTIONS, generator=runtime.generator(SEED))
    theirs = [float(ot.sliced_wasserstein_distance(x, y, projections=ways, p=p)) for p in (1, 2)]
    call = "sliced_wasserstein_distance"
    yield "sliced W1", "POT", f"{call}, p=1", one, theirs[0], SAME
    yield "sliced W2, squared, times D", "POT", f"{call}, p=2", two, theirs[1], "not squared, not times D"
    yield "sliced W2, squared, times D", "POT", "the same, squared, times D", two, theirs[1] ** 2 * x.shape[1], SAME


def score(probabilities: Tensor) -> Iterator[Row]:
    name, ours = "inception-style score", image_sets.inception_style_score(probabilities)
    yield name, "torchmetrics", "InceptionScore, splits=1", ours, torchmetrics_score(probabilities, 1), SAME
    yield name, "torchmetrics", "InceptionScore, splits=10", ours, torchmetrics_score(probabilities, 10), "ten parts"


LIBRARIES = ("torchmetrics", "pytorch-fid", "torch-fidelity", "prdc", "POT", "scipy", "scikit-learn", "numpy")


def libraries(wanted: Callable[[str], bool]) -> Iterator[dict[str, Any]]:
    """Yield a row for each set, number and call; then the two columns that a learner is to name."""
    made = sets()
    real = made["reference"][0]
    versions = {name: version(name) for name in LIBRARIES}
    asked = [name for name in made if name != "reference"]
    for name in asked:
        fake, probabilities = made[name]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rows = [row for ask in (frechet, kernel, shares, lines) for row in ask(real, fake)]
            rows += list(score(probabilities))
        for number, library, call, ours, theirs, convention in rows:
            title = f"{name}; {number}; {library}; {call}"
            if not wanted(title):
                continue
            agreed = digits_agreed(ours, theirs)
            print(
                f"{name:22s} {number:28s} {library:15s} {call:48s} {ours:14.8g} {theirs:14.8g} {agreed:5.1f}",
                flush=True,
            )
            yield {
                "name": title, "set": name, "number": number, "library": library, "version": versions[library],
                "call": call, "ours": ours, "theirs": theirs if math.isfinite(theirs) else None, "digits": agreed,
                "convention": convention,
            }  # fmt: skip
    columns = [torch_fidelity_prc(real, made[name][0]) for name in asked]  # real first: roles exchanged
    yield {
        "name": "two columns without a name", "library": "torch-fidelity", "version": versions["torch-fidelity"],
        "sets": asked, "A": [first for first, _ in columns], "B": [second for _, second in columns],
        "A_is": "recall", "B_is": "precision", "versions": versions,
    }  # fmt: skip
