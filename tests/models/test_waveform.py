"""The pair for sounds: counted by hand, strides in their place, and phase shuffle as its paper has it."""

import copy

import pytest
import torch

from gancourse import runtime
from gancourse.models import waveform
from gancourse.models.waveform import Discriminator, Generator, PhaseShuffle


def built(kind, seed=0, **settings):
    with runtime.seeded(seed):
        return kind(**settings)


@pytest.mark.parametrize(
    "settings, count",
    [
        # 64*256+256, bn 512, 256*1024+1024, bn 128, 64*32*16+32, bn 64, 32*16*16+16, bn 32, 16*16+1
        ({}, 16_640 + 512 + 263_168 + 128 + 32_800 + 64 + 8_208 + 32 + 257),
        # 64*32*9+32, 32*16*9+16, 16*9+1
        ({"up": "nearest"}, 16_640 + 512 + 263_168 + 128 + 18_464 + 64 + 4_624 + 32 + 145),
        # 8*256+256, 512, 256*(16*2)+32, 32, 16*8*16+8, 16, 8*4*16+4, 8, 4*16+1
        ({"length": 128, "latent_dim": 8, "width": 4}, 2_304 + 512 + 8_224 + 32 + 2_056 + 16 + 516 + 8 + 65),
    ],
)
def test_parameters_of_the_generator_by_hand(settings, count):
    assert sum(p.numel() for p in built(Generator, **settings).parameters()) == count


@pytest.mark.parametrize(
    "settings, count",
    [
        # 16*16+16, 16*32*16+32, 32*64*16+64, 1024*128+128, 128+1
        ({}, 272 + 8_224 + 32_832 + 131_200 + 129),
        ({"shuffle": 2}, 272 + 8_224 + 32_832 + 131_200 + 129),
        ({"length": 128, "width": 4}, 68 + 520 + 2_064 + 4_224 + 129),
    ],
)
def test_parameters_of_the_discriminator_by_hand(settings, count):
    assert sum(p.numel() for p in built(Discriminator, **settings).parameters()) == count


@pytest.mark.parametrize("up", waveform.UPSAMPLING)
def test_shapes_and_range(up):
    z = torch.randn(3, 8, generator=runtime.generator(1))
    waves = built(Generator, length=256, latent_dim=8, width=4, up=up)(20 * z)
    assert waves.shape == (3, 256) and float(waves.detach().abs().max()) <= 1
    assert built(Discriminator, length=256, width=4)(waves).shape == (3,)


def test_each_sound_is_made_and_scored_by_itself():
    generator, discriminator = built(Generator, length=128, width=4).eval(), built(Discriminator, length=128, width=4)
    z = torch.randn(5, 64, generator=runtime.generator(1))
    waves = generator(z)
    assert torch.allclose(generator(z[3:4]), waves[3:4], atol=1e-6)
    assert torch.allclose(discriminator(waves[3:4]), discriminator(waves)[3:4], atol=1e-6)


def test_the_generator_s_layers_repeat_with_their_strides():
    """From constant maps, each untrained layer makes a pattern that repeats after 4, and after 64 all of it."""
    generator = built(Generator, length=1_024, width=4).eval()
    wave = generator.layers[5:](torch.ones(1, 16, 16) * torch.randn(1, 16, 1, generator=runtime.generator(2)))[0]
    inside = wave[256:-256]
    assert torch.allclose(inside[64:], inside[:-64], atol=1e-6)
    assert float((inside[4:] - inside[:-4]).detach().abs().max()) > 1e-4
    flat = built(Generator, length=1_024, width=4, up="nearest").eval()
    wave = flat.layers[5:](torch.ones(1, 16, 16) * torch.randn(1, 16, 1, generator=runtime.generator(2)))[0]
    assert torch.allclose(wave[256:-256], wave[256:257].expand(512), atol=1e-6)  # nothing to repeat


