"""Writers trained at once against one writer trained with PyTorch's own modules, and what each letter is paid."""

import math

import pytest
import torch
from torch.nn import functional as F

from gancourse import runtime
from gancourse.data import language
from gancourse.ensembles import writing
from gancourse.ensembles.writing import WritingEnsemble, returns
from gancourse.metrics import strings
from gancourse.models.writer import Discriminator, NoiseWriter, Writer, gumbel

ADVERSARIAL = [method for method in writing.METHODS if method != "likelihood"]


@pytest.fixture(scope="module")
def spoken():
    return language.syllables(4)


def weights(network):
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


# ---------------------------------------------------------------- what a letter is paid


SCORES = torch.tensor([[1.0, 2.0, 4.0], [0.0, -1.0, 3.0], [5.0, 0.0, 0.0]])


def test_pay_by_hand():
    assert returns(SCORES, "to_go", "none").tolist() == [[7, 6, 4], [2, 2, 3], [5, 0, 0]]
    assert returns(SCORES, "whole", "none").tolist() == [[7] * 3, [2] * 3, [5] * 3]
    sigmoid = [1 / (1 + math.exp(-total)) for total in (7, 2, 5)]
    for row, value in zip(returns(SCORES, "probability", "none").tolist(), sigmoid, strict=True):
        assert row == pytest.approx([value] * 3)
    # less the mean of both others, at the same place
    others = torch.tensor([[3.5, 5, 2.5], [-4, -1, 1], [0.5, -4, -3.5]])
    assert torch.allclose(returns(SCORES, "to_go", "others"), others)
    assert returns(SCORES, "to_go", "own").tolist() == [[6, 4, 0], [2, 3, 0], [0, 0, 0]]


def test_the_baseline_of_a_word_does_not_depend_on_it():
    changed = SCORES.clone()
    changed[1] = 100.0
    difference = returns(changed, "to_go", "none") - returns(SCORES, "to_go", "none")
    taken = returns(changed) - returns(SCORES)
    assert torch.allclose(taken[1], difference[1])  # its own pay changes by as much as without a baseline


def test_pay_of_all_members_at_once():
    both = torch.stack([SCORES, 2 * SCORES])
    assert torch.equal(returns(both)[0], returns(SCORES)) and torch.allclose(returns(both)[1], 2 * returns(SCORES))


# ---------------------------------------------------------------- one batched computation, and the modules


@pytest.mark.parametrize("method", writing.METHODS)
def test_members_are_the_modules(spoken, method):
    ensemble = WritingEnsemble(method, language=spoken, seeds=[4, 9], num_steps=3)
    ensemble.train()
    words = spoken.sample(20, runtime.generator(0))
    for k in range(2):
        writer, judge = ensemble.member(k)
        if method != "likelihood":
            seen = ensemble.seen(20, seed=1)
            assert torch.allclose(ensemble.scores(seen)[k], judge(seen[k]), atol=1e-5)
        if method == "wgan_gp":
            z = torch.randn(20, 32, generator=runtime.generator(1))
            assert torch.allclose(ensemble.seen(20, seed=1)[k], writer(z), atol=1e-5)
            assert ensemble.write(20, seed=1)[k].equal(writer(z).argmax(-1))
            continue
        assert torch.allclose(ensemble.log_probs(words)[k], writer.log_probs(words), atol=1e-5)
        assert torch.allclose(ensemble.log_q()[k].float(), writer.log_prob(spoken.words), atol=1e-4)
        for temperature in (1.0, 0.6):
            alone = writer.write(20, 4, runtime.generator(2), temperature=temperature).words
            assert ensemble.write(20, temperature=temperature, seed=2)[k].equal(alone)
        for output in ("soft", "straight_through"):
            alone = writer.write(20, 4, runtime.generator(2), output=output, tau=0.7).seen
            assert torch.allclose(ensemble.seen(20, output=output, tau=0.7, seed=2)[k], alone, atol=1e-5)


def test_exact_sums_agree_with_what_is_written(spoken):
    ensemble = WritingEnsemble("likelihood", language=spoken, seeds=[1], num_steps=100)
    ensemble.train()
    for temperature in (1.0, 0.7):
        log_q = ensemble.log_q(temperature=temperature)
        report = strings.exact(spoken.log_p, log_q)
        words = ensemble.write(50_000, temperature=temperature, seed=3)
        assert float(strings.valid_share(words, spoken)) == pytest.approx(float(report.valid), abs=0.006)
        # log q of real words, one by one, is the sum along the tree
        every = ensemble.log_probs(spoken.words, temperature=temperature).gather(-1, spoken.words[None, ..., None])
        assert torch.allclose(every.sum((-2, -1))[0].double(), log_q[0], atol=1e-4)
    assert not torch.allclose(log_q, ensemble.log_q())


