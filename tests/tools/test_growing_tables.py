"""tools/growing_tables.py on a few digits: the parts change what they say, the plans cost what they say."""

import pytest
import torch
from torch import nn

import growing_tables
from gancourse import growing, measured, recommended, runtime, styling
from gancourse.data import digits
from gancourse.metrics import judge as judges
from gancourse.models import dense_conv, parts


@pytest.fixture
def few(monkeypatch):
    """Embedded digits of 28 pixels, and short runs with few samples."""
    data = digits.load("embedded")
    judge = judges.load(data)
    at = growing_tables.Bench(data, judge, judge.features(data.test_images[:200]), data.test_images[200:260])
    for name, value in (("bench", lambda: at), ("SAMPLES", 60), ("SCORED", 50), ("PARTS_STEPS", 2)):
        monkeypatch.setattr(growing_tables, name, value)
    monkeypatch.setattr(styling, "_COUNTED", 500)
    return at


def test_the_numbers_are_those_of_the_samples(few):
    real = growing_tables.numbers(few.others)
    grey = growing_tables.numbers(torch.zeros(60, 1, 28, 28))
    assert real["frechet"] < 0.2 * grey["frechet"] and real["clear"] > 0.7 > grey["clear"]
    assert real["precision"] > 0.5 and real["recall"] > 0.5 and grey["recall"] == 0


def test_both_plans_cost_the_same_by_what_a_step_costs():
    rows = {row["name"]: row for row in measured.load("growing")["rows"]}
    for body, whole, grows in (("pair", "full size", "grow"), ("stack", "stack: full size", "stack: grow")):
        first, second, third = rows["step times"][f"ms_{body}"]
        share = 0.2 * first + 0.25 * second + 0.55 * third
        steps = {name: growing_tables.GROWING[name][3] for name in (whole, grows)}
        assert steps[grows] * share == pytest.approx(steps[whole] * third, rel=0.06)


def test_each_part_replaces_what_it_says_and_nothing_else():
    with runtime.seeded(0):
        plain = growing_tables.plain_pair()
    kinds = lambda network: [type(layer) for layer in network.modules()]  # noqa: E731
    g, d = growing_tables.PARTS["minibatch deviation"]()
    assert kinds(g) == kinds(plain[0]) and sum(isinstance(m, parts.MinibatchDeviation) for m in d.modules()) == 1
    count = lambda network: sum(p.numel() for p in network.parameters())  # noqa: E731
    assert count(d) == count(plain[1]) + 49 * 256 and d(torch.zeros(3, 1, 28, 28)).shape == (3,)
    for name, norm in (("pixel norm for batch norm", parts.PixelNorm), ("no norm for batch norm", nn.Identity)):
        g, d = growing_tables.PARTS[name]()
        swapped = [norm if kind in (nn.BatchNorm1d, nn.BatchNorm2d) else kind for kind in kinds(plain[0])]
        assert kinds(g) == swapped and kinds(d) == kinds(plain[1])
        assert count(g) == count(plain[0]) - (256 + 1568 + 16)  # one bias where batch norm had two numbers
        assert g(torch.zeros(3, 32)).shape == (3, 1, 28, 28)
    for rate in (3, 10, 30):
        name = f"equalised, rate x {rate}"
        for network in growing_tables.PARTS[name]():
            layer = next(m for m in network.modules() if isinstance(m, nn.Linear) and m.out_features == 256)
            stored = layer.parametrizations.weight.original
            assert float(stored.detach().std()) == pytest.approx(1 / rate, rel=0.05)


def test_the_control_is_the_recommended_recipe(few):
    ours = growing_tables.trained_pair(growing_tables.plain_pair, 3)
    theirs = styling.train(few.data.images, latent_dim=32, num_steps=2, seed=3)
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))


def test_slower_rows_have_a_quarter_of_the_rates(few, monkeypatch):
    seen, real = [], recommended.assemble
    monkeypatch.setattr(recommended, "assemble", lambda *pair, **how: seen.append(how["rates"]) or real(*pair, **how))
    names = ("no norm for batch norm", "no norm for batch norm, rates / 4")
    rows = list(growing_tables.parts_table([0], lambda name: name in names))
    assert [row["name"] for row in rows] == list(names) and seen == [None, growing_tables.SLOWER]
    with runtime.seeded(0):
        usual = real(*growing_tables.plain_pair(), width=16, num_steps=2)
    rates = [adam.param_groups[0]["lr"] for adam in (usual.g_optimizer, usual.d_optimizer)]
    assert rates == pytest.approx([4 * rate for rate in growing_tables.SLOWER])


@pytest.mark.parametrize("name", ["minibatch deviation", "equalised, rate x 30"])
def test_a_row_is_whole(few, name):
    (row,) = growing_tables.parts_table([0, 1], lambda wanted: wanted == name)
    assert row["name"] == name and row["steps"] == 2 and row["seeds"] == [0, 1]
    assert all(len(row[key]) == 2 for key in ("frechet", "clear", "precision", "recall", "cpu_seconds"))
    assert measured.samples(row).shape == (16, 1, 28, 28)


def test_growing_rows_are_made_by_their_plan(few, monkeypatch):
    seen = []

    def noted(images, **how):
        seen.append(how)
        return dense_conv.Generator(latent_dim=32).eval()

    monkeypatch.setattr(growing, "train", noted)
    rows = list(growing_tables.growing_table([4], lambda name: name != growing_tables.STEP_TIMES))
    assert [row["name"] for row in rows] == list(growing_tables.GROWING)
    jump = seen[2]
    assert (jump["fade"], jump["starts"], jump["seed"], jump["num_steps"]) == (False, growing.STARTS, 4, 540)
    assert seen[0]["starts"] == growing.FULL_SIZE and seen[4]["body"] == "stack"


def test_step_times_are_of_every_size_and_counts_by_hand(few, monkeypatch):
    monkeypatch.setattr(growing_tables, "ROUNDS", 1)
    monkeypatch.setattr(growing_tables, "STEPS_A_ROUND", 1)
    found = growing_tables.step_times(0)
    whole = 32 * 256 + 256 * 1568 + 512 * 16 * 49 + 16 * 16 * 196
    assert found["multiplications_pair"][2] == [whole, 16 * 16 * 196 + 512 * 16 * 49 + 1568 * 256 + 256]
    assert all(len(found[f"ms_{body}"]) == 3 and min(found[f"ms_{body}"]) > 0 for body in ("pair", "stack"))
    assert recommended.R1_EVERY == 8  # STEPS_A_ROUND holds R1 once


def test_stored_growing_costs_more_here_and_counts_say_where_it_would_not():
    rows = {row["name"]: row for row in measured.load("growing")["rows"]}
    assert list(rows) == [name for name in growing_tables.NAMES if name in rows]
    assert min(rows["grow"]["frechet"]) > max(rows["full size"]["frechet"])
    spent = {name: sum(rows[name]["cpu_seconds"]) for name in ("grow", "full size")}
    assert spent["grow"] == pytest.approx(spent["full size"], rel=0.15)
    times = rows["step times"]
    assert times["ms_pair"][1] > 0.8 * times["ms_pair"][2] and times["ms_stack"][1] < 0.5 * times["ms_stack"][2]
