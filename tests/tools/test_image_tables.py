"""tools/image_tables.py: what a row says is what is trained, and every row is judged in the same way."""

import base64
import dataclasses
import io
import math

import pytest
import torch
from PIL import Image
from torch import nn

import image_tables as tables
from gancourse import measured, runtime
from gancourse.data import digits


@pytest.fixture(scope="module")
def data():
    return digits.load("embedded")


@pytest.fixture(scope="module")
def examiner(data):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "SAMPLES", 500)
        yield tables.Examiner(data)


def dense_pair():
    """A light pair: no convolution at all."""
    generator = nn.Sequential(
        nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 784), nn.Tanh(),
        nn.Unflatten(1, (1, 28, 28)),
    )  # fmt: skip
    generator.latent_dim = 64
    layers = nn.Linear(784, 256), nn.LeakyReLU(0.2), nn.Linear(256, 256), nn.LeakyReLU(0.2), nn.Linear(256, 1)
    return generator, nn.Sequential(nn.Flatten(), *layers, nn.Flatten(0))


def kinds(network, *wanted):
    return sum(isinstance(layer, wanted) for layer in network.modules())


def entry(name):
    return next(e for e in [*tables.DCGAN, *tables.WGAN_IMAGES] if e.name == name)


NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


@pytest.mark.parametrize(
    ("name", "in_g", "in_d"),
    [
        ("classic", 2, 1),
        ("no batch norm", 0, 0),
        ("batch norm everywhere", 3, 2),
        ("hidden dense layers", 3, 1),
        ("pooling and upsampling", 2, 1),
        ("recommended", 3, 0),
    ],
)
def test_batch_norm_stands_where_the_row_says(name, in_g, in_d):
    generator, discriminator = entry(name).pair()
    assert (kinds(generator, *NORMS), kinds(discriminator, *NORMS)) == (in_g, in_d)


def test_rates_are_crossed_with_beta1_and_width():
    assert len({row.name for row in tables.RATES}) == 12
    for row in tables.RATES:
        width, rate, beta = row.name.removeprefix("width ").replace("rate ", "").replace("β₁ ", "").split(", ")
        assert (row.lr_g, row.lr_d, row.beta1) == (float(rate), float(rate), float(beta)) and not row.average
        generator, discriminator = row.pair()
        assert generator.width == discriminator.width == int(width)


def test_each_rule_is_left_out_and_nothing_else():
    generator, discriminator = entry("pooling and upsampling").pair()
    assert kinds(generator, nn.ConvTranspose2d) == 1 and kinds(generator, nn.Upsample) == 2
    assert kinds(discriminator, nn.AvgPool2d) == 2
    assert all(layer.stride == (1, 1) for layer in discriminator.modules() if isinstance(layer, nn.Conv2d))
    generator, discriminator = entry("ReLU in D").pair()
    assert kinds(discriminator, nn.ReLU) == 2 and kinds(discriminator, nn.LeakyReLU) == 0
    generator, discriminator = entry("no tanh").pair()
    assert kinds(generator, nn.Tanh) == 0 and kinds(discriminator, nn.LeakyReLU) == 2
    generator, discriminator = entry("hidden dense layers").pair()
    assert kinds(generator, nn.Linear) == 1 and kinds(discriminator, nn.Linear) == 2


def test_first_weights():
    with runtime.seeded(0):
        ours, theirs, dense = (
            entry(name).pair()[0] for name in ("classic", "PyTorch's initialisation", "hidden dense layers")
        )
    deviations = [
        next(layer for layer in network.modules() if isinstance(layer, nn.ConvTranspose2d)).weight.std().item()
        for network in (ours, theirs)
    ]
    assert deviations[0] == pytest.approx(0.02, rel=0.02)
    assert deviations[1] == pytest.approx(
        1 / math.sqrt(3 * 32 * 49), rel=0.02
    )  # uniform, fan-in of the maps that come out
    assert next(
        layer for layer in dense.modules() if isinstance(layer, nn.Linear)
    ).weight.std().item() == pytest.approx(0.02, rel=0.02)


@pytest.mark.parametrize(
    "made", {e.name: e for e in [*tables.DCGAN, *tables.WGAN_IMAGES]}.values(), ids=lambda e: e.name
)
def test_every_row_makes_and_scores_images(made):
    generator, discriminator = made.pair()
    images = generator(torch.randn(3, generator.latent_dim))
    assert images.shape == (3, 1, 28, 28)
    assert discriminator(images).shape == (3,)


def test_names_are_unique_within_a_table():
    for rows in (tables.DCGAN, tables.WGAN_IMAGES):
        assert len({row.name for row in rows}) == len(rows)


def test_changes_are_what_differs_from_the_classic_settings():
    assert tables.CLASSIC.changes() == {}
    assert entry("PyTorch's Adam: 1e-3, beta1 0.9").changes() == {"lr_g": 1e-3, "lr_d": 1e-3, "beta1": 0.9}


