"""Mistakes in exercise 7, the objective of a VAE: (part of the solution, what a student writes there, how it should be named)."""

KL = "kl, dh_kl = self.posterior.kl(sample_cache, self.beta)"
NLL = "nll, doutput = self.likelihood.nll(x, output)"
DZ = "dz = self.decoder.backward(doutput, decoder_cache)[:, : self.latent_dim]"
DH = "dh_z = self.posterior.backward(dz, sample_cache)"
ENCODER = 'self.encoder.backward(add(dh_z, dh_kl), encoder_cache, wrt="params")'
LOSS = "loss = weighted_sum(nll, kl, self.beta)"
RETURN = 'return loss, {"loss": loss, "nll": nll, "kl": kl}'
Z = "z, sample_cache = self.posterior.forward(h, eps)"

MISTAKES = [
    (LOSS, "loss = nll + kl", "β is missing"),
    (LOSS, "loss = nll - self.beta * kl", "the divergence is subtracted"),
    (LOSS, "loss = -nll - self.beta * kl", "wrong sign"),
    (LOSS, "loss = nll", "the divergence is missing"),
    (LOSS, "loss = self.beta * (nll + kl)", "β multiplies both terms"),
    (LOSS, "loss = self.beta * nll + kl", "β multiplies the wrong term"),
    (LOSS, "loss = (nll + self.beta * kl) / len(x)", "divided by the batch size once more"),
    (RETURN, "return loss", "the objective returns one value"),
    (RETURN, "return loss, {loss, nll, kl}", "is a set"),
    (RETURN, 'return loss, {"loss": loss, "nll": nll}', "wanted is the dict"),
    (RETURN, "return loss, nll, kl", "the objective returns 3 values"),
    (RETURN, 'return loss, {"loss": loss, "nll": nll, "kl": self.beta * kl}', "kl is without β"),
    (RETURN, 'return loss, {"loss": loss, "nll": kl, "kl": nll}', "exchanged"),
    (RETURN, "pass", "is there a `return`"),
    (ENCODER, 'self.encoder.backward(dh_z, encoder_cache, wrt="params")', "the path through the KL term is missing"),
    (ENCODER, 'self.encoder.backward(dh_kl, encoder_cache, wrt="params")', "the path through the sample is missing"),
    (ENCODER, 'self.encoder.backward(dh_z - dh_kl, encoder_cache, wrt="params")', "KL term has the wrong sign"),
    (ENCODER, 'self.encoder.backward(dh_z + self.beta * dh_kl, encoder_cache, wrt="params")', "β multiplies the path through the KL term twice"),
    (ENCODER, "pass", "zero everywhere|nothing was added"),
    (ENCODER, 'self.encoder.backward(add(dh_z, dh_kl), encoder_cache, wrt="input")', "zero everywhere|nothing was added"),
    (
        ENCODER,
        "self.encoder.backward(dh_z, encoder_cache); self.encoder.backward(dh_z + dh_kl, encoder_cache)",
        "through the sample is counted twice",
    ),
    (ENCODER, "self.encoder.zero_grads(); " + ENCODER, "overwritten"),
    (KL, "kl, dh_kl = self.posterior.kl(sample_cache, 1.0)", "β is missing from the path through the KL term"),
    (DZ, 'dz = self.decoder.backward(doutput, decoder_cache, wrt="input")', "zero everywhere|nothing was added"),
    (
        DZ,
        "dz = self.decoder.backward(-doutput, decoder_cache)",
        "the decoder's gradient has the wrong sign|the path through the sample has the wrong sign",
    ),
    (
        DZ,
        "dz = self.decoder.backward(self.beta * doutput, decoder_cache)",
        "β multiplies the decoder's gradient|β multiplies the path through the sample",
    ),
    (
        DZ,
        "self.decoder.backward(doutput, decoder_cache); dz = self.decoder.backward(doutput, decoder_cache)",
        "the decoder's gradient is counted twice",
    ),
    (DZ, "dz = self.decoder.backward(output, decoder_cache)", "the decoder's flat_grads"),
    (Z, "z, sample_cache = self.posterior.forward(h, 0 * eps)", "nll"),
    (Z, "z, sample_cache = self.posterior.forward(h, -eps)", "nll"),
    (NLL, NLL + "; nll = nll / x.shape[1]", "number of features"),
    (NLL, NLL + "; nll = -nll", "nll has the wrong sign"),
    (LOSS, LOSS + "; self.flat_params[...] -= 0.1 * self.flat_grads", "your code changes the parameters"),
    (DH, "dh_z = dz", "Shapes do not fit|broadcast|shape"),
]
