"""The checkers of notebook 02 accept what is right and say which mistake was made."""

import itertools

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
    "real and fake have changed places (or their labels)": lambda r, f: bce(r, zero(r)) + bce(f, one(f)),
    "this is V itself, which D *maximises*": lambda r, f: F.logsigmoid(r).mean() + F.logsigmoid(-f).mean(),
    "the fake term is missing": lambda r, f: bce(r, one(r)),
    "the real term is missing": lambda r, f: bce(f, zero(f)),
    "the fake term has the wrong sign": lambda r, f: bce(r, one(r)) - bce(f, zero(f)),
    "sigmoid was applied twice": lambda r, f: bce(r.sigmoid(), one(r)) + bce(f.sigmoid(), zero(f)),
    "arguments of the cross-entropy are swapped": lambda r, f: bce(one(r), r) + bce(zero(f), f),
    "0.5 times as long as it should be: the mean over real and fake together": lambda r, f: bce(
        torch.cat([r, f]), torch.cat([one(r), zero(f)])
    ),
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
        ({"z_of": lambda z: torch.randn(len(z), 1)}, "one row of latent numbers per sample"),
        ({"z_of": lambda z: z[:, :, None, None]}, "must have shape (N, 3)"),
        ({"feed": lambda d, real, fake, z: (d(real).detach(), d(fake).detach())}, "nothing to differentiate"),
        ({"returned": lambda loss, r, f: None}, "returned None"),
        ({"returned": lambda loss, r, f: bce(r, one(r))}, "not d_loss: the fake term is missing"),
        ({"returned": lambda loss, r, f: loss / 2}, "not d_loss: this is half of it"),
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
        ({"loss": lambda f: F.logsigmoid(f).mean()}, "the sign is turned round"),
        ({"loss": lambda f: F.logsigmoid(-f).mean()}, "this is the *saturating* loss"),
        ({"loss": lambda f: -f.mean(), "returned": lambda loss: loss}, "this is the Wasserstein loss"),
        ({"loss": lambda f: bce(f.sigmoid(), one(f))}, "sigmoid was applied twice"),
        ({"loss": lambda f: bce(one(f), f)}, "arguments of the cross-entropy are swapped"),
        ({"loss": lambda f: bce(f, one(f), reduction="sum")}, "you took the sum"),
        ({"loss": lambda f: bce(f, torch.ones(len(f), 1))}, "labels have different shapes"),
        ({"fakes": lambda g, z: g(z).detach()}, "no gradient reached G: the fakes were detached"),
        ({"fakes": lambda g, z: g(z).detach(), "zero": "never"}, "no gradient reached G: the fakes were detached"),
        ({"fakes": lambda g, z: z[:, :1] * 1.5}, "was not called on the z"),
        ({"fakes": lambda g, z: z}, "z was passed to the discriminator"),
        ({"zero": "never"}, "gradients of an earlier step are still in there"),
        ({"zero": "last"}, "zero_grad() goes before backward()"),
        ({"step": False}, "g_optimiser.step() is missing, or comes before backward()"),
        ({"step": "early", "zero": "never"}, "step() comes after backward()"),
        ({"backward": False, "zero": "never"}, "by the gradients of an earlier step only"),
        ({"backward": False, "step": False, "zero": "never"}, "neither backward() nor g_optimiser.step() was called"),
        ({"returned": lambda loss: None}, "returned None"),
        ({"returned": lambda loss: -loss}, "not g_loss: the sign is turned round"),
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
        (lambda a, b: (a.sort().values - b.sort().values).abs().mean(), "along which dimension"),
        (lambda a, b: (a.sort(0).values - b).abs().mean(), "only the first sample is sorted"),
        (lambda a, b: (a - b.sort(0).values).abs().mean(), "only the second sample is sorted"),
        (lambda a, b: (a.sort(0).values - b.sort(0, descending=True).values).abs().mean(), "most expensive plan"),
        (lambda a, b: (a.sort(0).values - b.sort(0).values).abs().sum(), "the sum of all ways"),
        (lambda a, b: (a.mean() - b.mean()).abs(), "The absolute value is missing, or comes too late"),
        (lambda a, b: a.mean() - b.mean(), "The absolute value is missing, or comes too late"),
        (lambda a, b: b.mean() - a.mean(), "The absolute value is missing, or comes too late"),
        (lambda a, b: (a.sort(0).values - b.sort(0).values).square().mean(), "the ways are squared"),
        (lambda a, b: (a.sort(0).values - b.sort(0).values).square().mean().sqrt(), "this is W2"),
        (lambda a, b: (a.sort(0).values - b.sort(0).values).abs().max(), "the longest way"),
        (
            lambda a, b: (a.sort(0).values - b.flatten().sort().values).abs().mean(),
            "every point is compared with every other",
        ),
        (lambda a, b: (a - b.flatten()).abs().mean(), "every point is compared with every other"),
        (lambda a, b: (a.sort(0).values - b.sort(0).values).abs(), "is a mean missing?"),
        (lambda a, b: 0.1234, "you return the same for every input"),
        (lambda a, b: float("nan"), "NaN, not a number, came out"),
        (lambda a, b: a.sort(0) - b.sort(0), "take .values"),
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
        (RIGHT | {"C": "nothing"}, "compare W1 at the first step and at the last"),
        (RIGHT | {"C": ...}, "no answer for C"),
        ({"A": "label 0"}, "no answer for B, C"),
        (RIGHT | {"B": "bad luck"}, "should be one of 'detached'"),
        (["label 0"], "a dict with a cause for each run"),
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
        ("swapped", {"d_loss": lambda r, f: bce(r, zero(r)) + bce(f, one(f))}, "real and fake have changed places"),
        ("M2", {"d_loss": lambda r, f: bce(r, one(r))}, "the fake term is missing"),
        ("M16", {"g_loss": lambda f: bce(f, zero(f))}, "towards the label 0"),
        ("M4", {"g_loss": lambda f: F.logsigmoid(f).mean()}, "the sign is turned round"),
        ("saturating", {"g_loss": lambda f: F.logsigmoid(-f).mean()}, "this is the *saturating* loss"),
        (
            "M17 in D",
            {"d_loss": lambda r, f: bce(r.sigmoid(), one(r)) + bce(f.sigmoid(), zero(f))},
            "sigmoid was applied twice",
        ),
        ("M17 in G", {"g_loss": lambda f: bce(f.sigmoid(), one(f))}, "sigmoid was applied twice"),
        (
            "M17 reversed",
            {"d_loss": lambda r, f: F.binary_cross_entropy(r, one(r)) + F.binary_cross_entropy(f, zero(f))},
            "use the form with logits",
        ),
        ("M18 in D", {"d_loss": lambda r, f: bce(one(r), r) + bce(zero(f), f)}, "arguments of the cross-entropy"),
        ("M18 in G", {"g_loss": lambda f: bce(one(f), f)}, "arguments of the cross-entropy"),
        ("M19", {"real_once": True}, "D saw only 1 different batch of real data"),
        ("M20", {"z_once": True}, "drawn once, before the loop"),
        ("M21 z to D", {"feed_d": lambda fake, z, real: z}, "z was passed to the discriminator"),
        ("M21 real to G", {"feed_g": lambda z, real: real}, "real data was passed to the generator"),
        ("M22", {"make_z": lambda n, dim: torch.randn(n, 100)}, "one row of latent numbers per sample"),
        ("M22 images", {"make_z": lambda n, dim: torch.randn(n, dim, 1, 1)}, "one row of latent numbers per sample"),
        (
            "M23",
            {"d_loss": lambda r, f: bce(r, torch.ones(32, 1)) + bce(f, torch.zeros(32, 1))},
            "the shape of the logits, (N,)",
        ),
        ("M24", {"halve": True}, "learning rate falls"),
        ("M25", {"reseed": 40}, "reseeds PyTorch's generator inside the loop"),
        ("M25, the seed the run began with", {"reseed": 50}, "reseeds PyTorch's generator inside the loop"),
        ("no zero_grad", {"zero_grads": "never"}, "zero_grad() comes before every backward()"),
    ],
)
def test_a_wrong_run_is_named(mistake, change, fragment):
    with pytest.raises(ExerciseFailed, match="not yet, because") as refused:
        nb02.repaired_run(run(**change), strict=True)
    assert fragment in str(refused.value)


