"""Train the course's image GAN with one command: on a named set or your own folder, tracked, on many processes.

    python -m gancourse.train --data digits
    python -m gancourse.train --data ~/Pictures/cats --size 64 --width 64 --out runs/cats
    torchrun --nproc-per-node 2 -m gancourse.train --data mnist --out runs/two

The recipe is :mod:`gancourse.recommended`, the loop is :func:`gancourse.training.train`, and runs are saved by
:mod:`gancourse.runs`; what is added here is the command around them.

| module | what is in it |
|---|---|
| :mod:`gancourse.train.options` | what the command takes, and what it refuses before anything trains |
| :mod:`gancourse.train.session` | one run from its first step to its report |
| :mod:`gancourse.train.processes` | several processes that train one GAN |
| :mod:`gancourse.train.tracking` | TensorBoard, and Weights & Biases without a network |
| :mod:`gancourse.train.report` | sheets of samples, and a page about the run |
"""
