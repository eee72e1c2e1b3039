"""Device, threads, seeds and budgets."""

import os
import signal

import pytest
import torch

from gancourse import runtime


def test_setup_prints_one_line_and_draws_nothing(capsys):
    before = torch.get_rng_state()
    device = runtime.setup("cpu")
    assert device == torch.device("cpu")
    assert torch.equal(torch.get_rng_state(), before)
    line = capsys.readouterr().out
    assert line.count("\n") == 1 and "device: cpu" in line and torch.__version__ in line
    assert torch.get_num_threads() == 1


def test_the_environment_overrides_the_device(monkeypatch):
    monkeypatch.setenv("GANCOURSE_DEVICE", "cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert runtime.pick_device().type == "cpu"
    monkeypatch.delenv("GANCOURSE_DEVICE")
    assert runtime.pick_device().type == "cuda"


def test_cuda_comes_before_mps_before_the_cpu(monkeypatch):
    monkeypatch.delenv("GANCOURSE_DEVICE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert runtime.pick_device().type == "mps"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert runtime.pick_device().type == "cpu"


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "meta"])
def test_an_unknown_device_is_named(name):
    with pytest.raises(ValueError, match="device"):
        runtime.pick_device(name)


def test_a_missing_gpu_is_refused_with_the_remedy(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="'cuda' is not available on this machine; 'cpu' always is"):
        runtime.pick_device("cuda")


def test_budget_chooses_by_device(monkeypatch):
    monkeypatch.setattr(runtime, "pick_device", lambda name=None: torch.device("cpu"))
    assert runtime.budget(cpu=3, gpu=7) == 3
    monkeypatch.setattr(runtime, "pick_device", lambda name=None: torch.device("mps"))
    assert runtime.budget(cpu=3, gpu=7) == 3
    monkeypatch.setattr(runtime, "pick_device", lambda name=None: torch.device("cuda"))
    assert runtime.budget(cpu=3, gpu=7) == 7
    for bad in (0, -1, 2.0, True):
        with pytest.raises(ValueError, match="gpu must be a positive whole number"):
            runtime.budget(cpu=1, gpu=bad)


def test_threads_are_put_back_and_capped(monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.delenv("GANCOURSE_THREADS", raising=False)
    monkeypatch.setattr(runtime.os, "sched_getaffinity", lambda pid: {0, 1}, raising=False)
    with runtime.threads(8) as used:
        assert used == 2 == torch.get_num_threads()
        monkeypatch.setenv("GANCOURSE_THREADS", "1")
        with pytest.raises(ZeroDivisionError), runtime.threads(2) as inner:
            assert inner == 1 == torch.get_num_threads()
            raise ZeroDivisionError
        assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == 1
    for bad in (0, 1.0, True):
        with pytest.raises(ValueError, match="count must be"), runtime.threads(bad):
            pass
    monkeypatch.setenv("GANCOURSE_THREADS", "none")
    with pytest.raises(ValueError, match="GANCOURSE_THREADS"), runtime.threads(1):
        pass


def test_seeded_repeats_and_leaves_the_global_stream_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with runtime.seeded(7):
        first = torch.nn.Linear(3, 2).weight.detach().clone()
    assert torch.equal(torch.rand(3), expected)
    with runtime.seeded(7):
        assert torch.equal(torch.nn.Linear(3, 2).weight, first)
    with runtime.seeded(8):
        assert not torch.equal(torch.nn.Linear(3, 2).weight, first)


def test_a_generator_is_its_own_stream():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    a = torch.rand(4, generator=runtime.generator(3))
    assert torch.equal(a, torch.rand(4, generator=runtime.generator(3)))
    assert not torch.equal(a, torch.rand(4, generator=runtime.generator(4)))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("bad", [-1, 1.5, "0", None, True, 2**63])
def test_a_bad_seed_is_named(bad):
    with pytest.raises(ValueError, match="seed must be a whole number"):
        runtime.generator(bad)
    with pytest.raises(ValueError, match="seed must be a whole number"), runtime.seeded(bad):
        pass


@pytest.mark.skipif(os.name == "nt", reason="signals to one's own process differ on Windows")
def test_where_interrupts_are_ignored_they_stay_ignored():
    """A shell starts what runs in the background so."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with runtime.interrupt_deferred() as interrupted:
            signal.raise_signal(signal.SIGINT)
            assert not interrupted() and signal.getsignal(signal.SIGINT) == signal.SIG_IGN
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_handler_that_could_not_be_put_back_is_left_where_it_is(monkeypatch):
    before = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patched:
        patched.setattr(signal, "getsignal", lambda number: None)  # what C code has set
        with runtime.interrupt_deferred() as interrupted:
            assert not interrupted()
    assert signal.getsignal(signal.SIGINT) is before
