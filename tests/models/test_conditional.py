"""models.conditional: where the label enters, by hand, and what is refused."""

import pytest
import torch
import torch.nn.functional as F

from gancourse import runtime
from gancourse.models import conditional, dense_conv
from gancourse.models.conditional import KINDS, TOLD, Discriminator, Generator

SMALL = {"image_size": 16, "width": 2}
BASE = 16 * 2 + 2 + 2 * 4 * 16 + 4 + (4 * 4 * 4 * 256 + 256) + 256 + 1  # convolutions, dense, score at width 2, side 16


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def pair(kind="projection", classes=3, *, seed=0, embed=None, codes=0):
    with runtime.seeded(seed):
        generator = Generator(classes, latent_dim=5, embed=embed, **SMALL).eval()
        discriminator = Discriminator(classes, kind, codes=codes, **SMALL)
        images = torch.rand(6, 1, 16, 16) * 2 - 1
    return generator, discriminator, images


@pytest.mark.parametrize(
    ("kind", "codes", "more"),
    [
        ("blind", 0, 0),
        ("projection", 0, 3 * 256),
        ("concatenation", 0, 3 * 256),
        ("plane", 0, 3 * 256 + 2 * 16),  # three planes of 16 by 16 pixels, and a second channel for two kernels
        ("classifier", 0, 256 * 3 + 3),
        ("classifier", 2, 256 * 5 + 5),
    ],
)
def test_a_kind_adds_these_parameters_to_the_plain_discriminator(kind, codes, more):
    assert count(dense_conv.Discriminator(image_size=16, width=2)) == BASE
    assert count(pair(kind, codes=codes)[1]) == BASE + more


def test_the_generator_has_one_row_of_weights_for_each_number_beside_z():
    plain = count(dense_conv.Generator(image_size=16, width=2, latent_dim=5))
    assert count(Generator(3, latent_dim=5, **SMALL)) == plain + 3 * 256
    assert count(Generator(3, latent_dim=5, embed=2, **SMALL)) == plain + 2 * 256 + 3 * 2


def test_the_logit_of_a_projection_is_a_score_plus_a_dot_product():
    _, discriminator, images = pair("projection")
    discriminator.requires_grad_(False)
    labels = torch.tensor([2, 0, 1, 1, 0, 2])
    h = discriminator.features(images)
    expected = [
        float(h[i] @ discriminator.score.weight[0] + discriminator.score.bias[0] + h[i] @ discriminator.rows.weight[y])
        for i, y in enumerate(labels.tolist())
    ]
    assert discriminator(images, labels).tolist() == pytest.approx(expected, abs=1e-5)
    assert torch.equal(h, discriminator.features(images, labels))


def test_concatenation_adds_a_column_of_the_dense_layer():
    _, discriminator, images = pair("concatenation")
    labels = torch.tensor([2, 0, 1, 1, 0, 2])
    found, layer = discriminator.trunk(images), discriminator.dense[0]
    size = found.shape[1]
    sums = found @ layer.weight[:, :size].T + layer.bias + layer.weight[:, size:][:, labels].T
    expected = discriminator.score(F.leaky_relu(sums, 0.2)).squeeze(1)
    assert torch.allclose(discriminator(images, labels), expected, atol=1e-5)


