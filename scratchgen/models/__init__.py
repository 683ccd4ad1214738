"""Generative models, one per file: each owns its networks and exposes its objective with the noise as an argument."""

from scratchgen.models.gan import GAN
from scratchgen.models.gradient_penalty import gradient_penalty
from scratchgen.models.made import MADE
from scratchgen.models.model import Model
from scratchgen.models.vae import VAE

MODELS = {"vae": VAE, "gan": GAN, "made": MADE}

__all__ = ["GAN", "MADE", "MODELS", "VAE", "Model", "gradient_penalty"]
