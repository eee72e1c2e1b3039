"""The loop: what it records, where it stops, and that watching a run never changes it."""

import os
import signal
import threading

import pytest
import torch
from torch import nn

from gancourse import training
from moments import interrupts


def counter():
    """A stream of batches that counts what was taken."""
    number = 0
    while True:
        number += 1
        yield number


def test_history_records_every_step():
    history = training.train(lambda real: {"d_loss": real * 2.0, "g_loss": torch.tensor(-real)}, counter(), num_steps=3)
    assert history.num_steps == 3 and not history.interrupted and history.seconds > 0
    assert history["d_loss"].tolist() == [2, 4, 6] and history["d_loss"].dtype == torch.float64
    assert history["g_loss"].tolist() == [-1, -2, -3]
    assert history.steps("g_loss").tolist() == [1, 2, 3] and history.terms == ["d_loss", "g_loss"]


def test_a_term_may_come_only_now_and_then():
    history = training.train(
        lambda real: {"d_loss": 1.0} | ({"g_loss": real} if real % 3 == 0 else {}), counter(), num_steps=250
    )
    assert history.steps("g_loss").tolist() == list(range(3, 251, 3)) == history["g_loss"].tolist()
    assert len(history["d_loss"]) == 250


def test_an_unknown_term_is_named_with_those_there_are():
    history = training.train(lambda real: {"d_loss": 1.0}, counter(), num_steps=1)
    with pytest.raises(KeyError, match="no number called 'loss'.*d_loss"):
        history["loss"]


@pytest.mark.filterwarnings("error")
def test_recording_lets_the_graph_go():
    weight = torch.ones(3, requires_grad=True)
    history = training.train(lambda real: {"d_loss": (weight * real).sum()}, counter(), num_steps=2)
    assert not history["d_loss"].requires_grad


