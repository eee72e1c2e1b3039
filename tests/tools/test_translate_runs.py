"""What the tables of translated images are made with, and what is stored of them."""

import dataclasses

import pytest
import torch

import many_domain_runs
import style_runs
import translate_runs
from gancourse import measured, restoring, runtime, translating, translating_many
from gancourse.data import digits, domains
from gancourse.metrics import judge as judges
from gancourse.metrics import translation


@pytest.fixture(scope="module")
def few():
    """The bench on embedded digits, with a judge that never learnt; every run has two steps."""
    data = digits.load("embedded", 16)
    with runtime.seeded(0):
        network = judges._network(16)
    untaught = judges.Judge(network, image_size=16, accuracy=0.1, device=torch.device("cpu"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digits, "load", lambda name: data)
        patch.setattr(judges, "load", lambda data: untaught)
        patch.setattr(translate_runs, "ASKED", 200)
        patch.setattr(translate_runs, "HIDDEN", dataclasses.replace(translate_runs.HIDDEN, num_steps=2))
        patch.setattr(translate_runs, "DENSE_STEPS", 2)
        patch.setattr(translate_runs, "DENSE_SEEDS", 2)
        short = {name: dataclasses.replace(recipe, num_steps=2) for name, recipe in translate_runs.LOCAL.items()}
        patch.setattr(translate_runs, "LOCAL", short)
        paired, many = restoring.Recipe, translating_many.Recipe
        patch.setattr(restoring, "Recipe", lambda **settings: paired(**settings, num_steps=2))
        patch.setattr(translating_many, "Recipe", lambda **settings: many(**settings, num_steps=2))
        translate_runs.bench.cache_clear()
        translate_runs.coded.cache_clear()
        yield translate_runs.bench()
        translate_runs.bench.cache_clear()
        translate_runs.coded.cache_clear()


def rows_of(table, names, seeds=(5, 6)):
    return {row["name"]: row for row in table(list(seeds), lambda name: name in names)}


# ---------------------------------------------------------------- parts


def test_numbers_of_every_seed_become_lists():
    found = [{"a": 0.12346, "b": {"x": 1.0}}, {"a": 2.0, "b": {"x": 0.5}}]
    assert translate_runs.collected(found) == {"a": [0.1235, 2.0], "b": {"x": [1.0, 0.5]}}


def test_shown_digits_are_the_first_of_their_kind():
    labels = torch.tensor([6, 3, 8, 8, 5, 9, 4, 7, 2, 3, 6])
    assert translate_runs.shown(labels).tolist() == [1, 2, 4, 5, 6, 7, 8, 0]


def test_codes_are_principal_components_of_unit_size_and_come_back(few):
    codes = translate_runs.Codes.of(few.data.images)
    made = codes.code(few.data.images)
    assert made.shape[1] == 32 and float(made.std()) == pytest.approx(1, abs=0.01)
    flat = few.data.images.flatten(1).double()
    centred = flat - flat.mean(0)
    parts = torch.linalg.svd(centred, full_matrices=False)
    best = parts.U[:, :32] @ torch.diag(parts.S[:32]) @ parts.Vh[:32] + flat.mean(0)
    back = codes.images(made, 16)
    assert torch.allclose(back.flatten(1).double(), best.clamp(-1, 1), atol=1e-3)
    unlike = torch.corrcoef(made.T) - torch.eye(32)
    assert unlike.abs().max() < 1e-3
    drawn = translate_runs.StoredCodes(made, made[:5]).sample(7, runtime.generator(0))
    assert drawn[0].shape == drawn[1].shape == (7, 32) and (drawn[1][:, None] == made[:5]).all(2).any(1).all()


def test_what_arrives_is_spoilt_as_its_name_says():
    there, right = (2 * torch.rand(4, 1, 16, 16, generator=runtime.generator(k)) - 1 for k in (0, 1))
    arrives = translate_runs.spoilt(there, right, 3)
    assert arrives["clean"] is there and arrives["true map"] is right
    assert torch.equal(arrives["8 bits"], translation.eight_bits(there))
    assert torch.equal(arrives["blur"], translation.blurred(there))
    for sigma in (0.1, 0.2, 0.4):
        assert float((arrives[f"noise {sigma:g}"] - there).std()) == pytest.approx(sigma, rel=0.1)


# ---------------------------------------------------------------- rows


def test_exact_answers_to_shifts_are_exact(few):
    rows = rows_of(translate_runs.translated_pairs, ["shift: truth", *translate_runs.EXACT])
    assert rows["shift: truth"]["to_nearest"] == [0]
    assert all(abs(share[0] - 0.2) < 0.12 for share in rows["shift: truth"]["used"].values())
    assert rows["shift: exact mean"]["to_mean"] == rows["shift: exact median"]["to_median"] == [0]
    assert rows["shift: exact mean"]["to_median"] == rows["shift: exact median"]["to_mean"]


def test_rows_of_pairs(few):
    names = ["shift: squares", "shift: adversarial by patches of 18", "blocks: truth", "blocks: absolute"]
    rows = rows_of(translate_runs.translated_pairs, names)
    assert list(rows) == [name for name in translate_runs.PAIR_NAMES if name in names]
    assert len(rows["shift: squares"]["to_mean"]) == 2 and rows["shift: squares"]["steps"] == 2
    assert rows["blocks: truth"]["off"] == [0] and len(rows["blocks: absolute"]["off"]) == 2
    assert measured.samples(rows["shift: squares"], 16).shape == (8, 1, 16, 16)
    again = rows_of(translate_runs.translated_pairs, ["shift: squares"], seeds=[6])["shift: squares"]
    assert again["to_mean"][0] == pytest.approx(rows["shift: squares"]["to_mean"][1], abs=1e-3)


def test_rows_of_cycles(few):
    names = ["local: truth", "local: cycle", "dense: truth", "dense: cycle, 20 pairs", "dense: 20 pairs alone"]
    rows = rows_of(translate_runs.cycles, names)
    assert list(rows) == names
    assert rows["local: truth"]["off"] == rows["local: truth"]["off_there"] == [0]
    assert 0 < rows["dense: truth"]["off"][0] < 0.2
    assert len(rows["local: cycle"]["kept"]) == 2 and len(rows["dense: cycle, 20 pairs"]["off_through_cycle"]) == 2
    assert rows["dense: 20 pairs alone"]["pairs"] == 20
    data = translate_runs.outlined(5)
    right = data.test_b[translate_runs.shown(data.labels)]
    pictured = measured.samples({"picture": rows["local: truth"]["there_picture"]}, 16)
    assert torch.allclose(pictured, right, atol=1 / 127)


def test_rows_of_hiding(few):
    rows = rows_of(translate_runs.hiding, ["cycle", "cycle, translations detached"])
    assert list(rows) == ["cycle", "cycle, translations detached"]
    for row in rows.values():
        assert set(row["colour"]) == set(row["error"]) == set(row["probe"])
        assert len(row["colour"]["clean"]) == len(row["message"]) == 2
    recipes = {name: dataclasses.replace(translate_runs.HIDDEN, **how) for name, how in translate_runs.HIDING.items()}
    assert recipes["cycle"] == translate_runs.HIDDEN and recipes["cycle from grey alone"].both_ways is False
    assert recipes["cycle, noise 0.3 in it"].noise == 0.3 and recipes["cycle, translations detached"].detached


def test_a_pair_that_hides_and_one_that_cannot_are_told_apart(few):
    """Translators made by hand: one writes the paper into a corner, the other gives the right grey and no more."""
    data = domains.papers_and_grey(few.data, generator=runtime.generator(2), n_test=300)

    def right(images):
        papers = torch.cdist(images.amax((2, 3)), 2 * torch.eye(3) - 1).argmin(1)
        return domains.on_grey(domains.read_off(images, papers)), papers

    def hides(images):
        grey, papers = right(images)
        grey = grey.clone()
        grey[torch.arange(len(grey)), 0, 0, papers] += 0.1
        return grey

    def reads(grey):
        told = grey[:, 0, 0, :3].argmax(1)
        return domains.coloured((1 - (grey + 1) / 0.75).clamp(-1, 1), told)

    found = translate_runs.of_messages(data, translating.Translators(hides, reads), 0)
    assert found["colour"]["clean"] == found["colour"]["8 bits"] == found["probe"]["clean"] == 1
    assert found["colour"]["true map"] < 0.5 and found["probe"]["true map"] < 0.5
    assert found["error"]["clean"] < 0.05 < found["error"]["true map"]
    none = translate_runs.of_messages(data, translating.Translators(lambda x: right(x)[0], reads), 0)
    assert none["message"] < 1e-6 < found["message"] and none["off"] < 1e-6
    assert none["probe"]["clean"] < 0.5


# ---------------------------------------------------------------- many domains


def test_the_truth_is_right_everywhere_and_a_copy_nowhere(few):
    for name in ("papers: all losses", many_domain_runs.FULL_RANGE, "structures: all losses"):
        maps, _ = many_domain_runs.of_domains(name)
        images, labels = few.images[:60], few.labels[:60]
        truth = torch.stack([to(images) for to in maps])
        perfect = many_domain_runs.numbers(truth.expand(4, *truth.shape), images, labels, name)
        assert perfect["domain"] == perfect["domain_worst"] == 1 and perfect["off"] == 0
        assert perfect["kept"] == pytest.approx(translate_runs.kept(images, labels), abs=0.02)
        assert perfect["source_read"] < 0.7
        copied = many_domain_runs.numbers(many_domain_runs.answered(None, images, maps), images, labels, name)
        assert copied["domain"] == 0 and copied["off"] > 0.3
        if name.startswith("papers"):
            assert copied["source_read"] > 0.9


def test_rows_of_many_domains(few):
    names = ["papers: nothing done", "papers: no classification", "structures: all losses"]
    rows = rows_of(many_domain_runs.table, names)
    assert set(rows) == set(names)
    # by hand: 8,712 for one that is told one of four papers; twelve of 8,136
    assert rows["papers: no classification"]["one_network"] == 8_712
    assert rows["papers: no classification"]["one_for_every_way"] == 12 * 8_136
    assert len(rows["structures: all losses"]["kept"]) == 2
    shown = measured.samples(rows["papers: nothing done"], 16)
    assert shown.shape == (48, 1, 16, 16)
    right = torch.cat([0.8 * domains.coloured(few.images[:1], paper).expand(4, -1, -1, -1) for paper in range(4)])
    assert torch.allclose(shown.view(16, 3, 16, 16), right, atol=1 / 127)
    assert measured.samples(rows["structures: all losses"], 16).shape == (16, 1, 16, 16)


def test_every_way_is_told_where_to_go(few):
    class Says(torch.nn.Module):
        def forward(self, images, domain):
            return torch.zeros_like(images) + domain.view(-1, 1, 1, 1) / 10

    answers = many_domain_runs.answered(Says(), few.images[:3], many_domain_runs.PAPERS)
    assert answers.shape == (4, 4, 3, 3, 16, 16)
    assert torch.allclose(answers[:, :, 0, 0, 0, 0], (torch.arange(4.0) / 10).expand(4, 4))


# ---------------------------------------------------------------- style


def test_gram_matrices_by_hand():
    maps = torch.tensor([[[[1.0, 2.0]], [[0.0, 4.0]]]])
    assert torch.equal(style_runs.gram(maps), torch.tensor([[[2.5, 4.0], [4.0, 8.0]]]))


def test_style_moves_to_the_models_and_content_holds_it_back(few, monkeypatch):
    monkeypatch.setattr(style_runs, "STEPS", 15)
    network, images = few.judge._network, few.images[:20]
    models = domains.outlines(few.data.images[:50])
    far, left = style_runs.styled(network, images, models, 0.0)
    near, held = style_runs.styled(network, images, models, 100.0)
    assert left < 0.9 and left < held
    assert translation.off(near, images) < translation.off(far, images)
    assert far.min() >= -1 and far.max() <= 1 and not torch.equal(far, images)
    assert torch.equal(images, few.images[:20])


def test_the_row_of_style(few, monkeypatch):
    monkeypatch.setattr(style_runs, "STEPS", 2)
    (row,) = style_runs.table([5, 6], lambda name: True)
    assert list(row["content"]) == ["0.01", "0.1", "1"]
    assert all(len(numbers["off_there"]) == 2 for numbers in row["content"].values())
    data = translate_runs.outlined(5)
    shown = measured.samples(row, 16)
    assert shown.shape == (24, 1, 16, 16)
    assert torch.allclose(shown[8:16], data.test_b[:8], atol=1 / 127)
    assert row["inverted"][0] == pytest.approx(translation.off(-data.test_a[:100], data.test_b[:100]), abs=1e-4)
    assert list(style_runs.table([5], lambda name: False)) == []
