"""Mistakes in exercise 13, a coupling layer: (part of the solution, what a student writes there, how it should be named)."""

S = "s = log_scale(h[:, D:])"
FORWARD = "return (x - h[:, :D]) * np.exp(-s), -np.sum(s, axis=1)"
T = "t = np.tanh(h[:, D:] / BOUND)"
DX = "dx = dz * np.exp(-BOUND * t)"
DS = "ds = -dz * z - dlogdet[:, None]"
RETURN = "return dx, np.concatenate([-dx, ds * (1 - t * t)], axis=1)"
INVERSE = "return np.exp(log_scale(h[:, D:])) * z + h[:, :D]"

MISTAKES = [
    (S, "s = h[:, D:]", "a stands where log σ"),
    (S, "s = log_scale(h[:, :D])", "z"),
    (S, "s = np.exp(log_scale(h[:, D:]))", "z|logdet"),
    (FORWARD, "return (x - h[:, :D]) * np.exp(s), -np.sum(s, axis=1)", "multiplied by σ, where it should be divided"),
    (FORWARD, "return x - h[:, :D] * np.exp(-s), -np.sum(s, axis=1)", "only μ is divided"),
    (FORWARD, "return x * np.exp(-s) - h[:, :D], -np.sum(s, axis=1)", "only x is divided"),
    (FORWARD, "return (x + h[:, :D]) * np.exp(-s), -np.sum(s, axis=1)", "μ is added"),
    (FORWARD, "return x - h[:, :D], -np.sum(s, axis=1)", "σ is missing"),
    (FORWARD, "return (x - h[:, :D]) * np.exp(-s), np.sum(s, axis=1)", "logdet has the wrong sign"),
    (FORWARD, "return (x - h[:, :D]) * np.exp(-s), -np.mean(s, axis=1)", "mean over the features|number of"),
    (FORWARD, "return (x - h[:, :D]) * np.exp(-s), -np.sum(s)", "logdet"),
    (FORWARD, "return (x - h[:, :D]) * np.exp(-s), -np.sum(s, axis=0)", "logdet"),
    (FORWARD, "return (x - h[:, :D]) * np.exp(-s), -s", "logdet"),
    (FORWARD, "return (x - h[:, :D]) * np.exp(-s)", "wanted are 2"),
    (FORWARD, "x -= h[:, :D]; return x * np.exp(-s), -np.sum(s, axis=1)", "changes its argument x"),
    (INVERSE, "return np.exp(-log_scale(h[:, D:])) * z + h[:, :D]", "divided by σ, where it should be multiplied"),
    (INVERSE, "return np.exp(log_scale(h[:, D:])) * (z + h[:, :D])", "μ is added before"),
    (INVERSE, "return np.exp(log_scale(h[:, D:])) * z - h[:, :D]", "μ is subtracted"),
    (INVERSE, "return np.exp(log_scale(h[:, D:])) * z", "μ is missing"),
    (INVERSE, "return np.exp(h[:, D:]) * z + h[:, :D]", "a stands where log σ"),
    (INVERSE, "return (z - h[:, :D]) * np.exp(-log_scale(h[:, D:]))", "the way forth"),
    (DX, "dx = dz * np.exp(BOUND * t)", "multiplied by σ, where it should be divided"),
    (DX, "dx = dz", "1/σ is missing|dz itself|lacks the factor 1/σ"),
    (DX, "dx = dz * np.exp(-BOUND * t) + dlogdet[:, None]", "dlogdet is added"),
    (DX, "dx = -dz * np.exp(-BOUND * t)", "wrong sign"),
    (DX, "dx = dz / np.exp(h[:, D:])", "a stands where log σ"),
    (DS, "ds = -dz * z", "lacks the path through the log-determinant"),
    (DS, "ds = -dlogdet[:, None] + 0 * z", "lacks the path through z"),
    (DS, "ds = -dz * z + dlogdet[:, None]", "log-determinant has the wrong sign"),
    (DS, "ds = dz * z - dlogdet[:, None]", "through z has the wrong sign"),
    (DS, "ds = -dz - dlogdet[:, None]", "z is missing from the path"),
    (DS, "ds = dz * z + dlogdet[:, None]", "da has the wrong sign"),
    (DS, "ds = -dz * z - dlogdet", "Shapes do not fit"),
    (RETURN, "return dx, np.concatenate([dx, ds * (1 - t * t)], axis=1)", "dμ has the wrong sign"),
    (RETURN, "return dx, np.concatenate([-dx, ds], axis=1)", "1 − tanh², is missing"),
    (RETURN, "return dx, np.concatenate([-dz, ds * (1 - t * t)], axis=1)", "dμ lacks the factor 1/σ"),
    (RETURN, "return dx, np.concatenate([ds * (1 - t * t), -dx], axis=1)", "da and dμ are exchanged"),
    (RETURN, "return dx, np.concatenate([-dx, ds * (1 - t)], axis=1)", "tanh is not squared"),
    (RETURN, "return dx, np.concatenate([-dx, ds * (1 - t * t) / BOUND], axis=1)", "B cancels"),
    (RETURN, "return dx, np.concatenate([-dx, ds * (1 - t * t)], axis=0)", "shape"),
    (RETURN, "return dx, ds", "shape"),
]