@pytest.mark.parametrize(
    ("name", "entries"),
    [("dcgan", tables.DCGAN), ("rates", tables.RATES), ("wgan_images", tables.WGAN_IMAGES)],
)
def test_what_is_stored_was_made_with_these_settings(name, entries):
    stored = {row["name"]: row for row in measured.load(name)["rows"]}
    stored.pop("real images", None)
    made = {
        row: (steps, entry.changes())
        for entry in entries
        for steps, row in (*(entry.rows or [(entry.steps, entry.name)]), (entry.steps, entry.unaveraged))
        if row
    }
    assert {row: (says["steps"], says["changes"]) for row, says in stored.items()} == made


def test_a_run_repeats_and_depends_on_its_seed(data):
    made = dataclasses.replace(tables.CLASSIC, pair=dense_pair)

    def weights(seed):
        run = tables.Run(made, data.images, seed)
        run.advance(2)
        return torch.cat([p.detach().flatten() for p in run.generator.parameters()])

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_the_penalty_of_one_pass_is_r1(data, monkeypatch):
    """D's step is compared with one whose loss is put together from the package's parts."""
    made = dataclasses.replace(tables.RECOMMENDED, pair=dense_pair, decay=False)
    ours, other = (tables.Run(made, data.images, 4) for _ in range(2))
    real = data.images[:64].clone()
    fake = ours.generator(ours.z(64)).detach()
    ours._train_discriminator(real.clone(), fake)
    d = other.discriminator
    (slope,) = torch.autograd.grad(d(real.requires_grad_()).sum(), real, create_graph=True)
    penalty = made.r1_every * made.r1 / 2 * slope.square().flatten(1).sum(1).mean()
    loss = other.loss.discriminator(real_logits=d(real), fake_logits=d(fake)) + penalty
    other.d_optimizer.zero_grad()
    loss.backward()
    other.d_optimizer.step()
    for a, b in zip(ours.discriminator.parameters(), d.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_r1_comes_in_every_third_step(data, monkeypatch):
    run = tables.Run(dataclasses.replace(tables.RECOMMENDED, pair=dense_pair, r1_every=3), data.images, 4)
    braked, penalty = [], tables.penalties.r1_penalty
    monkeypatch.setattr(tables.penalties, "r1_penalty", lambda *given: braked.append(run.steps_done) or penalty(*given))
    run.advance(8)
    assert braked == [0, 3, 6]


def test_differences_estimate_r1(data):
    """Over many directions the mean square of (D(x + s e) - D(x)) / s is R1."""
    run = tables.Run(dataclasses.replace(tables.RECOMMENDED, pair=dense_pair, r1_by=0.01), data.images, 4)
    real = data.images[:16].clone().requires_grad_()
    logits = run.discriminator(real)
    wanted = float(tables.penalties.r1_penalty(logits, real))
    found = [float(run._difference(real.detach(), logits.detach()).detach()) for _ in range(300)]
    assert sum(found) / 300 == pytest.approx(wanted, rel=0.1)


def test_critic_steps_decay_and_average(data):
    made = tables.Entry("x", dense_pair, **{**tables.CRITIC, "average": 0.5}, d_steps=3, steps=4)
    run = tables.Run(made, data.images, 0)
    seen = []
    train = run._train_discriminator
    run._train_discriminator = lambda real, fake: (seen.append(len(real)), train(real, fake))
    first = [p.detach().clone() for p in run.generator.parameters()]
    run.advance(4)
    assert seen == [64] * 12
    at_the_last_step = 0.05 + 0.95 * (1 + math.cos(0.75 * math.pi)) / 2
    for optimizer, rate in ((run.g_optimizer, made.lr_g), (run.d_optimizer, made.lr_d)):
        assert optimizer.param_groups[0]["lr"] == pytest.approx(rate * at_the_last_step)
    assert made.lr_g != made.lr_d
    for start, now, mean in zip(first, run.generator.parameters(), run.final_generator().parameters(), strict=True):
        assert not torch.equal(start, now)
        assert not torch.equal(now, mean)


def test_the_floor_compares_different_real_images(examiner):
    says = examiner.floor()
    assert len(says["frechet"]) == 5 and min(says["frechet"]) > 0
    assert says["precision"][0] < 1 and says["classes"] == [10]
    assert examiner.of_images(examiner.held_out)["frechet"] == pytest.approx(0, abs=1e-3)


def test_samples_differ_by_mode_and_leave_the_generator_alone(examiner):
    with runtime.seeded(1):
        generator, _ = tables.dcgan_pair()
    before = {key: value.clone() for key, value in generator.state_dict().items()}
    ways = {how: examiner.samples(generator, how) for how in ("train mode", "running statistics", "recomputed")}
    assert all(torch.equal(before[key], value) for key, value in generator.state_dict().items())
    assert generator.training
    assert (ways["train mode"] - ways["running statistics"]).abs().mean() > 0.01
    assert (ways["train mode"] - ways["recomputed"]).abs().mean() < (
        ways["train mode"] - ways["running statistics"]
    ).abs().mean()
    assert torch.equal(ways["recomputed"], examiner.samples(generator, "recomputed"))


def linear_critic(run, weight):
    """Give the run a critic whose score is ``weight`` times the sum of an image's pixels: its slope is 28 |weight|."""
    run.discriminator = nn.Sequential(nn.Flatten(), nn.Linear(784, 1, bias=False), nn.Flatten(0))
    with torch.no_grad():
        run.discriminator[1].weight.fill_(weight)


def test_the_gap_is_positive_for_a_critic_that_prefers_real_images(data, examiner):
    run = tables.Run(dataclasses.replace(tables.CLASSIC, pair=dense_pair), data.images, 0)
    linear_critic(run, -1.0)  # dark images score high; real digits are mostly black
    assert examiner.of_critic(run)["gap"] > 100


def test_what_a_critic_says_is_of_the_weights_in_training(data, examiner):
    """The average is made another network, as if it lagged far behind: gap, slope and distance must not see it."""
    made = tables.Entry("x", dense_pair, **{**tables.CRITIC, "average": 0.5})
    run = tables.Run(made, data.images, 0)
    linear_critic(run, -0.5)
    says = examiner.of_critic(run)
    with torch.no_grad():
        for parameter in run.average.module.parameters():
            parameter.uniform_(-1, 1, generator=runtime.generator(3))
    assert examiner.of_critic(run) == says
    samples = examiner.samples(run.generator, "recomputed")
    real = examiner.held_out[: tables.SCORED]
    wanted = -0.5 * (real.flatten(1).sum(1).mean() - samples[: tables.SCORED].flatten(1).sum(1).mean()).item()
    assert says["gap"] == pytest.approx(wanted, rel=1e-3)
    assert says["slope"] == pytest.approx(14.0, rel=1e-4)
    assert says["frechet_in_training"] == examiner.frechet(samples)
    judged = tables.look(run, examiner, 0.0)
    assert says.items() <= judged.items() and judged["frechet"] != says["frechet_in_training"]


def test_the_picture_is_two_rows_of_eight():
    images = torch.full((16, 1, 28, 28), -1.0)
    images[9] = 1.0
    shown = Image.open(io.BytesIO(base64.b64decode(tables.picture(images))))
    assert shown.size == (8 * 28, 2 * 28)
    assert shown.getpixel((28 + 5, 28 + 5)) == 255 and shown.getpixel((5, 5)) == 0


def test_a_row_keeps_every_seed_and_every_look(data, examiner, monkeypatch):
    monkeypatch.setattr(tables, "relative_cost", lambda *_: 1.0)
    made = tables.Entry("tiny", dense_pair, steps=6, looks=(2, 4, 6), rows=((4, "short"), (6, "long")))
    short, long = tables.measured(made, data, examiner, [5, 6])
    assert (short["name"], short["steps"], long["name"], long["steps"]) == ("short", 4, "long", 6)
    assert short["over_steps"]["steps"] == [2, 4] and long["over_steps"]["steps"] == [2, 4, 6]
    for row in (short, long):
        assert [len(row[key]) for key in ("frechet", "confidence", "classes", "cpu_seconds")] == [2, 2, 2, 2]
        assert row["over_steps"]["frechet"][-1] == row["frechet"] == row["frechet_by_mode"]["recomputed"]
        assert "gap" not in row
    assert long["over_steps"]["frechet"][:2] == short["over_steps"]["frechet"]
    assert long["cpu_seconds"][0] >= short["cpu_seconds"][0] > 0
    assert long["parameters"] == [283_920, 267_009]


def test_a_long_run_passes_through_what_a_short_one_reaches(data, examiner, monkeypatch):
    monkeypatch.setattr(tables, "relative_cost", lambda *_: 1.0)
    long = tables.Entry("long", dense_pair, steps=4, looks=(2, 4), rows=((2, "short"), (4, "long")))
    (alone,) = tables.measured(tables.Entry("alone", dense_pair, steps=2), data, examiner, [5])
    assert next(tables.measured(long, data, examiner, [5]))["frechet"] == alone["frechet"]


def test_one_run_is_judged_with_and_without_its_average(data, examiner, monkeypatch):
    monkeypatch.setattr(tables, "relative_cost", lambda *_: 1.0)
    made = tables.Entry("mean", dense_pair, steps=4, average=0.9, unaveraged="last")
    mean, last = tables.measured(made, data, examiner, [5])
    plain = dataclasses.replace(made, average=0.0, unaveraged="")
    (alone,) = tables.measured(plain, data, examiner, [5])
    assert (mean["name"], last["name"]) == ("mean", "last")
    assert last["picture"] == alone["picture"] != mean["picture"]


def test_a_critics_gap_is_kept(data, examiner, monkeypatch):
    monkeypatch.setattr(tables, "relative_cost", lambda *_: 1.0)
    made = tables.Entry("critic", dense_pair, **{**tables.CRITIC, "average": 0.0}, steps=2)
    (row,) = tables.measured(made, data, examiner, [5])
    for key in ("gap", "slope", "frechet_in_training"):
        assert row["over_steps"][key][-1] == row[key]
    assert row["frechet_in_training"] == row["frechet"]  # no average: one set of weights
