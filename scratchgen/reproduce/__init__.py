"""Published numbers, obtained again: one file per result, the paper's setting and nothing else. `scratchgen reproduce --list` names them.

A new result needs its import here: that is its line in RESULTS, {name: Reproduction}.
"""

from scratchgen.reproduce.estimators import ESTIMATORS
from scratchgen.reproduce.gan import GAN
from scratchgen.reproduce.infogan import INFOGAN
from scratchgen.reproduce.iwae import IWAE
from scratchgen.reproduce.jaan import JAAN
from scratchgen.reproduce.jmetzen import JMETZEN
from scratchgen.reproduce.made import MADE_500
from scratchgen.reproduce.pacgan import GRID, RING
from scratchgen.reproduce.pythae import PYTHAE
from scratchgen.reproduce.study import Published, Reproduction, Study
from scratchgen.reproduce.wgan import WGAN
from scratchgen.reproduce.wu import WU

RESULTS = {each.name: each for each in list(globals().values()) if isinstance(each, Reproduction)}

__all__ = ["RESULTS", "Published", "Reproduction", "Study"]
