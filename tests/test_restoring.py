"""The recipe for restoring adds the terms that it names, and each player moves by its own loss alone."""

import copy
import dataclasses

import pytest
import torch
import torch.nn.functional as F

from gancourse import restoring, runtime, training
from gancourse.data import degrade, moving
from gancourse.metrics import restoration
from gancourse.restoring import Recipe


def images(count=96, side=16, seed=0):
    """Bars at random places, longer than half the image: what is hidden can be guessed from what is seen."""
    random = runtime.generator(seed)
    rows = torch.arange(side)
    left, width = (torch.randint(2, side // 2, (count, 1, 1), generator=random) for _ in range(2))
    inside = (rows >= left) & (rows < left + width)
    return (2.0 * inside - 1).expand(-1, side, -1).unsqueeze(1).contiguous()


def parts_of(recipe, seed=5):
    return restoring.build(recipe, image_size=16, seed=seed)


def terms_by_hand(parts, recipe, damaged, seed, keep=True):
    """Return G's loss and its parts in the first step, before any weight moves, with D as it is given."""
    noise = runtime.generator(seed)
    known = damaged.mask if keep else None
    count, size = len(damaged.truth), parts.restorer.latent_dim
    fake = parts.restorer(damaged.given, torch.randn(count, size, generator=noise), known=known)
    off = fake - damaged.truth
    pixel = {"squares": (off**2).mean(), "absolute": off.abs().mean(), None: torch.zeros(())}[recipe.pixel]
    loss = pixel
    if recipe.perceptual is not None:
        loss = loss + F.mse_loss(recipe.perceptual(fake), recipe.perceptual(damaged.truth))
    if recipe.diversity:
        other = parts.restorer(damaged.given, torch.randn(count, size, generator=noise), known=known)
        loss = loss - recipe.diversity * (fake - other).abs().mean()
    return loss.detach(), fake


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe("squares"),
        Recipe("absolute"),
        Recipe("absolute", perceptual=lambda x: 3 * x.flatten(1)[:, ::5]),
        Recipe("squares", diversity=0.3),
        Recipe("absolute", noise="dropout"),
        Recipe("squares", wide=True),
        Recipe("squares", enlarge=True),
    ],
    ids=["squares", "absolute", "perceptual", "diversity", "dropout", "wide", "enlarge"],
)
@pytest.mark.parametrize("keep", [True, False])
def test_the_restorer_s_loss_is_the_sum_of_its_terms(recipe, keep):
    damaged = degrade.hide(images(8), (3, 14), (5, 16))
    parts = parts_of(recipe)
    expected, _ = terms_by_hand(copy.deepcopy(parts), recipe, damaged, 7, keep)
    says = restoring.make_step(parts, recipe, runtime.generator(7), keep=keep)(damaged)
    assert float(says["g_loss"]) == pytest.approx(float(expected), rel=1e-5)
    assert "d_loss" not in says


@pytest.mark.parametrize("sees", [True, False])
def test_the_adversarial_term_asks_the_discriminator_that_has_just_moved(sees):
    recipe = Recipe("squares", 0.3, d_sees_given=sees)
    damaged = degrade.half(images(8))
    parts = parts_of(recipe)
    before = copy.deepcopy(parts)
    says = restoring.make_step(parts, recipe, runtime.generator(7))(damaged)
    pixel, fake = terms_by_hand(before, recipe, damaged, 7)

    def score(network, image):
        return network(torch.cat([image, damaged.seen, damaged.mask], 1) if sees else image)

    real_logits, fake_logits = (score(before.discriminator, x) for x in (damaged.truth, fake.detach()))
    d_loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
    assert float(says["d_loss"]) == pytest.approx(d_loss.item(), rel=1e-5)
    fooled = F.softplus(-score(parts.discriminator, fake)).mean()
    assert float(says["g_loss"]) == pytest.approx((pixel + 0.3 * fooled).item(), rel=1e-5)
    assert float(says["pixel_loss"]) == pytest.approx(float(pixel), rel=1e-5)


