"""runs: exact resumption, damage of every kind, refusals that leave everything as it was."""

import hashlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from gancourse import runs, runtime
from gancourse.data import batches, toy
from gancourse.ensembles import Ensemble, Recipe
from gancourse.losses import non_saturating_discriminator_loss, non_saturating_generator_loss
from gancourse.models import mlp
from gancourse.training import History, train
from moments import file_size_limit


class Experiment:
    """A small GAN with everything that a run can have: Adam, a schedule, an average, dropout, data in epochs."""

    def __init__(self, seed: int = 0, hidden: int = 8, optimizer=torch.optim.Adam) -> None:
        with runtime.seeded(seed):
            self.generator = nn.Sequential(mlp.Generator(latent_dim=2, data_dim=2, hidden=hidden), nn.Dropout(0.1))
            self.discriminator = mlp.Discriminator(data_dim=2, hidden=hidden)
            self.average = mlp.Generator(latent_dim=2, data_dim=2, hidden=hidden)
        self.g_optimizer = optimizer(self.generator.parameters(), lr=1e-2)
        self.d_optimizer = optimizer(self.discriminator.parameters(), lr=1e-2)
        self.schedule = torch.optim.lr_scheduler.ExponentialLR(self.g_optimizer, 0.95)
        self.noise = runtime.generator(seed + 1)
        points = toy.ring().sample(50, runtime.generator(2))  # the data are the same for every seed
        self.batches = batches.stream(points, 16, runtime.generator(seed + 3))
        self.interrupt_at = None
        self.calls = 0

    def step(self, real):
        self.calls += 1
        z = torch.randn(len(real), 2, generator=self.noise)
        fake = self.generator(z)
        d_loss = non_saturating_discriminator_loss(
            real_logits=self.discriminator(real), fake_logits=self.discriminator(fake.detach())
        )
        self.d_optimizer.zero_grad()
        d_loss.backward()
        self.d_optimizer.step()
        if self.calls == self.interrupt_at:
            signal.raise_signal(signal.SIGINT)  # what Ctrl-C and the stop button send, between the two updates
        g_loss = non_saturating_generator_loss(fake_logits=self.discriminator(fake))
        self.g_optimizer.zero_grad()
        g_loss.backward()
        self.g_optimizer.step()
        self.schedule.step()
        with torch.no_grad():
            for mean, new in zip(self.average.parameters(), self.generator.parameters(), strict=True):
                mean.lerp_(new, 0.1)
        return {"d_loss": d_loss, "g_loss": g_loss}

    def parts(self) -> dict:
        return {
            "modules": {"generator": self.generator, "discriminator": self.discriminator, "average": self.average},
            "optimizers": {"generator": self.g_optimizer, "discriminator": self.d_optimizer, "schedule": self.schedule},
            "generators": {"noise": self.noise, "global": torch.default_generator},
            "batches": self.batches,
        }

    def train(self, num_steps, history=None):
        return train(
            self.step,
            self.batches,
            num_steps=num_steps,
            history=history,
            snapshot=lambda: self.average(torch.ones(3, 2)),
            snapshot_at=(0, 5, 12),
            progress=False,
        )

    def everything(self) -> list:
        """All that training changes, as a flat list of tensors and numbers."""
        flat: list = []

        def walk(value):
            if isinstance(value, dict):
                for key in value:
                    flat.append(key)
                    walk(value[key])
            elif isinstance(value, list | tuple):
                for item in value:
                    walk(item)
            else:
                flat.append(value.clone() if isinstance(value, torch.Tensor) else value)

        parts = self.parts()
        walk([thing.state_dict() for kind in ("modules", "optimizers") for thing in parts[kind].values()])
        walk([generator.get_state() for generator in parts["generators"].values()])
        walk(self.batches.state_dict())
        return flat


def ensemble() -> Ensemble:
    """Two small GANs with an average, whose discriminators move twice a step."""
    recipe = Recipe(hidden=8, batch_size=16, average=0.9, d_steps=2)
    return Ensemble(recipe, toy.ring(), seeds=[3, 4], r1=[0, 0.1])


