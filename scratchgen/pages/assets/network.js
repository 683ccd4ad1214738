// The library's layers once more: forward and backward by hand, as in scratchgen/layers/, whose derivations these follow.
// A layer's forward gives [y, cache]; backward takes dy and that cache, adds to the layer's grads, gives dx. Arrays are Tensors (batch, n).

function matmul(a, b) { // a b
  const [n, inner, m] = [a.rows, a.cols, b.cols], y = new Tensor([n, m]);
  for (let i = 0; i < n; i++) {
    const out = y.row(i);
    for (let k = 0; k < inner; k++) {
      const weight = a.values[i * inner + k], row = b.row(k);
      if (weight !== 0) for (let j = 0; j < m; j++) out[j] += weight * row[j];
    }
  }
  return y;
}

function matmulNT(a, b) { // a bᵀ
  const [n, inner, m] = [a.rows, a.cols, b.rows], y = new Tensor([n, m]);
  for (let i = 0; i < n; i++) {
    const row = a.row(i);
    for (let j = 0; j < m; j++) {
      const other = b.row(j);
      let sum = 0;
      for (let k = 0; k < inner; k++) sum += row[k] * other[k];
      y.values[i * m + j] = sum;
    }
  }
  return y;
}

function addMatmulTN(c, a, b) { // c += aᵀ b
  for (let n = 0; n < a.rows; n++) {
    const row = b.row(n);
    for (let i = 0; i < a.cols; i++) {
      const weight = a.values[n * a.cols + i], out = c.row(i);
      if (weight !== 0) for (let j = 0; j < b.cols; j++) out[j] += weight * row[j];
    }
  }
}

function addColumnSums(c, a) { // c += Σ_batch a
  for (let n = 0; n < a.rows; n++) for (let j = 0; j < a.cols; j++) c.values[j] += a.values[n * a.cols + j];
}

// f(values of x at one place, values of another, …, column) for every element -> Tensor of x's shape
function each(f, x, ...others) {
  const y = new Tensor(x.shape), cols = x.cols;
  for (let i = 0; i < y.values.length; i++) y.values[i] = f(x.values[i], ...others.map((other) => other.values[i]), i % cols);
  return y;
}

class Layer {
  constructor(described) {
    this.params = {};
    this.grads = {};
    this.buffers = {};
    for (const [key, value] of Object.entries(described)) {
      if (!(value instanceof Tensor)) this[key] = value;
      else if (this.constructor.buffers.includes(key)) this.buffers[key] = value;
      else [this.params[key], this.grads[key]] = [value, new Tensor(value.shape)];
    }
  }
  static buffers = [];
}

class Linear extends Layer { // y = x W + b
  forward(x) {
    const y = matmul(x, this.params.W), b = this.params.b;
    return [b ? each((y, j) => y + b.values[j], y) : y, x];
  }
  backward(dy, x) {
    addMatmulTN(this.grads.W, x, dy); // dW = xᵀ dy
    if (this.grads.b) addColumnSums(this.grads.b, dy); // db = Σ_batch dy
    return matmulNT(dy, this.params.W); // dx = dy Wᵀ
  }
}

// An activation by y = f(x, layer) and its derivative, written with y:  dx = dy · slope(y, layer)
const activation = (f, slope) => class extends Layer {
  forward(x) {
    const y = each((x) => f(x, this), x);
    return [y, y];
  }
  backward(dy, y) { return each((dy, y) => dy * slope(y, this), dy, y); }
};

const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const Sigmoid = activation(sigmoid, (y) => y * (1 - y));
const Tanh = activation(Math.tanh, (y) => 1 - y * y);
const ReLU = activation((x) => Math.max(x, 0), (y) => (y > 0 ? 1 : 0));
const LeakyReLU = activation((x, { slope }) => (x > 0 ? x : slope * x), (y, { slope }) => (y > 0 ? 1 : slope));
const ELU = activation((x, { alpha }) => (x > 0 ? x : alpha * Math.expm1(x)), (y, { alpha }) => (y > 0 ? 1 : y + alpha));
const Softplus = activation((x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), (y) => -Math.expm1(-y));
const Identity = activation((x) => x, () => 1);

