"""The file of a run under every bad condition: interrupted, killed, full, saved twice at once, and altered by hand."""

import collections
import hashlib
import io
import json
import os
import subprocess
import sys
import textwrap
import tracemalloc
from pathlib import Path

import pytest
import torch
from torch import nn

from gancourse import runs
from gancourse.runs import _file
from moments import altered, file_size_limit, interrupts, kills


@pytest.fixture(autouse=True)
def new_session(monkeypatch):
    """Every test is a session of its own, which has neither saved nor loaded anything."""
    monkeypatch.setattr(_file, "_ours", set())


def network(value):
    made = nn.Linear(2, 3)
    nn.init.constant_(made.weight, value)
    nn.init.zeros_(made.bias)
    return made


def save(folder, value, step=5):
    return runs.save("mine", step=step, modules={"net": network(value)}, optimizers={}, generators={}, folder=folder)


def held(folder):
    """Say what each file of the run holds: its step and its weight."""
    found = {}
    for file in sorted((folder / "mine").iterdir()):
        net = network(0.0)
        step = runs.load_modules("mine", modules={"net": net}, folder=folder, file=file.stem)
        found[file.stem] = (step, net.weight[0, 0].item())
    return found


# ---------------------------------------------------------------- stopped on the way


SAVING = ("runs/_file.py", "runs/__init__.py", "data/files.py")


def test_an_interrupt_at_any_moment_of_a_save_leaves_the_old_or_the_new_run_and_nothing_else(tmp_path):
    seen, file = collections.Counter(), save(tmp_path, 1.0)
    old = file.read_bytes()
    for where, _, raised in interrupts(lambda: save(tmp_path, 2.0, step=6), *SAVING, "contextlib.py", every=3):
        files = held(tmp_path)
        assert raised and files in ({"run": (5, 1.0)}, {"run": (6, 2.0)}), where
        seen[files["run"]] += 1
        file.write_bytes(old)
    assert seen[5, 1.0] > 20 and seen[6, 2.0] > 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_kill_at_any_moment_of_a_save_leaves_whole_runs_and_the_next_save_tidies_up(tmp_path):
    """Here a longer run is put aside on the way, so that two files are made."""
    seen = collections.Counter()
    save(tmp_path, 1.0, step=9)
    for where in kills(lambda: save(tmp_path, 2.0), *SAVING, every=4):
        whole = {file.stem for file in (tmp_path / "mine").iterdir()} & {"run", "run-step-9"}
        found = {name: step_of(tmp_path, name) for name in whole}
        assert found in ({"run": 9}, {"run": 9, "run-step-9": 9}, {"run": 5, "run-step-9": 9}), where
        seen[tuple(sorted(found.items()))] += 1
        save(tmp_path, 2.0)
        assert held(tmp_path) == {"run": (5, 2.0), "run-step-9": (9, 1.0)}, where
        for file in (tmp_path / "mine").iterdir():
            file.unlink()
        save(tmp_path, 1.0, step=9)
    assert len(seen) == 3 and sum(seen.values()) > 20


def step_of(folder, file):
    return runs.load_modules("mine", modules={"net": network(0.0)}, folder=folder, file=file)


@pytest.mark.parametrize("size", [0, 1, 50, 200, 500, 1_000, 1_200, 1_400, 1_500, 1_600])
@pytest.mark.parametrize("before", [4, 9])
def test_a_full_disk_keeps_all_that_was_saved(tmp_path, size, before):
    """Also where a longer run is put aside, which takes no space."""
    save(tmp_path, 1.0, step=before)
    with (
        file_size_limit(size),
        pytest.raises(OSError, match=r"run.bin could not be written \(File too large: it needs"),
    ):
        save(tmp_path, 2.0)
    files = held(tmp_path)
    assert files.pop("run") == (before, 1.0) and files == ({"run-step-9": (9, 1.0)} if before == 9 else {})


# ---------------------------------------------------------------- two under one name


def test_another_sessions_run_is_kept_and_ones_own_is_replaced(tmp_path, capsys, monkeypatch):
    save(tmp_path, 1.0)
    save(tmp_path, 2.0)
    assert held(tmp_path) == {"run": (5, 2.0)} and capsys.readouterr().out == ""
    monkeypatch.setattr(_file, "_ours", set())  # another session, which happens to come to the same
    save(tmp_path, 2.0)
    assert held(tmp_path) == {"run": (5, 2.0)} and capsys.readouterr().out == ""
    monkeypatch.setattr(_file, "_ours", set())
    save(tmp_path, 3.0, step=7)
    said = capsys.readouterr().out
    assert "run.bin held another run, of 5 steps, which this session neither saved nor loaded: it is kept as" in said
    assert held(tmp_path) == {"run": (7, 3.0), "run-step-5": (5, 2.0)}
    save(tmp_path, 4.0, step=5)
    monkeypatch.setattr(_file, "_ours", set())
    save(tmp_path, 5.0, step=5)
    assert held(tmp_path) == {
        "run": (5, 5.0),
        "run-step-5": (5, 2.0),
        "run-step-5-2": (5, 4.0),
        "run-step-7": (7, 3.0),
    }


def test_a_run_that_was_loaded_is_gone_on_from(tmp_path, capsys, monkeypatch):
    save(tmp_path, 1.0)
    monkeypatch.setattr(_file, "_ours", set())
    runs.load("mine", modules={"net": network(0.0)}, optimizers={}, generators={}, folder=tmp_path)
    save(tmp_path, 2.0, step=6)
    assert held(tmp_path) == {"run": (6, 2.0)} and capsys.readouterr().out == ""


