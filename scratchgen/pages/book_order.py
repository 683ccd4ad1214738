"""The order in which the source is a course, and what to look for in each file: the path through the annotated source.

Files of scratchgen/, or of the repository's demos/; a folder stands for its __init__.py. The reading table of the README says the same, and a test
compares the two.
"""

ORDER = (
    (("layers/layer.py",), "the contract: `y, cache = forward(x)`, `dx = backward(dy, cache)`. Nothing is hidden between the two"),
    (("layers/linear.py",), "where `dW = xᵀ dy` comes from, in full, and why the batch is summed over"),
    (("layers/tanh.py", "layers/softmax.py"), "a derivative from the *output*; then one where every output depends on every input"),
    (("losses/bernoulli.py",), "why the loss takes logits, and why its gradient is just `p − t`"),
    (("layers/sequential.py",), "backpropagation itself: fifteen lines"),
    (("demos/xor.py",), "all of it at work on four examples"),
    (("optim/adam.py",), "what happens to a gradient on its way to a parameter"),
    (("layers/reparameterize.py", "models/vae.py"), "how a gradient passes through a random sample, and two paths that meet in `μ`"),
    (("models/iwae.py", "models/posteriors.py"), "several samples of which the best have the say; a posterior that a flow bends"),
    (
        ("models/gan.py", "losses/gan.py"),
        "a gradient *through* a network that must not learn from it; why one objective vanishes and the other does not",
    ),
    (("layers/batch_norm.py",), "the hardest derivation of the house, in full: three paths, one formula"),
    (("models/gradient_penalty.py", "models/penalties.py"), "the gradient of a gradient: a critic whose slope is part of its loss"),
    (
        ("layers/pack.py", "layers/minibatch_discrimination.py"),
        "a discriminator that sees whether examples are all alike: a gradient that goes to every pair of them",
    ),
    (
        ("losses/mmd.py", "models/gmmn.py", "models/aae.py", "models/infogan.py"),
        "a generator without an adversary; an adversary for codes; codes that must be readable",
    ),
    (("models/made.py",), "a likelihood without a bound, by cutting connections"),
    (
        ("models/flow.py", "models/maf.py", "models/real_nvp.py"),
        "an exact density of real data: maps that can be undone, with a second output and its gradient, the log-determinant",
    ),
    (("models/diffusion.py", "models/flow_matching.py"), "data drowned in noise, and a network that takes the noise out again"),
    (("metrics/ais.py", "reproduce/"), "how likely data is under a decoder, by rolling on its gradient; papers' settings, a file each"),
    (("ops/lesson.py",), "how a definition becomes a kernel: `python -m scratchgen.ops.lesson softmax` prints every stage, for any operation"),
    (
        ("ops/numba/ladder.py", "ops/numba/tile.py", "ops/numba/gemm.py"),
        "how a matrix product becomes fast, a step at a time (`scratchgen bench --only ladder` measures each)",
    ),
)
