"""tuning: the recommended step on copies, with zeros that stay."""

import pytest
import torch

from gancourse import recommended, runtime, styling
from gancourse.compressing import channels, counting, pruning, tuning
from gancourse.data import batches

IMAGES = 2 * torch.rand(70, 1, 16, 16, generator=runtime.generator(0)) - 1


def state(network):
    return torch.cat([value.double().flatten() for value in network.state_dict().values()])


def test_it_is_the_recommended_step_on_copies():
    G, D = tuning.fresh("quarter", seed=4, image_size=16)
    before = state(G), state(D)
    made, judge = tuning.train(G, D, IMAGES, rates=(6e-3, 2e-3), num_steps=9, seed=7)
    assert torch.equal(before[0], state(G)) and torch.equal(before[1], state(D)) and G.training

    parts = recommended.assemble(G, D, width=16, num_steps=9, rates=(6e-3, 2e-3))
    drawn = recommended.latents(parts, runtime.generator(8))
    step = recommended.make_step(parts, drawn)
    real = batches.stream(IMAGES, 64, runtime.generator(9))
    for _ in range(9):
        step(next(real))
    assert torch.equal(state(made), state(styling.finish(parts, drawn))) and torch.equal(state(judge), state(D))
    assert not made.training and not any(weight.requires_grad for net in (made, judge) for weight in net.parameters())


def test_a_pruned_generator_keeps_its_zeros_and_learns():
    G, D = tuning.fresh("half", seed=1, image_size=16)
    thin = pruning.pruned(G, 0.7)
    made, _ = tuning.train(thin, D, IMAGES, num_steps=3, seed=0)
    for name, layer in made.named_modules():
        if isinstance(layer, torch.nn.Linear | torch.nn.ConvTranspose2d):
            before = thin.get_submodule(name).weight
            assert torch.equal(layer.weight == 0, before == 0) and not torch.equal(layer.weight, before)
    assert counting.zeros(made) == counting.zeros(thin) > 0


def test_fresh_pairs_have_the_named_size_and_the_usual_discriminator():
    whole, half = (tuning.fresh(size, seed=3) for size in ("whole", "half"))
    assert half[0].width == channels.SIZES["half"]["width"] and half[0].hidden == channels.SIZES["half"]["hidden"]
    assert counting.parameters(whole[1]) == counting.parameters(half[1])
    assert torch.equal(state(whole[0]), state(tuning.fresh(seed=3)[0]))
    with pytest.raises(ValueError, match="size must be one of whole, half, quarter, tiny"):
        tuning.fresh("large", seed=0)
    with pytest.raises(ValueError, match="num_steps"):
        tuning.train(*half, IMAGES, num_steps=0, seed=0)
