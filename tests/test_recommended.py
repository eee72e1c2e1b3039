"""The recipe for images is notebook 07's, bit for bit, and goes on after a break as if there had been none."""

import copy
import itertools
from types import SimpleNamespace

import nbformat
import pytest
import torch

from course import ROOT
from gancourse import losses, penalties, recommended, runtime, training
from gancourse.data import batches
from gancourse.models import averaging, dense_conv

SEED = 3


def some_images(count=48, size=16):
    return torch.rand(count, 1, size, size, generator=runtime.generator(0)) * 2 - 1


def notebook_07():
    """Return the functions of the notebook that train the recommended recipe, as its reader has them."""
    names = {
        "SEED": SEED, "device": torch.device("cpu"), "torch": torch, "itertools": itertools, "losses": losses,
        "penalties": penalties, "runtime": runtime, "training": training, "batches": batches,
        "averaging": averaging, "dense_conv": dense_conv,
    }  # fmt: skip
    (path,) = (ROOT / "notebooks").glob("07_*.ipynb")
    sources = [cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    for start in ("def make_step(", "def adams(", "def train_recommended("):
        (source,) = [source for source in sources if f"\n{start}" in f"\n{source}"]
        exec(source, names)
    return SimpleNamespace(**names)


def trained(num_steps, *, of=20, seed=SEED, size=16):
    parts = recommended.build(size, 1, width=4, num_steps=of, seed=seed)
    step = recommended.make_step(parts, recommended.latents(parts, runtime.generator(seed + 1)))
    stream = batches.stream(some_images(size=size), 48, runtime.generator(seed + 2))
    return parts, training.train(step, stream, num_steps=num_steps)


def test_it_trains_what_notebook_07_trains_bit_for_bit():
    theirs, (average,), record = notebook_07().train_recommended(some_images(), width=4, num_steps=20)
    with runtime.threads(2):  # as the notebook does: another number of threads rounds differently
        parts, history = trained(20)
    for ours, their in ((parts.generator, theirs), (parts.average.module, average)):
        assert ours.state_dict().keys() == their.state_dict().keys()
        assert all(torch.equal(ours.state_dict()[name], value) for name, value in their.state_dict().items())
    assert history["d_loss"].equal(record["d_loss"]) and history["g_loss"].equal(record["g_loss"])


def test_the_rates_fall_to_a_twentieth_and_with_the_width():
    parts, _ = trained(20)
    rates = [optimizer.param_groups[0]["lr"] for optimizer in (parts.g_optimizer, parts.d_optimizer)]
    assert rates == pytest.approx([0.05 * 8e-3 * 4, 0.05 * 4e-3 * 4], rel=1e-6)


def test_a_step_that_goes_on_brakes_when_the_whole_run_would():
    """Eleven steps and then nine: R1 comes at 0, 8 and 16, and not at 11."""
    whole, _ = trained(20)
    parts = recommended.build(16, 1, width=4, num_steps=20, seed=SEED)
    draw = recommended.latents(parts, runtime.generator(SEED + 1))
    stream = batches.stream(some_images(), 48, runtime.generator(SEED + 2))
    for first, count in ((0, 11), (11, 9)):
        training.train(recommended.make_step(parts, draw, first_step=first), stream, num_steps=count)
    for ours, theirs in zip(whole.discriminator.parameters(), parts.discriminator.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_r1_is_felt_in_every_eighth_step_only(monkeypatch):
    def after(gamma, steps):
        monkeypatch.setattr(recommended, "GAMMA", gamma)
        parts = recommended.build(16, 1, width=4, num_steps=20, seed=SEED)
        step = recommended.make_step(parts, recommended.latents(parts, runtime.generator(1)), first_step=1)
        stream = batches.stream(some_images(), 48, runtime.generator(2))
        training.train(step, stream, num_steps=steps)
        return copy.deepcopy(parts.discriminator.layers[0].weight)

    assert torch.equal(after(0.0, 7), after(0.3, 7))
    assert not torch.equal(after(0.0, 8), after(0.3, 8))


def test_adam_s_betas_can_be_chosen():
    pair = dense_conv.Generator(16, width=4), dense_conv.Discriminator(16, width=4)
    parts = recommended.assemble(*pair, width=4, num_steps=20, betas=(0.0, 0.99))
    for optimizer in (parts.g_optimizer, parts.d_optimizer):
        assert [group["betas"] for group in optimizer.param_groups] == [(0.0, 0.99)]
    assert recommended.build(16, 1, width=4, num_steps=2, seed=0).g_optimizer.defaults["betas"] == recommended.BETAS


def test_a_wrapped_network_gets_the_gradients_of_the_bare_one():
    """What wraps the pair sees both of D's passes and G's; the weights are those of the parts."""
    calls = []

    class Wrapper(torch.nn.Module):
        def __init__(self, inner, name):
            super().__init__()
            self.inner, self.name = inner, name

        def forward(self, x):
            calls.append(self.name)
            return self.inner(x)

    parts = recommended.build(16, 1, width=4, num_steps=20, seed=SEED)
    draw = recommended.latents(parts, runtime.generator(SEED + 1))
    wrapped = {"generator": Wrapper(parts.generator, "G"), "discriminator": Wrapper(parts.discriminator, "D")}
    stream = batches.stream(some_images(), 48, runtime.generator(SEED + 2))
    history = training.train(recommended.make_step(parts, draw, **wrapped), stream, num_steps=2)
    assert calls == ["G", "D", "D", "D"] * 2
    assert history["g_loss"].equal(trained(2)[1]["g_loss"])
