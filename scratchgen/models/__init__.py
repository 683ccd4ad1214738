"""Generative models, one per file: each owns its networks and exposes its objective with the noise as an argument."""

from scratchgen.models.gan import GAN
from scratchgen.models.model import Model
from scratchgen.models.vae import VAE

MODELS = {"vae": VAE, "gan": GAN}

__all__ = ["GAN", "MODELS", "VAE", "Model"]
