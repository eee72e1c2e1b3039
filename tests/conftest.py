"""What all tests share.

One CPU thread, because small networks are fastest so and test workers run side by side. And
property tests without a time limit per example, which a busy machine would break.
"""

import os

from hypothesis import settings

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

settings.register_profile("course", deadline=None, derandomize=True)
settings.load_profile("course")