def test_d_fed_with_something_else_or_updated_too_seldom_is_named(capsys):
    def noise_as_fake(fake, z, real):
        return fake + 0.1

    assert "neither real data nor what G made" in verdict(capsys, nb02.repaired_run, run(feed_d=noise_as_fake))

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

    assert "computed anew once D has moved" in verdict(capsys, nb02.repaired_run, scores_too_old)
    assert "D was updated 20 times and G 20 times" in verdict(capsys, nb02.repaired_run, too_short)


# ---------------------------------------------------------------- other people's ways


def adams(generator, discriminator):
    return torch.optim.Adam(discriminator.parameters(), 3e-3), torch.optim.Adam(generator.parameters(), 1e-3)


def d_loss_of(discriminator, real, fake):
    return F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(fake)).mean()


def looks_at_a_fixed_z(generator, discriminator, sample_real, num_steps):
    """The commonest repair: a z of its own to look at; what D says of it is logged too."""
    d_opt, g_opt = adams(generator, discriminator)
    look, own = torch.randn(3, generator.latent_dim), torch.Generator().manual_seed(0)
    for step in range(num_steps):
        fake = generator(torch.randn(32, generator.latent_dim))
        d_opt.zero_grad()
        d_loss_of(discriminator, sample_real(32), fake.detach()).backward()
        d_opt.step()
        g_opt.zero_grad()
        F.softplus(-discriminator(fake)).mean().backward()
        g_opt.step()
        if step % 50 == 49:
            discriminator(generator(look)).tolist()
            generator(torch.randn(3, generator.latent_dim, generator=own)).tolist()
            with torch.no_grad():
                discriminator(sample_real(500)).mean().item()


