"""What the tables of encoders and codebooks are made with, and what is stored of them."""

import math

import pytest
import torch

import code_runs
import token_runs
import toy_code_runs
from gancourse import measured, runtime
from gancourse.data import digits, spoils
from gancourse.data.bent import bent_plane
from gancourse.encoding import auto, inverse, pairs, tokens, words
from gancourse.ensembles.codes import BiGANEnsemble, VAEEnsemble
from gancourse.metrics import judge as judges


@pytest.fixture(scope="module")
def few_digits(tmp_path_factory):
    """Embedded digits, and a judge that learns for a few steps."""
    data = digits.load("embedded")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANCOURSE_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(digits, "load", lambda name: data)
        patch.setattr(judges, "_STEPS_IF_SMALL", 20)
        for name, value in {"ASKED": 120, "DESCENTS": 20, "FITTED": 300, "GAN_STEPS": 2}.items():
            patch.setattr(code_runs, name, value)
        code_runs.bench.cache_clear()
        yield code_runs.bench()
        code_runs.bench.cache_clear()


def test_the_digits_asked_for_are_not_those_compared_with(few_digits):
    at = few_digits
    assert len(at.images) == 120 and len(at.features) == 355 - 120
    seen = at.judge.features(at.images)
    assert torch.cdist(seen, at.features).min() > 1e-4
    assert at.labels[at.shown].tolist() == list(code_runs.SHOWN_DIGITS)


def test_numbers_of_returned_digits(few_digits):
    at = few_digits
    whole = code_runs.returned(at.images)
    assert whole["error"] == 0 and whole["picture"] and whole["blur_again"] < 0.5
    soft = code_runs.returned(spoils.blur(at.images, 1.0))
    assert soft["blur_again"] == pytest.approx(1.0, abs=0.15) and soft["error"] > 0
    few = code_runs.returned(-at.images[:20])
    assert set(few) == {"error", "kept"}
    assert few["error"] == pytest.approx(4 * float(at.images[:20].square().mean()), rel=1e-5)
    assert set(code_runs.drawn(at.images)) == {"frechet_samples", "blur_samples", "clear_samples", "samples_picture"}


@pytest.mark.parametrize("beta", [None, 1.0])
def test_a_road_gives_its_rows_and_every_number(few_digits, beta):
    rows = code_runs.auto_rows("road", auto.Recipe(beta=beta, num_steps=3), seed=1)
    assert list(rows) == ["road", "road, fitted Gaussian"]
    assert ("bits" in rows["road"]) == (beta is not None) and rows["road"]["steps"] == 3
    assert rows["road, fitted Gaussian"].keys() == code_runs.drawn(few_digits.images).keys()


def test_a_gan_is_asked_in_four_ways(few_digits, monkeypatch):
    taught, started = inverse.train_encoder, []
    monkeypatch.setattr(inverse, "train_encoder", lambda *a, **k: taught(*a, **k, num_steps=2))
    descend = inverse.invert

    def few_steps(generator, images, start):
        started.append(start)
        return descend(generator, images, start, num_steps=2)

    monkeypatch.setattr(inverse, "invert", few_steps)
    rows = code_runs.gan_rows(3)
    assert tuple(rows) == code_runs.ROWS["gan"]
    assert "found_again" in rows["gan: steps from 0"] and "z_error" in rows["gan: encoder of codes"]
    # two from zero and two from the encoder's codes, the shown digits last
    assert [bool(start.any()) for start in started] == [False, False, True, True]
    assert [len(start) for start in started] == [28, 20, 28, 20]
    pair = code_runs.pair_rows("bigan", pairs.Recipe(num_steps=2), 3)["bigan"]
    assert {"error", "kept", "z_error", "frechet_samples", "frechet_again"} <= set(pair)


def test_references_say_what_they_are(few_digits):
    found = code_runs.references()
    assert tuple(found) == code_runs.REFERENCES
    assert found["truth"]["error"] == 0 < found["another digit of the class"]["error"]
    mean = few_digits.data.images.mean(0)
    assert found["mean image"]["error"] == pytest.approx(float((few_digits.images - mean).square().mean()), rel=1e-5)


def test_a_stored_row_has_a_list_of_every_seed_and_the_first_picture():
    found = [{"error": 0.123456, "steps": 7, "picture": "a"}, {"error": 0.5, "steps": 7, "picture": "b"}]
    row = code_runs.stored("x", found, seeds=[4, 5])
    assert row == {"name": "x", "seeds": [4, 5], "steps": 7, "error": [0.1235, 0.5], "picture": "a"}


def test_only_wanted_rows_are_made(few_digits, monkeypatch):
    monkeypatch.setattr(code_runs, "ROADS", {name: lambda seed: 1 / 0 for name in code_runs.ROADS})
    rows = list(code_runs.encoders([1], lambda name: name == "mean image"))
    assert [row["name"] for row in rows] == ["mean image"]


def test_tokenisers_are_measured_with_their_control(few_digits, monkeypatch):
    monkeypatch.setattr(token_runs, "PRIOR_STEPS", 2)
    found = token_runs.row("vqvae", tokens.Recipe(num_steps=2), seed=1)
    assert found["bits"] == pytest.approx(16 * math.log2(found["perplexity"]))
    assert {"frechet_samples", "frechet_mixed", "prior_bits", "mixed_picture", "words_used"} <= set(found)
    assert "prior_bits" not in token_runs.row("vqvae, no restarts", tokens.Recipe(num_steps=2), seed=1)