def test_a_plane_is_one_more_channel():
    _, discriminator, images = pair("plane")
    labels = torch.tensor([2, 0, 1, 1, 0, 2])
    seen = torch.cat([images, discriminator.planes.weight[labels].view(6, 1, 16, 16)], dim=1)
    expected = discriminator.score(discriminator.dense(discriminator.trunk(seen))).squeeze(1)
    assert torch.allclose(discriminator(images, labels), expected, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_label_changes_the_logit_where_d_is_told_and_nowhere_else(kind):
    _, discriminator, images = pair(kind)
    one, other = (discriminator(images, torch.full((6,), label)) for label in (0, 2))
    assert bool((one != other).all()) == (kind in TOLD)
    assert (one.shape, one.dtype) == ((6,), torch.float32)
    weights = F.one_hot(torch.full((6,), 2), 3).float()
    assert torch.allclose(discriminator(images, weights), other, atol=1e-6)
    if kind in TOLD:
        with pytest.raises(ValueError, match=f"labels are needed.*kind '{kind}'"):
            discriminator(images)
    else:
        assert torch.equal(discriminator(images), one)


def test_a_blind_discriminator_is_the_plain_one():
    with runtime.seeded(3):
        plain = dense_conv.Discriminator(**SMALL)
    with runtime.seeded(3):
        blind = Discriminator(3, "blind", **SMALL)
    images = pair()[2]
    assert torch.equal(plain(images), blind(images))


def test_a_classifier_reads_both_heads_off_one_hidden_layer():
    _, discriminator, images = pair("classifier", codes=2)
    reading = discriminator.read(images)
    h = discriminator.features(images)
    assert torch.allclose(reading.logits, discriminator(images))
    heads = h @ discriminator.guess.weight.T + discriminator.guess.bias
    assert torch.allclose(reading.classes, heads[:, :3], atol=1e-6)
    assert torch.allclose(reading.codes, heads[:, 3:], atol=1e-6)
    assert torch.equal(discriminator.classify(images), reading.classes)
    assert pair("classifier")[1].read(images).codes.shape == (6, 0)
    with pytest.raises(ValueError, match="only the kind 'classifier' can read a class, and this one is 'projection'"):
        pair("projection")[1].classify(images)


@pytest.mark.parametrize("embed", [None, 2])
def test_the_generator_puts_the_label_beside_z(embed):
    generator = pair(embed=embed)[0]
    z, labels = torch.randn(4, 5, generator=runtime.generator(1)), torch.tensor([2, 0, 1, 2])
    beside = F.one_hot(labels, 3).float() if embed is None else generator.embedding.weight[labels]
    assert torch.equal(generator(z, labels), generator.network(torch.cat([z, beside], dim=1)))
    assert generator.code(labels).shape == (4, embed or 3)


@pytest.mark.parametrize("embed", [None, 2])
def test_half_way_between_two_classes_is_the_mean_of_their_vectors(embed):
    generator = pair(embed=embed)[0]
    half = generator.code(torch.tensor([[0.5, 0.0, 0.5]]))
    assert torch.allclose(half, (generator.code(torch.tensor([0])) + generator.code(torch.tensor([2]))) / 2)
    z = torch.randn(1, 5, generator=runtime.generator(1))
    assert torch.allclose(generator(z, torch.tensor([[0.0, 0.0, 1.0]])), generator(z, torch.tensor([2])))


def test_a_one_hot_vector_is_an_embedding_already():
    """The first layer of the one-hot generator, cut behind z, holds a learned vector for each class."""
    generator = pair()[0]
    first = generator.network.dense[0].weight  # (256, 5 + 3), no bias
    z, labels = torch.randn(4, 5, generator=runtime.generator(1)), torch.tensor([2, 0, 1, 2])
    assert torch.allclose(
        first @ torch.cat([z, generator.code(labels)], 1).T, first[:, :5] @ z.T + first[:, 5:][:, labels], atol=1e-6
    )


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([0, 1], TypeError, "labels must be int64 of shape \\(N,\\), or weights of shape \\(N, 3\\), got list"),
        (torch.zeros(2, 1, dtype=torch.int64), ValueError, "got int64 of shape \\(2, 1\\)"),
        (torch.tensor([0, 3]), ValueError, "labels must be from 0 to 2, got 0 to 3"),
        (torch.tensor([-1, 2]), ValueError, "labels must be from 0 to 2, got -1 to 2"),
        (torch.tensor([0, 1], dtype=torch.int32), TypeError, "got dtype torch.int32"),
        (torch.tensor([0.0, 1.0]), ValueError, "got weights of shape \\(2,\\)"),
        (torch.ones(2, 3), ValueError, "must sum to 1 in every row, got sums from 3 to 3"),
        (torch.zeros(0, dtype=torch.int64), ValueError, "got int64 of shape \\(0,\\)"),
        (torch.tensor([0]), ValueError, "labels must be one for each of z, 2, got 1"),
        (torch.zeros(2, dtype=torch.int64, device="meta"), ValueError, "labels are on meta, but the network is on cpu"),
    ],
)
def test_wrong_labels_are_refused_by_name(labels, error, message):
    with pytest.raises(error, match=message):
        pair()[0](torch.zeros(2, 5), labels)


def test_wrong_sizes_and_batches_are_refused_by_name():
    generator, discriminator, images = pair()
    with pytest.raises(ValueError, match="z must have shape \\(N, 5\\), got \\(2, 4\\)"):
        generator(torch.zeros(2, 4), torch.zeros(2, dtype=torch.int64))
    with pytest.raises(ValueError, match="z holds 1 sample"):
        generator.train()(torch.zeros(1, 5), torch.zeros(1, dtype=torch.int64))
    with pytest.raises(ValueError, match="labels must be one for each of images, 6, got 5"):
        discriminator(images, torch.zeros(5, dtype=torch.int64))
    with pytest.raises(ValueError, match="images must have shape \\(N, 1, 16, 16\\)"):
        discriminator(images[..., :8], torch.zeros(6, dtype=torch.int64))
    with pytest.raises(ValueError, match="kind must be one of projection, concatenation, plane, .*got 'dot'"):
        Discriminator(3, "dot")
    with pytest.raises(ValueError, match="classes must be a whole number from 2 on, got 1"):
        Generator(1)
    with pytest.raises(ValueError, match="embed must be a positive whole number, got 0"):
        Generator(3, embed=0)
    with pytest.raises(ValueError, match="codes must be a whole number from 0 to 0 \\(kind is 'projection'\\), got 2"):
        Discriminator(3, codes=2)
    assert conditional.Generator().latent_dim + 10 == dense_conv.Generator().latent_dim
