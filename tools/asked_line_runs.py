"""What ``tools/tables.py asked-line`` measures: classes on a line, by each way of telling, beside exact answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from asked_runs import Wanted, rounded
from gancourse.data import classes
from gancourse.ensembles.conditional import ConditionalEnsemble

LINES = {"two classes": (-1.0, 1.0), "three classes": (-2.0, 0.0, 2.0)}
WEIGHTS = (0.1, 0.3, 1.0, 3.0)
ON_LINE: dict[str, tuple[str, dict[str, Any]]] = {
    "projection": ("projection", {}),
    "concatenation": ("concatenation", {}),
    "D gets no label": ("blind", {}),
    **{
        f"AC-GAN, weight {weight:g}, classifier on {on}": ("classifier", {"weight": weight, "classifier_on": on})
        for on in ("real", "both")
        for weight in WEIGHTS
    },
    "AC-GAN with a twin": ("twin", {}),
}
NAMES = [f"{line}: {name}" for line in LINES for name in ON_LINE]
SAMPLES = 4_000


def table(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield a row for each number of classes and way of telling, with the exact answers it is compared with."""
    for line, means in LINES.items():
        truth = classes.on_a_line(means)
        for name, (kind, how) in ON_LINE.items():
            if not wanted(full := f"{line}: {name}"):
                continue
            started = time.process_time()
            ensemble = ConditionalEnsemble(kind, truth, seeds=seeds, **how)
            ensemble.train()
            spent = time.process_time() - started
            samples = ensemble.draw(SAMPLES)
            w1 = truth.distances(samples)
            exact = {"cut": float(truth.distances(truth.cut(SAMPLES)).mean())}
            if how.get("classifier_on") == "real":
                rest = truth.auxiliary(how["weight"], SAMPLES)
                exact |= {"rest": float(truth.distances(rest).mean()), "rest_means": rest.mean(1).tolist()}
                exact |= {"rest_stds": rest.std(1).tolist()}
            print(
                f"{full:52s} W1 {w1.mean():.3f} [{w1.mean(1).min():.3f}, {w1.mean(1).max():.3f}]  {exact}", flush=True
            )
            yield {
                "name": full, "means": means, "seeds": seeds, "steps": ensemble.num_steps, **how,
                "w1": rounded(w1.mean(1)), "w1_per_class": rounded(w1),
                "w1_of_all": rounded(truth.distance_of_all(samples)),
                "class_means": rounded(samples.mean(2)), "class_stds": rounded(samples.std(2)),
                "exact": {key: rounded(value) for key, value in exact.items()}, "cpu_seconds": round(spent, 1),
            }  # fmt: skip
