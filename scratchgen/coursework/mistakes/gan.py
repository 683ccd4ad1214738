"""Mistakes in the game of generator and discriminator."""


def discriminator(from_real, from_fake):
    """{words: the discriminator's gradient}; its right parts, from real and from generated examples."""
    return {
        "the gradient from generated examples is missing": from_real,
        "the gradient from real examples is missing": from_fake,
        "the gradient from generated examples has the wrong sign": from_real - from_fake,
        "the gradient from real examples has the wrong sign": from_fake - from_real,
        "both parts have the wrong sign": -from_real - from_fake,
        "both parts are counted twice: is backward run twice?": 2 * (from_real + from_fake),
        "the discriminator's gradient is zero everywhere: is its backward run, and without wrt='input'?": 0 * from_real,
    }


def generator(right):
    """{words: the generator's gradient}."""
    return {
        "the generator's gradient has the wrong sign": -right,
        "it is counted twice: is backward run twice?": 2 * right,
        "the generator's gradient is zero: nothing came back through the discriminator, or the generator's own backward is not run": 0 * right,
    }
