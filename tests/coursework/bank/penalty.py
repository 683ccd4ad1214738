"""Mistakes in exercise 12, the gradient of a gradient: (part of the solution, what a student writes there, how it should be named)."""

NORM = "norm = np.sqrt(np.sum(g * g, axis=1))"
P = "P = weight * np.sum((norm - center) ** 2, dtype=np.float64) / batch"
FACTOR = "factor = np.where(norm > 0, (norm - center) / np.where(norm > 0, norm, 1), 0)"
RETURN = "return P, 2 * weight * factor[:, None] * g / batch"
DW = 'add_matmul_tn(self.grads["W"], ddx, dy)'
DDY = 'return matmul(ddx, self.params["W"]), None'
SECOND = "return ddx * dy * -2 * y * (1 - y * y)"

MISTAKES = [
    (NORM, "norm = np.sum(g * g, axis=1)", "the root is missing"),
    (NORM, "norm = np.sqrt(np.sum(g * g, axis=0))", "Shapes do not fit|runs over the batch"),
    (NORM, "norm = np.sqrt(np.mean(g * g, axis=1))", "the features are averaged"),
    (NORM, "norm = np.abs(g).sum(axis=1)", "Σ \\|g\\| stands"),
    (P, "P = weight * np.sum((norm - center) ** 2)", "not divided by the batch size"),
    (P, "P = np.mean((norm - center) ** 2)", "the weight is missing"),
    (P, "P = weight * np.mean(norm**2)", "the center is missing"),
    (P, "P = weight * np.mean((norm + center) ** 2)", "the center is added"),
    (P, "P = weight * np.mean(np.abs(norm - center))", "absolute value"),
    (P, "P = weight * (np.mean(norm) - center) ** 2", "the mean is squared"),
    (FACTOR, "factor = (norm - center) / norm", "NaN"),
    (FACTOR, "factor = norm - center", "not divided by its norm|dg"),
    (RETURN, "return P, weight * factor[:, None] * g / batch", "0.5 times|factor 2"),
    (RETURN, "return P, 2 * factor[:, None] * g / batch", "the weight is missing|times what it should be"),
    (RETURN, "return P, 2 * weight * factor[:, None] * g", "not divided by the batch size"),
    (RETURN, "return P, -2 * weight * factor[:, None] * g / batch", "wrong sign"),
    (RETURN, "return P, 2 * weight * factor * g / batch", "Shapes do not fit"),
    (RETURN, "return P, 2 * weight * (norm - center)[:, None] * np.ones_like(g) / batch", "the direction"),
    (RETURN, "return P, 2 * weight * g / batch", "the center is missing"),
    (RETURN, "return P, 0 * g", "zero everywhere"),
    (RETURN, "return P", "wanted are 2"),
    (DW, 'self.grads["W"] += x.T @ dy', "x stands where ddx belongs"),
    (DW, 'self.grads["W"] += dy.T @ ddx', "a transpose is missing"),
    (DW, 'self.grads["W"] = ddx.T @ dy', "overwritten"),
    (DW, 'self.grads["W"] += -ddx.T @ dy', "wrong sign"),
    (DW, 'self.grads["W"] += ddx.T @ dy / len(dy)', "averaged over the batch|divided by the batch size"),
    (DW, "pass", "zero everywhere|nothing was added"),
    (DW, DW + '; self.grads["b"] += dy.sum(axis=0)', "b's gradient|KeyError|no b"),
    (DDY, 'return ddx @ self.params["W"].T, None', "matrix product do not go together"),
    (DDY, 'return -ddx @ self.params["W"], None', "wrong sign"),
    (DDY, 'return ddx @ self.params["W"]', "wanted are two: ddy, and None"),
    (DDY, 'return ddx @ self.params["W"], ddx', "the second value returned must be None"),
    (DDY, 'return ddx @ self.params["W"] * dy, None', "multiplied by dy as well|the factor dy"),
    (SECOND, "return ddx * dy * -2 * y", "1 − y²"),
    (SECOND, "return ddx * dy * (1 - y * y)", "−2y is missing|wrong|cache|factor"),
    (SECOND, "return ddx * dy * 2 * y * (1 - y * y)", "wrong sign"),
    (SECOND, "return ddx * dy * -y * (1 - y * y)", "0.5 times"),
    (SECOND, "return ddx * -2 * y * (1 - y * y)", "dy is missing"),
    (SECOND, "return dy * -2 * y * (1 - y * y)", "depend on dy|ddx is missing"),
    (SECOND, "return ddx * dy * -2 * y * (1 + y * y)", "a plus for a minus"),
]
