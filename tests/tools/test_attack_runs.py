"""What the tables of attacks are made with: the same images for all, answers image by image, limits that are kept."""

import functools

import pytest
import torch

import attack_runs
from gancourse import measured
from gancourse.attacking import adaptive, masks, nets, pixels
from gancourse.data import digits

CACHED = ("data", "trained", "gan", "made")


@pytest.fixture(scope="module", autouse=True)
def short():
    """Embedded digits, and networks that learn for a few steps."""
    few = digits.load("embedded")
    usual, hard = nets.train, nets.harden
    settings = {
        "ATTACKED": 12, "PROJECTED": 10, "GAN_STEPS": 3, "ADVGAN_STEPS": 2, "FAKES": 70, "FEATURES": 100,
        "EPSILONS": (0.0, 0.2), "SWEEP": ((1, 2), (2, 3)),
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digits, "load", lambda name: few)
        patch.setattr(nets, "train", functools.partial(usual, num_steps=40))
        patch.setattr(nets, "harden", functools.partial(hard, num_steps=10, inner_steps=1))
        for name, value in settings.items():
            patch.setattr(attack_runs, name, value)
        for name in CACHED:
            getattr(attack_runs, name).cache_clear()
        yield
        for name in CACHED:
            getattr(attack_runs, name).cache_clear()


def test_the_images_asked_for_are_the_first_of_one_order():
    few, more = attack_runs.asked(5), attack_runs.asked(9)
    assert torch.equal(few[0], more[0][:5]) and torch.equal(few[1], more[1][:5])
    assert not torch.equal(few[0], attack_runs.data().test_images[:5])


def test_answers_become_a_string():
    assert attack_runs.bits(torch.tensor([True, False, True])) == "101"