def reference(method, spoken, seed, steps, batch, **settings):
    """Train one writer with PyTorch's modules and optimisers: the step of the notebook."""
    with runtime.seeded(2 * seed):
        made = NoiseWriter(13, spoken.length) if method == "wgan_gp" else Writer(13)
    with runtime.seeded(2 * seed + 1):
        judge = Discriminator(13)
    rate_g, rate_d = writing._RATES[method]
    betas = (0.9, 0.99) if method == "likelihood" else (0.5, 0.9)
    adam_g = torch.optim.Adam(made.parameters(), rate_g, betas)
    adam_d = torch.optim.Adam(judge.parameters(), rate_d, betas)
    random = runtime.generator(seed + 1_000_003)
    block, count = 32 * batch, len(spoken.letters)

    def move(optimiser, loss):
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    def rows(part, step):
        return part[step * batch : (step + 1) * batch]

    def one_hot(words):
        return F.one_hot(words, count).float()

    def written(uniform, output):
        read, state = made.start(batch)
        words, log_qs, seen = [], [], []
        for noise in gumbel(uniform).unbind(1):
            log_q, state = made(read, state)
            soft = (log_q + noise).softmax(-1)
            word = (log_q + noise).argmax(-1)
            shown = {"hard": one_hot(word), "soft": soft}.get(output)
            if shown is None:
                shown = one_hot(word) + soft - soft.detach()
            read = torch.cat([shown, torch.zeros(batch, 1)], 1)
            words.append(word)
            log_qs.append(log_q[torch.arange(batch), word])
            seen.append(shown)
        return torch.stack(log_qs, 1), torch.stack(seen, 1)

    if method == "likelihood":
        real = spoken.sample(block, random)
    elif method == "wgan_gp":
        draws = []
        for _ in range(2):
            draws.append((spoken.sample(block, random), torch.randn(block, 32, generator=random),
                          torch.rand(block, 1, generator=random)))  # fmt: skip
        latent = torch.randn(block, 32, generator=random)
    else:
        uniform = torch.rand(2, block, spoken.length, count, generator=random)
        real = spoken.sample(block, random)
    for step in range(steps):
        pace = 0.5 + 0.5 * math.cos(math.pi * step / steps)
        adam_g.param_groups[0]["lr"], adam_d.param_groups[0]["lr"] = pace * rate_g, pace * rate_d
        if method == "likelihood":
            move(adam_g, -made.log_prob(rows(real, step)).mean())
        elif method == "wgan_gp":
            for words, z, mix in draws:
                x, fake = one_hot(rows(words, step)), made(rows(z, step)).detach()
                share = rows(mix, step)[..., None]
                between = (share * x + (1 - share) * fake).requires_grad_()
                (slope,) = torch.autograd.grad(judge(between).sum(), between, create_graph=True)
                penalty = (slope.square().sum((1, 2)).sqrt() - 1).square().mean()
                move(adam_d, judge(fake).sum(1).mean() - judge(x).sum(1).mean() + 10 * penalty)
            move(adam_g, -judge(made(rows(latent, step))).sum(1).mean())
        else:
            output = "hard" if method == "reinforce" else method
            _, fake = written(rows(uniform[0], step), output)
            real_logits, fake_logits = judge(one_hot(rows(real, step))).sum(1), judge(fake.detach()).sum(1)
            move(adam_d, -F.logsigmoid(real_logits).mean() - F.logsigmoid(-fake_logits).mean())
            log_q, fake = written(rows(uniform[1], step), output)
            if method == "reinforce":
                scores = judge(fake).detach()
                pay = torch.stack([scores[:, t:].sum(1) for t in range(spoken.length)], 1)
                others = (pay.sum(0) - pay) / (batch - 1)
                move(adam_g, -((pay - others) * log_q).sum(1).mean())
            else:
                move(adam_g, -F.logsigmoid(judge(fake).sum(1)).mean())
    return made, judge


@pytest.mark.parametrize("method", writing.METHODS)
def test_a_step_is_that_of_the_modules(spoken, method):
    ensemble = WritingEnsemble(method, language=spoken, seeds=[8, 5], num_steps=3, batch_size=16)
    ensemble.train()
    made, judge = reference(method, spoken, 5, 3, 16)
    writer, other = ensemble.member(1)
    start = WritingEnsemble(method, language=spoken, seeds=[5]).member(0)
    assert float((weights(writer) - weights(made)).norm()) < 0.01 * float((weights(start[0]) - weights(made)).norm())
    if method != "likelihood":
        moved = float((weights(start[1]) - weights(judge)).norm())
        assert float((weights(other) - weights(judge)).norm()) < 0.01 * moved


@pytest.mark.parametrize("method", writing.METHODS)
def test_a_member_depends_on_its_own_seed_alone(spoken, method):
    def made(seeds, *parts):
        ensemble = WritingEnsemble(method, language=spoken, seeds=seeds, num_steps=4, batch_size=8)
        for part in parts:
            ensemble.train(part)
        return [weights(ensemble.member(k)[0]) for k in range(len(seeds))]

    alone, beside = made([7], 4)[0], made([3, 7], 1, 3)
    assert torch.allclose(alone, beside[1], atol=1e-4) and not torch.allclose(alone, beside[0], atol=1e-3)


# ---------------------------------------------------------------- learning, going on, refusing


