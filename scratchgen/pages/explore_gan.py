"""What the page of a generator of pictures needs: generator and, where there is one, discriminator, and test examples to show to it."""

import numpy as np

from scratchgen.models import GAN, GMMN, InfoGAN
from scratchgen.ops import array, to_host
from scratchgen.pages.slim import exact, slim

PICTURES, DRAWN = 22, 300  # test examples in the page; samples that say what a matrix meets
COMPANIONS = 15  # generated examples that a discriminator which compares sees beside the one in question


def shared(model, test):
    """Test examples, the noise, what else the networks are given, and what D's output means."""
    config = model.config
    return {
        "features": model.data_dim, "classes": model.n_classes, "latent": config.get("latent_dim") or config["noise_dim"],
        "noise": 1.0 if isinstance(model, GMMN) else 3**0.5 if config.get("noise") == "uniform" else None,  # uniform up to it; none: N(0, I)
        "categories": list(config.get("categories", ())), "continuous": config.get("continuous", 0), "pack": config.get("pack", 1),
        "companions": COMPANIONS if config.get("minibatch_features") else config.get("pack", 1) - 1, "probability": means_probability(model),
        "labels": None if test.y is None else test.y[:PICTURES].astype(np.uint8),
        "pictures": np.round(255 * test.x[:PICTURES].clip(0, 1)).astype(np.uint8),
    }  # fmt: skip


def means_probability(model):
    """Whether σ(D) is a probability, for the loss is a cross-entropy; None where there is no D of examples."""
    if isinstance(model, GAN):
        return model.config["objective"] in ("non_saturating", "minimax")
    return True if isinstance(model, InfoGAN) else None


def snapshot(model, test, is_last):
    """The networks."""
    networks = {"generator": model.generator} | ({} if isinstance(model, GMMN) else {"discriminator": model.discriminator})
    if is_last:
        return {name: exact(network) for name, network in networks.items()}
    z, made = given_to_generator(model)
    met = {"generator": z}
    if "discriminator" in networks:
        x, y = array(np.concatenate([to_host(made), test.x[:DRAWN]]).astype(model.dtype)), None
        if model.n_classes:
            y = array(np.concatenate([np.arange(DRAWN) % model.n_classes, test.y[:DRAWN]]), np.int64)
        met["discriminator"] = model.shown(x, y)[0] if isinstance(model, GAN) else x
    return {name: slim(network, met[name]) for name, network in networks.items()}


def given_to_generator(model):
    """-> what the generator is given for DRAWN samples, and what it makes of it."""
    if isinstance(model, InfoGAN):
        z = model._input(model._noise(DRAWN), model.draw_codes(DRAWN))
    elif isinstance(model, GAN):
        z = model.labels.given(model._noise(DRAWN), array(np.arange(DRAWN) % model.n_classes, np.int64) if model.n_classes else None)
    else:
        z = model._noise(DRAWN)
    return z, model.generator(z)