def same(left: list, right: list) -> bool:
    return len(left) == len(right) and all(
        torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b for a, b in zip(left, right, strict=True)
    )


@pytest.fixture
def saved(tmp_path):
    """A run of six steps in the folder ``tmp_path``."""
    experiment = Experiment()
    with runtime.seeded(5):
        history = experiment.train(6)
    runs.save("ring", history=history, folder=tmp_path, **experiment.parts())
    return tmp_path


# ---------------------------------------------------------------- resuming


@pytest.mark.parametrize("stop_after", [1, 3, 7, 9])  # 3 batches an epoch: at its ends and inside it
def test_interrupted_and_resumed_equals_uninterrupted_bit_for_bit(tmp_path, stop_after):
    with runtime.seeded(5):
        whole = Experiment()
        whole_history = whole.train(14)
        expected = whole.everything()

    with runtime.seeded(5):
        first = Experiment()
        first.interrupt_at = stop_after
        history = first.train(14)
        assert history.interrupted
        assert history.num_steps == stop_after
        runs.save("stopped", history=history, folder=tmp_path, **first.parts())

    with runtime.seeded(77):  # another session: other weights, other random state
        second = Experiment(seed=40)
        next(second.batches)
        second.train(2)
        step, history = runs.load("stopped", folder=tmp_path, **second.parts())
        assert step == stop_after
        assert history.interrupted
        second.batches._source = first.batches._source  # the data itself is not part of a run
        history = second.train(14 - step, history)
        resumed = second.everything()

    assert same(resumed, expected)
    assert not history.interrupted
    assert history.num_steps == 14
    for term in ("d_loss", "g_loss"):
        assert torch.equal(history[term], whole_history[term])
        assert torch.equal(history.steps(term), whole_history.steps(term))
    assert history.snapshots.keys() == whole_history.snapshots.keys() == {0, 5, 12}
    assert all(torch.equal(history.snapshots[at], whole_history.snapshots[at]) for at in history.snapshots)


def test_a_new_process_goes_on_bit_for_bit_from_any_stop(tmp_path):
    """Random stops by a signal; and of an ensemble, which is saved as what it is: a thing with a state."""
    code = """
        import sys, torch
        sys.path[:0] = [sys.argv[1]]
        torch.set_num_threads(1)
        from test_runs import Experiment, ensemble
        from gancourse import runs, runtime
        for name in sys.argv[2:]:
            experiment = Experiment(seed=40)
            experiment.train(2)
            step, history = runs.load(name, folder=".", **experiment.parts())
            history = experiment.train(14 - step, history)
            runs.save(name, history=history, folder="done", **experiment.parts())
        gans = ensemble()
        gans.train(3)
        step, _ = runs.load("gans", folder=".", modules={}, optimizers={"gans": gans}, generators={})
        gans.train(40 - step)
        runs.save("gans", step=40, folder="done", modules={}, optimizers={"gans": gans}, generators={})
    """
    with runtime.seeded(5):
        whole = Experiment()
        history = whole.train(14)
        runs.save("whole", history=history, folder=tmp_path, **whole.parts())
        expected = whole.everything()
    names = []
    for stop_after in (1, 4, 6, 11, 13):
        with runtime.seeded(5):
            stopped = Experiment()
            stopped.interrupt_at = stop_after
            runs.save(f"stop{stop_after}", history=stopped.train(14), folder=tmp_path, **stopped.parts())
        names.append(f"stop{stop_after}")
    gans, straight = ensemble(), ensemble()
    gans.train(17)
    straight.train(40)
    runs.save("gans", step=17, folder=tmp_path, modules={}, optimizers={"gans": gans}, generators={})
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(Path(__file__).parent), *names],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(runs.__file__).parents[2]), *sys.path])},
        check=True,
    )
    for name in names:
        with runtime.seeded(99):
            resumed = Experiment(seed=9)
            _, there = runs.load(name, folder=tmp_path / "done", **resumed.parts())
            assert same(resumed.everything(), expected), name
        assert all(torch.equal(there[term], history[term]) for term in ("d_loss", "g_loss")), name
        assert all(torch.equal(there.snapshots[at], history.snapshots[at]) for at in (0, 5, 12)), name
    runs.load("gans", folder=tmp_path / "done", modules={}, optimizers={"gans": gans}, generators={})
    assert all(
        torch.equal(value, straight.state_dict()[name]) if isinstance(value, torch.Tensor) else True
        for name, value in gans.state_dict().items()
    )


