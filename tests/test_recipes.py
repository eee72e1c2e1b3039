"""Named recipes fit together, and stored measurements are found or refused by name."""

import dataclasses

import pytest
import torch

from gancourse import measured
from gancourse.ensembles import Ensemble
from gancourse.metrics import modes
from gancourse.models.features import FourierFeatures, InTurn, MinibatchStd, Packing
from gancourse.recipes import GRID, LITERATURE_RING, RING, SWITCHES


def test_problems_are_the_papers_after_scaling():
    for problem, name in ((GRID, "grid"), (LITERATURE_RING, "ring")):
        theirs = modes.PROTOCOLS[name].target
        assert torch.allclose(problem.scale * problem.target.modes, theirs.modes)
        assert problem.scale * problem.target.mode_std == pytest.approx(theirs.mode_std)
        assert problem.target.modes.square().sum(1).mean() == pytest.approx(2, abs=1e-6), "unit variance an axis"


def test_every_switch_can_be_set_on_the_way():
    recipe = dataclasses.replace(RING.recipe, hidden=4, batch_size=4)
    ensemble = Ensemble(recipe, RING.target, seeds=[0, 1], **SWITCHES["cover"])
    for settings in SWITCHES.values():
        ensemble.set(**settings)
        ensemble.train(1)
        assert all(getattr(ensemble, name).tolist() == [value] * 2 for name, value in settings.items())
    changed = {name for name in SWITCHES["cover"] if SWITCHES["cover"][name] != SWITCHES["no penalty"][name]}
    assert changed == {"r1", "r2"}, "the control differs in the penalties only"


def test_transforms_in_turn():
    points, fourier = torch.randn(3, 8, 2), FourierFeatures(count=5)
    both = InTurn(fourier, Packing(2))
    assert both.width(2) == 24
    assert torch.equal(both(points), Packing(2)(fourier(points)))
    assert both(points).shape == (3, 4, 24)
    assert InTurn(MinibatchStd(), fourier_of(4)).width(2) == 4 + 10


def fourier_of(dim):
    return FourierFeatures(dim=dim, count=5)


def test_stored_measurements_by_name():
    for name in measured.names():
        table = measured.load(name)
        assert table["rows"]
        assert table["made"]["date"] in measured.origin(table)
    with pytest.raises(ValueError, match="name must be one of .*, got 'nothing'"):
        measured.load("nothing")
