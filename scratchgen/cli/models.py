"""List the models that can be trained, each with its source.

examples:
  scratchgen models
  scratchgen train NAME --help                      the options of one of them
"""

from scratchgen.cli.settings import summary
from scratchgen.models import MODELS


def add_arguments(parser):
    """None."""


def run(options):
    """Print."""
    for name, cls in MODELS.items():
        print(f"{name:14}{summary(cls)}")