def test_a_difference_in_one_bit_would_be_noticed():
    left, right = Experiment(), Experiment()
    assert same(left.everything(), right.everything())
    with torch.no_grad():
        weight = right.average.layers[0].weight
        weight.view(torch.int32)[0, 0] ^= 1
    assert not same(left.everything(), right.everything())


def test_saving_changes_nothing(tmp_path):
    experiment = Experiment()
    with runtime.seeded(5):
        history = experiment.train(3)
        before = experiment.everything()
        runs.save("quiet", history=history, folder=tmp_path, **experiment.parts())
        assert same(experiment.everything(), before)


def test_a_run_without_history_or_batches_counts_from_its_step(tmp_path):
    network = nn.Linear(2, 1)
    runs.save("bare", step=12, modules={"net": network}, optimizers={}, generators={}, folder=tmp_path)
    step, history = runs.load("bare", modules={"net": nn.Linear(2, 1)}, optimizers={}, generators={}, folder=tmp_path)
    assert step == history.num_steps == 12
    assert history.terms == []


def test_load_modules_takes_some_networks_and_leaves_the_rest(saved):
    experiment = Experiment(seed=9)
    before = experiment.everything()
    average = mlp.Generator(latent_dim=2, data_dim=2, hidden=8)
    assert runs.load_modules("ring", modules={"average": average}, folder=saved) == 6
    runs_own = Experiment()
    runs.load("ring", folder=saved, **runs_own.parts())
    assert torch.equal(average.layers[0].weight, runs_own.average.layers[0].weight)
    assert same(experiment.everything(), before)
    with pytest.raises(ValueError, match="holds modules average, discriminator, generator, but modules= names G"):
        runs.load_modules("ring", modules={"G": average}, folder=saved)


def test_a_view_is_saved_without_the_tensor_it_looks_into(tmp_path):
    large = torch.randn(1_000, 1_000)
    runs.save_samples("view", large[:3], folder=tmp_path)
    assert (tmp_path / "view" / "samples.bin").stat().st_size < 100_000
    assert torch.equal(runs.load_samples("view", folder=tmp_path), large[:3])


def test_samples_come_back_as_they_were(tmp_path):
    samples = torch.randn(4, 1, 5, 5, generator=runtime.generator(0), dtype=torch.float64).requires_grad_()
    where = runs.save_samples("first", samples, file="later", folder=tmp_path)
    assert where == tmp_path / "first" / "later.bin"
    loaded = runs.load_samples("first", file="later", folder=tmp_path)
    assert torch.equal(loaded, samples.detach())
    assert loaded.dtype == torch.float64
    assert not loaded.requires_grad


# ---------------------------------------------------------------- damage