def test_likelihood_learns_and_its_loss_is_the_divergence(spoken):
    ensemble = WritingEnsemble("likelihood", language=spoken, seeds=[0, 1], num_steps=300)
    before = strings.exact(spoken.log_p, ensemble.log_q())
    ensemble.train()
    after = strings.exact(spoken.log_p, ensemble.log_q())
    assert bool((before.kl > 3).all()) and bool((after.kl < 0.3).all()) and bool((after.valid > 0.8).all())
    # mean of -log q over the language = entropy + KL
    mean = -(spoken.log_p.exp() * ensemble.log_q()).sum(-1)
    assert torch.allclose(mean, spoken.entropy + after.kl)
    assert ensemble.steps_done == 300 and ensemble.cpu_seconds > 0 and ensemble.diverged == []


def test_writers_go_on_from_others(spoken):
    start = WritingEnsemble("likelihood", language=spoken, seeds=[0, 1], num_steps=20)
    start.train()
    kept = start.log_q().clone()
    further = WritingEnsemble("reinforce", language=spoken, seeds=[0, 1], start=start, num_steps=2)
    assert further.log_q().equal(kept)
    further.train()
    assert not further.log_q().equal(kept) and start.log_q().equal(kept)


def test_a_member_that_is_no_longer_finite_is_named(spoken):
    ensemble = WritingEnsemble("likelihood", language=spoken, seeds=[0, 1], num_steps=2)
    ensemble._generator[0].data[1, 0, 0] = math.nan
    ensemble.train()
    assert ensemble.diverged == [1]
    assert bool(ensemble.log_q()[0].isfinite().all())


def test_names_of_numbers_are_learnt_too():
    names = language.number_names(range(10), below=20)
    ensemble = WritingEnsemble("likelihood", language=names, seeds=[0], num_steps=250)
    ensemble.train()
    every = language.number_names(below=20)
    assert float(ensemble.log_q().exp().sum()) > 0.5
    assert ensemble.log_q(language=every).shape == (1, 20)
    assert set(names.decode(ensemble.write(200)[0])) & set(names.decode(names.words))


@pytest.mark.parametrize("method", ["likelihood", "straight_through", "wgan_gp"])
def test_under_other_modes_it_is_the_same(spoken, method):
    def trained():
        ensemble = WritingEnsemble(method, language=spoken, seeds=[2], num_steps=2, batch_size=8)
        ensemble.train()
        return ensemble.write(10), ensemble.seen(4)

    before = trained()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.inference_mode():
            after = trained()
    finally:
        torch.set_default_dtype(torch.float32)
    assert all(a.equal(b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"method": "seqgan"}, ValueError, "method must be one of likelihood"),
        ({"language": "klm"}, TypeError, "language must come from"),
        ({"seeds": []}, ValueError, "at least one seed"),
        ({"num_steps": 0}, ValueError, "num_steps"),
        ({"batch_size": 1}, ValueError, "batch_size"),
        ({"tau": 0}, ValueError, "tau must"),
        ({"reward": "all"}, ValueError, "reward must be one of to_go"),
        ({"baseline": "mean"}, ValueError, "baseline must be one of others"),
        ({"lr_g": -1.0}, ValueError, "lr_g"),
        ({"start": 3}, TypeError, "start must be"),
        ({"start": "wgan_gp"}, ValueError, "letter by letter"),
        ({"start": "likelihood"}, ValueError, "start must have 1 writers"),
    ],
)
def test_wrong_settings_are_refused(spoken, changes, error, words):
    if isinstance(changes.get("start"), str):
        changes = {"start": WritingEnsemble(changes["start"], language=spoken, seeds=[0, 1])}
    arguments = {"method": "reinforce", "language": spoken, "seeds": [0]} | changes
    with pytest.raises(error, match=words):
        WritingEnsemble(arguments.pop("method"), **arguments)


def test_wrong_questions_are_refused(spoken):
    likely, noisy = (WritingEnsemble(method, language=spoken, seeds=[0]) for method in ("likelihood", "wgan_gp"))
    with pytest.raises(ValueError, match="no discriminator"):
        likely.scores(torch.zeros(2, 4, 13))
    with pytest.raises(ValueError, match="seen must have shape"):
        noisy.scores(torch.zeros(2, 5, 13))
    for question in (noisy.log_q, lambda: noisy.log_probs(spoken.words)):
        with pytest.raises(ValueError, match="all letters at once"):
            question()
    with pytest.raises(ValueError, match="temperature must be 1"):
        noisy.write(2, temperature=0.5)
    with pytest.raises(ValueError, match="above 0"):
        likely.write(2, temperature=0)
    with pytest.raises(ValueError, match="words must have shape"):
        likely.log_probs(torch.zeros(2, 3, dtype=torch.int64))
    with pytest.raises(ValueError, match="alphabet"):
        likely.log_q(language=language.number_names())
    with pytest.raises(ValueError, match="k must be"):
        likely.member(1)
    with pytest.raises(ValueError, match="num_steps"):
        likely.train(1_001)
    with pytest.raises(ValueError, match="scores must have shape"):
        returns(torch.zeros(1, 4))