class Maxout extends Layer { // y_i = max_j x_(i·pieces + j); the winner gets the gradient
  forward(x) {
    const y = new Tensor([x.rows, x.cols / this.pieces]), winner = new Int32Array(y.values.length);
    for (let i = 0; i < winner.length; i++) {
      winner[i] = i * this.pieces;
      for (let j = 1; j < this.pieces; j++) if (x.values[i * this.pieces + j] > x.values[winner[i]]) winner[i] = i * this.pieces + j;
      y.values[i] = x.values[winner[i]];
    }
    return [y, winner];
  }
  backward(dy, winner) {
    const dx = new Tensor([dy.rows, dy.cols * this.pieces]);
    winner.forEach((place, i) => { dx.values[place] = dy.values[i]; });
    return dx;
  }
}

class BatchNorm extends Layer { // as in inference: y = gamma (x − mean) r + beta, with the running mean and r = 1 / √(var + eps)
  static buffers = ["mean", "var"];
  forward(x) {
    const { gamma, beta } = this.params, { mean, var: variance } = this.buffers;
    const r = variance.values.map((v) => 1 / Math.sqrt(v + this.eps));
    const xHat = each((x, j) => (x - mean.values[j]) * r[j], x);
    return [each((xHat, j) => gamma.values[j] * xHat + beta.values[j], xHat), { xHat, r }];
  }
  backward(dy, { xHat, r }) {
    addColumnSums(this.grads.gamma, each((dy, xHat) => dy * xHat, dy, xHat));
    addColumnSums(this.grads.beta, dy);
    return each((dy, j) => this.params.gamma.values[j] * r[j] * dy, dy); // dx = gamma r dy
  }
}

class LayerNorm extends Layer { // x̂ = (x − μ) r of each example, y = gamma x̂ + beta
  forward(x) {
    const { gamma, beta } = this.params, n = x.cols, xHat = new Tensor(x.shape), r = new Float32Array(x.rows);
    for (let i = 0; i < x.rows; i++) {
      const row = x.row(i), mean = row.reduce((a, b) => a + b, 0) / n;
      r[i] = 1 / Math.sqrt(row.reduce((sum, x) => sum + (x - mean) ** 2, 0) / n + this.eps);
      xHat.row(i).set(row.map((x) => (x - mean) * r[i]));
    }
    return [each((xHat, j) => gamma.values[j] * xHat + beta.values[j], xHat), { xHat, r }];
  }
  backward(dy, { xHat, r }) {
    addColumnSums(this.grads.gamma, each((dy, xHat) => dy * xHat, dy, xHat));
    addColumnSums(this.grads.beta, dy);
    const dxHat = each((dy, j) => dy * this.params.gamma.values[j], dy), dx = new Tensor(dy.shape), n = dy.cols;
    for (let i = 0; i < dy.rows; i++) {
      const g = dxHat.row(i), h = xHat.row(i);
      const mean = g.reduce((a, b) => a + b, 0) / n, along = g.reduce((sum, g, j) => sum + g * h[j], 0) / n;
      dx.row(i).set(g.map((g, j) => r[i] * (g - mean - h[j] * along))); // dx = r (dx̂ − mean dx̂ − x̂ mean(dx̂ x̂))
    }
    return dx;
  }
}

const LAYERS = { Linear, Sigmoid, Tanh, ReLU, LeakyReLU, ELU, Softplus, Identity, Maxout, BatchNorm, LayerNorm };

class Sequential { // layers in a row, from what network.py has described
  constructor(described) {
    this.layers = described.map((one) => {
      if (!(one.layer in LAYERS)) throw new Error(`this page knows no layer ${one.layer}`);
      return new LAYERS[one.layer](one);
    });
  }
  forward(x) {
    const caches = [];
    for (const layer of this.layers) {
      const [y, cache] = layer.forward(x);
      caches.push(cache);
      x = y;
    }
    return [x, caches];
  }
  backward(dy, caches) {
    for (let i = this.layers.length - 1; i >= 0; i--) dy = this.layers[i].backward(dy, caches[i]);
    return dy;
  }
  call(x) { return this.forward(x)[0]; }
  zeroGrads() { for (const layer of this.layers) for (const grad of Object.values(layer.grads)) grad.values.fill(0); }
}