@pytest.mark.parametrize("shift", [-3, -1, 0, 2, 4])
def test_a_shift_reflects_at_the_ends(shift):
    """By the index rule of numpy's own padding."""
    import numpy as np

    row = np.arange(5.0)
    padded = np.pad(row, 4, mode="reflect")
    moved = waveform.shifted(torch.tensor(row)[None, None], torch.tensor([shift]))
    assert moved[0, 0].tolist() == padded[4 - shift : 9 - shift].tolist()


def test_the_shuffle_shifts_each_sound_another_way_and_all_its_maps_alike():
    maps = torch.arange(40.0).expand(600, 3, 40) + 100 * torch.arange(3.0)[:, None]
    moved = PhaseShuffle(2, seed=1)(maps)
    shift = -(moved[:, :, 20] - maps[:, :, 20]).round().long()
    assert bool((shift == shift[:, :1]).all())
    counts = torch.bincount(shift[:, 0] + 2, minlength=5)
    assert len(counts) == 5 and int(counts.min()) > 80 and int(counts.max()) < 160  # 120 each
    assert torch.equal(moved[:, :, 10:30], maps[:, :, 10:30] - shift[:, :1, None])


def test_the_shuffle_rests_in_eval_mode_and_has_random_numbers_of_its_own():
    maps = torch.randn(8, 2, 30, generator=runtime.generator(0))
    state = torch.random.get_rng_state()
    shuffle = PhaseShuffle(2, seed=3)
    first, second = shuffle(maps), shuffle(maps)
    assert not torch.equal(first, second) and torch.equal(first, PhaseShuffle(2, seed=3)(maps))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(shuffle.eval()(maps), maps)


def test_the_last_shuffle_can_be_left_out_as_in_its_authors_code():
    kinds = [
        [type(layer).__name__ for layer in built(Discriminator, length=128, width=4, shuffle=2, **last).layers]
        for last in ({}, {"shuffle_last": False})
    ]
    assert [names.count("PhaseShuffle") for names in kinds] == [3, 2]
    before_dense = [names[names.index("Flatten") - 1] for names in kinds]
    assert before_dense == ["PhaseShuffle", "LeakyReLU"]


def test_the_shuffle_passes_gradients_to_where_numbers_came_from():
    maps = torch.randn(4, 2, 30, generator=runtime.generator(0), requires_grad=True)
    PhaseShuffle(2)(maps).sum().backward()
    assert float(maps.grad.sum()) == 4 * 2 * 30 and set(maps.grad.unique().tolist()) <= {0.0, 1.0, 2.0}


def test_a_discriminator_with_shuffle_can_be_copied():
    discriminator = built(Discriminator, length=128, width=4, shuffle=1)
    waves = torch.randn(6, 128, generator=runtime.generator(0))
    twin = copy.deepcopy(discriminator)
    assert torch.equal(discriminator(waves), twin(waves))
    assert not torch.equal(discriminator(waves), discriminator.eval()(waves))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: Generator(length=1_000), "length must be a multiple of 64, got 1000"),
        (lambda: Generator(up="linear"), "up must be one of transposed, nearest, got 'linear'"),
        (lambda: Discriminator(shuffle=-1), "shuffle must be a whole number from 0 on, got -1"),
        (lambda: PhaseShuffle(0), "most must be a whole number from 1 on, got 0"),
        (lambda: PhaseShuffle(3)(torch.zeros(1, 1, 3)), "maps must be longer than the largest shift, 3, got length 3"),
        (lambda: Discriminator(length=128)(torch.zeros(2, 1, 128)), "use waves.squeeze"),
        (lambda: Discriminator(length=128)(torch.zeros(2, 64)), r"waves must have shape \(N, 128\), got \(2, 64\)"),
        (lambda: Generator(length=128)(torch.zeros(1, 64)), "batch norm in training mode needs at least 2"),
    ],
)
def test_anything_else_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
