"""Mistakes in exercise 9, the game of a GAN: (part of the solution, what a student writes there, how it should be named)."""

D_LOSS = "loss, dreal, dfake = self.discriminator_objective(real, fake)"
D_BACKWARD = "backward_both(self.discriminator, dreal, dfake, caches)"
D_RETURN = 'return loss, {"discriminator": loss}'
G_PASS = 'dshown = self.discriminator.backward(dlogits, cache, wrt="input")'
G_BACKWARD = 'self.generator.backward(dgenerated, generator_cache, wrt="params")'
G_LOSS = "loss, dlogits = self.objective(logits)"
G_RETURN = 'return loss, {"generator": loss}'
BOTH = "real, fake, caches = forward_both(self.discriminator, x, generated)"

INTO_THE_GENERATOR = (
    "made, made_cache = self.generator.forward(z); _, cache = self.discriminator.forward(made); "
    "self.generator.backward(self.discriminator.backward(dfake, cache, wrt='input'), made_cache)"
)

MISTAKES = [
    (D_BACKWARD, D_BACKWARD + "; " + INTO_THE_GENERATOR, "changes the generator's gradient"),
    (G_RETURN, "self.flat_params[...] -= 0.1 * self.flat_grads; " + G_RETURN, "must not change parameters"),
    (D_LOSS, "loss, dfake, dreal = self.discriminator_objective(fake, real)", "the discriminator|the loss"),
    (D_BACKWARD, "backward_both(self.discriminator, dreal, 0 * dfake, caches)", "the gradient from generated examples is missing"),
    (D_BACKWARD, "backward_both(self.discriminator, 0 * dreal, dfake, caches)", "the gradient from real examples is missing|nothing was added"),
    (D_BACKWARD, "backward_both(self.discriminator, dreal, -dfake, caches)", "from generated examples has the wrong sign"),
    (D_BACKWARD, "backward_both(self.discriminator, -dreal, -dfake, caches)", "wrong sign"),
    (D_BACKWARD, "backward_both(self.discriminator, dfake, dreal, caches)", "the discriminator's flat_grads"),
    (D_BACKWARD, D_BACKWARD + "; " + D_BACKWARD, "counted twice"),
    (D_BACKWARD, "pass", "the discriminator's gradient is zero|zero everywhere|nothing was added"),
    (D_RETURN, "return loss", "the objective returns one value"),
    (D_RETURN, "return loss, {loss}", "is a set"),
    (D_RETURN, "pass", "is there a `return`"),
    (D_RETURN, 'return 2 * loss, {"discriminator": loss}', "2 times|the loss is"),
    (D_RETURN, 'return -loss, {"discriminator": -loss}', "wrong sign"),
    (D_BACKWARD, "self.discriminator.zero_grads(); " + D_BACKWARD, "overwritten"),
    (D_RETURN, "self.generator.flat_grads[...] += 1; " + D_RETURN, "changes the generator's gradient"),
    (
        D_RETURN,
        "self.discriminator.flat_params[...] -= 0.1 * self.discriminator.flat_grads; " + D_RETURN,
        "must not change parameters|changes the parameters",
    ),
    (BOTH, "real, fake, caches = forward_both(self.discriminator, generated, x)", "the loss|the discriminator"),
    (BOTH, "real, fake, caches = forward_both(self.discriminator, x, x)", "the loss|the discriminator"),
    (G_PASS, "dshown = self.discriminator.backward(dlogits, cache)", "pass through it with wrt='input'"),
    (G_PASS, "dshown = -self.discriminator.backward(dlogits, cache, wrt='input')", "wrong sign"),
    (
        G_PASS,
        "dshown = 0 * self.discriminator.backward(dlogits, cache, wrt='input')",
        "the generator's gradient is zero|zero everywhere|nothing was added",
    ),
    (G_BACKWARD, "pass", "the generator's gradient is zero|zero everywhere|nothing was added"),
    (G_BACKWARD, G_BACKWARD + "; " + G_BACKWARD, "counted twice"),
    (
        G_BACKWARD,
        "self.generator.backward(dgenerated, generator_cache, wrt='input')",
        "the generator's gradient is zero|zero everywhere|nothing was added",
    ),
    (G_BACKWARD, "self.generator.zero_grads(); " + G_BACKWARD, "overwritten"),
    (G_LOSS, "loss, _, dlogits = self.discriminator_objective(logits, logits)", "the loss|the generator"),
    (G_LOSS, "loss, dlogits = generator_minimax(logits)", "the loss|the generator"),
    (G_LOSS, "loss, dlogits = generator_non_saturating(logits)", "the loss|the generator"),
    (G_RETURN, "return loss, {'discriminator': loss}", "wanted is the dict"),
    (G_RETURN, "return loss, loss", "wanted is the dict"),
    (G_RETURN, "return -loss, {'generator': -loss}", "wrong sign"),
]
