"""Backpropagation by hand, on the smallest problem that needs it: exclusive or.

    x = 00, 01, 10, 11        target = 0, 1, 1, 0         no straight line separates the ones from the zeros

A hidden layer of tanh units bends the plane so that one does.
Every step of the chain rule is a line of its own below:

    forward    x -> a = x W1 + b1 -> h = tanh a -> logit = h W2 + b2 -> loss
    backward   dlogit -> dh, dW2, db2 -> da -> dW1, db1

    python demos/xor.py [--seed 0] [--out runs/demo-xor] [--quick]
"""

import argparse
from pathlib import Path

import numpy as np
from tqdm import trange

import scratchgen as sg
from scratchgen.plots.canvas import BLUE, FAINT, INK, ORANGE, PAPER, finish, new_figure, set_title, tidy
from scratchgen.terminal import tolerate_terminal

tolerate_terminal()
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--seed", type=int, default=0, help="of the initial weights")
parser.add_argument("--out", type=Path, default=Path("runs/demo-xor"), help="folder for the picture")
parser.add_argument("--quick", action="store_true", help="a few steps only")
options = parser.parse_args()
steps, lr = (200 if options.quick else 2000), 0.5

x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)  # (4, 2)
targets = np.array([[0], [1], [1], [0]], np.float32)  # (4, 1)
rng = np.random.default_rng(options.seed)
linear1, tanh, linear2 = sg.layers.Linear(2, 4, rng=rng), sg.layers.Tanh(), sg.layers.Linear(4, 1, rng=rng)


def predict(x):
    """The probability that x (n, 2) is a one -> (n, 1)."""
    return sg.layers.Sigmoid()(linear2(tanh(linear1(x))))


curve = []
for _ in trange(steps, unit="step"):
    a, cache1 = linear1.forward(x)  # (4, 4)
    h, cache_tanh = tanh.forward(a)  # (4, 4)
    logits, cache2 = linear2.forward(h)  # (4, 1)
    loss, dlogits = sg.losses.bce_with_logits(logits, targets)

    linear1.zero_grads()
    linear2.zero_grads()
    dh = linear2.backward(dlogits, cache2)  # adds dW2, db2 to linear2.grads
    da = tanh.backward(dh, cache_tanh)
    linear1.backward(da, cache1)  # adds dW1, db1; its dx, the gradient of the data, nobody needs

    for layer in (linear1, linear2):
        for name in layer.params:
            layer.params[name] -= lr * layer.grads[name]  # gradient descent
    curve.append(float(loss))

print(
    f"loss {curve[0]:.4f} at first, {curve[-1]:.4f} after {steps} steps (a coin toss costs {np.log(2):.4f})"
)
for (x1, x2), p in zip(x, predict(x)[:, 0], strict=True):
    print(f"{x1:g} xor {x2:g}:  probability of a one {p:.3f}")

side = np.linspace(-0.5, 1.5, 200, dtype=np.float32)
plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
figure = new_figure(13, 4.4)
figure.set_layout_engine("constrained")
left, middle, right = figure.subplots(1, 3)
left.contourf(side, side, predict(plane).reshape(200, 200), levels=20, cmap="Blues", vmin=0, vmax=1.4)
left.contour(side, side, predict(plane).reshape(200, 200), levels=[0.5], colors=INK, linewidths=1)
for value, colour in ((0, PAPER), (1, ORANGE)):
    left.scatter(*x[targets[:, 0] == value].T, s=140, color=colour, edgecolors=INK, zorder=3)
left.set(aspect="equal", xticks=[0, 1], yticks=[0, 1], xlabel="x₁", ylabel="x₂")
set_title(left, "probability of a one; the line is ½")

# The same grid after the hidden layer, looked at along the output's weights,
# and across them where the examples lie apart most.
W2, b2 = linear2.params["W"], linear2.params["b"]
along = W2 / np.linalg.norm(W2)  # (4, 1)
corners = tanh(linear1(x))  # (4, 4)
rest = corners - corners @ along @ along.T
across = np.linalg.svd(rest - rest.mean(axis=0))[2][:1].T  # (4, 1)
bent = (tanh(linear1(plane)) @ np.hstack([along, across])).reshape(200, 200, 2)
for k in range(0, 200, 20):
    middle.plot(*bent[k].T, color=FAINT, linewidth=0.8)
    middle.plot(*bent[:, k].T, color=FAINT, linewidth=0.8)
middle.axvline(-b2[0] / np.linalg.norm(W2), color=INK, linewidth=1)  # h W2 + b2 = 0
for (x1, x2), point, value in zip(x, corners @ np.hstack([along, across]), targets[:, 0], strict=True):
    middle.scatter(*point, s=140, color=ORANGE if value else PAPER, edgecolors=INK, zorder=3)
    middle.annotate(f"{x1:g}{x2:g}", point, xytext=(9, 7), textcoords="offset points", fontsize=10, color=INK)
middle.margins(0.12)
middle.set(xlabel="along the output's weights W2", ylabel="across them")
set_title(middle, "the plane, bent by the hidden layer")
right.plot(curve, color=BLUE, label="on the four examples")
right.axhline(np.log(2), color=INK, linewidth=1, linestyle=(0, (4, 3)), label="log 2: a coin toss")
right.set(xlabel="step", ylim=(0, None))
set_title(right, "loss, nats per example")
right.legend(frameon=False, labelcolor=INK, fontsize=9)
for axes in (left, middle, right):
    tidy(axes, grid=axes is right)
straight = (
    "In the plane a bent line parts ones from zeros; "
    "after the hidden layer has bent the plane, a straight one does."
)
finish(figure, options.out / "xor.png", sentence=straight)
print(f"picture: {options.out / 'xor.png'}")
