"""Sheets show what is there, and a look at a run leaves it as it was."""

import numpy as np
import pytest
import torch
from PIL import Image

from gancourse import recommended, runtime, training
from gancourse.train import report
from gancourse.train.options import Images


def test_a_sheet_puts_black_at_minus_one_and_white_at_one_and_rescales_nothing():
    images = torch.tensor([-1.0, 0.0, 1.0, 3.0, -0.5])[:, None, None, None].expand(5, 1, 2, 2)
    made = report.sheet(images, columns=3)
    assert made.dtype == np.uint8 and made.shape == (6, 10, 3)
    assert [int(made[0, left, 0]) for left in (0, 4, 8)] == [0, 128, 255]
    assert [int(made[4, left, 0]) for left in (0, 4, 8)] == [255, 64, 255]  # cut off; and an empty place is white
    assert (made[2:4] == 255).all() and (made[:, 2:4] == 255).all()


def test_a_sheet_keeps_colours_and_their_places():
    red = torch.tensor([1.0, -1.0, -1.0])[None, :, None, None].expand(1, 3, 2, 4)
    assert report.sheet(red, columns=1).tolist() == [[[255, 0, 0]] * 4] * 2


def test_a_picture_is_enlarged_by_a_whole_number(tmp_path):
    array = np.arange(100 * 10 * 3, dtype=np.uint16).reshape(10, 100, 3).astype(np.uint8)
    with Image.open(report.save_picture(tmp_path / "new" / "a.png", array)) as picture:
        assert picture.size == (500, 50)
        assert (np.asarray(picture)[2::5, 2::5] == array).all()


def test_looking_at_an_average_changes_nothing():
    parts = recommended.build(16, 1, width=4, num_steps=5, seed=0)
    before = {name: value.clone() for name, value in parts.average.state_dict().items()}
    state = torch.get_rng_state()
    first, again = report.samples(parts.average, 5), report.samples(parts.average, 5)
    assert torch.equal(first, again) and first.shape == (5, 1, 16, 16) and not first.requires_grad
    assert torch.equal(state, torch.get_rng_state()) and not parts.average.module.training
    assert all(torch.equal(value, before[name]) for name, value in parts.average.state_dict().items())


def test_samples_have_statistics_that_belong_to_the_average():
    """Stale ones would be those of fresh layers, mean 0 and variance 1, and make another picture."""
    parts = recommended.build(16, 1, width=4, num_steps=5, seed=0)
    network = parts.average.module
    z = torch.randn(5, 64, generator=runtime.generator(report._Z))
    fresh = torch.randn(2_000, 64, generator=runtime.generator(report._STATISTICS))
    with torch.no_grad():
        stale = network(z)
        trained = torch.cat([network.train()(torch.cat([z, fresh]))])[:5]  # by the statistics of a large batch
    network.eval()
    made = report.samples(parts.average, 5)
    assert float((made - trained).abs().max()) < 0.02 < float((made - stale).abs().max())


def test_the_film_is_what_was_kept():
    history = training.History()
    kept = report.in_bytes(torch.tensor([-1.0, 0.2, 1.0]))
    history.snapshots = {0: kept, 5: None, 7: kept}
    film = report.film(history)
    assert list(film) == [0, 7] and film[7].tolist() == pytest.approx([-1, 0.2, 1], abs=0.004)


def test_no_judge_no_numbers():
    assert report.measure(torch.nn.Identity(), Images(torch.zeros(2, 3, 16, 16), "mine"), torch.device("cpu")) == {}


@pytest.mark.parametrize(("steps", "few"), [([0, 3], [0, 3]), (list(range(0, 101, 10)), [0, 30, 50, 70, 100])])
def test_a_few_steps_are_spread_from_the_first_to_the_last(steps, few):
    spread = report._spread(steps, 5)
    assert spread[0] == few[0] and spread[-1] == few[-1] and len(spread) == len(few)
    assert spread == sorted(set(spread))