def test_any_flipped_byte_is_noticed_and_nothing_is_changed(saved):
    file = saved / "ring" / "run.bin"
    content = file.read_bytes()
    header = content.index(b"\n") + 1
    experiment = Experiment(seed=9)
    before = experiment.everything()
    places = [*range(0, header), header, header + 1_000, len(content) // 2, len(content) - 1]
    for place in places:
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(runs.DamagedRun, match="run.bin"):
            runs.load("ring", folder=saved, **experiment.parts())
    file.write_bytes(content)
    assert same(experiment.everything(), before)
    assert runs.load("ring", folder=saved, **experiment.parts())[0] == 6


@pytest.mark.parametrize("keep", [0, 1, 40, 300, -1])
def test_a_truncated_file_is_named_with_a_remedy(saved, keep):
    file = saved / "ring" / "run.bin"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(runs.DamagedRun, match="ring.run.bin (is cut short|does not start).*delete it and save again"):
        runs.load("ring", folder=saved, **Experiment().parts())


def test_a_file_that_grew_is_refused(saved):
    file = saved / "ring" / "run.bin"
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(runs.DamagedRun, match="cut short or has grown"):
        runs.load("ring", folder=saved, **Experiment().parts())


def test_a_missing_run_lists_those_there_are(saved):
    with pytest.raises(FileNotFoundError, match="rang.run.bin does not exist; saved runs in .*: ring"):
        runs.load("rang", folder=saved, **Experiment().parts())
    with pytest.raises(FileNotFoundError, match="none"):
        runs.load("ring", folder=saved / "elsewhere", **Experiment().parts())
    assert runs.exists("ring", folder=saved)
    assert not runs.exists("rang", folder=saved)
    assert not (saved / "rang").exists()  # looking makes nothing


def test_a_folder_or_a_pipe_in_place_of_the_file_is_refused_at_once(tmp_path):
    (tmp_path / "odd" / "run.bin").mkdir(parents=True)
    with pytest.raises(runs.DamagedRun, match="is not a file"):
        runs.load("odd", folder=tmp_path, **Experiment().parts())
    (tmp_path / "pipe").mkdir()
    os.mkfifo(tmp_path / "pipe" / "run.bin")
    with pytest.raises(runs.DamagedRun, match="is not a file"):
        runs.load("pipe", folder=tmp_path, **Experiment().parts())


def forged(path: Path, payload: bytes, **changes) -> None:
    """Write a file with a right checksum around any payload."""
    digest = hashlib.sha256(b"gancourse-run-1 3\n" + payload).hexdigest()
    header = {"format": "gancourse-run-1", "step": 3, "bytes": len(payload), "sha256": digest} | changes
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(json.dumps(header).encode() + b"\n" + payload)


class Trap:
    def __reduce__(self):
        return (os.mkdir, ("trapped",))


def test_code_in_a_file_is_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    buffer = io.BytesIO()
    torch.save({"samples": Trap()}, buffer)
    forged(tmp_path / "evil" / "samples.bin", buffer.getvalue())
    with pytest.raises(runs.DamagedRun, match="something other than tensors and plain values"):
        runs.load_samples("evil", folder=tmp_path)
    assert not Path("trapped").exists()


def test_a_small_file_that_would_unpack_to_a_large_one_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "MAX_BYTES", 1_000_000)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(2_000_000))
    forged(tmp_path / "bomb" / "samples.bin", buffer.getvalue())
    with pytest.raises(runs.DamagedRun, match=r"would unpack to 2.0 MB, more than runs.MAX_BYTES"):
        runs.load_samples("bomb", folder=tmp_path)


def test_the_size_cap_holds_both_ways(saved, monkeypatch):
    experiment = Experiment()
    monkeypatch.setattr(runs, "MAX_BYTES", 5_000)
    with pytest.raises(runs.DamagedRun, match=r"run.bin has [0-9,]+ bytes, more than runs.MAX_BYTES"):
        runs.load("ring", folder=saved, **experiment.parts())
    with pytest.raises(ValueError, match="would take [0-9,]+ bytes, more than runs.MAX_BYTES .*keep fewer snapshots"):
        runs.save("ring", step=9, folder=saved, **experiment.parts())
    monkeypatch.undo()
    assert runs.load("ring", folder=saved, **experiment.parts())[0] == 6


def test_another_format_and_the_wrong_kind_of_file_are_named(saved):
    forged(saved / "new" / "run.bin", b"", format="gancourse-run-9")
    with pytest.raises(runs.DamagedRun, match="another format, 'gancourse-run-9'"):
        runs.load("new", folder=saved, **Experiment().parts())
    samples = runs.save_samples("ring", torch.zeros(2), folder=saved)
    samples.replace(saved / "ring" / "run.bin")
    with pytest.raises(runs.DamagedRun, match="holds no run; samples are read with runs.load_samples"):
        runs.load("ring", folder=saved, **Experiment().parts())


# ---------------------------------------------------------------- saving under bad conditions


