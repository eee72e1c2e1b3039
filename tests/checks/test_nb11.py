"""The checkers of notebook 11 accept what is right, name the mistake, and say which test tells two illnesses apart."""

import pytest
import torch

from gancourse import ward
from gancourse.checks import nb11
from gancourse.checks.framework import ExerciseFailed
from gancourse.metrics import instruments
from verdicts import accepts, rejects, verdict

# ---------------------------------------------------------------- exercise 1


def movement(before, network):
    way = sum((weights - before[name]).square().sum() for name, weights in network.named_parameters())
    return (way / sum(weights.square().sum() for weights in before.values())) ** 0.5


def rows(before, network):
    new = torch.cat([weights.flatten() for weights in network.parameters()])
    return torch.cat([weights.flatten() for weights in before.values()]), new


def of(formula):
    return lambda before, network: formula(*rows(before, network))


def layers(before, network):
    return torch.stack([(w - before[name]).norm() / before[name].norm() for name, w in network.named_parameters()])


def test_the_right_movement_is_accepted(capsys):
    accepts(capsys, nb11.movement, movement)
    accepts(capsys, nb11.movement, of(lambda old, new: ((new - old).norm() / old.norm()).item()))
    accepts(capsys, nb11.movement, instruments.movement)


@pytest.mark.parametrize(
    "answer, fragment",
    [
        (of(lambda old, new: (new - old).norm()), "not relative to where they were"),
        (of(lambda old, new: (new - old).square().sum() / old.square().sum()), "the root is missing"),
        (of(lambda old, new: (new - old).square().sum()), "neither root nor division"),
        (of(lambda old, new: (new - old).norm() / new.norm()), "as they are *now*"),
        (of(lambda old, new: old.norm() / (new - old).norm()), "turned round"),
        (of(lambda old, new: (new.norm() - old.norm()).abs() / old.norm()), "you compare two sizes"),
        (of(lambda old, new: (new - old).sum() / old.sum()), "cancel in a plain sum"),
        (of(lambda old, new: (new - old).abs().sum() / old.abs().sum()), "you add up absolute values"),
        (of(lambda old, new: (new - old).abs().max()), "largest change of one weight"),
        (lambda before, network: layers(before, network).mean(), "average the ratios"),
        (lambda before, network: layers(before, network).sum(), "add up the ratios"),
        (lambda before, network: layers(before, network)[0], "only the first parameter"),
        (lambda before, network: layers(before, network), "one number was expected"),
        (lambda before, network: network.state_dict()["nothing"], "KeyError"),
        (lambda before, network: 0.0, "for every input"),
    ],
)
def test_movement_names_the_mistake(capsys, answer, fragment):
    rejects(capsys, nb11.movement, answer, fragment=fragment)


# ---------------------------------------------------------------- exercise 2

TRACES = {"P": "rates too high", "Q": "healthy", "R": "fake detached in G's step", "S": "G runs ahead"}


def test_traces(capsys):
    accepts(capsys, nb11.traces, TRACES)
    rejects(capsys, nb11.traces, TRACES | {"P": "healthy", "Q": "rates too high"}, fragment="2 of the 4 are wrong")
    rejects(capsys, nb11.traces, TRACES | {"P": "healthy"}, fragment="used exactly once")
    rejects(capsys, nb11.traces, TRACES | {"S": ...}, fragment="no answer for 'S' yet")


# ---------------------------------------------------------------- exercise 3


def right():
    """The answers, found without looking them up: by the pictures, which are those of the stored charts."""
    found = {}
    for letter, chart in nb11.admitted().items():
        fits = [c.illness for c in ward.charts("digits") if torch.equal(c.samples, chart.samples)]
        same = [
            c.illness
            for c in ward.charts("digits")
            if c.illness in fits and all(torch.equal(c.traces[t], chart.traces[t]) for t in ward.TRACES)
        ]
        (found[letter],) = set(same)
    return found


def test_the_ward_holds_each_illness_once_and_hides_its_name():
    beds = nb11.admitted()
    assert list(beds) == list("ABCEFHIJKLMN") and all(chart.illness == letter for letter, chart in beds.items())
    assert sorted(right().values()) == sorted(set(ward.ILLNESSES) - {ward.HEALTHY})