def test_the_discriminator_moves_by_its_loss_and_r1_alone():
    """The first step of Adam moves each weight by its rate against the sign of its gradient."""
    recipe, damaged = Recipe("squares", 0.3), degrade.half(images(8))
    parts = parts_of(recipe)
    before = copy.deepcopy(parts)
    _, fake = terms_by_hand(before, recipe, damaged, 7)
    truth = damaged.truth.clone().requires_grad_()
    real_logits = before.discriminator(torch.cat([truth, damaged.given], 1))
    fake_logits = before.discriminator(torch.cat([fake.detach(), damaged.given], 1))
    (slope,) = torch.autograd.grad(real_logits.sum(), truth, create_graph=True)
    r1 = slope.flatten(1).square().sum(1).mean()
    loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
    weights = list(before.discriminator.parameters())
    gradients = torch.autograd.grad(loss + 4 * 0.3 / 2 * r1, weights)
    restoring.make_step(parts, recipe, runtime.generator(7))(damaged)
    for old, new, gradient in zip(weights, parts.discriminator.parameters(), gradients, strict=True):
        large = gradient.abs() > 1e-5
        assert torch.allclose((new - old)[large], -4e-3 * gradient.sign()[large], atol=2e-5)


def test_a_discriminator_of_patches_gives_a_loss_for_each_patch_and_r1_for_each_image():
    recipe, damaged = Recipe("squares", 0.3, patch_layers=2), degrade.half(images(8))
    parts = parts_of(recipe)
    before = copy.deepcopy(parts)
    assert before.discriminator(torch.cat([damaged.truth, damaged.given], 1)).shape == (8, 4, 4)
    pixel, fake = terms_by_hand(before, recipe, damaged, 7)
    truth = damaged.truth.clone().requires_grad_()
    real_logits = before.discriminator(torch.cat([truth, damaged.given], 1))
    fake_logits = before.discriminator(torch.cat([fake.detach(), damaged.given], 1))
    (slope,) = torch.autograd.grad(real_logits.mean((1, 2)).sum(), truth, create_graph=True)
    d_loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
    weights = list(before.discriminator.parameters())
    braked = d_loss + 4 * 0.3 / 2 * slope.flatten(1).square().sum(1).mean()
    gradients = torch.autograd.grad(braked, weights)
    says = restoring.make_step(parts, recipe, runtime.generator(7))(damaged)
    assert float(says["d_loss"]) == pytest.approx(d_loss.item(), rel=1e-5)
    for old, new, gradient in zip(weights, parts.discriminator.parameters(), gradients, strict=True):
        large = gradient.abs() > 1e-5
        assert torch.allclose((new - old)[large], -4e-3 * gradient.sign()[large], atol=2e-5)
    fooled = F.softplus(-parts.discriminator(torch.cat([fake, damaged.given], 1))).mean()
    assert float(says["g_loss"]) == pytest.approx((pixel + 0.3 * fooled).item(), rel=1e-5)


def test_r1_comes_in_every_fourth_step_only(monkeypatch):
    recipe, damaged = Recipe("squares", 0.3), degrade.half(images(8))
    penalised = []

    def counted(real_logits, real):
        penalised.append(real)
        return real_logits.sum() * 0

    monkeypatch.setattr(restoring.penalties, "r1_penalty", counted)
    step, by_step = restoring.make_step(parts_of(recipe), recipe, runtime.generator(7)), []
    for _ in range(9):
        step(damaged)
        by_step.append(len(penalised))
    assert by_step == [1, 1, 1, 1, 2, 2, 2, 2, 3]


def test_rates_betas_and_the_first_weights():
    plain, adversarial = parts_of(Recipe()), parts_of(Recipe("squares", 0.01))
    assert plain.discriminator is None and plain.d_optimizer is None
    assert plain.g_optimizer.param_groups[0]["lr"] == 1.5e-3
    assert adversarial.g_optimizer.param_groups[0]["lr"] == adversarial.d_optimizer.param_groups[0]["lr"] == 4e-3
    for one, other in zip(plain.restorer.parameters(), adversarial.restorer.parameters(), strict=True):
        assert torch.equal(one, other)  # the control starts where the other starts
    short = Recipe("squares", 0.01, num_steps=3)
    parts = parts_of(short)
    step = restoring.make_step(parts, short, runtime.generator(0))
    for _ in range(3):
        step(degrade.half(images(4)))
    rates = [optimizer.param_groups[0]["lr"] for optimizer in (parts.g_optimizer, parts.d_optimizer)]
    assert rates == pytest.approx([4e-3 / 20, 4e-3 / 20])


