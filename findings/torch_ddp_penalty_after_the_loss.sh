#!/usr/bin/env bash
# The order of two backward calls decides whether the discriminators of a GAN drift apart, and no error says so
#
# Guess:    DistributedDataParallel averages every gradient that reaches a weight, the gradient penalty's among them.
# Happens:  with torch 2.13.0 it does so in the backward pass that it was called for, once. Where the penalty has a backward
#           pass of its own *after* the loss's, its gradients stay with each process: the weights drift apart without a word,
#           whether the logits came from the bare network or were kept from the wrapper. *Before* the loss's pass, from
#           the bare network, all is well. From the wrapper, called again, it is an error, because the last bias has no part
#           in the penalty. In one sum and one pass both ways are right.
# Matters:  older GAN programs call gradient_penalty.backward() after d_loss.backward(). On two GPUs they train two critics
#           that are no longer one; G then learns from their mean.
# Versions: torch 2.13.0, numpy 2.3.5
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check torch==2.13.0 numpy==2.3.5
cat > "$work/drift.py" <<'PYTHON'
import os, sys, warnings
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn.functional as F
from torch import nn
from torch.nn.parallel import DistributedDataParallel

warnings.simplefilter("ignore")

def loss(logits, fake_logits):
    return F.softplus(-logits).mean() + F.softplus(fake_logits).mean()

def penalty(logits, real):
    (slope,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
    return 5 * slope.square().sum(dim=1).mean()

def one_sum(D, real, fake):
    logits = D(real)
    (loss(logits, D(fake)) + penalty(logits, real)).backward()

def after_from_the_bare_network(D, real, fake):
    loss(D(real), D(fake)).backward()
    penalty(D.module(real), real).backward()

def after_from_kept_logits(D, real, fake):
    logits = D(real)
    loss(logits, D(fake)).backward(retain_graph=True)
    penalty(logits, real).backward()

def before_from_the_bare_network(D, real, fake):
    penalty(D.module(real), real).backward()
    loss(D(real), D(fake)).backward()

def before_from_the_wrapper(D, real, fake):
    penalty(D(real), real).backward()
    loss(D(real), D(fake)).backward()

def work(rank, address):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=address, rank=rank, world_size=2)
    found = {}
    for how in (one_sum, after_from_the_bare_network, after_from_kept_logits, before_from_the_bare_network,
                before_from_the_wrapper):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1), nn.Flatten(0))
        D, optimizer = DistributedDataParallel(network), torch.optim.SGD(network.parameters(), 0.1)
        try:
            for step in range(3):
                random = torch.Generator().manual_seed(2 * step + rank)
                real, fake = torch.randn(2, 4, 3, generator=random).unbind()
                optimizer.zero_grad()
                how(D, real.clone().requires_grad_(), fake + 1)
                optimizer.step()
        except RuntimeError as error:
            found[how.__name__] = "an error: " + str(error)[:60]
            continue
        own = torch.cat([parameter.detach().flatten() for parameter in network.parameters()])
        both = [torch.empty_like(own) for _ in range(2)]
        dist.all_gather(both, own)
        found[how.__name__] = float((both[0] - both[1]).abs().max())
    if rank == 0:
        for name, apart in found.items():
            print(f"{name:30s} weights differ by {apart}" if isinstance(apart, float) else f"{name:30s} {apart}")
        assert found["one_sum"] == found["before_from_the_bare_network"] == 0
        assert found["after_from_the_bare_network"] > 1e-3 < found["after_from_kept_logits"]
        assert isinstance(found["before_from_the_wrapper"], str)
    dist.destroy_process_group()

if __name__ == "__main__":
    mp.spawn(work, ("file://" + sys.argv[1],), nprocs=2)
PYTHON
"$work/env/bin/python" "$work/drift.py" "$work/meet"