def test_twelve_right_names_are_accepted(capsys):
    accepts(capsys, nb11.ward_round, right())
    accepts(capsys, nb11.ward_round, {letter: name.upper() for letter, name in right().items()})


def test_a_wrong_name_is_answered_with_the_test_that_tells(capsys):
    answers = right()
    frozen = next(letter for letter, name in answers.items() if name == "optimiser of G holds D")
    said = verdict(capsys, nb11.ward_round, answers | {frozen: "G runs ahead"})
    assert f"11 of 12 are right, and {frozen} is not. Order the test '" in said and "'G runs ahead'" in said
    assert answers[frozen] not in said
    for letter, name in answers.items():
        for other in set(answers.values()) - {name}:
            said = verdict(capsys, nb11.ward_round, answers | {letter: other})
            assert "Order the test" in said and name not in said


def test_the_test_that_is_named_tells_the_two_apart():
    stored = {}
    for chart in ward.charts("digits"):
        stored.setdefault(chart.illness, []).append(chart)
    answers = right()
    for letter, name in answers.items():
        for other in set(answers.values()) - {name}:
            test = nb11._telling(letter, other).split("'")[1]
            mine, theirs = ([float(c.traces[test][-4:].mean()) for c in stored[who]] for who in (name, other))
            assert max(mine) < min(theirs) or max(theirs) < min(mine), (name, other, test)


def test_a_ward_that_is_not_done(capsys):
    answers = right()
    rejects(capsys, nb11.ward_round, answers | {"N": ...}, fragment="11 of 12 are right, and N is still open")
    rejects(capsys, nb11.ward_round, answers | {"N": "a cold"}, fragment="should be one of")
    assert "not attempted" in verdict(capsys, nb11.ward_round, dict.fromkeys(answers, ...))


# ---------------------------------------------------------------- exercise 4

G_ADAM = "g_optimizer = torch.optim.Adam(generator.parameters(), lr=world.lr_g, betas=world.betas)"
BATCHES = "batches = streams.stream(world.real, world.batch_size, runtime.generator(seed + 1))"


def number(letter, fragment):
    (place,) = [i for i, text in enumerate(nb11.listing(letter).splitlines(), 1) if fragment in text]
    return place


def mended():
    return {"X": (number("X", "g_optimizer ="), G_ADAM), "Y": (number("Y", "next(batches)"), "")}


def test_the_programs_are_the_patients_and_do_not_show_where():
    for letter in "XY":
        said = nb11.listing(letter)
        assert "planted" not in said and said.splitlines()[0].startswith(" 1  def gan(")


def test_mended_programs_are_accepted(capsys):
    answers = mended()
    accepts(capsys, nb11.repairs, answers)
    accepts(capsys, nb11.repairs, answers | {"Y": [answers["Y"][0], f"    {BATCHES}"]})
    other = BATCHES.replace("seed + 1", "seed + 9")  # another stream, as good
    accepts(capsys, nb11.repairs, answers | {"Y": (answers["Y"][0], other)})


@pytest.mark.parametrize(
    "letter, line, new, fragment",
    [
        ("X", "g_optimizer =", G_ADAM.replace("generator.", "discriminator."), "is as it was"),
        ("X", "g_optimizer =", G_ADAM.replace("lr_g", "lr_g / 10"), "G has moved by 0.0"),
        ("X", "g_optimizer =", "g_optimizer = (", "stops: SyntaxError"),
        ("X", "g_optimizer =", G_ADAM.replace(", betas=world.betas", ""), "another rate or other betas"),
        (
            "X",
            "g_optimizer =",
            G_ADAM.replace("generator.parameters()", "[*generator.parameters(), *discriminator.parameters()]"),
            "does not hold the weights of G and no others",
        ),
        ("X", "d_optimizer =", G_ADAM, "stops: "),
        ("X", "g_loss =", "g_loss = softplus(fake_logits).mean()", "G has moved by 0.000 (healthy"),
        ("Y", "next(batches)", "batches = streams.stream(next(batches), 32, runtime.generator(seed))", "were new"),
        ("Y", "random =", "random = runtime.generator(seed + 3)", "were new (healthy 100%)"),
        ("Y", "next(batches)", 3, "should be text in quotes"),
    ],
)
def test_what_is_no_cure(capsys, letter, line, new, fragment):
    rejects(capsys, nb11.repairs, mended() | {letter: (number(letter, line), new)}, fragment=fragment)