def test_snapshots_come_at_their_steps_and_change_nothing():
    def run(looking):
        torch.manual_seed(0)
        network = nn.Linear(2, 1)
        optimizer = torch.optim.SGD(network.parameters(), 0.1)

        def step(real):
            loss = network(torch.randn(4, 2)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return {"loss": loss}

        seen = []
        history = training.train(
            step,
            counter(),
            num_steps=5,
            snapshot=(lambda: torch.rand(2).requires_grad_() * 2) if looking else None,
            snapshot_at=[0, 2, 5, 99] if looking else (),
            on_snapshot=lambda number, value: seen.append(number),
        )
        return network.weight.detach().clone(), history, seen

    quiet, _, _ = run(looking=False)
    watched, history, seen = run(looking=True)
    assert torch.equal(quiet, watched)
    assert list(history.snapshots) == seen == [0, 2, 5]
    assert not history.snapshots[2].requires_grad


def test_carrying_on_counts_and_snapshots_further():
    step, stream = (lambda real: {"d_loss": real}), counter()
    history = training.train(step, stream, num_steps=2, snapshot=lambda: "s", snapshot_at=(0, 2, 3))
    again = training.train(step, stream, num_steps=2, history=history, snapshot=lambda: "later", snapshot_at=(2, 3))
    assert again is history and history.num_steps == 4
    assert history["d_loss"].tolist() == [1, 2, 3, 4] and history.snapshots == {0: "s", 2: "s", 3: "later"}


@pytest.mark.skipif(os.name == "nt", reason="signals to one's own process differ on Windows")
def test_an_interrupt_waits_for_the_end_of_the_step():
    halves = []

    def step(real):
        halves.append("D")
        if real == 3:
            signal.raise_signal(signal.SIGINT)
        halves.append("G")
        return {"d_loss": real}

    before = signal.getsignal(signal.SIGINT)
    history = training.train(step, counter(), num_steps=10)
    assert history.interrupted and history.num_steps == 3
    assert halves == ["D", "G"] * 3 and history["d_loss"].tolist() == [1, 2, 3]
    assert signal.getsignal(signal.SIGINT) is before
    history = training.train(step, counter(), num_steps=1, history=history)
    assert not history.interrupted and history.num_steps == 4


@pytest.mark.skipif(os.name == "nt", reason="signals to one's own process differ on Windows")
def test_an_interrupt_at_any_moment_loses_no_step_and_no_record():
    """At each line of the loop, of what it calls, and of what Python runs between: not only inside a step."""
    done = []

    def train(history=None):
        return training.train(
            lambda real: done.append(real) or {"d_loss": float(len(done)), "g_loss": torch.tensor(0.5)},
            counter(),
            num_steps=3,
            history=history,
            snapshot=lambda: len(done),
            snapshot_at=[1, 3],
            progress=False,
        )

    seen, stopped_after = 0, set()
    for where, history, raised in interrupts(train, "gancourse/training.py", "gancourse/runtime.py", "contextlib.py"):
        seen += 1
        if raised:  # before the loop; real signals are not looked at as a function returns
            assert not done or where.endswith("return history"), where
        else:
            recorded = history["d_loss"].tolist() if history.terms else []
            assert recorded == list(range(1, len(done) + 1)) and history.num_steps == len(done), where
            assert history.interrupted == (len(done) < 3), where
            assert history.snapshots == {step: step for step in (1, 3) if step <= len(done)}, where
            stopped_after.add(len(done))
            again = train(history)
            assert again.num_steps == len(done) == len(again["g_loss"]) and not again.interrupted, where
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, where
        done.clear()
    assert seen > 150 and stopped_after == {0, 1, 2, 3}


@pytest.mark.skipif(os.name == "nt", reason="signals to one's own process differ on Windows")
def test_a_second_interrupt_stops_a_step_that_hangs():
    def step(real):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("the second interrupt should have stopped this step")

    history = training.train(step, counter(), num_steps=10)
    assert history.interrupted and history.num_steps == 0


@pytest.mark.skipif(os.name == "nt", reason="signals to one's own process differ on Windows")
def test_two_interrupts_at_any_moment_leave_a_history_that_goes_on(monkeypatch):
    """Within a line too: at every third of the instructions that it is compiled to."""
    monkeypatch.setattr(training, "_FLUSH_EVERY", 2)
    done = []

    def train(history=None):
        return training.train(
            lambda real: done.append(real) or {"d_loss": float(len(done)), "g_loss": torch.tensor(0.5)},
            counter(),
            num_steps=2,
            history=history,
            progress=False,
        )

    seen, files = 0, ("gancourse/training.py", "gancourse/runtime.py", "contextlib.py", "/signal.py")
    for where, history, raised in interrupts(train, *files, every=3, unit="opcode", times=2):
        seen += 1
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, where
        if not raised:
            recorded = history["d_loss"].tolist() if history.terms else []
            assert recorded in ([*range(1, len(done) + 1)], [*range(1, len(done))]), where  # but perhaps the last
            assert history.steps("d_loss").tolist() == recorded if recorded else not done[1:], where
            before = history.num_steps
            assert before in (len(recorded), len(recorded) + 1) and history.interrupted == (before < 2), where
            again = train(history)
            assert again.num_steps == before + 2 and again["d_loss"].tolist()[-2:] == [len(done) - 1, len(done)], where
        done.clear()
    assert seen > 250


@pytest.mark.skipif(os.name == "nt", reason="signals to one's own process differ on Windows")
def test_where_processes_agree_no_interrupt_stops_at_once_and_each_is_told():
    asked = []

    def step(real):
        if real == 2:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)  # torchrun hands Ctrl-C on to its processes, which had it already
        return {"d_loss": real}

    def agree(came):
        asked.append(came)
        return len(asked) > 4  # the others do not stop before their fourth step

    history = training.train(step, counter(), num_steps=9, agree=agree)
    assert asked == [False, False, True, True, True]
    assert history.interrupted and history["d_loss"].tolist() == [1, 2, 3, 4]