@pytest.mark.parametrize("failing", ["os.fsync", "os.replace"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_save_that_fails_at_any_moment_keeps_the_one_before(saved, monkeypatch, failing, error):
    def fail(*_):
        raise error

    experiment = Experiment(seed=3)
    with monkeypatch.context() as patch:
        patch.setattr(failing, fail)
        expected = KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else OSError
        with pytest.raises(expected) as caught:
            runs.save("ring", step=8, folder=saved, **experiment.parts())
    if isinstance(error, OSError):
        needed, free = r"it needs [\d,]+ bytes", r"the disk has [\d.,]+ (MB|bytes) free"
        said = rf"ring/run.bin could not be written \(No space left on device: {needed}, and {free}\); what was there"
        assert re.search(rf"{said} before is intact. Make room, or pass another folder=", str(caught.value))
        assert caught.value.errno == 28
    assert [file.name for file in (saved / "ring").iterdir()] == ["run.bin"]
    assert runs.load("ring", folder=saved, **experiment.parts())[0] == 6


def test_a_real_full_disk_keeps_the_save_before(saved):
    """The operating system refuses to let the file grow; a quota or a full disk looks the same."""
    experiment = Experiment()
    with file_size_limit(2_000), pytest.raises(OSError, match="could not be written"):
        runs.save("ring", step=8, folder=saved, **experiment.parts())
    assert [file.name for file in (saved / "ring").iterdir()] == ["run.bin"]
    assert runs.load("ring", folder=saved, **experiment.parts())[0] == 6


def test_a_process_killed_while_saving_leaves_a_whole_run(tmp_path):
    code = """
        import torch
        from gancourse import runs
        network = torch.nn.Linear(1_000, 1_000)
        for step in range(1, 100_000):
            with torch.no_grad():
                network.weight.fill_(step)
            runs.save("killed", step=step, modules={"net": network}, optimizers={}, generators={})
            print(step, flush=True)
    """
    environment = os.environ | {"PYTHONPATH": str(Path(runs.__file__).parents[2])}
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    )
    network = nn.Linear(1_000, 1_000)
    file = tmp_path / "runs" / "killed"
    try:
        assert process.stdout.readline() == "1\n"
        for _ in range(5):  # frozen at an arbitrary moment, the folder is what a kill would leave
            process.send_signal(signal.SIGSTOP)
            step = runs.load_modules("killed", modules={"net": network}, folder=tmp_path / "runs")
            assert torch.equal(network.weight, torch.full((1_000, 1_000), float(step)))
            process.send_signal(signal.SIGCONT)
            time.sleep(0.037)
    finally:
        process.kill()
        process.wait()
    assert runs.load_modules("killed", modules={"net": network}, folder=tmp_path / "runs") >= step
    assert len(list(file.iterdir())) <= 2  # the run, and at most one temporary file


def test_a_shorter_run_does_not_destroy_a_longer_one(tmp_path, capsys):
    def save(step, value):
        network = nn.Linear(1, 1)
        nn.init.constant_(network.weight, value)
        runs.save("mine", step=step, modules={"net": network}, optimizers={}, generators={}, folder=tmp_path)

    save(2_000, 1.0)
    save(2_000, 2.0)  # run again to the same step: replaced
    save(3_000, 3.0)
    assert capsys.readouterr().out == ""
    save(10, 4.0)
    assert "held a run of 3,000 steps, longer than this one: it is kept as" in capsys.readouterr().out
    network = nn.Linear(1, 1)
    assert runs.load_modules("mine", modules={"net": network}, folder=tmp_path) == 10
    assert runs.load_modules("mine", modules={"net": network}, folder=tmp_path, file="run-step-3000") == 3_000
    assert network.weight.item() == 3.0


# ---------------------------------------------------------------- what does not fit


def changed_network(**changes):
    return {"modules": {**Experiment().parts()["modules"], **changes}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            changed_network(average=mlp.Generator(latent_dim=2, data_dim=2, hidden=9)),
            r"\(8, 2\) in the file, but \(9, 2\)",
        ),
        (
            changed_network(average=mlp.Generator(latent_dim=2, data_dim=2, depth=1)),
            r"has other layers \(layers.4.bias",
        ),
        (changed_network(average=mlp.Generator(latent_dim=2, data_dim=2, hidden=8).double()), "dtype torch.float32 in"),
        (changed_network(extra=nn.Linear(1, 1)), "holds modules average, discriminator, generator, but modules= names"),
        ({"optimizers": {}}, "holds optimizers discriminator, generator, schedule, but optimizers= names none"),
        ({"generators": {}}, "holds generators global, noise, but generators= names none"),
        ({"batches": None}, "holds batches batches, but batches= names none"),
        ({"batches": batches.stream(torch.zeros(30, 2), 16, runtime.generator(0))}, "state belongs to 50 samples"),
        ({"batches": batches.stream(torch.zeros(50, 2), 8, runtime.generator(0))}, "belongs to batches of 16"),
        ({"batches": batches.stream(torch.zeros(50, 2), 16, runtime.generator(0))}, "belongs to other data"),
    ],
)
def test_a_run_that_does_not_fit_is_refused_and_leaves_everything_untouched(saved, changes, message):
    experiment = Experiment(seed=9)
    before = experiment.everything()
    with pytest.raises(ValueError, match=message):
        runs.load("ring", folder=saved, **(experiment.parts() | changes))
    assert same(experiment.everything(), before)


