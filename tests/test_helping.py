"""A fair comparison: augmentation by hand, draws that hold what they say, classifiers and pairs that repeat exactly."""

import pytest
import torch

from gancourse import helping, runtime
from gancourse.models.conditional import Discriminator, Generator

ARROW = torch.zeros(1, 1, 8, 8) - 1
ARROW[..., 2, 1:4] = torch.tensor([0.2, 0.5, 0.9])


def noise(count=6, side=28, seed=0):
    return 2 * torch.rand(count, 1, side, side, generator=runtime.generator(seed)) - 1


# ---------------------------------------------------------------- augmentation


def test_every_move_and_mirror_image_comes_and_no_other():
    many = helping.shift_and_flip(ARROW.expand(2_000, 1, 8, 8), runtime.generator(0), pixels=1)
    expected = set()
    for down in (-1, 0, 1):
        for across in (-1, 0, 1):
            moved = torch.roll(ARROW, (down, across), dims=(2, 3))
            expected |= {moved.numpy().tobytes(), moved.flip(3).numpy().tobytes()}
    counts = {}
    for image in many:
        key = image.unsqueeze(0).contiguous().numpy().tobytes()
        counts[key] = counts.get(key, 0) + 1
    assert set(counts) == expected and len(expected) == 18
    assert all(70 < count < 155 for count in counts.values())  # 111 each


def test_from_outside_the_outermost_pixels_go_on():
    ramp = (torch.arange(8.0) / 4 - 1).clamp(-1, 0.9).expand(1, 1, 8, 8).contiguous()
    many = helping.shift_and_flip(ramp.expand(50, 1, 8, 8), runtime.generator(1), pixels=3, flip=False)
    rows = {tuple(image[0, 0].tolist()) for image in many}
    line = ramp[0, 0, 0].tolist()
    expected = {tuple(line[min(max(k - by, 0), 7)] for k in range(8)) for by in range(-3, 4)}
    assert rows == expected
    assert torch.equal(many[:, :, :1].expand_as(many), many)  # moves up and down change nothing here


def test_it_does_nothing_where_nothing_is_asked_for():
    images = noise()
    assert torch.equal(helping.shift_and_flip(images, runtime.generator(0), pixels=0, flip=False), images)
    augment = helping.augmentation(3, flip=False)
    assert torch.equal(augment(images, runtime.generator(2)),
                       helping.shift_and_flip(images, runtime.generator(2), 3, False))  # fmt: skip
    both = helping.shift_and_flip(torch.cat([images, 0.5 * images], 1), runtime.generator(3))
    assert torch.allclose(both[:, 1], 0.5 * both[:, 0])  # channels move together


def test_gradients_go_through_twice():
    images = noise(2, 6).double().requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x: helping.shift_and_flip(x, runtime.generator(4)).pow(3).sum(), images)


@pytest.mark.parametrize("pixels", [-1, 15, 1.5])
def test_wrong_strengths_are_refused(pixels):
    with pytest.raises(ValueError, match="pixels"):
        helping.shift_and_flip(noise(), runtime.generator(0), pixels=pixels)


# ---------------------------------------------------------------- draws


def test_a_pool_draws_images_with_their_labels_each_as_often():
    images = torch.arange(5.0).reshape(5, 1, 1, 1).expand(5, 1, 8, 8) / 5 - 1
    drawn, labels = helping.pool(images, torch.arange(5))(5_000, runtime.generator(0))
    assert torch.equal(((drawn[:, 0, 0, 0] + 1) * 5).round().long(), labels)
    assert bool(((labels.bincount() - 1_000).abs() < 150).all())
    moved, _ = helping.pool(images, torch.arange(5), augment=lambda x, g: -x.abs())(3, runtime.generator(0))
    assert float(moved.max()) <= 0


@pytest.mark.parametrize("share, made", [(0, 0), (0.25, 16), (0.5, 32), (0.995, 64), (1, 64)])
def test_a_mixture_holds_its_share(share, made):
    def constant(value):
        return lambda count, random: (torch.full((count, 1, 8, 8), value), torch.full((count,), int(value)))

    images, labels = helping.mixed(constant(0.0), constant(1.0), share)(64, runtime.generator(0))
    assert len(images) == 64 and int(labels.sum()) == made and float(images.mean()) == pytest.approx(made / 64)


def test_wrong_draws_are_refused():
    with pytest.raises(ValueError, match="one for each of 6 images"):
        helping.pool(noise(), torch.arange(5))
    with pytest.raises(TypeError, match="int64"):
        helping.pool(noise(), torch.rand(6))
    with pytest.raises(ValueError, match="share"):
        helping.mixed(None, None, 1.2)


# ---------------------------------------------------------------- the classifier


def halves(count=80, seed=0):
    """Images that are lighter on the left (0) or on the right (1)."""
    images, labels = 0.3 * noise(count, 12, seed), torch.arange(count) % 2
    images[labels == 0, :, :, :6] += 0.4
    images[labels == 1, :, :, 6:] += 0.4
    return images, labels


