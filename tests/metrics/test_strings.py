"""Exact numbers for writers against sums by hand, and numbers of written words against closed forms."""

import math

import pytest
import torch

from gancourse import runtime
from gancourse.data import language
from gancourse.metrics import strings


@pytest.fixture(scope="module")
def spoken():
    return language.syllables()


def logs(*probabilities):
    return torch.tensor(probabilities, dtype=torch.float64).log()


def test_exact_numbers_by_hand():
    p, q = (0.5, 0.3, 0.2), (0.4, 0.1, 0.01)  # q writes no word with probability 0.49
    report = strings.exact(logs(*p), logs(*q))
    kl = sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
    inside = [b / 0.51 for b in q]
    reverse = sum(b * math.log(b / a) for a, b in zip(p, inside, strict=True))
    assert [float(part) for part in report] == pytest.approx([kl, 0.51, reverse, 0.2])  # 0.01 < 0.02, 0.1 > 0.03


def test_the_language_itself_has_no_distance(spoken):
    report = strings.exact(spoken.log_p, spoken.log_p)
    assert [float(part) for part in report] == pytest.approx([0, 1, 0, 0], abs=1e-12)


def test_half_the_words_cost_log_two_one_way_and_everything_the_other_way():
    p = logs(*[0.25] * 4)
    half = torch.tensor([math.log(0.5), math.log(0.5), -math.inf, -math.inf], dtype=torch.float64)
    report = strings.exact(p, half)
    assert float(report.kl) == math.inf
    assert [float(part) for part in report[1:]] == pytest.approx([1, math.log(2), 0.5])


def test_what_is_no_word_costs_validity_and_forward_but_not_reverse(spoken):
    for share in (1.0, 0.5, 0.1):
        report = strings.exact(spoken.log_p, spoken.log_p + math.log(share))
        assert [float(part) for part in report[:3]] == pytest.approx([-math.log(share), share, 0], abs=1e-9)


def test_all_members_at_once_are_each_alone(spoken):
    random = runtime.generator(0)
    log_q = (spoken.log_p + torch.randn(3, len(spoken), generator=random)).log_softmax(-1) - 0.1
    together = strings.exact(spoken.log_p, log_q)
    for k in range(3):
        alone = strings.exact(spoken.log_p, log_q[k])
        assert [float(part[k]) for part in together] == pytest.approx([float(part) for part in alone])
        assert all(part.shape == (3,) for part in together)


def test_distinct_words_of_the_language_itself(spoken):
    expected = strings.expected_distinct(spoken.log_p, 5_000)
    counts = [len(spoken.sample(5_000, runtime.generator(seed)).unique(dim=0)) for seed in range(5)]
    assert sum(counts) / 5 == pytest.approx(expected, rel=0.01)
    assert strings.expected_distinct(logs(0.5, 0.5), 1) == pytest.approx(1)
    assert strings.expected_distinct(logs(0.5, 0.5), 2) == pytest.approx(1.5)
    words = torch.tensor([[[0, 1], [0, 1], [1, 0]], [[0, 0], [0, 1], [1, 0]]])
    assert strings.distinct(words).tolist() == [2, 3] and int(strings.distinct(words[0])) == 2


def test_garbage_is_always_distinct(spoken):
    garbage = torch.randint(13, (5_000, 8), generator=runtime.generator(0))
    assert int(strings.distinct(garbage)) > 4_990 > strings.expected_distinct(spoken.log_p, 5_000)
    assert float(strings.valid_share(garbage, spoken)) < 0.001


def test_valid_share_by_hand(spoken):
    words = torch.stack([spoken.words[:4], spoken.words[4:8]])
    words[0, 0, 0] = 8
    assert strings.valid_share(words, spoken).tolist() == [0.75, 1.0]


def test_pairs_of_the_language_itself(spoken):
    words = torch.stack([spoken.sample(20_000, runtime.generator(seed)) for seed in range(2)])
    assert bool((strings.pair_kl(words, spoken) < 0.002).all()) and not strings.lost_pairs(words, spoken).any()


def test_pairs_by_hand():
    # a, then a or b with 3/4 and 1/4; b, then b: pairs at one place only
    own = language.Language(
        "ab", torch.tensor([[0, 0], [0, 1], [1, 1]]), torch.tensor([0.375, 0.125, 0.5]),
        first=torch.tensor([0.5, 0.5]).double(), transition=torch.tensor([[0.75, 0.25], [0.0, 1.0]]).double(),
    )  # fmt: skip
    words = torch.tensor([[0, 0], [0, 0], [0, 0], [1, 1]])
    counts = {(0, 0): 3.1, (0, 1): 0.1, (1, 1): 1.1}
    total = 4 + 4 * 0.1
    truth = {(0, 0): 0.375, (0, 1): 0.125, (1, 1): 0.5}
    told = sum(p * math.log(p / (counts[pair] / total)) for pair, p in truth.items())
    assert float(strings.pair_kl(words, own)) == pytest.approx(told)
    assert int(strings.lost_pairs(words, own)) == 1  # "ab"
    assert int(strings.lost_pairs(torch.tensor([[0, 0], [0, 1]]), own)) == 1  # "bb": b was never read
    assert strings.lost_pairs(torch.stack([words, words]), own).tolist() == [1, 1]


def test_exposure_by_hand(spoken):
    words = spoken.words[:50].clone()
    words[:, 3] = 0  # beginnings that are no words: the last letter alone counts
    truth = torch.cat([spoken.first.expand(50, 1, 13), spoken.transition[words[:, :-1]]], 1)
    assert strings.exposure(truth.clamp(min=1e-30).log(), words, spoken).tolist() == pytest.approx([0] * 8, abs=1e-9)
    even = torch.full((2, 50, 8, 13), -math.log(13))
    step = math.log(13) + sum(p * math.log(p) for p in (0.6, 0.3, 0.1))
    expected = [math.log(13) - math.log(8)] + [step] * 7
    apart = strings.exposure(even, words.expand(2, -1, -1), spoken)
    assert apart.shape == (2, 8) and apart[1].tolist() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda s: strings.exact(logs(0.5, 0.4), logs(0.5, 0.4)), ValueError, "sum 1"),
        (lambda s: strings.exact(logs(0.5, 0.5), logs(0.9, 0.4)), ValueError, "at most 1"),
        (lambda s: strings.exact(logs(0.5, 0.5), logs(0.5, 0.4, 0.1)), ValueError, "log_q must have shape"),
        (lambda s: strings.exact([0.5], logs(0.5)), TypeError, "log_p must"),
        (lambda s: strings.distinct(s.words[0]), ValueError, "shape"),
        (lambda s: strings.valid_share(s.words.float(), s), TypeError, "int64"),
        (lambda s: strings.pair_kl(s.words[:, :5], s), ValueError, "shape"),
        (lambda s: strings.pair_kl(s.words, language.number_names()), ValueError, "Markov"),
        (lambda s: strings.exposure(torch.zeros(2, 8, 13), s.words[:3], s), ValueError, "log_probs must"),
        (lambda s: strings.expected_distinct(s.log_p, 0), ValueError, "n must"),
    ],
)
def test_wrong_inputs_are_refused(spoken, call, error, words):
    with pytest.raises(error, match=words):
        call(spoken)
