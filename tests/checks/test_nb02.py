"""The checkers of notebook 02 accept what is right and say which mistake was made."""

import pytest
import torch
import torch.nn.functional as F

from gancourse.checks import nb02
from gancourse.checks.framework import ExerciseFailed
from verdicts import accepts, rejects, verdict

bce = F.binary_cross_entropy_with_logits


@pytest.mark.parametrize("checker", [nb02.d_step, nb02.g_step, nb02.wasserstein_by_sorting, nb02.repaired_run])
def test_stubs_are_not_attempted_and_nonsense_never_raises(capsys, checker):
    def stub(*args, **kwargs):
        return ...

    assert "not attempted" in verdict(capsys, checker, stub)
    assert "not attempted" in verdict(capsys, checker, ...)
    with pytest.raises(ExerciseFailed):
        checker(stub, strict=True)
    for nonsense in (None, 3, "text", lambda *a, **k: None, lambda *a, **k: 1 / 0, lambda: 1, lambda *a, **k: "p"):
        assert "not yet, because" in verdict(capsys, checker, nonsense)


def test_a_check_leaves_the_global_random_stream_alone(capsys):
    before = torch.get_rng_state()
    for checker, answer in (
        (nb02.d_step, d_step()),
        (nb02.g_step, g_step()),
        (nb02.repaired_run, run()),
    ):
        checker(answer)
        assert torch.equal(torch.get_rng_state(), before)
    from torch.optim import optimizer

    assert not optimizer._global_optimizer_pre_hooks  # nobody goes on watching


# ---------------------------------------------------------------- exercise 1


def d_step(
    loss=lambda r, f: bce(r, torch.ones_like(r)) + bce(f, torch.zeros_like(f)),
    returned=lambda loss, r, f: loss,
    detach=True,
    zero="first",
    backward=True,
    step=True,
    feed=lambda d, real, fake, z: (d(real), d(fake)),
    z_of=lambda z: z,
):
    """A D step with one thing made different."""

    def answer(generator, discriminator, d_optimiser, real, z):
        fake = generator(z_of(z))
        if detach:
            fake = fake.detach()
        real_logits, fake_logits = feed(discriminator, real, fake, z)
        value = loss(real_logits, fake_logits)
        if zero == "first":
            d_optimiser.zero_grad()
        if step == "early":
            d_optimiser.step()
        if backward:
            value.backward()
        if zero == "last":
            d_optimiser.zero_grad()
        if step is True:
            d_optimiser.step()
        return returned(value, real_logits, fake_logits)

    return answer


def test_a_right_d_step_is_accepted(capsys):
    accepts(capsys, nb02.d_step, d_step(), fragment="G was left alone")
    accepts(capsys, nb02.d_step, d_step(returned=lambda loss, r, f: loss.item()))

    def under_no_grad(generator, discriminator, d_optimiser, real, z):
        d_optimiser.zero_grad()
        with torch.no_grad():
            fake = generator(z)
        d_loss = F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(fake)).mean()
        d_loss.backward()
        d_optimiser.step()
        return d_loss

    accepts(capsys, nb02.d_step, under_no_grad)


def test_a_d_step_without_detach_is_accepted_with_a_remark(capsys):
    accepts(capsys, nb02.d_step, d_step(detach=False), fragment="One remark: the fakes were not detached")


def one(r):
    return torch.ones_like(r)


def zero(r):
    return torch.zeros_like(r)


D_LOSSES = {
    "carry the same label, *real*": lambda r, f: bce(r, one(r)) + bce(f, one(f)),
    "carry the same label, *fake*": lambda r, f: bce(r, zero(r)) + bce(f, zero(f)),
    "labels are swapped": lambda r, f: bce(r, zero(r)) + bce(f, one(f)),
    "D moved *up* its loss": lambda r, f: F.logsigmoid(r).mean() + F.logsigmoid(-f).mean(),
    "the fake term is missing": lambda r, f: bce(r, one(r)),
    "the real term is missing": lambda r, f: bce(f, zero(f)),
    "the fake term has the wrong sign": lambda r, f: bce(r, one(r)) - bce(f, zero(f)),
    "sigmoid was applied twice": lambda r, f: bce(r.sigmoid(), one(r)) + bce(f.sigmoid(), zero(f)),
    "arguments of the cross-entropy are swapped": lambda r, f: bce(one(r), r) + bce(zero(f), f),
    "half as long": lambda r, f: bce(torch.cat([r, f]), torch.cat([one(r), zero(f)])),
    "you took the sum": lambda r, f: bce(r, one(r), reduction="sum") + bce(f, zero(f), reduction="sum"),
    "labels have different shapes": lambda r, f: bce(r, torch.ones(len(r), 1)) + bce(f, torch.zeros(len(f), 1)),
}


