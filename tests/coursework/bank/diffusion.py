"""Mistakes in exercise 15, the loss of a diffusion model: (part of the solution, what a student writes there, how it should be named)."""

RATIO = "ratio = np.exp(LOW + (HIGH - LOW) * time)"
COS = "cos = 1 / np.sqrt(1 + ratio**2)"
X_T = "return cos * ((x - center) / scale + ratio * eps)"
X0 = "x0 = (x - sin_t * eps_hat) / cos_t"
X_S = "return cos_s * x0 + (sin_s**2 - sigma**2) ** 0.5 * eps_hat + sigma * noise"
NET = "eps_hat, cache = self.net.forward(join_columns(diffuse(x, eps, time, self.center, self.scale), time))"
LOSS = "loss, deps_hat = squared_error(eps_hat, eps)"
BACKWARD = 'self.net.backward(deps_hat, cache, wrt="params")'
RETURN = 'return loss, {"loss": loss}'

MISTAKES = [
    (RATIO, "ratio = LOW + (HIGH - LOW) * time", "the exponential is missing"),
    (RATIO, "ratio = np.exp(HIGH + (LOW - HIGH) * time)", "LOW and HIGH are exchanged"),
    (COS, "cos = 1 / np.sqrt(1 + ratio)", "tan is not squared"),
    (COS, "cos = 1 / (1 + ratio**2)", "the root of cos² is missing"),
    (X_T, "return cos * (x + ratio * eps)", "center and scale are forgotten"),
    (X_T, "return cos * (x / scale + ratio * eps)", "center is forgotten"),
    (X_T, "return cos * ((x - center) + ratio * eps)", "scale is forgotten"),
    (X_T, "return cos * ((x - center) * scale + ratio * eps)", "multiplied by scale"),
    (X_T, "return cos * ((x - center) / scale - ratio * eps)", "the noise is subtracted"),
    (X_T, "return cos * (x - center) / scale + ratio * eps", "tan φ, where it should be sin φ"),
    (X_T, "return cos * (x - center) / scale + eps", "not multiplied by sin"),
    (X_T, "return cos * (x - center) / scale", "the noise is missing"),
    (X_T, "return cos * (ratio * (x - center) / scale + eps)", "cos and sin are exchanged"),
    (X_T, "x -= center; return cos * (x / scale + ratio * eps)", "changes its argument x"),
    (X0, "x0 = (x + sin_t * eps_hat) / cos_t", "the noise is added in x₀"),
    (X0, "x0 = x - sin_t * eps_hat", "not divided by cos φ_t"),
    (X0, "x0 = x - sin_t * eps_hat / cos_t", "only the noise is divided"),
    (X0, "x0 = x", "x_t stands where x₀ belongs"),
    (X0, "x0 = (x - eps_hat) / cos_t", "sin φ_t is missing"),
    (X_S, "return x0 + (sin_s**2 - sigma**2) ** 0.5 * eps_hat + sigma * noise", "not multiplied by cos φ_s"),
    (X_S, "return cos_s * x0 + sin_s * eps_hat + sigma * noise", "sin φ_s stands where"),
    (X_S, "return cos_s * x0 + (sin_s**2 - sigma**2) * eps_hat + sigma * noise", "the root is missing"),
    (X_S, "return cos_s * x0 + (sin_s**2 + sigma**2) ** 0.5 * eps_hat + sigma * noise", "σ² is added"),
    (X_S, "return cos_s * x0 + (sin_s**2 - sigma**2) ** 0.5 * eps_hat", "the fresh noise is missing"),
    (X_S, "return cos_s * x0 + (sin_s**2 - sigma**2) ** 0.5 * noise + sigma * eps_hat", "the two noises are exchanged"),
    (X_S, "return cos_s * x0 + (sin_t**2 - sigma**2) ** 0.5 * eps_hat + sigma * noise", "sin φ_t stands where sin φ_s"),
    (X_S, "return cos_s * x0 + sigma * noise", "the predicted noise is missing"),
    (NET, "eps_hat, cache = self.net.forward(join_columns(x, time))", "the loss|flat_grads"),
    (NET, "eps_hat, cache = self.net.forward(diffuse(x, eps, time, self.center, self.scale))", "shape|Shapes|columns|needs"),
    (NET, "eps_hat, cache = self.net.forward(join_columns(diffuse(x, eps, t[:, None] * 1.0, self.center, self.scale), time))", "the loss|NaN|Error"),
    (LOSS, "loss, deps_hat = squared_error(eps_hat, x)", "the loss"),
    (LOSS, "loss, deps_hat = squared_error(eps, eps_hat)", "wrong sign"),
    (LOSS, "loss, deps_hat = squared_error(eps_hat, eps); loss = 2 * loss", "the ½ is missing"),
    (LOSS, "loss, deps_hat = squared_error(eps_hat, eps); loss = loss / x.shape[1]", "averaged over the features as well"),
    (LOSS, "loss, deps_hat = squared_error(eps_hat, eps); loss = loss * len(x); deps_hat = deps_hat * len(x)", "not divided by the batch size"),
    (LOSS, "loss, deps_hat = squared_error(eps_hat, eps); loss = np.mean((eps_hat - eps) ** 2)", "averaged over everything"),
    (BACKWARD, "pass", "zero everywhere|nothing was added"),
    (BACKWARD, 'self.net.backward(deps_hat, cache, wrt="input")', "zero everywhere|nothing was added"),
    (BACKWARD, "self.net.zero_grads(); " + BACKWARD, "overwritten"),
    (BACKWARD, BACKWARD + "; " + BACKWARD, "doubled"),
    (RETURN, "return loss", "the objective returns one value"),
    (RETURN, "return loss, {loss}", "is a set"),
]
