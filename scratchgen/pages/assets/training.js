// Training once more, as in scratchgen/losses, optim and models: losses with their gradients, penalties, optimizers, and three
// models of points in the plane. A model's turns take their minibatch and their noise as arguments, so that the same turns can be
// taken with the library and compared.

// Random numbers of a seed: 32 bits of mulberry32, and normal ones by Box and Muller.
class Random {
  constructor(seed) { this.state = seed >>> 0; }
  uniform() { // in [0, 1)
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
  normal() { return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform()); }
  uniforms(rows, cols) { return each(() => this.uniform(), new Tensor([rows, cols])); }
  normals(rows, cols) { return each(() => this.normal(), new Tensor([rows, cols])); }
  rowsOf(x, n) { // n rows of x, drawn with replacement
    const y = new Tensor([n, x.cols]);
    for (let i = 0; i < n; i++) y.row(i).set(x.row(Math.floor(this.uniform() * x.rows)));
    return y;
  }
}

// The layers of a multilayer perceptron; weights uniform on ±√(6 / (n_in + n_out)) (Glorot & Bengio 2010), biases 0.
// activation: { layer, its numbers }
function mlp(sizes, activation, random) {
  const described = [];
  for (let i = 0; i + 1 < sizes.length; i++) {
    const [n_in, n_out] = [sizes[i], sizes[i + 1]], limit = Math.sqrt(6 / (n_in + n_out));
    if (i > 0) described.push(activation);
    const W = each((u) => limit * (2 * u - 1), random.uniforms(n_in, n_out));
    described.push({ layer: "Linear", W, b: new Tensor([n_out]) });
  }
  return described;
}

const mean = (values, f) => values.reduce((sum, value) => sum + f(value), 0) / values.length;

// A term of a loss, the mean over a batch of f(D's output), with its gradient f′ / batch.
const term = (f, slope) => (y) => [mean(y.values, f), each((value) => slope(value) / y.rows, y)];

// Each objective as three such terms: D's loss is real(D(x)) + fake(D(G(z))), G's is generator(D(G(z))). With cross-entropy y is
// the logit, and the probability of "real" is σ(y):  −log σ(y) = softplus(−y),  −log(1 − σ(y)) = softplus(y),  softplus′ = σ.
const BCE = {
  real: term((y) => softplus(-y), (y) => -sigmoid(-y)),
  fake: term(softplus, sigmoid),
};
const LINEAR = { up: term((y) => -y, () => -1), down: term((y) => y, () => 1) };
const OBJECTIVES = {
  non_saturating: { ...BCE, generator: BCE.real },
  minimax: { ...BCE, generator: term((y) => -softplus(y), (y) => -sigmoid(y)) }, // its slope vanishes where D wins, y → −∞
  least_squares: {
    real: term((y) => (y - 1) ** 2 / 2, (y) => y - 1),
    fake: term((y) => y ** 2 / 2, (y) => y),
    generator: term((y) => (y - 1) ** 2 / 2, (y) => y - 1),
  },
  hinge: {
    real: term((y) => Math.max(1 - y, 0), (y) => (y < 1 ? -1 : 0)),
    fake: term((y) => Math.max(1 + y, 0), (y) => (y > -1 ? 1 : 0)),
    generator: LINEAR.up,
  },
  wasserstein: { real: LINEAR.up, fake: LINEAR.down, generator: LINEAR.up },
};

// (1 − u) a + u b, with a number u for each row:  a, b (batch, n), u (batch, 1)
function blend(a, b, u) {
  const y = new Tensor(a.shape);
  for (let i = 0; i < y.values.length; i++) {
    const weight = u.values[Math.floor(i / a.cols)];
    y.values[i] = (1 - weight) * a.values[i] + weight * b.values[i];
  }
  return y;
}

// [a | b]
function joinColumns(a, b) {
  const y = new Tensor([a.rows, a.cols + b.cols]);
  for (let i = 0; i < a.rows; i++) {
    y.row(i).set(a.row(i));
    y.row(i).set(b.row(i), a.cols);
  }
  return y;
}

// [a | b] -> a, b, of the same width
function halves(h) {
  const n = h.cols / 2, a = new Tensor([h.rows, n]), b = new Tensor([h.rows, n]);
  for (let i = 0; i < h.rows; i++) {
    a.row(i).set(h.row(i).subarray(0, n));
    b.row(i).set(h.row(i).subarray(n));
  }
  return [a, b];
}

