"""What two processes do together; test_processes.py starts this file under torchrun and reads what the first writes."""

import dataclasses
import json
import sys
import warnings

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR

from gancourse import penalties, recommended, runtime, training
from gancourse.data import batches
from gancourse.models import averaging
from gancourse.train.processes import Apart, Processes, together

CPU = torch.device("cpu")
PROCESSES = Processes.of_torchrun()
ALONE = Processes()
IMAGES = torch.rand(64, 1, 16, 16, generator=runtime.generator(0)) * 2 - 1
SAY = {}


def apart(networks):
    """Say by how much a weight differs between the two processes, at most."""
    own = torch.cat([parameter.detach().flatten() for network in networks for parameter in network.parameters()])
    both = [torch.empty_like(own) for _ in range(2)]
    torch.distributed.all_gather(both, own)
    return float((both[0] - both[1]).abs().max())


def largest(ours, theirs):
    pairs = zip(ours, theirs, strict=True)
    return max(float((a.detach() - b.detach()).abs().max()) for a, b in pairs)


# ---------------------------------------------------------------- the penalty's second gradient


def small_discriminator():
    with runtime.seeded(0):
        return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1), nn.Flatten(0))


def loss_of(logits, fake_logits):
    return F.softplus(-logits).mean() + F.softplus(fake_logits).mean()


def in_one(D, real, fake):
    """The course's way: logits through the wrapper, the penalty from them, one backward pass."""
    logits = D(real)
    (loss_of(logits, D(fake)) + 5 * penalties.r1_penalty(logits, real)).backward()


def past_the_wrapper(D, real, fake):
    """The naive way: the loss as always, and then the penalty's own backward pass, of the bare network's logits."""
    loss_of(D(real.detach()), D(fake)).backward()
    (5 * penalties.r1_penalty(D.module(real), real)).backward()


def discriminator_after(how, processes, steps=3):
    bare = small_discriminator()
    D, optimizer = processes.wrapped(bare), torch.optim.SGD(bare.parameters(), 0.1)
    for step in range(steps):
        random = runtime.generator(step)
        real, fake = torch.randn(2, 8, 3, generator=random).unbind()
        share = slice(8 * processes.rank // processes.count, 8 * (processes.rank + 1) // processes.count)
        optimizer.zero_grad()
        how(D, real[share].clone().requires_grad_(), fake[share] + 1)
        optimizer.step()
    return bare


def penalty():
    whole = discriminator_after(in_one, ALONE)
    for how in (in_one, past_the_wrapper):
        bare = discriminator_after(how, PROCESSES)
        off = largest(bare.parameters(), whole.parameters())
        SAY[how.__name__] = {"apart": apart([bare]), "from_whole": off}


# ---------------------------------------------------------------- the recipe's step


def built(processes, *, batch_norm=True, sgd=False):
    """Return parts, step and stream of the recipe, without G's batch norm or Adam where so asked."""
    parts = recommended.build(16, 1, width=4, num_steps=40, seed=0)
    if not batch_norm:
        for sequence in (parts.generator.dense, parts.generator.convolutions):
            for place, layer in enumerate(sequence):
                if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
                    sequence[place] = nn.Identity()
    if sgd:  # Adam divides by the gradient's size, so a gradient that is nothing but rounding makes a whole step
        networks = {"g": parts.generator, "d": parts.discriminator}
        made = {f"{name}_optimizer": torch.optim.SGD(net.parameters(), 0.02) for name, net in networks.items()}
        falling = {f"{name}_schedule": CosineAnnealingLR(made[f"{name}_optimizer"], 40) for name in networks}
        parts = dataclasses.replace(parts, average=averaging.average(parts.generator), **made, **falling)
    step = recommended.make_step(
        parts,
        processes.part(recommended.latents(parts, runtime.generator(1))),
        generator=processes.wrapped(parts.generator),
        discriminator=processes.wrapped(parts.discriminator),
    )
    return parts, step, batches.stream(IMAGES, 32, runtime.generator(2), part=(processes.rank, processes.count))


def equal_after_every_step():
    """Nineteen steps of the whole recipe: R1 comes in the first, the ninth and the seventeenth."""
    parts, step, stream = built(PROCESSES)
    networks = {"generator": parts.generator, "discriminator": parts.discriminator, "average": parts.average}
    seen = []

    def watched(real):
        numbers = step(real)
        PROCESSES.check_weights(networks)
        seen.append(apart(networks.values()))
        return numbers

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Grad strides")
        history = training.train(watched, stream, num_steps=19, agree=PROCESSES.agree, progress=False)
    SAY["steps"], SAY["apart"] = history.num_steps, max(seen)
    SAY["averaged"] = int(parts.average.n_averaged)
    SAY["rate"] = [parts.g_optimizer.param_groups[0]["lr"], parts.d_optimizer.param_groups[0]["lr"]]
    variances = [layer.running_var.sum() for layer in parts.generator.modules() if isinstance(layer, nn.BatchNorm2d)]
    both = [torch.empty(1) for _ in range(2)]
    torch.distributed.all_gather(both, torch.stack(variances).sum().reshape(1))
    SAY["statistics_apart"] = float((both[0] - both[1]).abs())


def halves_against_the_whole():
    for name, batch_norm in (("no_batch_norm", False), ("batch_norm", True)):
        ends = []
        for processes in (PROCESSES, ALONE):
            parts, step, stream = built(processes, batch_norm=batch_norm, sgd=True)
            for _ in range(9):
                step(next(stream))
            ends.append([*parts.generator.parameters(), *parts.discriminator.parameters()])
        moved = largest(ends[1], [*(start := built(ALONE, batch_norm=batch_norm)[0]).generator.parameters(),
                                  *start.discriminator.parameters()])  # fmt: skip
        SAY[name] = {"off": largest(*ends), "moved": moved}


def synchronised_batch_norm():
    try:
        nn.SyncBatchNorm(3).train()(torch.randn(4, 3, 2, 2))
        SAY["synchronised"] = "works"
    except ValueError as error:
        SAY["synchronised"] = str(error)


# ---------------------------------------------------------------- asking each other


def asking():
    rounds = []

    def agree(_):
        rounds.append(PROCESSES.agree(PROCESSES.rank == 1 and len(rounds) == 3))
        return rounds[-1]

    stream = batches.stream(IMAGES, 32, runtime.generator(0))
    SAY["stopped_after"] = training.train(lambda real: {}, stream, num_steps=9, agree=agree, progress=False).num_steps
    PROCESSES.check_same("a number", 5)
    network = small_discriminator()
    PROCESSES.check_weights({"discriminator": network})
    if PROCESSES.rank == 1:
        with torch.no_grad():
            network[2].bias += 1e-7
    SAY["said"] = []
    for check in (
        lambda: PROCESSES.check_same("the width", 16 + PROCESSES.rank),
        lambda: PROCESSES.check_weights({"discriminator": network}),
    ):
        try:
            check()
        except Apart as problem:
            SAY["said"].append(str(problem))


if __name__ == "__main__":
    torch.set_num_threads(1)
    with together(PROCESSES, CPU, str):
        penalty()
        equal_after_every_step()
        halves_against_the_whole()
        synchronised_batch_norm()
        asking()
    if PROCESSES.first:
        with open(sys.argv[1], "w", encoding="utf-8") as file:
            json.dump(SAY, file)
