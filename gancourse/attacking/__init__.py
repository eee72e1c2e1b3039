"""Attacks on a classifier of digits, and defences: notebook 20.

| module | what it holds |
|---|---|
| :mod:`~gancourse.attacking.nets` | a classifier trained as usual, and one hardened by training on attacked images |
| :mod:`~gancourse.attacking.pixels` | changes within a limit: noise, FGSM, PGD, and a search without gradients |
| :mod:`~gancourse.attacking.masks` | wrappers that hide a gradient, and may defend nothing |
| :mod:`~gancourse.attacking.projection` | the nearest picture of a generator, classified instead of the image |
| :mod:`~gancourse.attacking.adaptive` | attacks that know of the projection |
| :mod:`~gancourse.attacking.perturbing` | a generator of changes, trained once for all images: AdvGAN |

A limit ``epsilon`` is a share of the way from black to white, 0 to 1. Pixels lie in [-1, 1], so each may move by
2 epsilon. A network is anything that turns images (N, C, S, S) into logits (N, classes).
"""