def test_the_nets_of_a_seed_differ_and_the_kinds_share_nothing():
    at = attack_runs.trained(1)
    weights = [next(getattr(at, name).parameters()).flatten()[:20] for name in ("plain", "other", "hardened")]
    assert not any(torch.allclose(weights[a], weights[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
    assert set(at.seconds) == {"plain", "other", "hardened", "other_hardened", "dense"}


def test_the_generator_is_the_one_that_the_package_trains():
    from gancourse.encoding import inverse

    theirs = inverse.train_generator(attack_runs.data().images, code_dim=64, num_steps=3, seed=1)
    ours = attack_runs.gan(1).generator
    assert all(torch.equal(a, b) for a, b in zip(theirs.parameters(), ours.parameters(), strict=True))


def test_limits_keep_a_number_for_each_seed_and_limit():
    row = attack_runs.limits("plain", [1, 2])
    assert len(row["attacks"]) == 8 and all(len(values) == 2 for values in row["attacks"].values())
    for seed in (0, 1):
        rows = {attack: values[seed] for attack, values in row["attacks"].items()}
        assert all(len(values) == 2 for values in rows.values())
        assert len({values[0] for values in rows.values()}) == 1  # with no room nothing happens
        assert rows["worst of all"][1] <= min(values[1] for values in rows.values())


def test_transfer_says_who_made_it_and_who_reads_it():
    row = attack_runs.transfers(0.2, [1])
    images, labels = attack_runs.asked(12)
    at, g = attack_runs.trained(1), attack_runs.runtime.generator(42)
    changed = pixels.pgd(at.plain, images, labels, 0.2, generator=g)  # the first source
    assert row["right"]["plain"]["dense"] == [attack_runs.share(at.dense, changed, labels)]


def test_masks_are_attacked_as_found_and_by_one_who_knows():
    row = attack_runs.masked([1])
    assert set(row["right"]) == {"plain", "hardened", "logits times 1,000", "8 levels", "2 levels", "noise of 0.3"}
    loud, plain = row["right"]["logits times 1,000"], row["right"]["plain"]
    assert loud["clean"] == plain["clean"] and loud["PGD that knows"] == pytest.approx(plain["PGD that knows"], abs=0.2)


def test_only_a_threshold_is_asked_who_can_cross():
    row = attack_runs.masked([1])
    asked = [name for name, found in row["right"].items() if "PGD that knows, to the limit" in found]
    assert asked == ["2 levels"]


def test_crossing_the_threshold_stays_within_the_limit_and_finds_the_worst_of_few_pixels():
    at, g = attack_runs.trained(1), attack_runs.runtime.generator(0)
    images, labels = attack_runs.asked(12)
    straight = masks.Rounded(at.plain, 2, straight=True)
    changed = attack_runs.across(straight, images, labels, 0.2, g)
    assert float((changed - images).abs().max()) <= 0.4 + 1e-6
    assert bool((pixels.margin(straight(changed), labels) <= pixels.margin(straight(images), labels)).all())
    few = images.sign().clone()  # black and white but for eight pixels, so all 256 changes can be tried
    few[:, 0, 10:14, 10:12] = 0.1
    found = pixels.margin(straight(attack_runs.across(straight, few, labels, 0.2, g)), labels)
    worst = torch.full_like(found, torch.inf)
    for number in range(256):
        tried = few.clone()
        tried[:, 0, 10:14, 10:12] = torch.tensor([0.2 if number >> bit & 1 else -0.2 for bit in range(8)]).view(4, 2)
        worst = torch.minimum(worst, pixels.margin(straight(tried), labels))
    clean = pixels.margin(straight(few), labels)
    assert bool((found >= worst - 1e-4).all())
    assert float((clean - found).sum() / (clean - worst).sum()) > 0.6


def test_two_levels_count_who_can_cross():
    row = attack_runs.two_levels([1])
    images, _ = attack_runs.asked(12)
    assert row["epsilons"] == [0.2, 0.5] and row["can_cross"][0] < row["can_cross"][1]
    assert row["can_cross"][0] == pytest.approx(float((images.abs() < 0.4).double().mean()), abs=1e-4)
    rows = row["attacks"]
    assert rows["worst of all"][0][0] <= min(values[0][0] for values in rows.values())


def test_a_discriminator_is_raised():
    row = attack_runs.discriminator([1, 2])
    assert row["epsilons"] == [0.0, 0.01, 0.03, 0.1] and row["picture"]
    assert all(values[3] >= values[0] for values in row["attacked"])


@pytest.fixture
def quick(monkeypatch):
    """Two attacks, one that knows nothing and one that knows, at one limit; and a short search."""
    some = {name: attack_runs.ATTACKS[name] for name in ("nothing", "PGD")}
    some["tug of war"] = attack_runs.known(adaptive.pulled, lambda at: 2 * 2 * at.restarts, num_steps=2)
    monkeypatch.setattr(attack_runs, "ATTACKS", some)
    monkeypatch.setattr(attack_runs, "AT", {0.2: [*some, attack_runs.CHOICE]})
    attack_runs.made.cache_clear()
    plain = attack_runs.defence
    monkeypatch.setattr(attack_runs, "defence", lambda seed, draw, **s: plain(seed, draw, **{"num_steps": 3} | s))


def test_a_row_of_the_projection_keeps_every_image(quick):
    rows = {row["attack"]: row for row in attack_runs.projected([1, 2], lambda name: True) if "attack" in row}
    assert list(rows) == ["nothing", "PGD", "tug of war", attack_runs.CHOICE]
    for row in rows.values():
        assert row["epsilon"] == 0.2 and row["n"] == 10 and row["picture"]
        for name, values in row["right"].items():
            assert [len(value) for value in values] == [10, 10] and set("".join(values)) <= set("01")
            assert row["accuracy"][name] == [value.count("1") / 10 for value in values]
    images, labels = attack_runs.asked(10)
    assert rows["nothing"]["right"]["plain"][0] == attack_runs.bits(
        nets.right(attack_runs.trained(1).plain, images, labels)
    )
    assert rows["nothing"]["passes"] == 0 and rows["tug of war"]["passes"] == 24
    # the one attack that is strong enough to be tried, and one look of the copy at it
    assert rows[attack_runs.CHOICE]["passes"] == 24 + 18


def test_sweep_and_repeats_have_their_draws(quick):
    rows = {row["name"]: row for row in attack_runs.projected([1], lambda name: "," not in name or "again" in name)}
    assert set(rows["sweep"]["found"]) == {"1 x 2", "2 x 3"} and rows["sweep"]["passes"]["2 x 3"] == 6
    draws = rows[attack_runs.AGAIN]["right"][0]
    assert len(draws) == attack_runs.LOOKS and len(set(draws)) > 1  # another draw, now and then another answer


def test_a_search_by_queries_counts_its_passes(monkeypatch):
    for name, value in (("QUERIES", 5), ("RENEWED", 2), ("FOLLOWED", 1), ("ANEW", 3)):
        monkeypatch.setattr(attack_runs, name, value)
    images, labels = attack_runs.asked(2)
    changed, passes = attack_runs.by_queries(1, images, labels, 0.2)
    assert passes == (3 * 3 + 2 * 1) * 6 and float((changed - images).abs().max()) <= 0.4 + 1e-6


def test_the_nearest_real_digit_is_pulled_away_by_its_wrong_neighbour(quick):
    row = attack_runs.nearest_real([1])
    images, labels = attack_runs.asked(10)
    near = torch.cdist(images.flatten(1), attack_runs.data().images.flatten(1)).argmin(1)
    assert row["clean"] == float((attack_runs.data().labels[near] == labels).double().mean()) > 0.8
    falls = row["tug of war"]
    assert falls == [value.count("1") / 10 for value in row["right"]] and falls[2] < falls[0] <= row["clean"]
    assert len(row["projected"]) == 3 and len(row["projected"][0]) == 1


def test_a_perturber_is_held_against_pgd_on_the_same_images():
    (row,) = attack_runs.advgan([1], lambda name: name == "AdvGAN, 0.2")
    images, labels = attack_runs.asked(12)
    at = attack_runs.trained(1)
    assert row["right"]["FGSM"] == [attack_runs.share(at.plain, pixels.fgsm(at.plain, images, labels, 0.2), labels)]
    assert row["right"]["PGD"] == row["right"]["PGD on plain"] and 0 <= row["right"]["mean change"][0] <= 0.2


@pytest.mark.parametrize(
    "name, names",
    [
        ("attacked", attack_runs.ATTACKED_NAMES),
        ("projected", attack_runs.PROJECTED_NAMES),
        ("advgan", attack_runs.ADVGAN_NAMES),
    ],
)
def test_stored_rows_are_rows_of_the_command_over_three_seeds(name, names):
    rows = measured.load(name)["rows"]
    assert {row["name"] for row in rows} <= set(names)
    assert all(len(row["seeds"]) == attack_runs.SEEDS for row in rows)
    for row in rows:
        if "accuracy" in row:
            for who, values in row["right"].items():
                assert row["accuracy"][who] == [value.count("1") / row["n"] for value in values]


def test_what_is_stored_of_the_projection_is_every_attack_at_the_first_limit():
    stored = {row["name"] for row in measured.load("projected")["rows"]}
    assert {f"{attack}, 0.2" for attack in attack_runs.ATTACKS} <= stored