@pytest.mark.parametrize("fragment", D_LOSSES)
def test_a_wrong_loss_of_d_is_named(capsys, fragment):
    rejects(capsys, nb02.d_step, d_step(loss=D_LOSSES[fragment]), fragment=fragment)


@pytest.mark.parametrize(
    ("change", "fragment"),
    [
        ({"zero": "never"}, "gradients of an earlier step are still in there"),
        ({"zero": "last"}, "zero_grad() goes before backward()"),
        ({"step": False}, "d_optimiser.step() is missing, or comes before backward()"),
        ({"step": "early"}, "d_optimiser.step() is missing, or comes before backward()"),
        ({"step": "early", "zero": "never"}, "step() comes after backward()"),
        ({"backward": False, "zero": "never"}, "by the gradients of an earlier step only"),
        ({"backward": False, "step": False, "zero": "never"}, "neither backward() nor d_optimiser.step() was called"),
        ({"feed": lambda d, real, fake, z: (d(real), d(z))}, "z was passed to the discriminator"),
        ({"z_of": lambda z: torch.randn_like(z)}, "was not called on the z"),
        ({"z_of": lambda z: torch.randn(len(z), 1)}, "real data was passed to the generator"),
        ({"z_of": lambda z: z[:, :, None, None]}, "must have shape (N, 3)"),
        ({"feed": lambda d, real, fake, z: (d(real).detach(), d(fake).detach())}, "nothing to differentiate"),
        ({"returned": lambda loss, r, f: None}, "returned None"),
        ({"returned": lambda loss, r, f: bce(r, one(r))}, "not d_loss: the fake term is missing"),
        ({"returned": lambda loss, r, f: loss / 2}, "not d_loss: the step is half"),
        ({"returned": lambda loss, r, f: loss + 1}, "d_step should return d_loss"),
        ({"returned": lambda loss, r, f: r}, "is a mean missing?"),
    ],
)
def test_a_wrong_d_step_is_named(capsys, change, fragment):
    rejects(capsys, nb02.d_step, d_step(**change), fragment=fragment)