def test_a_classifier_learns_what_can_be_learnt_and_repeats_exactly():
    draw = helping.pool(*halves())
    network = helping.fit(draw, num_steps=20, seed=3, image_size=12)
    images, labels = halves(seed=1)
    margins = helping.margins(network, images)
    assert float(((margins > 0).long() == labels).double().mean()) > 0.95
    assert not network.training and not any(p.requires_grad for p in network.parameters())
    again = helping.fit(draw, num_steps=20, seed=3, image_size=12)
    assert torch.equal(helping.outputs(again, images), helping.outputs(network, images))
    other = helping.fit(draw, num_steps=20, seed=4, image_size=12)
    assert not torch.equal(helping.outputs(other, images), helping.outputs(network, images))


def test_margins_are_the_second_logit_less_the_first_and_made_in_pieces(monkeypatch):
    network = helping.fit(helping.pool(*halves()), num_steps=2, image_size=12)
    images, _ = halves()
    whole = helping.outputs(network, images)
    monkeypatch.setattr(helping, "_PIECE", 7)
    assert torch.allclose(helping.outputs(network, images), whole, atol=1e-5)
    assert torch.allclose(helping.margins(network, images), whole[:, 1] - whole[:, 0], atol=1e-5)
    three = helping.fit(helping.pool(*halves()), classes=3, num_steps=2, image_size=12)
    with pytest.raises(ValueError, match="2 classes, got 3"):
        helping.margins(three, images)


def test_training_draws_nothing_from_the_global_generator():
    state = torch.random.get_rng_state()
    helping.fit(helping.pool(*halves()), num_steps=2, image_size=12)
    helping.train_pair(noise(4, 16), torch.arange(4) % 2, num_steps=2)
    assert torch.equal(torch.random.get_rng_state(), state)


# ---------------------------------------------------------------- the GAN


def test_a_pair_is_trained_on_fewer_images_than_a_batch_and_repeats_exactly():
    images, labels = noise(4, 16), torch.arange(4) % 2
    pair = helping.train_pair(images, labels, num_steps=3, seed=5)
    assert isinstance(pair.generator, Generator) and isinstance(pair.discriminator, Discriminator)
    assert pair.discriminator(images, labels).shape == (4,)
    assert not pair.generator.training and not pair.discriminator.training
    made, asked = helping.made(pair.generator, 5, seed=1)
    assert made.shape == (5, 1, 16, 16) and asked.tolist() == [0, 1, 0, 1, 0]
    again = helping.train_pair(images, labels, num_steps=3, seed=5)
    assert torch.equal(helping.made(again.generator, 5, seed=1)[0], made)
    assert not torch.equal(helping.made(pair.generator, 5, seed=2)[0], made)
    ones = helping.made(pair.generator, 3, seed=1, labels=torch.ones(3, dtype=torch.long))
    assert ones[1].tolist() == [1, 1, 1]


def test_behind_an_augmentation_d_sees_nothing_else():
    """Real images and made ones alike, in D's step and in G's; what comes back is the bare D."""
    seen = []

    def blank(images, random):
        seen.append(images.detach().clone())
        return 0 * images

    images, labels = noise(4, 16), torch.arange(4) % 2
    pair = helping.train_pair(images, labels, num_steps=2, seed=5, augment=blank)
    assert len(seen) == 2 * 3  # real, made, made again for G
    assert len(seen[0]) == 64 and {one.numpy().tobytes() for one in seen[0]} <= {x.numpy().tobytes() for x in images}
    assert isinstance(pair.discriminator, Discriminator)
    free = helping.train_pair(images, labels, num_steps=2, seed=5)
    assert not torch.equal(pair.discriminator(images, labels), free.discriminator(images, labels))
    same = helping.train_pair(images, labels, num_steps=2, seed=5, augment=lambda x, g: x)
    assert torch.allclose(same.discriminator(images, labels), free.discriminator(images, labels), atol=1e-5)


def test_looking_on_the_way_changes_nothing():
    images, labels, told = noise(4, 16), torch.arange(4) % 2, []

    def look(step, discriminator, ready):
        told.append((step, float(discriminator(images, labels).detach().sum())))
        if step == 2:
            told.append(helping.made(ready(), 3, seed=0)[0])

    pair = helping.train_pair(images, labels, num_steps=4, seed=5, on_step=look)
    free = helping.train_pair(images, labels, num_steps=4, seed=5)
    assert [step for step, *_ in (one for one in told if isinstance(one, tuple))] == [1, 2, 3, 4]
    assert torch.equal(pair.discriminator(images, labels), free.discriminator(images, labels))
    assert torch.allclose(helping.made(pair.generator, 3, 0)[0], helping.made(free.generator, 3, 0)[0], atol=1e-5)
    assert not torch.equal(told[2], helping.made(pair.generator, 3, 0)[0])


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda: helping.train_pair(noise(4, 16), torch.arange(3)), ValueError, "labels"),
        (lambda: helping.train_pair(noise(4, 16), torch.arange(4) % 2, num_steps=0), ValueError, "num_steps"),
        (lambda: helping.train_pair(noise(4, 20), torch.arange(4) % 2, num_steps=1), ValueError, "image_size"),
        (lambda: helping.fit(helping.pool(*halves()), num_steps=0, image_size=12), ValueError, "num_steps"),
        (lambda: helping.made(Generator(2), 0, 0), ValueError, "count"),
    ],
)
def test_wrong_arguments_are_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()
