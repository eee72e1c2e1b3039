"""Attacks that know of the projection: an attacker who has read how an image is defended.

The defence answers for the nearest picture of a generator, found by a search in z. No gradient comes through the
search, so attacks on the bare network miss it. Each function here gets past the search in another way:

| attack | what it does about the search |
|---|---|
| :func:`straight_through` | takes the gradient at the picture that was found as if the search had changed nothing |
| :func:`unrolled` | writes the last steps of the search as layers, and differentiates them |
| :func:`on_manifold` | looks for a picture near the image that is read wrong, and moves the image towards it |
| :func:`pulled` | moves the image from the nearest pictures that are read rightly to the nearest that are read wrong |
| :func:`by_queries` | takes no slope by the image at all: tries squares of pixels on a copy of the defence |

The attacker knows the generator, the network and the search, but not the numbers that the defence will draw. All
images that come back lie within the limit, and in [-1, 1].
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from gancourse._numbers import real_between, whole_between
from gancourse.attacking import pixels
from gancourse.attacking.projection import Defence, draw
from gancourse.data.digits import check_images
from gancourse.encoding import inverse

__all__ = ["by_queries", "chosen", "on_manifold", "pulled", "straight_through", "unrolled"]

_STRIDE = 2.5  # the steps of an attack together reach so many times as far as the limit
_BETA1, _BETA2, _TINY = 0.9, 0.999, 1e-8  # of Adam


@torch.enable_grad()
def straight_through(
    defence: Defence,
    images: Tensor,
    labels: Tensor,
    epsilon: float,
    *,
    num_steps: int = 10,
    draws: int = 1,
    search_steps: int = 40,
    gap: float = 2.0,
) -> Tensor:
    """Attack as if the projection were the identity backwards: the gradient at the picture, used for the image.

    Args:
        defence: a network behind a projection; its own ``noise`` draws the starts.
        images: shape (N, C, S, S), in [-1, 1].
        labels: true classes, shape (N,), int64.
        epsilon: limit for every pixel, a share of black to white, 0 to 1.
        num_steps: gradients taken, each of them a whole search.
        draws: searches whose gradients are averaged in each, the expectation over the defence's own randomness.
        search_steps: length of these searches.
        gap: by how much the wrong class has to win; pictures that are wrong by more have no slope.
    Raises:
        TypeError, ValueError: an argument will not do.
    Source: Athalye, Carlini and Wagner (2018), backward pass differentiable approximation,
        https://arxiv.org/abs/1802.00420.
    First met in: notebook 20.
    """
    check_images(images)
    num_steps, draws = whole_between("num_steps", num_steps, 1), whole_between("draws", draws, 1)

    def wrong(pictures: Tensor) -> Tensor:
        return -F.relu(pixels.margin(defence.network(pictures), labels) + gap)

    reach, changed = pixels.BLACK_TO_WHITE * real_between("epsilon", epsilon, 0.0, 1.0), images.detach()
    for _ in range(num_steps):
        slopes = [
            _unit(pixels.slope(wrong, defence.project(changed, num_steps=search_steps).images)) for _ in range(draws)
        ]
        changed = pixels.within(changed + _STRIDE * reach / num_steps * sum(slopes).sign(), images, epsilon)
    return changed


@torch.enable_grad()
def unrolled(
    defence: Defence,
    images: Tensor,
    labels: Tensor,
    epsilon: float,
    *,
    num_steps: int = 40,
    search_steps: int = 12,
    last: int = 6,
    sharpness: float = 30.0,
    gap: float = 2.0,
    start: Tensor | None = None,
) -> Tensor:
    """Attack through the search: its last steps are differentiated, and all its restarts count by their nearness.

    The attacker's searches follow the image while it moves, and in each step one restart of each image begins anew, so
    that they are of all ages and the attack cannot lean on the starts it was lucky with. A softmax of the negative
    errors stands for the choice of the nearest, so the attack may also change which of them wins. What falls is the
    margin of the pictures, as far as they are not yet wrong by ``gap``: the slope of a cross-entropy would vanish for
    the very pictures that are still read rightly without doubt.

    Args:
        defence: a network behind a projection; as many searches as it has restarts.
        images: shape (N, C, S, S), in [-1, 1].
        labels: true classes, shape (N,), int64.
        epsilon: limit for every pixel, a share of black to white, 0 to 1.
        num_steps: gradients taken.
        search_steps: updates of z before each gradient.
        last: how many of them are differentiated.
        sharpness: of the softmax over mean squared errors.
        gap: by how much the wrong class has to win.
        start: images to begin at, brought within the limit; None begins at ``images``.
    Raises:
        TypeError, ValueError: an argument will not do.
    First met in: notebook 20.
    """
    check_images(images)
    num_steps, last = whole_between("num_steps", num_steps, 1), whole_between("last", last, 1)
    search_steps = whole_between("search_steps", search_steps, last)
    reach = pixels.BLACK_TO_WHITE * real_between("epsilon", epsilon, 0.0, 1.0)
    changed = images.detach() if start is None else pixels.within(start.detach(), images, epsilon)
    count, tries = len(images), defence.restarts
    truth, place = labels.repeat_interleave(tries), torch.arange(count * tries, device=images.device) % tries
    z = draw(defence.generator, count * tries, defence.noise)
    z = _searched(defence, z, changed.repeat_interleave(tries, dim=0), 3 * search_steps, 0)
    for step in range(num_steps):
        fresh = draw(defence.generator, count * tries, defence.noise)
        z = torch.where((place == step % tries)[:, None], fresh, z)
        given = changed.clone().requires_grad_()
        wanted = given.repeat_interleave(tries, dim=0)
        z = _searched(defence, z, wanted, search_steps, last)
        made = defence.generator(z)
        errors = (made - wanted).square().flatten(1).mean(dim=1).view(count, tries)
        read = F.relu(pixels.margin(defence.network(made), truth) + gap).view(count, tries)
        slope = torch.autograd.grad(((-sharpness * errors).softmax(dim=1) * read).sum(), given)[0]
        changed = pixels.within(changed - _STRIDE * reach / num_steps * slope.sign(), images, epsilon)
        z = z.detach()
    return changed


def _searched(defence: Defence, z: Tensor, wanted: Tensor, steps: int, last: int) -> Tensor:
    """Search by Adam, written out: the last steps keep the graph, in which Adam's second moment counts as constant."""
    mean, square = torch.zeros_like(z), torch.zeros_like(z)
    for step in range(1, steps + 1):
        graph = step > steps - last
        z = z if graph and z.requires_grad else z.detach().requires_grad_()
        with torch.enable_grad():
            far = (defence.generator(z) - (wanted if graph else wanted.detach())).square().sum()
            slope = torch.autograd.grad(far, z, create_graph=graph)[0]
            mean, square = _BETA1 * mean + (1 - _BETA1) * slope, _BETA2 * square + (1 - _BETA2) * slope.detach() ** 2
            root = (square / (1 - _BETA2**step)).sqrt() + _TINY
            z = z - defence.rate * mean / (1 - _BETA1**step) / root
    return z if last else z.detach()