def test_a_d_step_that_moves_the_generator_is_named(capsys):
    def both(generator, discriminator, d_optimiser, real, z):
        optimiser = torch.optim.SGD([*generator.parameters(), *discriminator.parameters()], lr=0.1)
        loss = bce(discriminator(real), torch.ones(len(real))) + bce(discriminator(generator(z)), torch.zeros(len(z)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return loss

    rejects(capsys, nb02.d_step, both, fragment="also moved the generator")


# ---------------------------------------------------------------- exercise 2


def g_step(
    loss=lambda f: bce(f, torch.ones_like(f)),
    returned=lambda loss: loss,
    fakes=lambda generator, z: generator(z),
    zero="first",
    backward=True,
    step=True,
):
    """A G step with one thing made different."""

    def answer(generator, discriminator, g_optimiser, z):
        value = loss(discriminator(fakes(generator, z)))
        if zero == "first":
            g_optimiser.zero_grad()
        if step == "early":
            g_optimiser.step()
        if backward:
            value.backward()
        if zero == "last":
            g_optimiser.zero_grad()
        if step is True:
            g_optimiser.step()
        return returned(value)

    return answer


def test_a_right_g_step_is_accepted(capsys):
    accepts(capsys, nb02.g_step, g_step(), fragment="G moved, D stood still")
    accepts(capsys, nb02.g_step, g_step(loss=lambda f: F.softplus(-f).mean(), returned=float))


@pytest.mark.parametrize(
    ("change", "fragment"),
    [
        ({"loss": lambda f: bce(f, zero(f))}, "trained towards the label 0"),
        ({"loss": lambda f: -F.logsigmoid(-f).mean()}, "trained towards the label 0"),
        ({"loss": lambda f: F.logsigmoid(f).mean()}, "the sign is wrong"),
        ({"loss": lambda f: F.logsigmoid(-f).mean()}, "this is the saturating loss"),
        ({"loss": lambda f: bce(f.sigmoid(), one(f))}, "sigmoid was applied twice"),
        ({"loss": lambda f: bce(one(f), f)}, "arguments of the cross-entropy are swapped"),
        ({"loss": lambda f: bce(f, one(f), reduction="sum")}, "you took the sum"),
        ({"loss": lambda f: bce(f, torch.ones(len(f), 1))}, "labels have different shapes"),
        ({"fakes": lambda g, z: g(z).detach()}, "no gradient reached G: the fakes were detached"),
        ({"fakes": lambda g, z: g(z).detach(), "zero": "never"}, "no gradient reached G: the fakes were detached"),
        ({"fakes": lambda g, z: z[:, :1] * 1.0}, "was not called on the z"),
        ({"fakes": lambda g, z: z}, "z was passed to the discriminator"),
        ({"zero": "never"}, "gradients of an earlier step are still in there"),
        ({"zero": "last"}, "zero_grad() goes before backward()"),
        ({"step": False}, "g_optimiser.step() is missing, or comes before backward()"),
        ({"step": "early", "zero": "never"}, "step() comes after backward()"),
        ({"backward": False, "zero": "never"}, "by the gradients of an earlier step only"),
        ({"backward": False, "step": False, "zero": "never"}, "neither backward() nor g_optimiser.step() was called"),
        ({"returned": lambda loss: None}, "returned None"),
        ({"returned": lambda loss: -loss}, "not g_loss: the sign is wrong"),
        ({"returned": lambda loss: 7.0}, "g_step should return g_loss"),
    ],
)
def test_a_wrong_g_step_is_named(capsys, change, fragment):
    rejects(capsys, nb02.g_step, g_step(**change), fragment=fragment)


def test_a_g_step_that_moves_the_discriminator_is_named(capsys):
    def wrong(generator, discriminator, g_optimiser, z):
        optimiser = torch.optim.SGD(discriminator.parameters(), lr=0.1)
        loss = bce(discriminator(generator(z)), torch.ones(len(z)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return loss

    rejects(capsys, nb02.g_step, wrong, fragment="also moved the discriminator")


# ---------------------------------------------------------------- exercise 3


def test_the_right_distance_is_accepted(capsys):
    accepts(capsys, nb02.wasserstein_by_sorting, lambda a, b: (a.sort(0).values - b.sort(0).values).abs().mean())
    accepts(
        capsys,
        nb02.wasserstein_by_sorting,
        lambda a, b: float((a.flatten().sort().values - b.flatten().sort().values).abs().mean()),
    )


@pytest.mark.parametrize(
    ("answer", "fragment"),
    [
        (lambda a, b: (a - b).abs().mean(), "not in order when you subtract"),
        (lambda a, b: (a.sort().values - b.sort().values).abs().mean(), "along dimension 0"),
        (lambda a, b: (a.sort(0).values - b).abs().mean(), "only a is sorted"),
        (lambda a, b: (a - b.sort(0).values).abs().mean(), "only b is sorted"),
        (lambda a, b: (a.sort(0).values - b.sort(0, descending=True).values).abs().mean(), "most expensive plan"),
        (lambda a, b: (a.sort(0).values - b.sort(0).values).abs().sum(), "you took the sum"),
        (lambda a, b: (a.mean() - b.mean()).abs(), "the absolute value is missing or comes too late"),
        (lambda a, b: a.mean() - b.mean(), "the absolute value is missing or comes too late"),
        (lambda a, b: b.mean() - a.mean(), "the absolute value is missing or comes too late"),
        (lambda a, b: (a.sort(0).values - b.sort(0).values).square().mean(), "you squared the differences"),
        (lambda a, b: (a.sort(0).values - b.sort(0).values).square().mean().sqrt(), "this is W2"),
        (lambda a, b: (a.sort(0).values - b.sort(0).values).abs().max(), "the largest difference"),
        (
            lambda a, b: (a.sort(0).values - b.flatten().sort().values).abs().mean(),
            "every point was compared with every point",
        ),
        (lambda a, b: (a - b.flatten()).abs().mean(), "every point was compared with every point"),
        (lambda a, b: (a.sort(0).values - b.sort(0).values).abs(), "is a mean missing?"),
        (lambda a, b: 0.1234, "the distance is"),
        (lambda a, b: float("nan"), "but you return nan"),
        (lambda a, b: a.sort(0) - b.sort(0), "wasserstein_by_sorting raised TypeError"),
    ],
)
def test_a_wrong_distance_is_named(capsys, answer, fragment):
    rejects(capsys, nb02.wasserstein_by_sorting, answer, fragment=fragment)


# ---------------------------------------------------------------- exercise 4

RIGHT = {"A": "label 0", "B": "too fast", "C": "detached"}


def test_the_right_diagnosis_is_accepted(capsys):
    accepts(capsys, nb02.diagnosis, RIGHT)
    assert "not attempted" in verdict(capsys, nb02.diagnosis, dict.fromkeys("ABC", ...))
    assert "not attempted" in verdict(capsys, nb02.diagnosis, ...)


@pytest.mark.parametrize(
    ("answer", "fragment"),
    [
        (RIGHT | {"A": "detached"}, "*both* losses fall to 0"),
        (RIGHT | {"B": "detached"}, "W1 does move, up and down"),
        (RIGHT | {"C": "nothing"}, "W1 is flat from the first step"),
        (RIGHT | {"C": ...}, "no answer for C"),
        ({"A": "label 0"}, "no answer for B, C"),
        (RIGHT | {"B": "bad luck"}, "none of the causes on offer"),
        (["label 0"], "a dict with the keys"),
    ],
)
def test_a_wrong_diagnosis_is_answered(capsys, answer, fragment):
    rejects(capsys, nb02.diagnosis, answer, fragment=fragment)


# ---------------------------------------------------------------- exercise 5


def run(
    optimisers="two",
    detach_d=True,
    detach_g=False,
    d_loss=lambda r, f: bce(r, one(r)) + bce(f, zero(f)),
    g_loss=lambda f: bce(f, one(f)),
    real_once=False,
    z_once=False,
    reseed=None,
    halve=False,
    zero_grads="each",
    feed_d=lambda fake, z, real: fake,
    feed_g=lambda z, real: z,
    make_z=lambda n, dim: torch.randn(n, dim),
    g_trains="g",
    fresh_z=True,
):
    """A whole run with one thing made different."""

    def answer(generator, discriminator, sample_real, num_steps):
        if optimisers == "one":
            d_opt = g_opt = torch.optim.Adam([*generator.parameters(), *discriminator.parameters()], 1e-3)
        else:
            d_opt = torch.optim.Adam(discriminator.parameters(), 3e-3, betas=(0.0, 0.99))
            g_opt = torch.optim.Adam((generator if g_trains == "g" else discriminator).parameters(), 1e-3)
        kept_real, kept_z = sample_real(32) if real_once else None, make_z(32, generator.latent_dim)
        for step in range(num_steps):
            real = kept_real if real_once else sample_real(32)
            z = kept_z if z_once else make_z(32, generator.latent_dim)
            fake = generator(feed_g(z, real))
            if zero_grads == "at the top":
                d_opt.zero_grad()
                g_opt.zero_grad()
            shown = feed_d(fake.detach() if detach_d else fake, z, real)
            loss = d_loss(discriminator(real), discriminator(shown))
            if zero_grads == "each":
                d_opt.zero_grad()
            loss.backward(retain_graph=not fresh_z)
            d_opt.step()
            if fresh_z:
                fake = generator(kept_z if z_once else make_z(32, generator.latent_dim))
            if detach_g:
                fake = fake.detach()
            loss = g_loss(discriminator(fake))
            if zero_grads == "each":
                g_opt.zero_grad()
            loss.backward()
            g_opt.step()
            if reseed and step % reseed == reseed - 1:
                torch.manual_seed(8 if reseed == 50 else 3)
            if halve and step % 50 == 49:
                for optimiser in (d_opt, g_opt):
                    optimiser.param_groups[0]["lr"] /= 2

    return answer


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"fresh_z": False},  # one fake batch for both steps
        {"detach_d": False},  # correct: G's gradients are zeroed in between
        {"d_loss": lambda r, f: 0.5 * (bce(r, one(r)) + bce(f, zero(f)))},  # Adam does not see the half
        {"zero_grads": "at the top"},
    ],
)
def test_a_right_run_is_accepted(capsys, change):
    nb02.repaired_run(run(**change), strict=True)
    assert "correct. There is nothing left to mend." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("mistake", "change", "fragment"),
    [
        ("M11", {"detach_g": True}, "no gradient reaches G"),
        ("M11 reused", {"detach_d": False, "detach_g": True, "fresh_z": False}, "no gradient reaches G"),
        ("M12", {"optimisers": "one", "detach_d": False}, "G is trained to *help* D"),
        ("M12, two optimisers", {"detach_d": False, "zero_grads": "at the top"}, "holds a part of d_loss"),
        ("M13", {"optimisers": "one"}, "one optimiser holds the weights of both"),
        ("M14", {"g_trains": "d"}, "no optimiser ever moved the generator"),
        ("M15", {"d_loss": lambda r, f: bce(r, one(r)) + bce(f, one(f))}, "the same label, *real*"),
        ("swapped", {"d_loss": lambda r, f: bce(r, zero(r)) + bce(f, one(f))}, "labels are swapped"),
        ("M2", {"d_loss": lambda r, f: bce(r, one(r))}, "the fake term is missing"),
        ("M16", {"g_loss": lambda f: bce(f, zero(f))}, "towards the label 0"),
        ("M4", {"g_loss": lambda f: F.logsigmoid(f).mean()}, "the sign is wrong"),
        ("saturating", {"g_loss": lambda f: F.logsigmoid(-f).mean()}, "this is the saturating loss"),
        (
            "M17 in D",
            {"d_loss": lambda r, f: bce(r.sigmoid(), one(r)) + bce(f.sigmoid(), zero(f))},
            "sigmoid was applied twice",
        ),
        ("M17 in G", {"g_loss": lambda f: bce(f.sigmoid(), one(f))}, "sigmoid was applied twice"),
        (
            "M17 reversed",
            {"d_loss": lambda r, f: F.binary_cross_entropy(r, one(r)) + F.binary_cross_entropy(f, zero(f))},
            "use the logits form",
        ),
        ("M18 in D", {"d_loss": lambda r, f: bce(one(r), r) + bce(zero(f), f)}, "arguments of the cross-entropy"),
        ("M18 in G", {"g_loss": lambda f: bce(one(f), f)}, "arguments of the cross-entropy"),
        ("M19", {"real_once": True}, "real data was drawn only once"),
        ("M20", {"z_once": True}, "drawn once, before the loop"),
        ("M21 z to D", {"feed_d": lambda fake, z, real: z}, "z was passed to the discriminator"),
        ("M21 real to G", {"feed_g": lambda z, real: real}, "real data was passed to the generator"),
        ("M22", {"make_z": lambda n, dim: torch.randn(n, 100)}, "one row of latent numbers per sample"),
        ("M22 images", {"make_z": lambda n, dim: torch.randn(n, dim, 1, 1)}, "one row of latent numbers per sample"),
        ("M23", {"d_loss": lambda r, f: bce(r, torch.ones(32, 1)) + bce(f, torch.zeros(32, 1))}, "shape (N,)"),
        ("M24", {"halve": True}, "learning rate falls"),
        ("M25", {"reseed": 40}, "reseeds PyTorch's generator inside the loop"),
        ("M25, the seed the run began with", {"reseed": 50}, "reseeds PyTorch's generator inside the loop"),
        ("no zero_grad", {"zero_grads": "never"}, "Is zero_grad() called"),
    ],
)
def test_a_wrong_run_is_named(mistake, change, fragment):
    with pytest.raises(ExerciseFailed, match="not yet, because") as refused:
        nb02.repaired_run(run(**change), strict=True)
    assert fragment in str(refused.value)


def test_d_fed_with_something_else_or_updated_too_seldom_is_named(capsys):
    def noise_as_fake(fake, z, real):
        return fake + 0.1

    rejects(capsys, nb02.repaired_run, run(feed_d=noise_as_fake), fragment="neither a real batch nor what G made")

    def too_short(generator, discriminator, sample_real, num_steps):
        run()(generator, discriminator, sample_real, 20)

    def scores_too_old(generator, discriminator, sample_real, num_steps):
        d_opt = torch.optim.Adam(discriminator.parameters(), 1e-3)
        for _ in range(num_steps):
            real, fake = sample_real(32), generator(torch.randn(32, 1))
            real_logits, fake_logits = discriminator(real), discriminator(fake)
            d_opt.zero_grad()
            (bce(real_logits, one(real_logits)) + bce(fake_logits, zero(fake_logits))).backward(retain_graph=True)
            d_opt.step()
            bce(fake_logits, one(fake_logits)).backward()

    rejects(capsys, nb02.repaired_run, scores_too_old, fragment="computed anew once D has moved")
    rejects(capsys, nb02.repaired_run, too_short, fragment="D was updated 20 times and G 20 times")
