"""The languages: every probability against the rule it was made by, and against counts by hand."""

import itertools
import math

import pytest
import torch

from gancourse import runtime
from gancourse.data import language


@pytest.fixture(scope="module")
def spoken():
    return language.syllables()


def chance(text):
    """The probability of a word by the rule of the language, letter by letter."""
    if text[0] not in language.CONSONANTS:
        return 0.0
    product = 1 / 8
    for letter, after in itertools.pairwise(text):
        successors = language.SUCCESSORS[letter]
        product *= language.ODDS[successors.index(after)] if after in successors else 0.0
    return product


def test_syllables_by_hand(spoken):
    assert len(spoken) == 8 * 3**7 == 17_496 and spoken.length == 8
    assert spoken.letters == "klmnprstaeiou"
    # k, then always the likeliest successor
    text = "k"
    while len(text) < 8:
        text += language.SUCCESSORS[text[-1]][0]
    assert math.exp(spoken.log_prob(spoken.encode([text]))[0]) == pytest.approx(0.6**7 / 8)
    assert float(spoken.log_p.exp().sum()) == pytest.approx(1, abs=1e-12)
    step = -sum(p * math.log(p) for p in (0.6, 0.3, 0.1))
    assert spoken.entropy == pytest.approx(math.log(8) + 7 * step)  # the chain rule of entropy


def test_every_probability_follows_the_rule(spoken):
    texts = spoken.decode(spoken.words)
    assert len(set(texts)) == len(texts) and texts == sorted(texts, key=lambda t: [spoken.letters.index(c) for c in t])
    for k in range(0, len(texts), 97):
        assert math.exp(spoken.log_p[k]) == pytest.approx(chance(texts[k]), rel=1e-12)
    for letter, after in language.SUCCESSORS.items():
        assert set(after) <= set(language.VOWELS if letter in language.CONSONANTS else language.CONSONANTS)
    assert set("".join(language.SUCCESSORS.values())) == set(spoken.letters)  # no letter is out of reach


def test_short_words_sum_to_one_over_every_string():
    short = language.syllables(3)
    strings = language.every_string(13, 3)
    p = short.log_prob(strings).exp()
    assert strings.shape == (13**3, 3) and float(p.sum()) == pytest.approx(1)
    assert int((p > 0).sum()) == len(short) == 72
    told = [chance(text) for text in short.decode(strings)]
    assert torch.allclose(p, torch.tensor(told, dtype=torch.float64), rtol=1e-12)
    assert short.valid(strings).equal(p > 0)


def test_log_prob_of_other_shapes_and_of_no_words(spoken):
    words = spoken.words[:12].reshape(3, 4, 8)
    assert spoken.log_prob(words).shape == (3, 4)
    assert torch.equal(spoken.log_prob(words).flatten(), spoken.log_p[:12])
    assert spoken.log_prob(words[0, 0]).shape == ()
    for k in range(8):  # one wrong letter anywhere: a consonant for a vowel or the other way round
        spoiled = spoken.words[5].clone()
        spoiled[k] = 0 if spoiled[k] >= 8 else 8
        assert spoken.log_prob(spoiled) == -math.inf and not spoken.valid(spoiled)


def test_samples_come_as_often_as_they_should(spoken):
    words = spoken.sample(200_000, runtime.generator(1))
    assert bool(spoken.valid(words).all())
    first = torch.bincount(words[:, 0], minlength=13) / len(words)
    assert torch.allclose(first[:8], torch.full((8,), 1 / 8), atol=0.004) and not first[8:].any()
    codes = words[:, :-1] * 13 + words[:, 1:]
    counts = torch.bincount(codes.flatten(), minlength=169).view(13, 13).double()
    assert torch.allclose(counts / counts.sum(1, keepdim=True), spoken.transition, atol=0.01)
    # the mean of -log p of samples is the entropy
    assert -float(spoken.log_prob(words).mean()) == pytest.approx(spoken.entropy, abs=0.015)


def test_samples_depend_on_the_generator_alone(spoken):
    again = [spoken.sample(50, runtime.generator(seed)) for seed in (3, 3, 4)]
    assert again[0].equal(again[1]) and not again[0].equal(again[2])


def test_the_tree_holds_every_beginning_once(spoken):
    assert [len(level.letter) for level in spoken.tree] == [8 * 3**k for k in range(8)]
    beginnings = [""]
    for level in spoken.tree:
        pairs = zip(level.parent.tolist(), level.letter.tolist(), strict=True)
        beginnings = [beginnings[parent] + spoken.letters[letter] for parent, letter in pairs]
        assert len(set(beginnings)) == len(beginnings)
    assert beginnings == spoken.decode(spoken.words)