@torch.enable_grad()
def on_manifold(
    defence: Defence,
    images: Tensor,
    labels: Tensor,
    epsilon: float,
    *,
    num_steps: int = 100,
    weight: float = 0.1,
    gap: float = 2.0,
) -> Tensor:
    """Attack by a picture of the generator that is read wrong: find the nearest one, and go to it as far as allowed.

    Args:
        defence: a network behind a projection.
        images: shape (N, C, S, S), in [-1, 1].
        labels: true classes, shape (N,), int64.
        epsilon: limit for every pixel, a share of black to white, 0 to 1.
        num_steps: updates of z, from as many starts as the defence has.
        weight: of the margin beside the mean squared error.
        gap: by how much the wrong class has to win.
    Raises:
        TypeError, ValueError: an argument will not do.
    First met in: notebook 20.
    """
    check_images(images)
    num_steps, tries = whole_between("num_steps", num_steps, 1), defence.restarts
    wanted, truth = images.repeat_interleave(tries, dim=0), labels.repeat_interleave(tries)
    z = draw(defence.generator, len(wanted), defence.noise).requires_grad_()
    optimizer = torch.optim.Adam([z], lr=defence.rate)
    for _ in range(num_steps):
        made = defence.generator(z)
        read = pixels.margin(defence.network(made), truth)
        errors = (made - wanted).square().flatten(1).mean(dim=1)
        optimizer.zero_grad()
        (errors + weight * F.relu(read + gap)).sum().backward(inputs=[z])
        optimizer.step()
    with torch.no_grad():
        made = defence.generator(z)
        read = pixels.margin(defence.network(made), truth)
        errors = (made - wanted).square().flatten(1).mean(dim=1)
        cost = (errors + pixels.BLACK_TO_WHITE**2 * (read > 0)).view(-1, tries)
        best = torch.arange(len(images), device=images.device) * tries + cost.argmin(dim=1)
    return pixels.within(made[best], images, epsilon)


