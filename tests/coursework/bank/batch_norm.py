"""Mistakes in exercise 5, batch normalisation: (part of the solution, what a student writes there, how it should be named)."""

MEAN = "    mean = x.mean(axis=0)\n"
VAR = "    var = np.mean((x - mean) ** 2, axis=0)\n"
R = "(x - mean) ** 2, axis=0)\n    r = 1 / np.sqrt(var + eps)"
TWO = "(x - mean) ** 2, axis=0)\n    "
X_HAT = TWO + "r = 1 / np.sqrt(var + eps)\n    x_hat = (x - mean) * r"
RETURN = "return gamma * x_hat + beta, x_hat, r, mean, var"
DX = "return r * (dx_hat - dx_hat.mean(axis=0) - x_hat * np.mean(dx_hat * x_hat, axis=0))"
DX_HAT = "dx_hat = dy * gamma"
DGAMMA, DBETA = "dgamma += np.sum(dy * x_hat, axis=0)", "dbeta += np.sum(dy, axis=0)"
INFERENCE = "return gamma * r * dy"

MISTAKES = [
    (MEAN, "    mean = x.mean()\n", "of all features together|shape"),
    (MEAN, "    mean = x.mean(axis=1)\n", "Shapes do not fit"),
    (MEAN, "    mean = x.sum(axis=0)\n", "not divided|the sum over the batch|x̂|y\\["),
    (MEAN, "    mean = np.median(x, axis=0)\n", "this is the median"),
    (VAR, "    var = x.var(axis=0, ddof=1)\n", "ddof=1"),
    (VAR, "    var = np.sum((x - mean) ** 2, axis=0)\n", "not divided by the batch size"),
    (VAR, "    var = np.mean(x**2, axis=0)\n", "not subtracted before squaring"),
    (VAR, "    var = x.std(axis=0)\n", "standard deviation, not the variance"),
    (VAR, "    var = np.mean(x**2, axis=0) - mean**2\n", "var|y|NaN"),
    (VAR, "    x -= mean; mean = mean; var = np.mean(x**2, axis=0); x = x + mean\n", "changes its argument x"),
    (R, TWO + "r = 1 / np.sqrt(var)", "eps is missing"),
    (R, TWO + "r = 1 / (np.sqrt(var) + eps)", "eps stands outside the root"),
    (R, TWO + "r = 1 / (var + eps)", "the root is missing"),
    (R, TWO + "r = np.sqrt(var + eps)", "not one over the root"),
    (X_HAT, TWO + "r = 1 / np.sqrt(var + eps)\n    x_hat = x * r", "the mean is not subtracted"),
    (X_HAT, TWO + "r = 1 / np.sqrt(var + eps)\n    x_hat = x - mean", "not divided by the standard deviation"),
    (X_HAT, TWO + "r = 1 / np.sqrt(var + eps)\n    x_hat = (x - mean) / r", "multiplied by the standard deviation"),
    (RETURN, "return x_hat + beta, x_hat, r, mean, var", "gamma is missing|the factor gamma"),
    (RETURN, "return gamma * x_hat, x_hat, r, mean, var", "beta is missing"),
    (RETURN, "return beta * x_hat + gamma, x_hat, r, mean, var", "gamma and beta are exchanged"),
    (RETURN, "return gamma * x_hat + beta, x_hat, r, var, mean", "this is the variance"),
    (RETURN, "return gamma * (x_hat + beta), x_hat, r, mean, var", "gamma multiplies the sum"),
    (RETURN, "return gamma * x_hat + beta, x_hat, r", "wanted are 5"),
    (RETURN, "return gamma * x_hat + beta, x_hat, r, mean, var + eps", "eps belongs under the root only"),
    (DX, "return r * (dx_hat - x_hat * np.mean(dx_hat * x_hat, axis=0))", "through the mean"),
    (DX, "return r * (dx_hat - dx_hat.mean(axis=0))", "through the variance"),
    (DX, "return r * dx_hat", "through the"),
    (DX, "return r * (dx_hat + dx_hat.mean(axis=0) - x_hat * np.mean(dx_hat * x_hat, axis=0))", "through the mean.*wrong sign"),
    (DX, "return r * (dx_hat - dx_hat.mean(axis=0) + x_hat * np.mean(dx_hat * x_hat, axis=0))", "through the variance.*wrong sign"),
    (
        DX,
        "return r * (dx_hat - dx_hat.sum(axis=0) - x_hat * np.mean(dx_hat * x_hat, axis=0))",
        "through the mean.*summed where it should be averaged",
    ),
    (DX, "return r * (dx_hat - dx_hat.mean(axis=0) - x_hat * np.sum(dx_hat * x_hat, axis=0) / (len(dy) - 1))", "N and N − 1"),
    (DX, "return r * (dx_hat - dx_hat.mean(axis=0) - 2 * x_hat * np.mean(dx_hat * x_hat, axis=0))", "through the variance.*2 times"),
    (DX, "return dx_hat - dx_hat.mean(axis=0) - x_hat * np.mean(dx_hat * x_hat, axis=0)", "r is missing|deviation|cache\\[1\\]"),
    (DX, "return r * r * (dx_hat - dx_hat.mean(axis=0) - x_hat * np.mean(dx_hat * x_hat, axis=0))", "r is squared|deviation|once too often"),
    (DX, "return r * (dx_hat - dx_hat.mean() - x_hat * np.mean(dx_hat * x_hat))", "the means run over everything"),
    (DX, "return r * (dx_hat - dx_hat.mean(axis=0) - np.mean(dx_hat * x_hat, axis=0))", "x̂ is missing from the path"),
    (DX, "return -r * (dx_hat - dx_hat.mean(axis=0) - x_hat * np.mean(dx_hat * x_hat, axis=0))", "dx has the wrong sign"),
    (DX, "return r * (dx_hat - dx_hat.mean(axis=0) - x_hat * np.mean(dx_hat * x_hat, axis=0)) / len(dy)", "divided by the batch size"),
    (DX_HAT, "dx_hat = dy", "gamma is missing|cache\\[2\\]"),
    (DX_HAT, "dx_hat = dy / gamma", "gamma|cache\\[2\\]|dx"),
    (DGAMMA, "dgamma = np.sum(dy * x_hat, axis=0)", "makes? a new array|nothing was added"),
    (DGAMMA, "dgamma = dgamma + np.sum(dy * x_hat, axis=0)", "makes? a new array|nothing was added"),
    (DGAMMA, "dgamma[...] = np.sum(dy * x_hat, axis=0)", "dgamma is overwritten"),
    (DGAMMA, "dgamma += np.mean(dy * x_hat, axis=0)", "divided by the batch size|mean over the batch"),
    (DGAMMA, "dgamma += np.sum(dy, axis=0)", "dgamma is the gradient of beta|exchanged"),
    (DGAMMA, "dgamma += dy * x_hat", "sum over the batch"),
    (DGAMMA, "dgamma += np.sum(dy * x_hat)", "summed over everything"),
    (DGAMMA, "dgamma -= np.sum(dy * x_hat, axis=0)", "wrong sign"),
    (DGAMMA, "dgamma += np.sum(dy * x_hat, axis=1)", "wrong axis"),
    (DBETA, "pass", "dbeta is as it was before"),
    (DBETA, "dbeta = dbeta + np.sum(dy, axis=0)", "makes? a new array|nothing was added"),
    (DBETA, "dbeta += np.mean(dy, axis=0)", "divided by the batch size|mean over the batch"),
    (DBETA, "dbeta += np.sum(dy * x_hat, axis=0)", "dbeta is the gradient of gamma|exchanged"),
    (DBETA, "dy *= 1.0; dbeta += dy[0]", "only the first example"),
    (INFERENCE, "return r * dy", "gamma is missing|the factor"),
    (INFERENCE, "return gamma * dy", "r is missing|the factor"),
    (INFERENCE, "return gamma / r * dy", "divided by r|r²"),
    (INFERENCE, "return gamma * r * (dy - dy.mean(axis=0))", "path through the mean|through a sum over the batch"),
    (INFERENCE, "return gamma * r", "shape|does not depend"),
]
