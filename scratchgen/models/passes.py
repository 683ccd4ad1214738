"""Two minibatches through one network, the real and the generated examples:
in one pass where that is allowed.

A discriminator looks at both, and its loss has a gradient for both. With one of them stacked above the other,
every layer multiplies one matrix in the place of two:

    [real ; fake] = D([x ; x̃])          and back:      D.backward([dreal ; dfake])

This is the same only while each row of the output depends on its own row of the input. A layer that couples
the batch (batch normalisation) would mix what is real with what is generated, and D would be told the answer,
or lose it in a mean over both. So one pass only where no layer couples the batch; else two. The choice is
made here, and nowhere else:

    real, fake, caches = forward_both(network, x, generated)
    backward_both(network, dreal, dfake, caches)
"""

from scratchgen.ops import stack_rows


def forward_both(network, x, generated):
    """network.forward of x (n, features) and of generated (m, features)
    -> their outputs (n, out) and (m, out), and caches for `backward_both`.
    """
    if network.couples_batch:
        real, real_cache = network.forward(x)
        fake, fake_cache = network.forward(generated)
        return real, fake, (real_cache, fake_cache)
    y, cache = network.forward(stack_rows(x, generated))
    return y[: x.shape[0]], y[x.shape[0] :], (cache,)


def backward_both(network, dreal, dfake, caches):
    """Adds to the network's gradients what its two outputs have earned.

    dreal (n, out), dfake (m, out): the gradients of these outputs.  caches: of `forward_both`.
    """
    dys = (dreal, dfake) if len(caches) == 2 else (stack_rows(dreal, dfake),)
    for dy, cache in zip(dys, caches, strict=True):
        network.backward(dy, cache, wrt="params")
