"""The networks of ``models.writer``, K at once: layers have shape (K, ...), in the order of ``parameters()``."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gancourse.data.language import Language
from gancourse.models.writer import relaxed

__all__ = ["along_tree", "expected", "scores", "shares", "stacked", "write"]

Layers = Sequence[Tensor]

_KERNEL, _LEAK = 3, 0.2


def stacked(networks: Sequence[nn.Module]) -> list[Tensor]:
    """Return the weights of networks of one kind, layer by layer, as leaves to differentiate by."""
    layers = zip(*(network.parameters() for network in networks), strict=True)
    return [torch.stack([part.detach() for part in parts]).requires_grad_() for parts in layers]


def write(
    layers: Layers, noise: Tensor, output: str = "hard", tau: float = 1.0, temperature: float = 1.0
) -> tuple[Tensor, Tensor, Tensor]:
    """Write words with given Gumbel noise, shape (K, n, L, V): see ``Writer.write``.

    Returns:
        Words (K, n, L), log probabilities of their letters (K, n, L), and what is seen of them (K, n, L, V).
    """
    given, state = _start(layers, noise.shape[1])
    words, log_qs, seen = [], [], []
    for place in noise.unbind(2):
        log_q, state = _next(layers, given, state, temperature)
        letter, shown = relaxed(log_q, place, output, tau)
        words.append(letter)
        log_qs.append(log_q.gather(-1, letter[..., None])[..., 0])
        seen.append(shown)
        given = _read(layers, F.pad(shown, (0, 1)))
    return torch.stack(words, 2), torch.stack(log_qs, 2), torch.stack(seen, 2)


def expected(layers: Layers, words: Tensor, temperature: float = 1.0) -> Tensor:
    """Return log probabilities of all letters at every place of given words (K, n, L): shape (K, n, L, V)."""
    places = words.shape[2]
    given, state = _start(layers, words.shape[1])
    count = layers[4].shape[1]
    after = _read(layers, F.one_hot(words[:, :, :-1].flatten(1), count + 1).float()).unflatten(1, (-1, places - 1))
    states = []
    for t in range(places):
        state = _turn(layers, given if t == 0 else after[:, :, t - 1], state)
        states.append(state)
    return _out(layers, torch.stack(states, 2).flatten(1, 2), temperature).unflatten(1, (-1, places))


def along_tree(layers: Layers, language: Language, temperature: float = 1.0) -> Tensor:
    """Return the log probability of every word, shape (K, N), float64; common beginnings are read once."""
    members, count = len(layers[0]), len(language.letters)
    given, state = _start(layers, 1)
    total = torch.zeros(members, 1, dtype=torch.float64)
    for depth, (parent, letter) in enumerate(language.tree):
        log_q, state = _next(layers, given, state, temperature)
        total = total[:, parent] + log_q[:, parent, letter].double()
        if depth + 1 < language.length:
            given = _read(layers, F.one_hot(letter, count + 1).float().expand(members, -1, -1))
            state = state[:, parent]
    return total


def scores(layers: Layers, seen: Tensor) -> Tensor:
    """Return a discriminator's score of every beginning, shape (K, n, L), of (K, n, L, V): see ``Discriminator``."""
    for weight, bias in (layers[0:2], layers[2:4]):
        seen = F.leaky_relu(_convolved(seen, weight, bias, _KERNEL - 1, 0), _LEAK)
    return torch.baddbmm(layers[5].unsqueeze(1), seen.flatten(1, 2), layers[4].transpose(1, 2)).view(seen.shape[:3])


def shares(layers: Layers, z: Tensor) -> Tensor:
    """Return shares of letters, shape (K, n, L, V), for z of shape (K, n, latent_dim): see ``NoiseWriter``."""
    width = layers[2].shape[2]
    h = F.leaky_relu(torch.baddbmm(layers[1].unsqueeze(1), z, layers[0].transpose(1, 2)), _LEAK)
    h = h.unflatten(2, (-1, width))
    side = _KERNEL // 2
    h = F.leaky_relu(_convolved(h, layers[2], layers[3], side, side), _LEAK)
    return _convolved(h, layers[4], layers[5], side, side).softmax(-1)


def _convolved(x: Tensor, weight: Tensor, bias: Tensor, left: int, right: int) -> Tensor:
    """Return what ``Conv1d`` gives along the letters, channels last, of (K, n, L, C) with so many zeros at each end."""
    length = x.shape[2]
    x = F.pad(x, (0, 0, left, right))
    x = torch.cat([x[:, :, i : i + length] for i in range(_KERNEL)], -1)
    weight = weight.permute(0, 3, 2, 1).flatten(1, 2)  # (K, out, in, kernel) -> (K, kernel * in, out)
    return torch.baddbmm(bias.unsqueeze(1), x.flatten(1, 2), weight).unflatten(1, (-1, length))


def _start(layers: Layers, n: int) -> tuple[Tensor, Tensor]:
    """Return what "nothing written yet" gives the three gates, shape (K, n, 3H), and the state 0, (K, n, H)."""
    members, _, inputs = layers[0].shape
    nothing = layers[0].new_zeros(members, 1, inputs)
    nothing[..., -1] = 1
    state = layers[0].new_zeros(members, n, layers[1].shape[2])
    return _read(layers, nothing).expand(-1, n, -1), state


def _read(layers: Layers, seen: Tensor) -> Tensor:
    """Return what letters, shape (K, n, V + 1), give the three gates: shape (K, n, 3H)."""
    return torch.baddbmm(layers[2].unsqueeze(1), seen, layers[0].transpose(1, 2))


def _turn(layers: Layers, given: Tensor, state: Tensor) -> Tensor:
    """Return the state after a letter: the equations of ``torch.nn.GRUCell``."""
    hidden = state.shape[2]
    own = torch.baddbmm(layers[3].unsqueeze(1), state, layers[1].transpose(1, 2))
    gates = torch.sigmoid(given[..., : 2 * hidden] + own[..., : 2 * hidden])
    fresh = torch.tanh(given[..., 2 * hidden :] + gates[..., :hidden] * own[..., 2 * hidden :])
    return torch.lerp(fresh, state, gates[..., hidden:])


def _out(layers: Layers, state: Tensor, temperature: float) -> Tensor:
    logits = torch.baddbmm(layers[5].unsqueeze(1), state, layers[4].transpose(1, 2))
    return (logits if temperature == 1 else logits / temperature).log_softmax(-1)


def _next(layers: Layers, given: Tensor, state: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    state = _turn(layers, given, state)
    return _out(layers, state, temperature), state
