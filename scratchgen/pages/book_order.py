"""The order in which the source is a course, and what to look for in each file: the path through the annotated source.

Files of scratchgen/, or of the repository's demos/; a folder stands for its __init__.py. The reading table of the README says the same, and a test
compares the two.
"""

ORDER = (
    (("layers/layer.py",), "the contract: `y, cache = forward(x)`, `dx = backward(dy, cache)`, and nothing hidden between the two"),
    (("layers/linear.py",), "where `dW = xᵀ dy` comes from, in full, and why it sums over the batch"),
    (("layers/tanh.py", "layers/softmax.py"), "a derivative computed from the *output*; one where every output depends on every input"),
    (("losses/bernoulli.py",), "why the loss takes logits, and why its gradient is just `p − t`"),
    (("layers/sequential.py",), "backpropagation itself: fifteen lines"),
    (("demos/xor.py",), "all of it at work on four examples"),
    (("optim/adam.py",), "how a gradient becomes an update"),
    (("layers/reparameterize.py", "models/vae.py"), "a gradient through a random sample; two paths that meet in `μ`"),
    (("models/iwae.py", "models/posteriors.py"), "importance weights between samples; a posterior shaped by a flow"),
    (("models/gan.py", "losses/gan.py"), "a gradient *through* a network that must not learn from it; why one objective's gradient vanishes"),
    (("layers/batch_norm.py",), "the hardest derivation, in full: three paths, one formula"),
    (("models/gradient_penalty.py", "models/penalties.py"), "the gradient of a gradient: a critic whose slope is part of its loss"),
    (("layers/pack.py", "layers/minibatch_discrimination.py"), "a discriminator that compares the examples of a minibatch"),
    (
        ("losses/mmd.py", "models/gmmn.py", "models/aae.py", "models/infogan.py"),
        "a generator without an adversary; an adversary for codes; codes that can be read off",
    ),
    (("layers/random_affine.py", "losses/two_looks.py"), "a layer that is a new matrix at every forward; classes found without labels"),
    (("models/made.py",), "an exact likelihood, by cutting connections"),
    (
        ("models/flow.py", "models/maf.py", "models/real_nvp.py"),
        "an exact density of real data: invertible maps, and the gradient of their log-determinant",
    ),
    (("models/diffusion.py", "models/flow_matching.py"), "from noise to data, step by step"),
    (("metrics/ais.py", "reproduce/"), "the likelihood of data under a decoder; papers' settings, a file each"),
    (("ops/lesson.py",), "how a definition becomes a kernel: `python -m scratchgen.ops.lesson softmax` prints every stage"),
    (("ops/numba/ladder.py", "ops/numba/tile.py", "ops/numba/gemm.py"), "how a matrix product becomes fast, a step at a time"),
)