class Wrapped(nn.Module):
    """What a compiled (``_orig_mod``) or a parallel (``module``) network looks like from outside."""

    def __init__(self, network, name):
        super().__init__()
        self.add_module(name, network)


@pytest.mark.parametrize("name", ["_orig_mod", "module"])
def test_a_wrapped_network_fits_a_bare_one_and_the_other_way_round(tmp_path, name):
    def network(value):
        made = nn.Linear(2, 1)
        nn.init.constant_(made.weight, value)
        return made

    nothing = {"optimizers": {}, "generators": {}, "folder": tmp_path}
    runs.save("wrapped", step=1, modules={"D": Wrapped(network(3.0), name)}, **nothing)
    runs.save("bare", step=1, modules={"D": network(4.0)}, **nothing)
    bare, wrapped = network(0.0), Wrapped(network(0.0), name)
    runs.load("wrapped", modules={"D": bare}, **nothing)
    runs.load_modules("bare", modules={"D": wrapped}, folder=tmp_path)
    assert bare.weight[0, 0] == 3 and getattr(wrapped, name).weight[0, 0] == 4
    with pytest.raises(ValueError, match="has other layers"):
        runs.load("wrapped", modules={"D": nn.Sequential(network(0.0))}, **nothing)


def test_a_compiled_network_is_saved_and_loaded_as_the_network_it_is(tmp_path):
    compiled = torch.compile(nn.Linear(2, 1))  # nothing is compiled before it is called
    runs.save("compiled", step=1, modules={"D": compiled}, optimizers={}, generators={}, folder=tmp_path)
    bare = nn.Linear(2, 1)
    runs.load_modules("compiled", modules={"D": bare}, folder=tmp_path)
    assert torch.equal(bare.weight, compiled.weight)


def test_a_rate_out_of_numpy_is_saved_as_a_number(tmp_path):
    network = nn.Linear(2, 1)
    optimizer = torch.optim.Adam(network.parameters(), lr=np.logspace(-4, -2, 3)[0])
    arguments = {"modules": {"D": network}, "optimizers": {"D": optimizer}, "generators": {}, "folder": tmp_path}
    runs.save("mine", step=1, **arguments)
    optimizer.param_groups[0]["lr"] = 1.0
    runs.load("mine", **arguments)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(1e-4) and type(optimizer.param_groups[0]["lr"]) is float


def test_another_kind_or_size_of_optimiser_is_refused(saved):
    experiment = Experiment(seed=9)
    other = experiment.parts()
    other["optimizers"]["discriminator"] = torch.optim.SGD(experiment.discriminator.parameters(), lr=0.1)
    with pytest.raises(ValueError, match=r"optimizers\['discriminator'\] was saved from Adam, but is SGD now"):
        runs.load("ring", folder=saved, **other)
    other["optimizers"]["discriminator"] = torch.optim.Adam(nn.Linear(2, 2).parameters())
    with pytest.raises(ValueError, match="belongs to another number of parameters"):
        runs.load("ring", folder=saved, **other)
    wide = mlp.Discriminator(data_dim=2, hidden=9)
    other["optimizers"]["discriminator"] = torch.optim.Adam(wide.parameters())
    with pytest.raises(ValueError, match=r"keeps exp_avg of shape \(8, 2\) for a parameter of shape \(9, 2\)"):
        runs.load("ring", folder=saved, **other)


