"""gancourse: the shared code of a course on generative adversarial networks.

Importing this package costs almost nothing; import the part you need, for example
``from gancourse import losses`` or ``from gancourse.data import toy``.
"""

__version__ = "0.1.0"