def g_first_in_one_batch(generator, discriminator, sample_real, num_steps):
    d_opt, g_opt = adams(generator, discriminator)
    for _ in range(num_steps):
        fake = generator(torch.randn(32, generator.latent_dim))
        g_opt.zero_grad()
        F.softplus(-discriminator.forward(fake)).mean().backward()
        g_opt.step()
        logits = discriminator(torch.cat([sample_real(32), fake.detach()]))
        d_opt.zero_grad()
        bce(logits, torch.tensor([1.0] * 32 + [0.0] * 32)).backward()
        d_opt.step()


def both_at_once(generator, discriminator, sample_real, num_steps):
    d_opt, g_opt = adams(generator, discriminator)
    for _ in range(num_steps):
        fake = generator(torch.randn(32, generator.latent_dim))
        d_loss, g_loss = (
            d_loss_of(discriminator, sample_real(32), fake.detach()),
            bce(discriminator(fake), torch.ones(32)),
        )
        d_opt.zero_grad()
        g_opt.zero_grad()
        d_loss.backward(inputs=list(discriminator.parameters()))
        g_loss.backward(inputs=list(generator.parameters()))
        d_opt.step()
        g_opt.step()


def twice_for_d(generator, discriminator, sample_real, num_steps):
    d_opt, g_opt = adams(generator, discriminator)
    torch.manual_seed(1)  # once, before the loop
    for _ in range(num_steps):
        for _ in range(2):
            d_opt.zero_grad()
            F.softplus(-discriminator(sample_real(32))).mean().backward()
            with torch.no_grad():
                fake = generator(torch.randn(32, generator.latent_dim))
            F.softplus(discriminator(fake)).mean().backward()
            d_opt.step()
        discriminator.requires_grad_(False)
        g_opt.zero_grad()
        F.softplus(-discriminator(generator(torch.randn(32, generator.latent_dim)))).mean().backward()
        g_opt.step()
        discriminator.requires_grad_(True)


@pytest.mark.parametrize("answer", [looks_at_a_fixed_z, g_first_in_one_batch, both_at_once, twice_for_d])
def test_a_run_may_be_written_in_other_ways(answer):
    nb02.repaired_run(answer, strict=True)