@torch.enable_grad()
def pulled(
    defence: Defence,
    images: Tensor,
    labels: Tensor,
    epsilon: float,
    *,
    num_steps: int = 100,
    weight: float = 0.1,
    gap: float = 2.0,
    sharpness: float = 100.0,
) -> Tensor:
    """Attack by a tug of war: away from the nearest pictures that are read rightly, towards those that are read wrong.

    Let R be the smallest error of a picture that is read rightly, and W of one that is read wrong. The defence answers
    wrongly where W < R. By the image x, the derivative of R is 2 (x - its picture) / pixels, because the picture itself
    stands at a minimum; so R - W rises along (wrong picture) - (right picture). Two crowds of codes follow the image
    while it moves: one is kept right, one wrong, by their margin.

    Args:
        defence: a network behind a projection.
        images: shape (N, C, S, S), in [-1, 1].
        labels: true classes, shape (N,), int64.
        epsilon: limit for every pixel, a share of black to white, 0 to 1.
        num_steps: updates of the codes and of the image; in each crowd as many codes as the defence has restarts.
        weight: of the margin beside the mean squared error.
        gap: by how much each crowd has to be on its side.
        sharpness: of the softmax over mean squared errors that stands for the nearest.
    Raises:
        TypeError, ValueError: an argument will not do.
    First met in: notebook 20.
    """
    check_images(images)
    num_steps, tries, count = whole_between("num_steps", num_steps, 2), defence.restarts, len(images)
    reach = pixels.BLACK_TO_WHITE * real_between("epsilon", epsilon, 0.0, 1.0)
    truth = labels.repeat_interleave(2 * tries)
    side = torch.tensor([1.0, -1.0], device=images.device).repeat_interleave(tries).repeat(count)  # right, then wrong
    z = draw(defence.generator, len(truth), defence.noise).requires_grad_()
    optimizer = torch.optim.Adam([z], lr=defence.rate)
    changed = images.detach()
    for step in range(num_steps):
        made = defence.generator(z)
        read = pixels.margin(defence.network(made), truth)
        errors = (made - changed.repeat_interleave(2 * tries, dim=0)).square().flatten(1).mean(dim=1)
        optimizer.zero_grad()
        (errors + weight * F.relu(gap - side * read)).sum().backward(inputs=[z])
        optimizer.step()
        with torch.no_grad():
            cost = errors + pixels.BLACK_TO_WHITE**2 * (side * read < 0)  # on the other side: it does not count
            shares = (-sharpness * cost.view(count, 2, tries)).softmax(dim=2)
            right, wrong = (
                (shares[..., None, None, None] * made.view(count, 2, tries, *images.shape[1:])).sum(2).unbind(1)
            )
            stride = 2 * _STRIDE * reach / num_steps * (1 - step / num_steps)
            changed = pixels.within(changed + stride * (wrong - right).sign(), images, epsilon)
    return changed