def test_small_steps_along_the_straight_through_gradient_keep_a_part_of_the_promise(few_digits):
    data = few_digits.data
    tokeniser = tokens.train(data.images, tokens.Recipe(num_steps=100), seed=0)
    found = token_runs.straight_through_steps(tokeniser, data.test_images[:100], runtime.generator(1))
    assert all(len(values) == len(token_runs.STEP_SIZES) for values in found.values())
    assert found["changed"] == sorted(found["changed"]) and 0 < found["changed"][0] < found["changed"][-1] <= 1
    first, last = found["promised"][0], found["promised"][-1]
    assert first > 0 and last == pytest.approx(30 * first, rel=1e-2)
    assert found["fall_random"][0] < found["fall"][0] < found["promised"][0]


def test_the_crossing_is_of_when_and_how_long():
    both = [(recipe.starts_at, recipe.silent) for recipe in token_runs.CROSSED.values()]
    assert both == [(1 / 3, 0), (1 / 3, 1 / 6), (1 / 3, 1 / 3), (2 / 3, 0), (2 / 3, 1 / 3), (2 / 3, 2 / 3)]
    assert {recipe.num_steps for recipe in token_runs.CROSSED.values()} == {token_runs.MAIN["vqgan"].num_steps}


def test_rows_of_the_plane(monkeypatch):
    monkeypatch.setattr(toy_code_runs, "POINTS", 20)
    monkeypatch.setattr(toy_code_runs, "CODES", 300)
    trained = {VAEEnsemble: VAEEnsemble.train, BiGANEnsemble: BiGANEnsemble.train}
    for kind, train in trained.items():
        monkeypatch.setattr(kind, "train", lambda self, train=train: train(self, 3))
    book = words.train_book
    monkeypatch.setattr(words, "train_book", lambda *a, **k: book(*a, **k, num_steps=3))
    names = ("exact", "vae, beta 4", "bigan, cycle 0", "codebook, restarts, start far")
    rows = {row["name"]: row for row in toy_code_runs.toy_codes([5, 6], lambda name: name in names)}
    assert tuple(rows) == names
    vae = rows["vae, beta 4"]
    for place in range(2):
        whole = rows["exact"]["log_prob"] - vae["elbo"][place]
        assert vae["model_gap"][place] + vae["encoder_gap"][place] == pytest.approx(whole, abs=2e-3 + 2e-3 * abs(whole))
    assert (
        len(rows["bigan, cycle 0"]["rotated"]) == 2
        and rows["bigan, cycle 0"]["rotated"][0] <= rows["bigan, cycle 0"]["raw"][0]
    )
    assert 1 <= rows["codebook, restarts, start far"]["words_used"][0] <= 32


def test_a_turned_true_encoder_is_found_to_be_one(monkeypatch):
    world, turn = bent_plane(0.0), torch.tensor([[0.6, -0.8], [0.8, 0.6]])
    monkeypatch.setattr(BiGANEnsemble, "train", lambda self: None)
    monkeypatch.setattr(BiGANEnsemble, "encode", lambda self, x: (world.code(x) @ turn).expand(1, -1, 2))
    monkeypatch.setattr(BiGANEnsemble, "decode", lambda self, z: world.place(z @ turn.T).expand(1, -1, 2))
    row = toy_code_runs.bigans("x", 0.0, [1])
    assert row["raw"][0] > 0.5 and row["rotated"][0] < 1e-6
    assert row["x_again"][0] < 1e-6 and row["affine"][0] == pytest.approx(1, abs=1e-4)


# ---------------------------------------------------------------- what is stored


def stored(name):
    if name not in measured.names():
        pytest.skip(f"{name} is not stored")
    return {row["name"]: row for row in measured.load(name)["rows"]}


def test_stored_toys_hold_what_is_said_of_them():
    rows = stored("toy_codes")
    assert list(rows) == toy_code_runs.NAMES
    truth = rows["exact"]["log_prob"]
    for beta in toy_code_runs.BETAS:
        vae = rows[f"vae, beta {beta:g}"]
        for elbo, model, encoder in zip(vae["elbo"], vae["model_gap"], vae["encoder_gap"], strict=True):
            assert truth - elbo == pytest.approx(model + encoder, abs=1e-3)
    assert max(rows["bigan, cycle 1"]["x_again"]) < 1e-3 and min(rows["bigan, cycle 1"]["rotated"]) > 0.1
    assert max(rows["codebook, averages, start far"]["words_used"]) < 5
    assert min(rows["codebook, restarts, start far"]["words_used"]) == 32


@pytest.mark.parametrize("name, names", [("encoders", code_runs.NAMES), ("codebooks", token_runs.NAMES)])
def test_stored_tables_have_their_rows_and_pictures(name, names):
    rows = stored(name)
    assert [row for row in names if row in rows] == list(rows)
    for row in rows.values():
        for value in row.values():
            if isinstance(value, list) and "seeds" in row and value is not row.get("sizes"):
                assert len(value) == len(row["seeds"])
        if "picture" in row:
            assert measured.samples(row).shape == (8, 1, 28, 28)
        if "samples_picture" in row:
            assert measured.samples({"picture": row["samples_picture"]}).shape == (16, 1, 28, 28)


def test_the_seed_of_the_bench_is_its_own():
    with runtime.seeded(3):
        one = code_runs.prior(7)
    assert torch.equal(one[:5], code_runs.prior(7)[:5])
