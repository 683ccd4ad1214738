// The training that the page does, as Python with this library. The random numbers are Python's own; all else is the same.

const ACTIVATIONS = { // name -> its title, the layer here, and in Python
  relu: ["ReLU", { layer: "ReLU" }, '"relu"'],
  leaky_relu: ["leaky ReLU", { layer: "LeakyReLU", slope: 0.2 }, "lambda: sg.layers.LeakyReLU(0.2)"],
  tanh: ["tanh", { layer: "Tanh" }, '"tanh"'],
  elu: ["ELU", { layer: "ELU", alpha: 1 }, '"elu"'],
  softplus: ["softplus", { layer: "Softplus" }, '"softplus"'],
};

const tuple = (numbers) => `(${numbers.join(", ")}${numbers.length === 1 ? "," : ""})`;
const inPython = (number) => (Number.isInteger(number) ? number.toFixed(1) : String(number));
const hidden = (layers, units) => Array(layers).fill(units);
const TIME_FEATURES = 8;

function optimizerInPython(name, lr, momentum) {
  return name === "adam" ? `lr=${inPython(lr)}, betas=(${momentum}, 0.999)` : `lr=${inPython(lr)}, momentum=${momentum}`;
}

// s: the settings, steps: how many, toy: { code } or { points }, center and scale of the data -> a program
function pythonCode(s, steps, toy, { center, scale }) {
  const optimizer = s.optimizer === "adam" ? "Adam" : "SGD";
  const draw = toy.code ? [`data = ${toy.code}  # (${toy.x.rows}, 2)`] : [
    `points = np.float32([${toy.points.map((point) => `[${point.join(", ")}]`).join(", ")}])`,
    `data = points[rng.integers(len(points), size=2000)] + ${DRAWN_STD} * rng.standard_normal((2000, 2), dtype=np.float32)`,
  ];
  const normal = (columns) => `rng.standard_normal((${s.batch}, ${columns}), dtype=np.float32)`;
  const body = { gan: ganInPython, vae: vaeInPython, flow: flowInPython }[s.model](s, { optimizer, normal, center, scale });
  return `import numpy as np
import scratchgen as sg
${body.imports ?? ""}
rng = np.random.default_rng(${s.seed})
${draw.join("\n")}
${body.head}

for step in range(${steps}):
    x = data[rng.integers(len(data), size=${s.batch})]  # (${s.batch}, 2)
${body.loop}

points = ${body.sample}
sg.plots.points(points, "points.png", real=data)
${toy.modes ? `print(sg.metrics.mode_coverage(points, ${toy.modes_code}, std=${toy.std}))\n` : ""}`;
}

function ganInPython(s, { optimizer, normal }) {
  const clips = s.objective === "wasserstein" && s.penalty === "none";
  const [lossD, lossG] = {
    non_saturating: ["discriminator_bce", "generator_non_saturating"],
    minimax: ["discriminator_bce", "generator_minimax"],
    least_squares: ["discriminator_least_squares", "generator_least_squares"],
    hinge: ["discriminator_hinge", "generator_hinge"],
    wasserstein: ["critic_wasserstein", "generator_wasserstein"],
  }[s.objective];
  const penalty = {
    none: "",
    r1: `
    loss_D += sg.models.gradient_penalty(D, x, center=0.0, weight=${inPython(s.weight / 2)})`,
    wgan_gp: `
    u = rng.random((${s.batch}, 1), dtype=np.float32)
    loss_D += sg.models.gradient_penalty(D, u * x + (1 - u) * generated, center=1.0, weight=${inPython(s.weight)})`,
  }[s.penalty];
  const indent = s.d_steps > 1 ? "        " : "    ";
  const turnG = [
    `generated, G_cache = G.forward(${normal(s.latent)})`,
    "fake, D_cache = D.forward(generated)",
    `loss_G, dfake = sg.losses.${lossG}(fake)`,
    'dgenerated = D.backward(dfake, D_cache, wrt="input")',
    "G.zero_grads()",
    'G.backward(dgenerated, G_cache, wrt="params")',
    "train_G.step()",
  ].map((line) => indent + line).join("\n");
  return {
    imports: clips ? "from scratchgen.models.penalties import clip_weights\n" : "",
    head: `G = sg.layers.mlp(${tuple([s.latent, ...hidden(s.layers, s.units), 2])}, ${ACTIVATIONS[s.activation][2]}, rng=rng)
D = sg.layers.mlp(${tuple([2, ...hidden(s.d_layers, s.d_units), 1])}, ${ACTIVATIONS[s.d_activation][2]}, rng=rng)
train_G = sg.optim.${optimizer}(G, ${optimizerInPython(s.optimizer, s.lr, s.momentum)})
train_D = sg.optim.${optimizer}(D, ${optimizerInPython(s.optimizer, s.lr_d, s.momentum)})`,
    loop: `
    # D's turn: real examples up, generated ones down
    generated, _ = G.forward(${normal(s.latent)})
    real, real_cache = D.forward(x)
    fake, fake_cache = D.forward(generated)
    loss_D, dreal, dfake = sg.losses.${lossD}(real, fake)
    D.zero_grads()
    D.backward(dreal, real_cache, wrt="params")
    D.backward(dfake, fake_cache, wrt="params")${penalty}
    train_D.step()${clips ? `\n    clip_weights(D.flat_params, ${s.clip})` : ""}

    # G's turn: its gradient comes through D, which learns nothing from it${s.d_steps > 1 ? `\n    if (step + 1) % ${s.d_steps} == 0:` : ""}
${turnG}`,
    sample: `G(rng.standard_normal((1000, ${s.latent}), dtype=np.float32))`,
  };
}

function vaeInPython(s, { optimizer, normal }) {
  return {
    head: `vae = sg.VAE(
    2,
    latent_dim=${s.latent},
    hidden=${tuple(hidden(s.layers, s.units))},
    activation=${ACTIVATIONS[s.activation][2]},
    likelihood="gaussian_fixed",
    variance=${s.variance},
    beta=${inPython(s.beta)},
    rng=rng,
)
optimizer = sg.optim.${optimizer}(vae, ${optimizerInPython(s.optimizer, s.lr, s.momentum)})`,
    loop: `    vae.zero_grads()
    loss, parts = vae.loss(x, eps=${normal(s.latent)})
    optimizer.step()`,
    sample: "vae.sample(1000)",
  };
}

function flowInPython(s, { optimizer, normal, center, scale }) {
  return {
    head: `flow = sg.FlowMatching(
    2,
    hidden=${tuple(hidden(s.layers, s.units))},
    activation=${ACTIVATIONS[s.activation][2]},
    time_features=${TIME_FEATURES},
    center=${inPython(center)},
    scale=${inPython(scale)},
    rng=rng,
)
optimizer = sg.optim.${optimizer}(flow, ${optimizerInPython(s.optimizer, s.lr, s.momentum)})`,
    loop: `    flow.zero_grads()
    loss, parts = flow.loss(x, t=rng.random((${s.batch}, 1), dtype=np.float32), eps=${normal(2)})
    optimizer.step()`,
    sample: "flow.sample(1000)",
  };
}
