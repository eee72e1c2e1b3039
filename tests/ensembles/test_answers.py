"""Networks that answer learn the mean, the median and a sample, each by its loss, and depend on their seed alone."""

import pytest
import torch

from gancourse import runtime
from gancourse.data import answers
from gancourse.ensembles.answers import AnswerEnsemble, Report

ASKED = torch.linspace(-0.9, 0.9, 7).unsqueeze(1)
LINE = answers.two_answers()


def trained(pixel="squares", *, seeds=(3, 4, 5), num_steps=400, **settings):
    ensemble = AnswerEnsemble(pixel, seeds=seeds, num_steps=num_steps, **settings)
    ensemble.train()
    return ensemble


def test_squares_give_the_mean_and_absolute_values_the_median():
    mean, median = trained().answer(ASKED), trained("absolute", num_steps=800).answer(ASKED)
    exact = LINE.mean(ASKED).squeeze(1)
    assert float((mean - exact).abs().mean()) < 0.1
    far = ASKED.squeeze(1).abs() > 0.5
    assert float((median - LINE.median(ASKED).squeeze(1)).abs()[:, far].mean()) < 0.2
    assert float((mean - LINE.median(ASKED).squeeze(1)).abs()[:, far].mean()) > 0.2  # and not the other way round


def test_an_adversarial_loss_gives_samples_of_both_answers():
    report = trained(None, adversarial=1.0, num_steps=600).report()
    assert report.on_answers.median() > 0.85
    assert report.share_error.median() < 0.12
    assert report.error.median() == pytest.approx(LINE.errors["sample"], abs=0.2)
    assert report.noise_use.median() == pytest.approx(1, abs=0.2)


def test_a_discriminator_blind_to_the_question_says_nothing_about_it():
    network = AnswerEnsemble(None, adversarial=1.0, d_sees_question=False, seeds=[0, 1])
    questions, points = torch.zeros(2, 5, 1), torch.linspace(-1, 1, 5).view(1, 5, 1).expand(2, -1, -1)
    assert torch.equal(network._logits(questions, points), network._logits(questions + 1, points))
    seeing = AnswerEnsemble(None, adversarial=1.0, seeds=[0, 1])
    assert (seeing._logits(questions, points) - seeing._logits(questions + 1, points)).abs().min() > 1e-4


def test_a_member_depends_on_its_seed_alone_and_not_on_calls():
    together = AnswerEnsemble("squares", adversarial=0.3, seeds=[7, 8], num_steps=40)
    together.train(15)
    together.train(25)
    alone = trained(adversarial=0.3, seeds=[8], num_steps=40)
    for one, other in zip(together._averaged, alone._averaged, strict=True):
        assert torch.allclose(one[1], other[0], atol=1e-5)
        assert one[0].ne(other[0]).any()


def test_one_member_moves_as_a_single_network_would():
    """One step of squares by hand, with PyTorch's own Adam on the first member's layers."""
    ensemble = AnswerEnsemble("squares", seeds=[2], num_steps=10)
    layers = [layer.detach().clone()[0].requires_grad_() for layer in ensemble._generator]
    question, truth, _, _ = ensemble._drawn()
    h = question[0]
    for i in range(0, 6, 2):
        h = h @ layers[i].T + layers[i + 1]
        h = h.clamp(min=0) if i < 4 else h
    optimizer = torch.optim.Adam(layers, 2e-3, (0.5, 0.99))
    (h - truth[0]).square().mean().backward()
    optimizer.step()
    ensemble.train(1)
    for ours, theirs in zip(ensemble._generator, layers, strict=True):
        assert torch.allclose(ours[0], theirs, atol=1e-6)


def test_a_diversity_weight_pushes_two_answers_apart():
    settings = {"adversarial": 0.0, "noise": True, "num_steps": 300}
    without, with_it = trained("absolute", **settings), trained("absolute", **settings, diversity=0.5)
    assert without.report(2_000).noise_use.max() < 0.05
    assert with_it.report(2_000).noise_use.min() > 0.5


def test_the_report_counts_what_it_says(monkeypatch):
    ensemble = AnswerEnsemble("squares", seeds=[0, 1])
    random = runtime.generator(5)

    def perfect(questions, *, seed=0):
        """The first member samples the truth, the second says the mean."""
        x = questions.squeeze(1)
        near = torch.where(torch.rand(len(x), generator=random) < (1 + x) / 2, 1.0, -1.0)
        return torch.stack([near + 0.1 * torch.randn(len(x), generator=random), x])

    monkeypatch.setattr(ensemble, "answer", perfect)
    report = ensemble.report(100_000)
    assert isinstance(report, Report)
    assert report.error.tolist() == pytest.approx([LINE.errors["sample"], LINE.errors["mean"]], rel=0.02)
    assert report.distance.tolist() == pytest.approx([0.04, LINE.distance_of_mean], abs=0.04)
    assert report.on_answers.tolist() == pytest.approx([0.997, 0.3], abs=0.01)
    # the mean is above 0 for five of the ten questions, always: share 1 against (1 + x)/2
    away = float((torch.linspace(0.1, 0.9, 5) - 1).abs().mean()) / 2
    assert report.share_error.tolist() == pytest.approx([0, away], abs=0.03)
    x = torch.linspace(-0.9, 0.9, 10)
    assert report.diversity.tolist() == pytest.approx([float((1 - x.square()).mean()), 0], abs=0.03)
    assert report.noise_use.tolist() == pytest.approx([1, 0], abs=0.02)


@pytest.mark.parametrize(
    "settings, error, words",
    [
        ({"pixel": "median"}, ValueError, "pixel must be one of squares, absolute, or None, got 'median'"),
        ({"pixel": None}, ValueError, "without a pixel loss the adversarial weight must be above 0"),
        ({"adversarial": -1}, ValueError, "adversarial must be a finite number, at least 0"),
        ({"diversity": "much"}, ValueError, "diversity must be"),
        ({"seeds": []}, ValueError, "seeds must hold at least one seed"),
        ({"problem": "line"}, TypeError, "problem must come from data.answers.two_answers, got str"),
        ({"num_steps": 0}, ValueError, "num_steps must be a whole number from 1 on"),
    ],
)
def test_other_settings_are_refused(settings, error, words):
    with pytest.raises(error, match=words):
        AnswerEnsemble(**{"seeds": [0], **settings})


def test_more_steps_than_are_left_are_refused():
    with pytest.raises(ValueError, match="num_steps must be a whole number from 1 to 5 .what is left."):
        AnswerEnsemble("squares", seeds=[0], num_steps=5).train(6)