def test_known_pixels_come_through_and_training_helps():
    recipe = Recipe("absolute", num_steps=100)
    trained = restoring.train(images(), degrade.half, recipe, seed=0)
    untrained = restoring.finish(
        parts_of(recipe), restoring.stream(images(), degrade.half, runtime.generator(1)), runtime.generator(2)
    )
    asked = degrade.half(images(40, seed=9))
    answers = {name: restoring.answers(one, asked, runtime.generator(3)) for name, one in
               (("trained", trained), ("untrained", untrained))}  # fmt: skip
    for made in answers.values():
        assert made.shape == (1, 40, 1, 16, 16)
        assert torch.equal(made[0][asked.mask > 0], asked.truth[asked.mask > 0])
    psnr = {name: restoration.psnr(made[0], asked.truth) for name, made in answers.items()}
    assert psnr["trained"] > psnr["untrained"] + 5
    free = restoring.answers(trained, asked, runtime.generator(3), keep=False)
    assert not torch.equal(free[0][asked.mask > 0], asked.truth[asked.mask > 0])


@pytest.mark.parametrize("recipe", [Recipe("squares"), Recipe("absolute", 0.1, diversity=0.1)])
def test_everything_is_where_the_questions_are(recipe, monkeypatch):
    """A device without memory takes the place of a GPU; z is drawn on the CPU and moved."""
    plain = torch.optim.Adam  # the fused one does not know this device
    monkeypatch.setattr(torch.optim, "Adam", lambda *given, fused, **named: plain(*given, **named))
    parts = restoring.build(recipe, image_size=16, seed=0, device="meta")
    asked, noise = degrade.Damaged(*torch.zeros(3, 8, 1, 16, 16, device="meta")), runtime.generator(1)
    step = restoring.make_step(parts, recipe, noise)
    losses = step(asked)
    assert {value.device.type for value in losses.values()} == {"meta"}
    assert restoring.answers(parts.restorer, asked, noise).device.type == "meta"


def test_train_is_the_loop_of_its_parts_and_depends_on_the_seed():
    recipe = Recipe("squares", 0.1, num_steps=6)
    made = restoring.train(images(), degrade.hole, recipe, seed=4)
    parts = restoring.build(recipe, image_size=16, seed=4)
    noise, stream = runtime.generator(5), restoring.stream(images(), degrade.hole, runtime.generator(6))
    history = training.train(restoring.make_step(parts, recipe, noise), stream, num_steps=6)
    assert set(history.terms) == {"g_loss", "pixel_loss", "d_loss"}
    again = restoring.finish(parts, stream, noise)
    asked = degrade.hole(images(5, seed=2))
    ours, theirs = (restoring.answers(one, asked, runtime.generator(0)) for one in (made, again))
    assert torch.equal(ours, theirs)
    other = restoring.train(images(), degrade.hole, recipe, seed=5)
    assert not torch.equal(ours, restoring.answers(other, asked, runtime.generator(0)))


def test_batch_norm_s_statistics_belong_to_the_averaged_weights():
    recipe = Recipe("squares", num_steps=5)
    made = restoring.train(images(), degrade.half, recipe, seed=0)
    given = degrade.half(images()).given
    with torch.no_grad():
        maps = made.to_quarter[0](made.to_half(given))  # what the first batch norm sees, over all images
    norm = made.to_quarter[1]
    assert torch.allclose(norm.running_mean, maps.mean((0, 2, 3)), atol=2e-3)
    assert torch.allclose(norm.running_var, maps.var((0, 2, 3)), rtol=0.1, atol=1e-3)


def test_answers_are_those_of_each_question_alone_and_draws_differ():
    restorer = restoring.train(images(), degrade.half, Recipe(num_steps=2), seed=0)
    asked = degrade.half(images(300, seed=1))  # more than one piece
    made = restoring.answers(restorer, asked, runtime.generator(0), draws=2)
    assert made.shape == (2, 300, 1, 16, 16) and not torch.equal(made[0], made[1])
    random = runtime.generator(0)
    z = torch.cat([torch.randn(count, 16, generator=random) for count in (250, 50)])
    with torch.no_grad():
        alone = restorer(asked.given[270:271], z[270:271], known=asked.mask[270:271])
    assert torch.allclose(made[0, 270:271], alone, atol=1e-4)


