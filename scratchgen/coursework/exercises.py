"""The course: its exercises in order. What is here is what to keep of the library, what to blank and what not to give away."""

from scratchgen.coursework.exercise import Exercise
from scratchgen.coursework.source import Cut
from scratchgen.errors import unknown_name

ACTIVATIONS = ("relu", "leaky_relu", "tanh", "sigmoid", "softplus", "softmax")
LINEAR = [f"Linear.{method}" for method in ("__init__", "forward", "backward", "__repr__")]


def _activation(name):
    names = (name, f"{name}_backward")
    hide = [("Every output depends", None)] if name == "softmax" else [("\nIts derivative", None)] if name == "softplus" else []
    comments = {names[1]: "-> dx"} | ({"softmax": "y_j = e^(x_j) / Σ_k e^(x_k)"} if name == "softmax" else {})
    return Cut(f"scratchgen.layers.{name}", keep=names, blanks=names, hide=hide, comments=comments)


EXERCISES = [
    Exercise(
        "linear", 1, "the linear layer",
        """
        Code the equations of the lesson, one line of NumPy each. `matmul_nt(a, b)` is a bᵀ and `add_matmul_tn(out, a, b)` is out += aᵀ b, in
        place; plain `@` does as well. `backward` *adds* to self.grads["W"] and self.grads["b"], because a network may run backward
        several times before its parameters are updated, and returns dx. `self.params` and `self.grads` are dicts with the same keys: "W", and "b"
        unless the layer was made with bias=False. `add_column_sums(out, a)` adds the sum of a over the batch to out, in place. The argument
        `wrt` says what is wanted: with "input" leave the gradients of the parameters alone; with "params" return None.
        """,
        30,
        (Cut("scratchgen.layers.linear", keep=["linear", *LINEAR], blanks=["linear", "Linear.backward"], hide=[("The same in ten lines", None)]),),
    ),
    Exercise(
        "activations", 2, "activations, through their outputs",
        """
        Six functions, and the derivative of each. Derive the gradients on paper first. `dy` is the gradient of the loss with respect to the
        output y; what you return is the gradient with respect to x, same shape. The backward functions get the *output* y, not x: express
        the derivative through y, as a formula in dy and y (it is tested with any numbers for y, also those that no x gives). The last one,
        softmax, works on rows (batch, n), and every output depends on every input of its row.
        Large inputs (x = 1000) must not overflow: find the form of each equation in which no exponential is taken of a large number.
        """,
        60,
        tuple(_activation(name) for name in ACTIVATIONS),
    ),
    Exercise(
        "bce_with_logits", 3, "binary cross-entropy on logits",
        """
        Code the loss in the stable form that the lesson derives, and derive its gradient; `softplus` and `sigmoid` are the library's own. Sum
        over features, mean over the batch; both the loss and its gradient carry the 1 / batch.
        """,
        30,
        (
            Cut(
                "scratchgen.losses.bernoulli", keep=["bce_with_logits"], blanks=["bce_with_logits"],
                hide=[(" Its derivative", "\n\n    loss ="), ("    dlogits = (σ(l)", None)],
            ),
        ),
    ),
    Exercise(
        "softmax_cross_entropy", 4, "softmax cross-entropy",
        """
        Derive the gradient of the loss with respect to the logits. First write the loss of one example as log Σ_k e^(l_k) − l_label and
        differentiate that; the result is short. Then code both for a batch: the loss is the mean over the batch. Logits of 1000 must not
        overflow: subtracting the same number from all logits of a row changes nothing.
        """,
        40,
        (
            Cut(
                "scratchgen.losses.softmax_cross_entropy", keep=["cross_entropy"], blanks=["cross_entropy"],
                hide=[("\n\n    d/dl_k", "\n\n    loss"), ("\n    dlogits = ", None)],
            ),
        ),
    ),
    Exercise(
        "batch_norm", 5, "batch normalisation",
        """
        The classical exercise. Derive dx: x_n reaches the loss directly, through the variance and through the mean, and the gradient is the sum
        over the three paths. It can be brought to one line of NumPy that needs x̂ and r only, whatever the size of x̂. `add_norm_grads` adds
        to its first two arguments in place: `+=` or `[...] =`, for `dgamma = …` makes a new array. `eps` is a small constant here, which keeps
        the root away from zero. In inference the running statistics take the place of μ and v: they are constants then.
        """,
        90,
        (
            Cut(
                "scratchgen.layers.batch_norm",
                keep=["batch_norm", "batch_norm_backward", "add_norm_grads", "batch_norm_inference", "batch_norm_inference_backward"],
                blanks=["batch_norm", "batch_norm_backward", "add_norm_grads", "batch_norm_inference_backward"],
                hide=[("Derivation, in full", None)],
                comments={
                    "batch_norm_backward": "-> dx, in training:  dy, x̂ (batch, n), r, gamma (n,)",
                    "add_norm_grads": "adds to dgamma and dbeta (n,), in place",
                    "batch_norm_inference_backward": "-> dx (batch, n), in inference",
                },
            ),
        ),
    ),
    Exercise(
        "reparameterize", 6, "the reparameterization trick, and the KL divergence",
        """
        Two pieces of a variational autoencoder. The sample: code z, then derive how the loss depends on logvar *through* z (mind that logvar is
        the logarithm of the variance, not of the standard deviation); `eps` is the noise ε here, standard normal numbers. The divergence: code
        its value, summed over features and averaged over the batch, with both gradients.
        """,
        40,
        (
            Cut(
                "scratchgen.layers.reparameterize", keep=["reparameterize", "reparameterize_backward"],
                blanks=["reparameterize", "reparameterize_backward"], hide=[("    dμ ", None)], comments={"reparameterize_backward": "-> dlogvar"},
            ),
            Cut(
                "scratchgen.losses.gaussian", keep=["gaussian_kl"], blanks=["gaussian_kl"],
                hide=[("    −log N(x; μ", "    KL(N(μ"), ("    d/dμ = μ", "Sum over features")],
            ),
        ),
    ),
    Exercise(
        "vae", 7, "the objective of a variational autoencoder",
        """
        Everything is given but the objective: run forward through encoder, sample and decoder, compute both terms of the loss, nll + β kl, then run
        backward through the same in reverse. Mind that h = [μ | logvar], what the encoder says, reaches the loss on two paths. Return the loss and
        the dict {"loss": …, "nll": …, "kl": …}, kl without β. Useful, all of it the library's own: each network has `y, cache = net.forward(x)` and
        `dx = net.backward(dy, cache)`; `z, cache = self.posterior.forward(h, eps)` draws the sample, and `dh = self.posterior.backward(dz, cache)`
        is the way back through it; `kl, dh = self.posterior.kl(cache, self.beta)`, with the same cache, gives the divergence and the gradient of
        β kl; `nll, doutput = self.likelihood.nll(x, output)`; `add(a, b)` of arrays;
        `weighted_sum(a, b, weight)`. The models of this exercise have no labels: y is None.
        """,
        60,
        (Cut("scratchgen.models.vae", keep=["weighted_sum", "VAE.__init__", "VAE.loss"], blanks=["VAE.loss"]),),
    ),
    Exercise(
        "gan_losses", 8, "what the two players of a GAN minimise",
        """
        Code the three losses from logits and derive their gradients. `softplus` and `sigmoid` are the library's own.
        The numbers of real and of generated examples may differ: each mean has its own.
        """,
        40,
        (
            Cut(
                "scratchgen.losses.gan", keep=["discriminator_bce", "generator_minimax", "generator_non_saturating"],
                blanks=["discriminator_bce", "generator_minimax", "generator_non_saturating"],
                hide=[("    dreal =", "\nand the"), ("        dfake = −σ(f", "\n    non-"), ("       dfake = −σ(−f", "\n\nWhile")],
            ),
        ),
    ),
    Exercise(
        "gan", 9, "the game: how the generator learns through the discriminator",
        """
        Given are both networks, and losses that return their gradients:
        `loss, dreal, dfake = self.discriminator_objective(real, fake)` and
        `loss, dfake = self.objective(fake)`, all of logits (n, 1). Compose the two objectives. Each fills the gradients of its own player only,
        `wrt="params"` and `wrt="input"` of backward being the tools, and returns the loss and the dict {"discriminator": loss} or {"generator":
        loss}. The discriminator looks at real and at generated examples: with a forward and a backward for each, every one with its own cache, or
        in one pass with `real, fake, caches = forward_both(self.discriminator, x, generated)` and `backward_both(self.discriminator, dreal,
        dfake, caches)`. The networks of this exercise have no batch normalisation, so there are no running statistics to protect. Nor are there
        labels, packs, penalties or features to match: you need neither y nor u nor self.shown, and what is generated from z goes to the
        discriminator as it is.
        """,
        50,
        (
            Cut(
                "scratchgen.models.gan",
                keep=[
                    "OBJECTIVES", "NOISE", "spread", "discriminator_layers", "GAN.__init__", "GAN.discriminator_loss", "GAN.generator_loss",
                    "GAN.shown", "GAN._noise",
                ],
                blanks=["GAN.discriminator_loss", "GAN.generator_loss"],
            ),
        ),
    ),
    Exercise(
        "made", 10, "MADE: masks that make a network autoregressive",
        """
        Build the masks from the degrees of the lesson. Any masks that cut exactly the connections that must be cut give most of the points; for
        the rest use the degrees of hidden units as given. Mind `ordering`: ordering[0] is the feature that comes first.
        """,
        45,
        (Cut("scratchgen.models.made", keep=["made_masks"], blanks=["made_masks"], hide=[("What else the paper", None)]),),
    ),
    Exercise(
        "adam", 11, "Adam",
        """
        One update, in place: p, m and v are arrays that must hold the new values when the function returns (m[...] = … rather than m = …); g must
        stay as it is. t is the number of the step, from 1; `eps` is the small constant that keeps the division from zero. With `decoupled` false,
        weight decay is added to the gradient; with `decoupled` true, p is first shrunk by lr · weight_decay of itself, and the gradient is left
        alone.
        """,
        30,
        (Cut("scratchgen.optim.adam", keep=["adam_step"], blanks=["adam_step"]),),
    ),
    Exercise(
        "penalty", 12, "the gradient of a gradient",
        """
        A penalty on the slope of a discriminator, and what two layers do for its gradient. First the penalty itself, a function of the slopes
        g. Then `Linear.double_backward`, the backward of the line dx = dy Wᵀ: from ddx, the gradient of the penalty with respect to dx,
        derive ddy and what W gets; *add* that to self.grads["W"], and return ddy and None, since dx does not depend on x.
        `matmul(a, b)` is a b, `add_matmul_tn(out, a, b)` is out += aᵀ b. Last tanh: from dx = dy ∘ (1 − y²) derive what reaches x through y,
        a formula in ddx, dy and y (it is tested with any numbers for y, also those that no x gives).
        """,
        60,
        (
            Cut(
                "scratchgen.models.gradient_penalty", keep=["slope_penalty"], blanks=["slope_penalty"],
                hide=[
                    ("It begins at P", "What layers"), ("    g = da Wᵀ            dda", "\n\nSo far"),
                    ("    y = tanh a           da′", "\n\ndW has"),
                ],
            ),
            Cut(
                "scratchgen.layers.linear", keep=["Linear.__init__", "Linear.double_backward", "Linear.__repr__"],
                blanks=["Linear.double_backward"], hide=[("The same in ten lines", None)],
            ),
            Cut("scratchgen.layers.tanh", keep=["tanh_second"], blanks=["tanh_second"], comments={"tanh_second": "-> dx"}),
        ),
    ),
    Exercise(
        "coupling", 13, "a coupling layer",
        """
        A coupling layer keeps one half of the features, x₁, and moves the other, x₂, by what a network makes of the first, h = [μ | a] = net(x₁):
        z₁ = x₁ and z₂ = (x₂ − μ) / σ. Its Jacobian is triangular whatever the network is, and to undo it one needs the network's output, not its
        inverse. Code what it is made of: the affine map with its log-determinant, one number for each example; the way back; and the gradients. dz
        and dlogdet are the gradients of the loss with respect to both outputs. x reaches the loss through z; μ does, too; a does twice.
        `log_scale(a)` is log σ. The whole layer is then put together from your functions, and tested.
        """,
        50,
        (
            Cut(
                "scratchgen.models.flow", keep=["BOUND", "log_scale", "affine", "affine_backward", "affine_inverse"],
                blanks=["affine", "affine_backward", "affine_inverse"], hide=[("The network's output is h", None)],
                comments={"affine_inverse": "-> x (batch, D)"},
            ),
        ),
    ),
    Exercise(
        "iwae", 14, "the weights of an importance weighted autoencoder",
        """
        With several samples of z for each example, some explain it better than others. Code the bound and the normalised weights, for log-weights
        of any size: e^1000 must not appear, and a sample that is hopeless beside another simply weighs 0. Then derive what the weights do to the
        gradient: `dz` comes from the decoder, with its weight w̃ in it; add what reaches z from −½ z², and return it together with what reaches
        logvar *past* z. Last, if you like a harder one, the same of the doubly reparameterized gradient, whose derivation the lesson begins.
        `eps` is the noise ε. In the two backward functions each row is one sample of one example, w (rows,) its normalised weight; batch is the
        number of examples.
        """,
        60,
        (
            Cut(
                "scratchgen.models.iwae", keep=["importance_weights", "standard_backward", "doubly_reparameterized"],
                blanks=["importance_weights", "standard_backward", "doubly_reparameterized"],
                hide=[("    doutput = −(w̃", "\n\n\"dreg\""), ("    dz      = −(w̃² / batch)", "\n\nSame mean")],
            ),
        ),
    ),
    Exercise(
        "diffusion", 15, "the loss of a diffusion model",
        """
        Drown data in noise, and train a network to tell what the noise was. Code x_t at a given time, t / T, between 0 and 1, for each example;
        then the loss: the network gets x_t with the time as one more column (`join_columns(a, b)` puts two arrays side by side), and says ε̂.
        Useful: `y, cache = self.net.forward(x)`, `self.net.backward(dy, cache)`, and `loss, da = squared_error(a, b)`, ½ ‖a − b‖² averaged over
        the batch with the gradient for a. The noise and the times are given where eps and t are; `self._times(batch)` and
        `self.stream.normal(shape, dtype)` draw others. Last one step of the sampler, from x_t to x_s, with ε̂ given.
        """,
        45,
        (
            Cut(
                "scratchgen.models.diffusion",
                keep=["LOW", "draw_times", "diffuse", "step_back", "Diffusion.__init__", "Diffusion.loss", "Diffusion._times", "Diffusion._time"],
                blanks=["diffuse", "step_back", "Diffusion.loss"], hide=[("    loss     = (1 / batch)", "\n\nSampling starts")],
            ),
        ),
    ),
]  # fmt: skip

BY_NAME = {exercise.name: exercise for exercise in EXERCISES}


def chosen(names=None):
    """The exercises of these names, in the course's order; None: all. Raises ValueError for an unknown name."""
    for name in names or ():
        if name not in BY_NAME:
            raise unknown_name("exercise", name, BY_NAME)
    return [exercise for exercise in EXERCISES if names is None or exercise.name in names]