def part_broken(*mistakes):
    """The notebook's broken run, in which only these of its seven mistakes are left."""

    def answer(generator, discriminator, sample_real, num_steps):
        d_opt, g_opt = adams(generator, discriminator)
        once = torch.randn(32, generator.latent_dim)
        squash = torch.sigmoid if 3 in mistakes else lambda logits: logits
        for step in range(num_steps):
            fake = generator(once if 1 in mistakes else torch.randn(32, generator.latent_dim))
            fake = fake.detach() if 2 in mistakes else fake
            real_logits, fake_logits = squash(discriminator(sample_real(32))), squash(discriminator(fake.detach()))
            d_opt.zero_grad()
            (bce(real_logits, one(real_logits)) + bce(fake_logits, one(real_logits) * (4 in mistakes))).backward()
            d_opt.step()
            g_opt.zero_grad()
            bce(discriminator(fake), torch.full((32,), float(5 not in mistakes))).backward()
            g_opt.step()
            if step % 50 == 49:
                if 6 in mistakes:
                    torch.manual_seed(0)
                generator(torch.randn(3, generator.latent_dim)).tolist()
                for optimiser in (d_opt, g_opt) if 7 in mistakes else ():
                    optimiser.param_groups[0]["lr"] /= 2

    return answer


NAMED = {
    1: "it is drawn once, before the loop",
    2: "no gradient reaches G",
    3: "the sigmoid was applied twice",
    4: "real and fake carry the same label, *real*",
    5: "G is trained towards the label 0",
    6: "reseeds PyTorch's generator inside the loop",
    7: "learning rate falls",
}


@pytest.mark.parametrize("left", [(1,), (6,), (1, 6), (3, 4), (3, 5), (2, 7), (4, 5, 6), (1, 2, 3, 4, 5, 6, 7)])
def test_of_the_seven_mistakes_one_that_is_left_is_named(capsys, left):
    words = verdict(capsys, nb02.repaired_run, part_broken(*left))
    assert [mistake for mistake, fragment in NAMED.items() if fragment in words] in [[mistake] for mistake in left], (
        words
    )


def test_nothing_left_is_right():
    nb02.repaired_run(part_broken(), strict=True)


def stock_of_z(generator, discriminator, sample_real, num_steps):
    stock = itertools.cycle(torch.randn(10, 32, generator.latent_dim))
    run(make_z=lambda n, dim: next(stock), fresh_z=False, detach_d=True)(
        generator, discriminator, sample_real, num_steps
    )


def other_player_left_frozen(generator, discriminator, d_optimiser, real, z):
    generator.requires_grad_(False)
    return d_step()(generator, discriminator, d_optimiser, real, z)


def gradients_left_off(generator, discriminator, d_optimiser, real, z):
    loss = d_step()(generator, discriminator, d_optimiser, real, z)
    torch.set_grad_enabled(False)
    return loss


def own_optimiser(generator, discriminator, d_optimiser, real, z):
    return d_step()(generator, discriminator, torch.optim.SGD(discriminator.parameters(), 0.05), real, z)


@pytest.mark.parametrize(
    ("answer", "fragment"),
    [
        (other_player_left_frozen, "leaves weights of the generator frozen"),
        (gradients_left_off, "switches gradients off"),
        (own_optimiser, "another optimiser made a step"),
        (d_step(feed=lambda d, real, fake, z: (d(real), d(fake + 0.1))), "neither real data nor what G made"),
        (d_step(returned=lambda loss, r, f: 2 * loss), "d_step should return d_loss, 1.6203 here, and not 3.241"),
        (d_step(loss=lambda r, f: bce(r, 0.9 * one(r)) + bce(f, zero(f))), "the real labels are 0.9"),
        (d_step(loss=lambda r, f: f.mean() - r.mean()), "the Wasserstein critic's loss"),
    ],
)
def test_other_mistakes_of_a_step_are_named(capsys, answer, fragment):
    rejects(capsys, nb02.d_step, answer, fragment=fragment)


def both_backward_first(generator, discriminator, sample_real, num_steps):
    d_opt, g_opt = adams(generator, discriminator)
    for _ in range(num_steps):
        fake = generator(torch.randn(32, generator.latent_dim))
        d_opt.zero_grad()
        g_opt.zero_grad()
        d_loss_of(discriminator, sample_real(32), fake.detach()).backward()
        F.softplus(-discriminator(fake)).mean().backward()
        d_opt.step()
        g_opt.step()


