"""Feature matching: the generator is to have the same mean features as the data (Salimans et al. 2016).

f is what a discriminator computes in its last hidden layer: what it looks for to tell real from generated.
In the place of deceiving D, the generator brings the mean of these features to that of the data. With means
f̄(x) of n real and f̄(x̃) of m generated examples,

    L_G = ‖f̄(x̃) − f̄(x)‖²
    df(x̃_k) = (2 / m) (f̄(x̃) − f̄(x))      each example moves the mean by 1/m, so all get the same gradient

It is 0 when the means agree, wherever the single examples are.
The features of the data are given: D is not trained by it.
"""

import numpy as np

from scratchgen.losses.mmd import column_means
from scratchgen.losses.shapes import equal_features
from scratchgen.ops import op


@op
def squared_distance(fake_mean, real_mean):
    """-> ‖f̄(x̃) − f̄(x)‖², and its gradient with respect to f̄(x̃);  (features,) each."""
    apart = fake_mean - real_mean
    return np.sum(np.square(apart, dtype=np.float64)), 2 * apart


@op
def column_means_backward(dmean, fake):  # df(x̃_k) = dmean / m
    return np.zeros_like(fake) + dmean / fake.shape[0]


@equal_features
def feature_matching(fake, real):
    """-> loss, dfake.  Features of generated examples (m, features) and of real ones (n, features),
    which are given and get no gradient.
    """
    loss, dmean = squared_distance(column_means(fake), column_means(real))
    return loss, column_means_backward(dmean, fake)
