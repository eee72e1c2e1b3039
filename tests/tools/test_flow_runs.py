"""tools/flow_runs.py on a few digits: equal trials, equal seconds, one teacher for all students, and what is stored."""

import pytest
import torch

import flow_runs
import growing_tables
import r3gan_runs
from gancourse import measured, styling
from gancourse.data import digits
from gancourse.metrics import judge as judges


@pytest.fixture
def few(monkeypatch):
    """Embedded digits of 28 pixels, and short runs with few samples."""
    data = digits.load("embedded")
    judge = judges.load(data)
    at = growing_tables.Bench(data, judge, judge.features(data.test_images[:200]), data.test_images[200:260])
    for module in (growing_tables, r3gan_runs, flow_runs):
        monkeypatch.setattr(module, "bench", lambda: at)
        monkeypatch.setattr(module, "SAMPLES", 60)
    monkeypatch.setattr(growing_tables, "SCORED", 50)
    monkeypatch.setattr(styling, "_COUNTED", 500)
    monkeypatch.setattr(flow_runs, "STEPS", {"GAN": 2, "flow": 2})
    monkeypatch.setattr(flow_runs, "PAIRS", 64)
    flow_runs.trained.cache_clear()
    flow_runs.held_out.cache_clear()
    monkeypatch.setattr(flow_runs, "ARMS", {name: (a, b, 2) for name, (a, b, _) in flow_runs.ARMS.items()})
    yield at
    flow_runs.trained.cache_clear()
    flow_runs.held_out.cache_clear()


def test_copies_are_not_new_and_held_out_digits_are(few):
    assert flow_runs.seen(few.data.images[:60])["newness"] == 0
    assert flow_runs.seen(few.others)["newness"] == 1
    squared = (few.others[0] - few.data.images).square().sum((1, 2, 3)).min()
    assert flow_runs.nearest(few.others[:1]) == pytest.approx(float(squared), rel=1e-4)


def test_the_flow_got_as_many_trials_as_the_gan():
    gans = [loss for loss, _, _ in r3gan_runs.SEARCH.values()]
    assert len(flow_runs.SEARCH) == gans.count("non_saturating") == gans.count("relativistic") == 8
    by_arm = [arm for arm, _ in flow_runs.STUDENT_SEARCH.values()]
    assert {by_arm.count(arm) for arm in flow_runs.ARMS} == {2}


def test_rows_of_the_race(few):
    wanted = {"GAN", "flow, 1 step", "flow, 8 steps, heun", flow_runs.REAL}
    rows = {row["name"]: row for row in flow_runs.race([5, 6], lambda name: name in wanted)}
    assert set(rows) == wanted
    assert rows["flow, 8 steps, heun"]["calls"] == 15 and rows["flow, 1 step"]["calls"] == 1
    for name in wanted - {flow_runs.REAL}:
        row = rows[name]
        assert row["seeds"] == [5, 6] and len(row["frechet"]) == len(row["seconds_1000"]) == 2
        assert measured.samples(row).shape == (24, 1, 28, 28)
    first = measured.samples(rows["flow, 1 step"])
    model = flow_runs.flowing.train(few.data.images, num_steps=2, seed=5, **flow_runs.CHOSEN)
    again = flow_runs.flowing.draw(model, 60, steps=1, seed=11)
    assert torch.allclose(first, again[:24], atol=0.01)


def test_students_of_one_seed_have_one_teacher_and_the_same_noise(few):
    rows = {row["name"]: row for row in flow_runs.distilled([5], lambda name: not name.startswith("search"))}
    assert list(rows) == [flow_runs.TEACHER, flow_runs.AT_ONCE, *flow_runs.ARMS]
    teacher = rows[flow_runs.TEACHER]
    assert teacher["kept"] == [1.0] and teacher["error"] == [0.0]
    lesson = flow_runs.Lesson(5)
    assert torch.allclose(measured.samples(teacher), lesson.answers[:24], atol=0.01)
    error = float((flow_runs.distilling.one_step(lesson.teacher, lesson.fresh) - lesson.answers).square().mean())
    assert rows[flow_runs.AT_ONCE]["error"] == [pytest.approx(error, abs=1e-4)]
    assert not torch.equal(lesson.noise[:60], lesson.fresh)


def test_a_search_is_on_its_own_seed(few):
    name = next(iter(flow_runs.SEARCH))
    (row,) = flow_runs.race([5], lambda wanted: wanted == name)
    assert row["seeds"] == [flow_runs.SEARCH_SEED] and row["settings"] == flow_runs.SEARCH[name]
    name = next(iter(flow_runs.STUDENT_SEARCH))
    (row,) = flow_runs.distilled([5], lambda wanted: wanted == name)
    assert row["seeds"] == [flow_runs.SEARCH_SEED] and len(row["frechet"]) == 1


# ---------------------------------------------------------------- what is stored


def stored(name):
    return {row["name"]: row for row in measured.load(name)["rows"]}


def test_what_was_chosen_is_the_best_of_the_search():
    rows = stored("flow")
    best = min(flow_runs.SEARCH, key=lambda name: rows[name]["frechet"][0])
    assert flow_runs.SEARCH[best] == flow_runs.CHOSEN
    rows = stored("distilled")
    for arm in flow_runs.ARMS:
        best = min(
            (name for name, (of, _) in flow_runs.STUDENT_SEARCH.items() if of == arm),
            key=lambda name: rows[name]["frechet"][0],
        )
        assert flow_runs.STUDENT_SEARCH[best][1] == flow_runs.STUDENT_CHOSEN[arm]


def test_the_flow_has_no_fewer_seconds_than_the_gan():
    rows = stored("flow")
    for gan, flow in zip(rows["GAN"]["cpu_seconds"], rows["flow, 16 steps"]["cpu_seconds"], strict=True):
        assert 1 <= flow / gan < 1.35