def test_texts_there_and_back(spoken):
    texts = ["kelalala", "tosisisi"]
    words = spoken.encode(texts)
    assert words.shape == (2, 8) and spoken.decode(words) == texts and spoken.decode(words[0]) == texts[:1]
    assert spoken.encode("kelalala").shape == (1, 8)
    vectors = spoken.one_hot(words)
    assert vectors.shape == (2, 8, 13) and vectors.argmax(-1).equal(words) and bool((vectors.sum(-1) == 1).all())


def test_names_of_numbers():
    names = language.number_names()
    texts = names.decode(names.words)
    assert len(names) == 100 and names.length == len("seventy-three") and len(set(texts)) == 100
    for text in ("zero", "ten", "thirteen", "forty", "forty-two", "ninety-nine"):
        assert text in texts
    assert names.entropy == pytest.approx(math.log(100))
    assert math.exp(names.log_prob(names.encode(["forty-two"]))[0]) == pytest.approx(0.01)
    assert not bool(names.valid(names.encode(["forty-ten"]))[0])
    large = language.number_names([0, 100, 342, 999], below=1000)
    assert sorted(large.decode(large.words)) == [
        "nine hundred and ninety-nine", "one hundred", "three hundred and forty-two", "zero",
    ]  # fmt: skip
    some, others = language.number_names(range(50)), language.number_names([7])
    assert (some.letters, some.length) == (others.letters, others.length) == (names.letters, names.length)
    assert names.transition is None


def test_a_list_of_words_of_ones_own():
    words = torch.tensor([[1, 1], [0, 1], [1, 0]])
    own = language.Language("ab", words, torch.tensor([0.5, 0.25, 0.25]))
    assert own.decode(own.words) == ["ab", "ba", "bb"]
    assert own.log_p.exp().tolist() == pytest.approx([0.25, 0.25, 0.5])
    assert own.log_prob(words).exp().tolist() == pytest.approx([0.5, 0.25, 0.25])
    assert own.log_prob(torch.tensor([0, 0])) == -math.inf


GOOD = ("ab", torch.tensor([[0, 1], [1, 1]]), torch.tensor([0.5, 0.5]))


@pytest.mark.parametrize(
    ("place", "value", "error", "words"),
    [
        (0, "aa", ValueError, "letters must be"),
        (0, "a", ValueError, "letters must be"),
        (1, torch.tensor([[0.0, 1.0], [1.0, 1.0]]), TypeError, "int64"),
        (1, torch.tensor([[0, 2], [1, 1]]), ValueError, "from 0 to 1, got 0 to 2"),
        (1, torch.tensor([0, 1]), ValueError, "shape"),
        (1, torch.tensor([[0, 1], [0, 1]]), ValueError, "1 come twice"),
        (2, torch.tensor([0.5, 0.4]), ValueError, "sum 1"),
        (2, torch.tensor([1.0, 0.0]), ValueError, "above 0"),
        (2, torch.tensor([1.0]), ValueError, "2 numbers"),
    ],
)
def test_what_is_no_language_is_refused(place, value, error, words):
    arguments = [*GOOD]
    arguments[place] = value
    with pytest.raises(error, match=words):
        language.Language(*arguments)


def test_other_wrong_inputs_are_refused(spoken):
    for length in (0, 11, 2.0, True):
        with pytest.raises(ValueError, match="length must be"):
            language.syllables(length)
    with pytest.raises(ValueError, match="strings of 8"):
        spoken.encode(["kelala"])
    with pytest.raises(ValueError, match="'x'"):
        spoken.encode(["kelalaxa"])
    with pytest.raises(ValueError, match="at least one"):
        spoken.encode([])
    with pytest.raises(ValueError, match="shape"):
        spoken.log_prob(spoken.words[:, :7])
    with pytest.raises(TypeError, match="int64"):
        spoken.valid(spoken.words.float())
    with pytest.raises(ValueError, match="n must be"):
        spoken.sample(0, runtime.generator(0))
    with pytest.raises(ValueError, match="numbers must be"):
        language.number_names([100])
    with pytest.raises(ValueError, match="at least one"):
        language.number_names([])
    with pytest.raises(ValueError, match="come twice"):
        language.number_names([3, 3])
    with pytest.raises(ValueError, match="more than 1,000,000"):
        language.every_string(13, 8)
