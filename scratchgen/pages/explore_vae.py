"""What the page of a VAE of pictures needs: encoder and decoder, and where the encoder puts the test examples."""

import numpy as np

from scratchgen.models import VAE
from scratchgen.ops import array, to_host
from scratchgen.pages.slim import exact, slim

POINTS, FEWER, PICTURES = 600, 300, 96  # test examples in the plane, of the last epoch and of others; those whose pictures travel too


def shared(model, test):
    """Test examples, their labels and what the networks' outputs mean."""
    labels = None if test.y is None else test.y[:POINTS].astype(np.uint8)
    pictures = np.round(255 * test.x[:PICTURES].clip(0, 1)).astype(np.uint8)
    return {
        "latent": model.latent_dim, "features": model.data_dim, "classes": model.n_classes, "likelihood": model.config["likelihood"],
        "labels": labels, "pictures": pictures,
    }  # fmt: skip


def snapshot(model, test, is_last):
    """Encoder, decoder, μ of test examples, their principal directions, and the KL of each dimension."""
    x, y = test.x[:POINTS].astype(model.dtype), test.y[:POINTS] if model.n_classes else None
    given = None if y is None else array(y, np.int64)
    has_kl = isinstance(model, VAE)
    mu = to_host(model.encode(array(x), given)[0] if has_kl else model.encode(array(x)))
    if is_last:
        encoder, decoder = exact(model.encoder), exact(model.decoder)
    else:
        z = np.concatenate([mu, np.random.default_rng(0).normal(size=mu.shape)]).astype(model.dtype)  # of data and of the prior
        twice = None if y is None else array(np.concatenate([y, y]), np.int64)
        told = model.labels.given if given is not None else lambda x, y: x
        encoder, decoder = slim(model.encoder, told(array(x), given)), slim(model.decoder, told(array(z), twice))
    return {
        "encoder": encoder, "decoder": decoder, "mu": mu[: POINTS if is_last else FEWER].astype(np.float16),
        "principal": principal(mu).astype(np.float32), "kl": model.kl_per_dimension(x, given).astype(np.float32) if has_kl else None,
    }  # fmt: skip


def principal(mu):
    """The two directions in which the means vary most -> (2, latent_dim), the greatest component of each positive."""
    directions = np.linalg.svd(mu - mu.mean(axis=0), full_matrices=False)[2][:2]
    return directions * np.sign(np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1))
