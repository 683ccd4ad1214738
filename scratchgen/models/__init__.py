"""Generative models, one per file: each owns its networks and exposes its objective
with the noise as an argument.

A new model needs its import here: that is its line in MODELS, {name on the command line: class}, and its name
in `scratchgen`.
"""

from scratchgen.models.aae import AAE
from scratchgen.models.diffusion import Diffusion
from scratchgen.models.flow_matching import FlowMatching
from scratchgen.models.gan import GAN
from scratchgen.models.gmmn import GMMN
from scratchgen.models.gradient_penalty import gradient_penalty
from scratchgen.models.infogan import InfoGAN
from scratchgen.models.iwae import IWAE
from scratchgen.models.made import MADE
from scratchgen.models.maf import MAF
from scratchgen.models.model import Model
from scratchgen.models.real_nvp import RealNVP
from scratchgen.models.vae import VAE

MODELS = {
    name.lower(): cls
    for name, cls in list(globals().items())
    if isinstance(cls, type) and issubclass(cls, Model) and cls is not Model
}

__all__ = [*(cls.__name__ for cls in MODELS.values()), "MODELS", "Model", "gradient_penalty"]