@pytest.mark.parametrize(
    ("answer", "fragment"),
    [
        (stock_of_z, "from a fixed stock"),
        (both_backward_first, "D's gradient holds a part of g_loss"),
        (lambda g, d, sample, n: run()(g, d, sample, n + 5), "num_steps says how often"),
    ],
)
def test_other_mistakes_of_a_run_are_named(answer, fragment):
    with pytest.raises(ExerciseFailed, match=fragment):
        nb02.repaired_run(answer, strict=True)


def test_other_ways_to_step_are_right(capsys):
    def closure(generator, discriminator, d_optimiser, real, z):
        def loss():
            d_optimiser.zero_grad()
            value = d_loss_of(discriminator, real, generator(z).detach())
            value.backward()
            return value

        return d_optimiser.step(loss)

    def in_two(generator, discriminator, d_optimiser, real, z):
        generator.zero_grad()
        generator.requires_grad_(False)
        d_optimiser.zero_grad()
        halves = F.softplus(-discriminator(real)).mean(), F.softplus(discriminator(generator(z))).mean()
        for half in halves:
            half.backward()
        d_optimiser.step()
        generator.requires_grad_(True)
        return sum(halves).item()

    accepts(capsys, nb02.d_step, closure, fragment="G was left alone")
    accepts(capsys, nb02.d_step, in_two, fragment="G was left alone")
    accepts(capsys, nb02.diagnosis, {"c": "Detached", "a": "LABEL 0 ", "b": "too  fast"})
    rejects(capsys, nb02.diagnosis, {cause: run for run, cause in RIGHT.items()}, fragment="turned round")


def detached_scores(generator, discriminator, d_optimiser, real, z):
    real_logits, fake_logits = discriminator(real), discriminator(generator(z)).detach()
    d_loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
    d_optimiser.zero_grad()
    d_loss.backward()
    d_optimiser.step()
    return d_loss


def test_scores_that_are_detached_are_no_missing_term(capsys):
    rejects(capsys, nb02.d_step, detached_scores, fragment="D's scores there are detached")


def test_indices_are_not_values(capsys):
    answer = lambda a, b: (a.sort(dim=0).indices - b.sort(dim=0).indices).abs().float().mean()  # noqa: E731
    rejects(capsys, nb02.wasserstein_by_sorting, answer, fragment="the indices that sort the points")


def trained(*, new_optimisers=False, thrown_away=False, draw=torch.randn, real_sigmoid=False, fake_sigmoid=False):
    """Return a run with one of the mistakes that are not among the seven of the notebook."""

    def run(generator, discriminator, sample_real, num_steps):
        bce = F.binary_cross_entropy_with_logits
        d_optimiser, g_optimiser = adams(generator, discriminator)
        for _ in range(num_steps):
            if new_optimisers:
                d_optimiser, g_optimiser = adams(generator, discriminator)
            fake = generator(draw(32, generator.latent_dim))
            real_logits, fake_logits = discriminator(sample_real(32)), discriminator(fake.detach())
            real_logits = real_logits.sigmoid() if real_sigmoid else real_logits
            fake_logits = fake_logits.sigmoid() if fake_sigmoid else fake_logits
            d_loss = bce(real_logits, torch.ones(32)) + bce(fake_logits, torch.zeros(32))
            d_optimiser.zero_grad()
            d_loss.backward()
            d_optimiser.step()
            g_optimiser.zero_grad()
            bce(discriminator(fake), torch.ones(32)).backward()
            if thrown_away:
                g_optimiser.zero_grad()
            g_optimiser.step()

    return run


@pytest.mark.parametrize(
    "mistake, fragment",
    [
        ({"new_optimisers": True}, "different optimisers moved the generator"),
        ({"thrown_away": True}, "G's gradients are all 0 when its optimiser steps"),
        ({"draw": torch.rand}, "lies between 0 and 1 (torch.rand)"),
        ({"real_sigmoid": True}, "on the scores of the *real* data"),
        ({"fake_sigmoid": True}, "on the scores of the *fakes*"),
    ],
)
def test_mistakes_beside_the_seven_are_named(capsys, mistake, fragment):
    rejects(capsys, nb02.repaired_run, trained(**mistake), fragment=fragment)


def test_without_them_the_run_is_right(capsys):
    accepts(capsys, nb02.repaired_run, trained())