def test_frames_between_are_questions_too_but_have_no_known_pixels():
    recipe = Recipe("squares", 0.1, num_steps=2)
    restorer = restoring.train(images(), moving.straight, recipe, seed=0, keep=False)
    asked = moving.straight(images(3, seed=1))
    assert restoring.answers(restorer, asked, runtime.generator(0), keep=False).shape == (1, 3, 1, 16, 16)
    with pytest.raises(TypeError, match="keep must be False for what has no mask of known pixels, Between"):
        restoring.answers(restorer, asked, runtime.generator(0))


def test_the_pixel_loss_counts_the_pixels_that_it_is_told_to():
    """Inside and outside add up to everywhere, and what is not counted sends no gradient."""
    damaged, says = degrade.hide(images(8), (3, 14), (5, 16)), {}
    for where in restoring.WHERE:
        recipe = Recipe("squares", where=where)
        parts = parts_of(recipe)
        before = copy.deepcopy(parts)
        noise = torch.randn(8, 16, generator=runtime.generator(7))
        off = (before.restorer(damaged.given, noise) - damaged.truth).detach().square()
        counts = {"everywhere": torch.ones_like(off), "hidden": 1 - damaged.mask, "known": damaged.mask}[where]
        says[where] = float(restoring.make_step(parts, recipe, runtime.generator(7), keep=False)(damaged)["g_loss"])
        assert says[where] == pytest.approx(float((off * counts).sum() / (8 * 16 * 16)), rel=1e-5)
    assert says["hidden"] + says["known"] == pytest.approx(says["everywhere"], rel=1e-5)
    with pytest.raises(TypeError, match="where must be 'everywhere' for what has no mask of known pixels, Between"):
        restoring.make_step(parts, recipe, runtime.generator(7), keep=False)(moving.straight(images(8)))
    with pytest.raises(ValueError, match="keep must be False where the pixel loss counts known pixels alone"):
        restoring.train(images(), degrade.half, Recipe("squares", where="known", num_steps=1), seed=0)


def test_a_loss_of_hidden_pixels_alone_teaches_what_known_pixels_put_back_teach():
    put_back = restoring.train(images(), degrade.half, Recipe(num_steps=5), seed=0)
    hidden = restoring.train(images(), degrade.half, Recipe(num_steps=5, where="hidden"), seed=0, keep=False)
    everywhere = restoring.train(images(), degrade.half, Recipe(num_steps=5), seed=0, keep=False)
    asked = degrade.half(images(5, seed=2))
    ours, same, other = (restoring.answers(one, asked, runtime.generator(0)) for one in (put_back, hidden, everywhere))
    assert torch.allclose(ours, same, atol=1e-5) and not torch.allclose(ours, other, atol=1e-2)


def test_a_rate_of_one_s_own_is_that_of_both_players():
    for adversarial in (0.0, 0.1):
        parts = parts_of(Recipe("squares", adversarial, rate=0.01))
        optimizers = [one for one in (parts.g_optimizer, parts.d_optimizer) if one is not None]
        assert [one.param_groups[0]["lr"] for one in optimizers] == [0.01] * (1 + bool(adversarial))


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"where": "inside"}, "where must be one of everywhere, hidden, known, got 'inside'"),
        ({"rate": 0.0}, "rate must be"),
        ({"pixel": "l2"}, "pixel must be one of squares, absolute, or None, got 'l2'"),
        ({"pixel": None}, "a recipe needs a pixel loss, a perceptual one, or an adversarial weight above 0"),
        ({"adversarial": -0.1}, "adversarial must be a finite number, at least 0"),
        ({"diversity": None}, "diversity must be"),
        ({"num_steps": 0}, "num_steps must be a whole number from 1 on"),
        ({"patch_layers": 5}, "patch_layers must be a whole number from 0 to 4, got 5"),
        ({"noise": "code"}, "noise must be one of beside, dropout, got 'code'"),
    ],
)
def test_other_recipes_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        Recipe(**settings)


def test_a_recipe_is_a_value_and_no_draws_are_refused():
    assert dataclasses.replace(Recipe(), adversarial=0.05) == Recipe("squares", 0.05)
    restorer = restoring.train(images(), degrade.half, Recipe(num_steps=1), seed=0)
    with pytest.raises(ValueError, match="draws must be a whole number from 1 on, got 0"):
        restoring.answers(restorer, degrade.half(images(3)), runtime.generator(0), draws=0)