// P = weight · mean_n (‖g_n‖ − center)² of g_n = ∇ₓ D(x_n) -> P; adds dP/dparams to the network's gradients.
//   dP/dg_n = (2 weight / batch) (‖g_n‖ − center) g_n / ‖g_n‖,   0 where g_n = 0
function gradientPenalty(network, x, center, weight) {
  const [y, caches] = network.forward(x), dy = each(() => 1, y);
  const g = network.backward(dy, caches, "input"), dg = new Tensor(g.shape);
  let P = 0;
  for (let n = 0; n < g.rows; n++) {
    const norm = Math.hypot(...g.row(n)), factor = norm > 0 ? (norm - center) / norm : 0;
    P += (weight * (norm - center) ** 2) / g.rows;
    dg.row(n).set(g.row(n).map((value) => (2 * weight * factor * value) / g.rows));
  }
  network.doubleBackward(dg, dy, caches);
  return P;
}

// Every parameter of some networks with its gradient.
const parameters = (networks) => networks.flatMap((net) => net.layers.flatMap((layer) =>
  Object.keys(layer.params).map((key) => [layer.params[key].values, layer.grads[key].values])));

// m <- β₁ m + (1 − β₁) g     v <- β₂ v + (1 − β₂) g²     m̂ = m / (1 − β₁ᵗ)     v̂ = v / (1 − β₂ᵗ)     p <- p − lr m̂ / (√v̂ + eps)
class Adam {
  constructor(networks, lr, momentum, beta2 = 0.999, eps = 1e-8) {
    Object.assign(this, { lr, momentum, beta2, eps, steps: 0 });
    const zeros = (p) => new Float32Array(p.length);
    this.slots = parameters(networks).map(([p, g]) => ({ p, g, m: zeros(p), v: zeros(p) }));
  }
  step() {
    const { lr, momentum: beta1, beta2, eps } = this, t = ++this.steps;
    const unbias1 = 1 - beta1 ** t, unbias2 = 1 - beta2 ** t;
    for (const { p, g, m, v } of this.slots) {
      for (let i = 0; i < p.length; i++) {
        m[i] = beta1 * m[i] + (1 - beta1) * g[i];
        v[i] = beta2 * v[i] + (1 - beta2) * g[i] ** 2;
        p[i] -= (lr * m[i]) / unbias1 / (Math.sqrt(v[i] / unbias2) + eps);
      }
    }
  }
}

// v <- μ v + g     p <- p − lr v
class SGD {
  constructor(networks, lr, momentum) {
    Object.assign(this, { lr, momentum });
    this.slots = parameters(networks).map(([p, g]) => ({ p, g, v: new Float32Array(p.length) }));
  }
  step() {
    for (const { p, g, v } of this.slots) {
      for (let i = 0; i < p.length; i++) {
        v[i] = this.momentum * v[i] + g[i];
        p[i] -= this.lr * v[i];
      }
    }
  }
}

const OPTIMIZERS = { adam: Adam, sgd: SGD };

// scratchgen/models/gan.py;  settings: objective, penalty, weight, clip, optimizer, momentum, lr_d, lr
class GAN {
  constructor({ generator, discriminator }, settings) {
    this.generator = new Sequential(generator);
    this.discriminator = new Sequential(discriminator);
    this.settings = settings;
    this.objective = OBJECTIVES[settings.objective];
    const Optimizer = OPTIMIZERS[settings.optimizer];
    this.trainD = new Optimizer([this.discriminator], settings.lr_d, settings.momentum);
    this.trainG = new Optimizer([this.generator], settings.lr, settings.momentum);
  }
  turnD(x, z, u) { // x (batch, 2) real examples, z (batch, latent) noise, u (batch, 1) where wgan_gp looks -> loss
    const { discriminator: D, settings } = this, generated = this.generator.call(z);
    D.zeroGrads();
    let loss = 0;
    for (const [points, lossOf] of [[x, this.objective.real], [generated, this.objective.fake]]) {
      const [y, caches] = D.forward(points), [part, dy] = lossOf(y);
      D.backward(dy, caches);
      loss += part;
    }
    if (settings.penalty === "r1") loss += gradientPenalty(D, x, 0, settings.weight / 2);
    if (settings.penalty === "wgan_gp") { // x̂ = u x + (1 − u) x̃
      loss += gradientPenalty(D, blend(generated, x, u), 1, settings.weight);
    }
    this.trainD.step();
    if (settings.objective === "wasserstein" && settings.penalty === "none") { // W <- min(max(W, −c), c)
      const { clip } = settings;
      for (const [p] of parameters([D])) p.set(p.map((value) => Math.min(Math.max(value, -clip), clip)));
    }
    return loss;
  }
  turnG(z) { // z (batch, latent) -> loss;  the gradient comes through D, which does not learn from it
    const [generated, caches] = this.generator.forward(z), { loss, pull } = this.judged(generated);
    this.generator.zeroGrads();
    this.generator.backward(pull, caches);
    this.trainG.step();
    return loss;
  }
  judged(points) { // -> G's loss, and its gradient in the points
    const [fake, caches] = this.discriminator.forward(points), [loss, dfake] = this.objective.generator(fake);
    return { loss, pull: this.discriminator.backward(dfake, caches, "input") };
  }
}