def test_where_a_file_cannot_have_two_names_it_is_copied(tmp_path, monkeypatch):
    def unsupported(*_):
        raise OSError(95, "Operation not supported")

    save(tmp_path, 1.0, step=9)
    monkeypatch.setattr(_file.os, "link", unsupported)
    save(tmp_path, 2.0)
    assert held(tmp_path) == {"run": (5, 2.0), "run-step-9": (9, 1.0)}


def test_two_processes_that_save_one_run_keep_all_that_both_saved(tmp_path, monkeypatch):
    code = """
        import torch
        from gancourse import runs
        network = torch.nn.Linear(2, 3)
        torch.nn.init.zeros_(network.bias)
        for step in range(1, 11):
            torch.nn.init.constant_(network.weight, step)
            runs.save("mine", step=step, modules={"net": network}, optimizers={}, generators={}, folder=".")
            print(step, flush=True)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(runs.__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "1\n"
    steps = 0
    while process.poll() is None:
        steps += 1
        save(tmp_path, 100.0 + steps, step=steps)
    assert process.returncode == 0, process.stderr.read()
    process.communicate()
    kept = set(held(tmp_path).values())
    assert {(10, 10.0), (steps, 100.0 + steps)} <= kept, "the last of each"
    assert all(value in (step, 100.0 + step) for step, value in kept) and steps > 2


# ---------------------------------------------------------------- bytes that nobody wrote


def load(folder):
    net = network(0.5)
    runs.load("mine", modules={"net": net}, optimizers={}, generators={}, folder=folder)
    return net


def test_no_altered_byte_gets_in(tmp_path):
    file, count = save(tmp_path, 1.0), 0
    for content in altered(file.read_bytes(), 500):
        file.write_bytes(content)
        with pytest.raises(runs.DamagedRun, match="mine/run.bin"):
            load(tmp_path)
        count += 1
    assert count > 480


def forged(folder, payload, **changes):
    """Write a run with a right checksum around any payload."""
    digest = hashlib.sha256(b"gancourse-run-1 3\n" + payload).hexdigest()
    header = {"format": "gancourse-run-1", "step": 3, "bytes": len(payload), "sha256": digest} | changes
    (folder / "mine").mkdir(exist_ok=True)
    (folder / "mine" / "run.bin").write_bytes(json.dumps(header).encode() + b"\n" + payload)


def packed(**changes):
    state = {"history": None, "classes": {}, "optimizers": {}, "generators": {}, "batches": {}}
    state |= {"modules": {"net": network(1.0).state_dict()}} | changes
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def test_a_forged_payload_is_refused_by_name_or_is_a_run(tmp_path):
    """Whoever can compute a checksum can write any run; but no file can do more than that."""
    outcomes = collections.Counter()
    for payload in altered(packed(), 500):
        forged(tmp_path, payload)
        try:
            load(tmp_path)
            outcomes["loaded"] += 1
        except ValueError as refused:
            assert "mine/run.bin" in str(refused)
            outcomes["refused"] += 1
    assert outcomes["refused"] > 300


@pytest.mark.parametrize(
    "changes",
    [
        {"modules": {"net": 3}},
        {"modules": {"net": {"weight": [1.0], "bias": torch.zeros(3)}}},
        {"modules": {"net": {1: torch.zeros(3), "bias": torch.zeros(3)}}},
        {"modules": {"net": {(1, 2): torch.zeros(3), "bias": 1}}},
        {"history": 7},
        {"history": {}},
        {"history": {"num_steps": 1, "seconds": 1.0, "interrupted": False, "snapshots": 3, "values": {}, "steps": {}}},
    ],
)
def test_what_is_no_run_is_refused_by_name_without_taking_memory(tmp_path, changes):
    forged(tmp_path, packed(**changes))
    tracemalloc.start()
    with pytest.raises(ValueError, match="mine/run.bin"):
        load(tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_one_number_that_stands_for_ten_thousand_million_is_refused(tmp_path):
    history = {"num_steps": 1, "seconds": 1.0, "interrupted": False, "values": {}, "steps": {}}
    forged(tmp_path, packed(history=history | {"snapshots": {0: torch.zeros(1).expand(10**10)}}))
    with pytest.raises(runs.DamagedRun, match="mine/run.bin would unpack to 40,000.0 MB, more than runs.MAX_BYTES"):
        load(tmp_path)


def test_optimisers_that_are_none_are_refused_by_name(tmp_path):
    for state in (3, {}, {"state": {}, "param_groups": "x"}, {"state": 1, "param_groups": [{"params": [0, 1]}]}):
        forged(tmp_path, packed(optimizers={"net": state}, classes={"net": "Adam"}))
        net = network(0.5)
        with pytest.raises(ValueError, match="mine/run.bin"):
            runs.load(
                "mine",
                modules={"net": net},
                optimizers={"net": torch.optim.Adam(net.parameters())},
                generators={},
                folder=tmp_path,
            )
        assert net.weight[0, 0] == 0.5


@pytest.mark.parametrize("line", [b"[" * 999, b'{"a":' * 180, b"null", b"x" * 10_000_000, b'{"step": 1e999}'])
def test_a_first_line_that_is_none_is_refused(tmp_path, line):
    file = save(tmp_path, 1.0)
    file.write_bytes(line + b"\n" + file.read_bytes())
    with pytest.raises(runs.DamagedRun, match="mine/run.bin does not start as a save does"):
        load(tmp_path)
    save(tmp_path, 2.0)  # no run is lost by replacing it
    assert held(tmp_path) == {"run": (5, 2.0)}
