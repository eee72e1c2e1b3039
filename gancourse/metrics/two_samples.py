"""Are two sets of samples draws of one distribution? Asked of a classifier, and of all shadows on a line.

| function | asks | cannot see |
|---|---|---|
| :func:`classifier_test` | can a classifier learn to tell them apart? | what its kind of border cannot divide |
| :func:`sliced_w2` | do all shadows on a line have the same shape? | copies |

Both take features. The exact distances of ``metrics.transport`` grow too costly for thousands of samples.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gancourse._numbers import whole_between
from gancourse.metrics import _inputs

__all__ = ["ClassifierTest", "classifier_test", "sliced_w2"]

_DECAY, _MOST_STEPS = 10.0, 200  # of a hidden layer: weight decay against learning by heart; steps of L-BFGS


class ClassifierTest(NamedTuple):
    """What a classifier achieves on samples it was not trained on: two shares, 1/2 if it cannot tell them apart.

    ``accuracy`` is the mean of two shares, of real ones and of fakes that it names correctly. ``auc`` is the chance
    that of one real sample and one fake, drawn at random, it takes the real one for the more real.
    """

    accuracy: float
    auc: float


def classifier_test(real: Tensor, fake: Tensor, *, hidden: int = 0, generator: torch.Generator) -> ClassifierTest:
    """Train a classifier to tell real samples from fakes, on one half of each, and return how it does on the other.

    A discriminator that is made after the training, for the judging alone. Without a hidden layer (logistic
    regression) it sees a shift of the mean; with one it sees more and needs more samples. With n held-out
    samples in all, chance moves the accuracy of a guesser by about 0.5 / sqrt(n), one standard deviation.

    Args:
        real: features, shape (N, D), floating point, finite, N at least 4.
        fake: features, shape (M, D), M at least 4.
        hidden: units of the one hidden layer, at least 0; 0 for none.
        generator: draws the halves, and the first weights of a hidden layer.
    Raises:
        TypeError, ValueError: an argument is anything else.
    Source: Lopez-Paz and Oquab (2017).
    First met in: notebook 10.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    real, fake = _inputs.pair(real, fake)
    hidden = whole_between("hidden", hidden, 0)
    for name, samples in (("real", real), ("fake", fake)):
        if len(samples) < 4:
            raise ValueError(
                f"{name} must hold at least 4 samples, two to train on and two to test, got {len(samples)}"
            )
    (real, held_out_real), (fake, held_out_fake) = (_halves(samples, generator) for samples in (real, fake))
    if hidden:
        seed = int(torch.randint(2**31 - 1, (), generator=generator, device=generator.device))
        classifier = MLPClassifier((hidden,), solver="lbfgs", alpha=_DECAY, max_iter=_MOST_STEPS, random_state=seed)
    else:
        classifier = LogisticRegression(max_iter=2_000)
    model = make_pipeline(StandardScaler(), classifier)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the steps are a budget
        model.fit(np.concatenate([real, fake]), np.repeat([1, 0], [len(real), len(fake)]))
    says_real, says_fake = (model.predict_proba(samples)[:, 1] for samples in (held_out_real, held_out_fake))
    accuracy = float(np.mean(says_real > 0.5) + np.mean(says_fake <= 0.5)) / 2
    truth = np.repeat([1, 0], [len(says_real), len(says_fake)])
    return ClassifierTest(accuracy, float(roc_auc_score(truth, np.concatenate([says_real, says_fake]))))


def _halves(samples: Tensor, generator: torch.Generator) -> tuple[np.ndarray, np.ndarray]:
    order = torch.randperm(len(samples), generator=generator, device=generator.device).cpu()
    half = len(samples) // 2
    return samples[order[:half]].numpy(), samples[order[half:]].numpy()


def sliced_w2(real: Tensor, fake: Tensor, *, directions: int = 500, generator: torch.Generator) -> float:
    """Return D times the mean square of the Wasserstein-2 distance between shadows on random lines.

    On a line the best transport keeps the order, so sorting solves it. It is squared like the Frechet distance, and
    the factor D makes both the same for a pure shift: its squared length. But it compares whole shadows rather than
    their means and spreads. Never more than the squared Wasserstein-2 distance. It falls with the number of
    samples, also for a perfect generator.

    Args:
        real: features, shape (N, D), floating point, finite, N at least 2.
        fake: features, shape (M, D); M may differ from N.
        directions: how many random directions, at least 1.
        generator: draws them.
    Returns:
        A number, at least 0, in the unit of the features squared.
    Raises:
        TypeError, ValueError: an argument is anything else.
    Source: Rabin et al. (2011); on the features of one published network, with a factor of its own, it is called MIND
        (Berthet et al. 2026).
    First met in: notebook 10.
    """
    real, fake = _inputs.pair(real, fake)
    directions = whole_between("directions", directions, 1)
    ways = torch.randn(real.shape[1], directions, generator=generator, device=generator.device, dtype=torch.float64)
    ways = (ways / ways.norm(dim=0)).cpu()
    shadows_real, shadows_fake = ((samples @ ways).sort(dim=0).values for samples in (real, fake))
    # the two shadows as functions of the share that lies below: both are constant between these shares
    n, m = len(real), len(fake)
    shares = torch.cat([torch.arange(n + 1) * m, torch.arange(1, m) * n]).unique()  # in units of 1 / (n m), exact
    below = shares[:-1]
    moved = shadows_real[below // m] - shadows_fake[below // n]
    mean = (shares.diff().double() / (n * m)) @ moved.square()
    return float(real.shape[1] * mean.mean())