def test_a_writer_is_told_every_step_once_and_in_order():
    told = []
    history = training.train(
        lambda real: {"d_loss": real / 2} | ({"g_loss": -real} if real % 2 == 0 else {}),
        counter(),
        num_steps=104,
        writer=lambda step, numbers: told.append((step, numbers)),
    )
    assert told[:3] == [(1, {"d_loss": 0.5}), (2, {"d_loss": 1.0, "g_loss": -2.0}), (3, {"d_loss": 1.5})]
    assert [step for step, _ in told] == list(range(1, 105))
    training.train(
        lambda real: {"d_loss": real}, counter(), num_steps=2, history=history, writer=lambda *row: told.append(row)
    )
    assert told[104:] == [(105, {"d_loss": 1.0}), (106, {"d_loss": 2.0})]


def test_a_writer_is_told_of_an_end_that_is_bad():
    told = []
    with pytest.raises(training.Diverged):
        training.train(
            lambda real: {"d_loss": float("inf") if real == 5 else 1.0},
            counter(),
            num_steps=6,
            writer=lambda step, numbers: told.append((step, numbers["d_loss"])),
        )
    assert told == [(1, 1), (2, 1), (3, 1), (4, 1), (5, float("inf")), (6, 1)]


def test_training_works_outside_the_main_thread():
    result = []
    thread = threading.Thread(
        target=lambda: result.append(training.train(lambda real: {"d_loss": real}, counter(), num_steps=2))
    )
    thread.start()
    thread.join()
    assert result[0]["d_loss"].tolist() == [1, 2]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), torch.tensor(float("nan"))])
def test_divergence_names_term_and_step(bad):
    with pytest.raises(training.Diverged, match="g_loss became (nan|inf) at step 130") as caught:
        training.train(lambda real: {"d_loss": 1.0, "g_loss": bad if real >= 130 else 0.5}, counter(), num_steps=1000)
    assert caught.value.step == 130 and caught.value.term == "g_loss"
    assert len(caught.value.history["d_loss"]) == 200  # the flush after it


def test_the_earliest_divergence_is_the_one_named():
    def step(real):
        return {"d_loss": float("nan") if real >= 5 else 1.0, "g_loss": float("nan") if real >= 4 else 1.0}

    with pytest.raises(training.Diverged, match="g_loss became nan at step 4"):
        training.train(step, counter(), num_steps=10)


def test_divergence_is_noticed_at_the_very_end_too():
    with pytest.raises(training.Diverged, match="step 7"):
        training.train(lambda real: {"d_loss": float("nan") if real == 7 else 1.0}, counter(), num_steps=7)


def test_a_record_survives_saving():
    history = training.train(
        lambda real: {"d_loss": real}, counter(), num_steps=3, snapshot=lambda: torch.ones(2), snapshot_at=[1]
    )
    copy = training.History()
    copy.load_state_dict(history.state_dict())
    assert copy.num_steps == 3 and copy["d_loss"].tolist() == [1, 2, 3] and list(copy.snapshots) == [1]
    training.train(lambda real: {"d_loss": real}, counter(), num_steps=1, history=copy)
    assert copy["d_loss"].tolist() == [1, 2, 3, 1] and history.num_steps == 3


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"num_steps": 0}, ValueError, "num_steps must be a positive whole number, got 0"),
        ({"num_steps": 2.0}, ValueError, "num_steps must be"),
        ({"step": None}, TypeError, "step must be a function"),
        ({"batches": [1, 2]}, TypeError, "batches must be an iterator.*got list"),
        ({"batches": iter([1, 2])}, ValueError, "batches ended after 2 steps, 3 short"),
        ({"history": {}}, TypeError, "history must be a History"),
        ({"snapshot_at": [1]}, ValueError, "snapshot_at names steps"),
        ({"step": lambda real: 3.0}, TypeError, "step must return a dict of numbers, got float"),
        ({"step": lambda real: {"d_loss": torch.zeros(2)}}, ValueError, r"d_loss must be one number.*shape \(2,\)"),
        ({"step": lambda real: {"d_loss": "0.1"}}, TypeError, "d_loss must be a number.*got str"),
    ],
)
def test_bad_arguments_are_named(change, error, message):
    arguments = {"step": lambda real: {"d_loss": 1.0}, "batches": counter(), "num_steps": 5} | change
    with pytest.raises(error, match=message):
        training.train(arguments.pop("step"), arguments.pop("batches"), **arguments)