def test_repairs_that_are_open_or_no_dict(capsys):
    assert "not attempted" in verdict(capsys, nb11.repairs, {"X": (..., "..."), "Y": (..., "...")})
    rejects(capsys, nb11.repairs, mended() | {"Y": ...}, fragment="Y is still open")
    rejects(capsys, nb11.repairs, mended() | {"Y": 8}, fragment="for Y two things are wanted")
    rejects(capsys, nb11.repairs, mended() | {"Y": (99, "")}, fragment="numbered from 1 to")
    rejects(capsys, nb11.repairs, [1, 2], fragment="a dict with the keys 'X' and 'Y'")


# ---------------------------------------------------------------- exercise 5

COUNTS = {"none": [1, 2, 0, 1], "R1": [2, 2, 8, 0], "slower D": [0, 0, 0, 0], "smaller data": [8, 8, 7, 8]}
TRUE = {"R1": False, "slower D": False, "smaller data": True}


def test_a_bet_that_comes_true_is_accepted(capsys):
    accepts(capsys, nb11.cures, TRUE, COUNTS, fragment="All 3 came true.")


def test_a_bet_that_does_not_is_a_surprise_and_no_mistake(capsys):
    said = verdict(capsys, nb11.cures, TRUE | {"R1": True}, COUNTS)
    assert "surprised on 1 of 3: with R1, 1 of 4 GANs cover all 8 blobs" in said and "not yet" not in said
    with pytest.raises(ExerciseFailed, match="surprised on 2 of 3"):
        nb11.cures(TRUE | {"R1": True, "smaller data": False}, COUNTS, strict=True)


def test_half_of_the_seeds_is_enough(capsys):
    accepts(capsys, nb11.cures, TRUE | {"R1": True}, COUNTS | {"R1": [8, 8, 0, 0]})


def test_a_bet_that_is_open(capsys):
    rejects(capsys, nb11.cures, TRUE | {"R1": ...}, COUNTS, fragment="no prediction for 'R1' yet")
    rejects(capsys, nb11.cures, TRUE | {"R1": 3}, COUNTS, fragment="one of True and False")
    assert "not attempted" in verdict(capsys, nb11.cures, dict.fromkeys(TRUE, ...), COUNTS)


@pytest.mark.parametrize("checker", [nb11.movement])
def test_stubs_are_not_attempted_and_nonsense_never_raises(capsys, checker):
    assert "not attempted" in verdict(capsys, checker, lambda *_: ...)
    for nonsense in (None, 3, "words", lambda: 1, lambda *_: "words", lambda *_: torch.tensor([])):
        assert "not yet, because" in verdict(capsys, checker, nonsense)


def step_and_size(before, network):
    step = sum((w.detach() - before[name]).square().sum() for name, w in network.named_parameters())
    return step, sum(w.square().sum() for w in before.values())


def overwrites(before, network):
    for name, weights in network.named_parameters():
        before[name] = weights.detach() - before[name]
    return 0.0


@pytest.mark.parametrize(
    "mutant, fragment",
    [
        (lambda b, n: step_and_size(b, n)[0] ** 0.5 / step_and_size(b, n)[1], "above the line only"),
        (lambda b, n: 100 * (step_and_size(b, n)[0] / step_and_size(b, n)[1]) ** 0.5, "this is a percentage"),
        (
            lambda b, n: (
                (
                    sum((w.detach() - b[name]).square().mean() for name, w in n.named_parameters())
                    / sum(w.square().mean() for w in b.values())
                )
                ** 0.5
            ),
            "the squares of each parameter are averaged",
        ),
        (lambda b, n: sum(w.grad.square().sum() for w in n.parameters()), "until a backward() fills it"),
        (overwrites, "it writes into a dict that it was given"),
    ],
)
def test_other_movements_are_named(capsys, mutant, fragment):
    rejects(capsys, nb11.movement, mutant, fragment=fragment)
