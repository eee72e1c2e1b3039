"""What stands in for Colab's own module: programs find out by it that they are on Colab."""

from . import output as output