// scratchgen/models/vae.py, with the variance of the data around the decoder's output fixed;  settings: beta, variance,
// optimizer, momentum, lr
class VAE {
  constructor({ encoder, decoder }, settings) {
    this.encoder = new Sequential(encoder);
    this.decoder = new Sequential(decoder);
    this.settings = settings;
    this.train = new OPTIMIZERS[settings.optimizer]([this.encoder, this.decoder], settings.lr, settings.momentum);
  }
  turn(x, eps) { // x (batch, 2), eps (batch, latent) noise -> { loss, nll, kl } in nats
    const { beta, variance } = this.settings, batch = x.rows;
    const [h, encoderCaches] = this.encoder.forward(x), [mu, logvar] = halves(h);
    const z = each((mu, logvar, eps) => mu + Math.exp(logvar / 2) * eps, mu, logvar, eps); // z = μ + σ ε
    const [output, decoderCaches] = this.decoder.forward(z);
    const error = each((output, x) => output - x, output, x);
    const nll = x.cols * mean(error.values, (e) => e ** 2 / variance + Math.log(2 * Math.PI * variance)) / 2;
    const kl = z.cols * mean(each((mu, logvar) => mu ** 2 + Math.exp(logvar) - logvar - 1, mu, logvar).values, (v) => v) / 2;

    this.encoder.zeroGrads();
    this.decoder.zeroGrads();
    const dz = this.decoder.backward(each((error) => error / variance / batch, error), decoderCaches);
    const dmu = each((dz, mu) => dz + (beta * mu) / batch, dz, mu); // two paths: through z, and through the KL
    const dlogvarOfZ = each((dz, logvar, eps) => (dz * eps * Math.exp(logvar / 2)) / 2, dz, logvar, eps); // ½ dz ∘ ε ∘ σ
    const dlogvar = each((d, logvar) => d + (beta * (Math.exp(logvar) - 1)) / 2 / batch, dlogvarOfZ, logvar);
    this.encoder.backward(joinColumns(dmu, dlogvar), encoderCaches);
    this.train.step();
    return { loss: nll + beta * kl, nll, kl };
  }
}

// scratchgen/models/flow_matching.py;  settings: center, scale, optimizer, momentum, lr
class FlowMatching {
  constructor({ net }, settings) {
    this.net = new Sequential(net);
    this.settings = settings;
    this.train = new OPTIMIZERS[settings.optimizer]([this.net], settings.lr, settings.momentum);
  }
  turn(x, t, z) { // x (batch, 2), t (batch, 1) times, z (batch, 2) noise -> loss = mean ½ ‖v(x_t, t) − (x − z)‖²
    const { center, scale } = this.settings, scaled = each((x) => (x - center) / scale, x);
    const [v, caches] = this.net.forward(joinColumns(blend(z, scaled, t), t)); // x_t = (1 − t) z + t x
    const error = each((v, x, z) => v - (x - z), v, scaled, z);
    this.net.zeroGrads();
    this.net.backward(each((error) => error / x.rows, error), caches);
    this.train.step();
    return (mean(error.values, (e) => e ** 2) * x.cols) / 2;
  }
  velocity(x, t) { return this.net.call(joinColumns(x, each(() => t, new Tensor([x.rows, 1])))); }
  path(z, end, steps) { // from noise z to the time `end`, by Heun's method -> x_t
    const h = end / steps;
    let x = z;
    for (let i = 0; i < steps; i++) {
      const v = this.velocity(x, i * h), later = this.velocity(each((x, v) => x + h * v, x, v), (i + 1) * h);
      x = each((x, v, later) => x + (h / 2) * (v + later), x, v, later);
    }
    return x;
  }
}

// How many of a mixture's modes have a sample within 3 std, and what fraction of the samples is so close to one:
// scratchgen/metrics/modes.py
function modeCoverage(samples, modes, std) {
  const captured = new Set();
  let good = 0;
  for (let n = 0; n < samples.rows; n++) {
    const [x, y] = samples.row(n);
    let nearest = 0, least = Infinity;
    for (let k = 0; k < modes.rows; k++) {
      const d2 = (x - modes.row(k)[0]) ** 2 + (y - modes.row(k)[1]) ** 2;
      if (d2 < least) [nearest, least] = [k, d2];
    }
    if (least <= (3 * std) ** 2) {
      captured.add(nearest);
      good++;
    }
  }
  return { captured: captured.size, highQuality: good / samples.rows };
}
