"""A trained generator made smaller, in ways that save numbers, bytes or time, which are three things: notebook 21.

| module | what it holds |
|---|---|
| :mod:`~gancourse.compressing.counting` | parameters, zeros, bytes of a file, multiply-adds of one image |
| :mod:`~gancourse.compressing.pruning` | single weights set to zero, the smallest or any |
| :mod:`~gancourse.compressing.channels` | whole channels taken out, so that the layers get smaller |
| :mod:`~gancourse.compressing.rounding` | weights rounded to a few bits, and what rounding costs by a formula |
| :mod:`~gancourse.compressing.folding` | batch norm multiplied into the layer before it |
| :mod:`~gancourse.compressing.tuning` | a pair trained, or trained on, by the recommended step |

Every function that changes a network changes a copy, which comes back in eval mode and without gradients.
Distillation is in :mod:`gancourse.distilling`, the clock in :mod:`gancourse.timing`, export in
:mod:`gancourse.exporting`.
"""
