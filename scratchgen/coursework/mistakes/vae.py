"""Mistakes in the objective of a variational autoencoder."""


def losses(nll, kl, beta, batch, D):
    """{"loss", "nll", "kl": {words: what comes out}}."""
    return {
        "loss": {
            "β is missing: the loss is nll + β kl": nll + kl,
            "β multiplies both terms: the loss is nll + β kl": beta * (nll + kl),
            "β multiplies the wrong term: the loss is nll + β kl": beta * nll + kl,
            "β multiplies kl twice; what self.posterior.kl returns is the divergence without it": nll + beta**2 * kl,
            "β divides, where it should multiply": nll + kl / beta,
            "the divergence is subtracted: the loss is minus the ELBO, nll + β kl": nll - beta * kl,
            "the loss has the wrong sign: it is minus the ELBO": -nll - beta * kl,
            "nll is subtracted: it is minus the log-likelihood already": -nll + beta * kl,
            "the divergence is missing from the loss": nll,
            "nll is missing from the loss": beta * kl,
            "this is kl alone": kl,
            "the loss is divided by the batch size once more; nll and kl are means already": (nll + beta * kl) / batch,
        },
        "nll": {
            "this is the loss; nll is its first part": nll + beta * kl,
            "this is kl: nll and kl are exchanged": kl,
            "nll has the wrong sign": -nll,
            "nll is divided by the batch size once more": nll / batch,
            "nll is divided by the number of features: sum over features, mean over the batch": nll / D,
        },
        "kl": {
            "the part kl is without β": beta * kl,
            "this is nll: nll and kl are exchanged": nll,
            "this is the loss": nll + beta * kl,
            "kl has the wrong sign": -kl,
            "kl is divided by β": kl / beta,
            "kl is divided by the batch size once more": kl / batch,
        },
    }


def encoder(through_sample, through_kl, beta):
    """{words: the encoder's gradient}; its right parts: through the sample, and through β kl."""
    return {
        "the path through the KL term is missing": through_sample,
        "the path through the sample is missing": through_kl,
        "the path through the KL term has the wrong sign: the two are added": through_sample - through_kl,
        "the path through the sample has the wrong sign": through_kl - through_sample,
        "β is missing from the path through the KL term": through_sample + through_kl / beta,
        "β multiplies the path through the KL term twice; self.posterior.kl(…, self.beta) gives the gradient of β kl": (
            through_sample + beta * through_kl
        ),
        "β multiplies both paths": beta * (through_sample + through_kl),
        "β multiplies the path through the sample": beta * through_sample + through_kl,
        "both paths are counted twice: is backward run twice?": 2 * (through_sample + through_kl),
        "the path through the KL term is counted twice": through_sample + 2 * through_kl,
        "the path through the sample is counted twice": 2 * through_sample + through_kl,
    }


def decoder(right, beta):
    """{words: the decoder's gradient}."""
    return {
        "the decoder's gradient has the wrong sign: nll is minus the log-likelihood": -right,
        "β multiplies the decoder's gradient; it belongs to the KL term only": beta * right,
        "the decoder's gradient is counted twice: is its backward run twice?": 2 * right,
        'the decoder\'s gradient is zero everywhere: is its backward run, and without wrt="input"?': 0 * right,
    }
