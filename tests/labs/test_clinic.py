"""The clinic: patients are drawn, tests are read as the instruments read them, and the score is kept."""

import pytest
import torch

from gancourse import ward
from gancourse.labs import clinic


@pytest.fixture
def panel():
    made = clinic.panel(3)
    yield made
    made.close()


def until_a_look(run):
    while not run.readings:
        run.step()
    return run


def another(run, name):
    return next(other for other in run.illnesses if other != name)


def test_patients_are_drawn_from_the_seed_and_nobody_can_have_what_its_world_does_not_know():
    for world in clinic.WORLDS.values():
        rows = []
        for _ in range(2):
            run, row = clinic.Clinic(5, world=world), []
            for _ in range(12):
                assert run.planted in run.illnesses and world in ward.ILLNESSES[run.planted].worlds
                row.append(run.planted)
                run.next_patient()
            rows.append(row)
        assert rows[0] == rows[1] and len(set(rows[0])) > 3
    assert clinic.Clinic(5).planted != clinic.Clinic(6).planted or clinic.Clinic(7).planted != clinic.Clinic(6).planted


def test_a_patient_on_the_ring_is_trained_and_read_at_the_looks_of_the_stored_charts():
    run = clinic.Clinic(0)
    twin = ward.admit(run.planted, "ring", run.patient.seed)
    looks = ward.charts("ring")[0].steps.tolist()
    for _ in range(looks[0] - 1):
        run.step()
    assert run.readings == {} and len(run.trace["d_loss"]) == looks[0] - 1
    run.step()
    twin.train(looks[0])
    assert run.readings == twin.readings() and run.trace["real_logit"][0] == (looks[0], run.readings["real_logit"])
    assert run.trace["d_loss"][-1] == (looks[0], float(twin.history["d_loss"][-1]))


def test_on_digits_a_stored_chart_is_opened_look_by_look_and_the_samples_come_last():
    run = clinic.Clinic(1, world="digits")
    assert run.patient is None and run.chart.illness == run.planted
    run.step()
    assert run.steps_done == run.looks[0] and run.readings["distinct"] == float(run.chart.traces["distinct"][0])
    run.draw()
    assert float(run._picture._image.get_array().max()) == 0.0
    for _ in range(20):
        run.step()
    assert run.steps_done == run.looks[-1] and "ended" in run.resting
    run.draw()
    assert float(run._picture._image.get_array().std()) > 0.0


def test_a_test_is_shown_beside_healthy_runs_at_the_same_look():
    run = until_a_look(clinic.Clinic(2, world="digits"))
    run.test = "g_movement"
    run.test = "g_movement"
    low, high = run.usual("g_movement")
    healthy = [float(c.traces["g_movement"][0]) for c in ward.charts("digits") if c.illness == ward.HEALTHY]
    assert (low, high) == (min(healthy), max(healthy)) and run.ordered == ["g_movement"] and run.test == ""
    tests, answers, wrong = run.lines()
    assert tests == [f"movement of G: {clinic.diagnosis.short(run.readings['g_movement'])} (healthy: "
                     f"{clinic.diagnosis.short(low)} to {clinic.diagnosis.short(high)})"]  # fmt: skip
    assert answers == ["none yet"] and wrong == ["nothing yet"]


def test_the_first_diagnosis_counts_and_the_truth_is_told_only_then():
    run = clinic.Clinic(4, world="digits")
    run.illness = run.planted
    assert run.named == "" and "Let it train first" in run.status()
    until_a_look(run)
    assert run.planted not in run.status()
    wrong = another(run, run.planted)
    run.illness = wrong
    run.illness = run.planted  # too late
    assert run.answers == [(run.planted, wrong)] and run.hits == 0
    said = run.status()
    assert f"It was: {run.planted}." in said and ward.ILLNESSES[run.planted].says in said and "Score: 0 of 1." in said


def test_score_and_confusions_go_on_from_patient_to_patient():
    run = clinic.Clinic(4, world="digits")
    planted = []
    for at in range(8):
        until_a_look(run)
        planted.append(run.planted)
        run.illness = run.planted if at % 2 else another(run, run.planted)
        run.next_patient()
    assert run.hits == 4 and len(run.answers) == 8 and sum(n for *_, n in run.confused()) == 4
    assert run.confused()[0][0] in planted[::2] and "Score: 4 of 8." in run.status()
    run.reset()
    assert run.answers == [] and run.number == 1


def test_nan_is_a_finding_and_no_error():
    run = clinic.Clinic(0)
    run.patient.step = lambda real: {"d_loss": torch.tensor(float("nan")), "g_loss": torch.tensor(0.0)}
    run.step()
    run.step()
    assert "no longer a number" in run.status() and run.steps_done == 0


def test_the_panel_plays_orders_and_answers(panel):
    run = panel.stepper
    panel.advance(run.looks[0])
    panel.controls["test"].value = "distinct"
    assert run.ordered == ["distinct"] and panel.controls["test"].value == ""
    panel.controls["illness"].value = run.planted
    assert "Right: " in panel.status_text and panel.alert_text == ""
    panel.actions["next_patient"].click()
    assert run.number == 2 and panel.controls["illness"].value == ""
    panel.controls["world"].value = "digits"
    assert run.world == "digits" and run.number == 1 and run.patient is None
    panel.advance(1)
    assert run.readings and panel.png


@pytest.mark.parametrize("name", ["test", "illness", "world"])
def test_what_is_none_of_the_choices_is_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be one of"):
        setattr(clinic.Clinic(0), name, "a cold")