def by_queries(
    defence: Defence,
    images: Tensor,
    labels: Tensor,
    epsilon: float,
    *,
    queries: int = 300,
    renewed: int = 20,
    search_steps: int = 40,
    follow_steps: int = 10,
    sharpness: float = 30.0,
    gap: float = 2.0,
    start: Tensor | None = None,
    generator: torch.Generator,
) -> Tensor:
    """Attack without a slope of the image: a random search whose every query asks a copy of the whole defence.

    Squares of pixels go to the limit, as in :func:`gancourse.attacking.pixels.random_search`, and stay where the copy's
    margin falls. Two things make the queries go far. Between them the copy's searches follow the image by a few steps
    from where they stand, so that luck of the starts does not decide between two images. And every ``renewed``-th query
    begins them anew and asks about the best image again, so that the attack does not lean on the starts it was lucky
    with. As in :func:`unrolled` all restarts count by their nearness.

    Args:
        defence: a network behind a projection; as many searches as it has restarts.
        images: shape (N, C, S, S), in [-1, 1].
        labels: true classes, shape (N,), int64.
        epsilon: limit for every pixel, a share of black to white, 0 to 1.
        queries: how often each image is shown to the copy, at least 2.
        renewed: after so many of them the searches begin anew.
        search_steps: length of a search that begins anew.
        follow_steps: length of one that follows.
        sharpness: of the softmax over mean squared errors.
        gap: by how much the wrong class has to win; pictures that are wrong by more are as good.
        start: images to begin at, brought within the limit; None begins with stripes.
        generator: draws squares and signs, on the CPU.
    Raises:
        TypeError, ValueError: an argument will not do.
    Source: the squares are those of Andriushchenko et al. (2020), https://arxiv.org/abs/1912.00049.
    First met in: notebook 20.
    """
    check_images(images)
    queries, renewed = whole_between("queries", queries, 2), whole_between("renewed", renewed, 2)
    tries, truth = defence.restarts, labels.repeat_interleave(defence.restarts)

    def said(changed: Tensor, z: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        """Return the copy's margin for each image, as far as it is above minus ``gap``, and its codes."""
        wanted = changed.repeat_interleave(tries, dim=0)
        with torch.enable_grad():  # by z, inside the defence
            z = inverse.invert(defence.generator, wanted, z, num_steps=steps, rate=defence.rate)
        with torch.no_grad():
            made = defence.generator(z)
            errors = (made - wanted).square().flatten(1).mean(dim=1).view(-1, tries)
            read = F.relu(pixels.margin(defence.network(made), truth) + gap).view(-1, tries)
        return ((-sharpness * errors).softmax(dim=1) * read).sum(dim=1), z

    if start is None:
        best = pixels.stripes(images, epsilon, generator)
    else:
        best = pixels.within(start.detach(), images, epsilon)
    for query in range(queries):
        if query % renewed == 0:
            lowest, z = said(best, draw(defence.generator, len(truth), defence.noise), search_steps)
            continue
        tried = pixels.with_squares(best, images, epsilon, query / queries, generator)
        found, followed = said(tried, z, follow_steps)
        better = found < lowest
        best = torch.where(better[:, None, None, None], tried, best)
        lowest, z = torch.minimum(found, lowest), torch.where(better.repeat_interleave(tries)[:, None], followed, z)
    return best


@torch.no_grad()
def chosen(defence: Defence, attempts: Sequence[Tensor], labels: Tensor, *, draws: int = 2) -> Tensor:
    """Return for each image the attempt that fools the attacker's own copy of the defence best.

    Each attempt is shown to the copy ``draws`` times, and the lowest mean margin wins. What is chosen meets the real
    defence once, whose draws are other ones, so luck in choosing does not count.

    Args:
        defence: the attacker's copy.
        attempts: attacked images by different ways, each of shape (N, C, S, S).
        labels: true classes, shape (N,), int64.
        draws: searches of the copy for each attempt.
    Raises:
        ValueError: there is no attempt, their shapes differ, or ``draws`` will not do.
    First met in: notebook 20.
    """
    draws = whole_between("draws", draws, 1)
    if not attempts or any(attempt.shape != attempts[0].shape for attempt in attempts):
        raise ValueError("attempts must hold at least one batch of images, all of one shape")
    margins = torch.stack(
        [
            torch.stack([pixels.margin(defence(attempt), labels) for _ in range(draws)]).mean(dim=0)
            for attempt in attempts
        ]
    )
    return torch.stack(list(attempts))[margins.argmin(dim=0), torch.arange(len(labels), device=labels.device)]


def _unit(slopes: Tensor) -> Tensor:
    """Return each image's gradient at length 1, so that no draw outweighs the others."""
    return slopes / slopes.flatten(1).norm(dim=1).clamp(min=1e-12)[:, None, None, None]