def test_a_failure_half_way_is_rolled_back(saved):
    """The last part fails after everything before it was put in place."""

    class Stubborn:
        def state_dict(self):
            return {"batches": 1}

        def load_state_dict(self, state):
            if state != {"batches": 1}:
                raise RuntimeError("no thank you\nand more")

    experiment = Experiment(seed=9)
    before = experiment.everything()
    with pytest.raises(ValueError, match="run.bin does not fit what was passed: no thank you$"):
        runs.load("ring", folder=saved, **(experiment.parts() | {"batches": Stubborn()}))
    assert same(experiment.everything(), before)


# ---------------------------------------------------------------- names and arguments


@pytest.mark.parametrize(
    "name",
    (
        *("", ".", "..", "../up", "a/b", "a\\b", "/etc", ".hidden", "-x", "a b", "a.b", "x" * 65, "é", "a\n"),
        *("checkpoints", "Checkpoints", "checkpoint", "CON", "nul", "com1"),
        *(None, 3, Path("a")),
    ),
)
def test_names_that_leave_the_folder_or_make_trouble_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match="name"):
        runs.path(name, folder=tmp_path)
    with pytest.raises(ValueError, match="name"):
        runs.exists(name, folder=tmp_path)
    with pytest.raises(ValueError, match="name"):
        runs.save(name, step=0, modules={}, optimizers={}, generators={}, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_name_is_checked_as_well(saved):
    with pytest.raises(ValueError, match="file must be 1 to 64"):
        runs.load("ring", folder=saved, file="../../ring/run", **Experiment().parts())
    with pytest.raises(ValueError, match="file must not start with 'run'"):
        runs.save_samples("ring", torch.zeros(1), file="run", folder=saved)


def test_path_makes_the_folder_and_says_what_to_do_if_it_cannot(tmp_path):
    assert runs.path("pictures", folder=tmp_path).is_dir()
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="could not be made .*pass another folder="):
        runs.path("pictures", folder=tmp_path / "file")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"modules": [nn.Linear(1, 1)]}, TypeError, "modules must be a dict from names to objects, got list"),
        ({"modules": {"G": torch.zeros(1)}}, TypeError, r"modules\['G'\] must be a Module, got Tensor"),
        ({"optimizers": {"G": 1e-3}}, TypeError, r"optimizers\['G'\] must be an object with state_dict"),
        ({"generators": {"z": 3}}, TypeError, r"generators\['z'\] must be a Generator, got int"),
        ({"generators": {1: torch.Generator()}}, TypeError, "generators must have strings as keys, got 1"),
        ({"batches": iter([1])}, TypeError, "batches must have state_dict"),
        ({"history": {}}, TypeError, "history must be a History or None, got dict"),
        ({"step": -1}, ValueError, "step must be a whole number of at least 0, got -1"),
        ({"step": 1.0}, ValueError, "step must be a whole number of at least 0, got 1.0"),
        ({"step": None}, ValueError, "step is missing: pass step= or history="),
        ({"step": 4, "history": History()}, ValueError, "step is 4, but history counts 0 steps"),
    ],
)
def test_wrong_arguments_are_refused_by_name(tmp_path, changes, error, message):
    arguments = {"step": 1, "modules": {}, "optimizers": {}, "generators": {}} | changes
    with pytest.raises(error, match=message):
        runs.save("x", folder=tmp_path, **arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_snapshot_that_is_no_tensor_is_refused_with_its_place(tmp_path):
    history = History()
    history.snapshots[0] = [torch.zeros(1), {"picture": object()}]
    with pytest.raises(TypeError, match=r"history\['snapshots'\]\[0\]\[1\]\['picture'\] is a object; only tensors"):
        runs.save("x", history=history, modules={}, optimizers={}, generators={}, folder=tmp_path)


def test_samples_must_be_a_tensor(tmp_path):
    with pytest.raises(TypeError, match="samples must be a tensor, got list"):
        runs.save_samples("x", [1.0], folder=tmp_path)
