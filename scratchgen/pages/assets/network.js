// The library's layers once more: forward and backward by hand, as in scratchgen/layers/, whose derivations these follow.
// A layer's forward gives [y, cache]; backward takes dy and that cache, adds to the layer's grads, gives dx. Arrays are Tensors (batch, n).

function matmul(a, b) { // a b
  const [n, inner, m] = [a.rows, a.cols, b.cols], y = new Tensor([n, m]), [A, B, Y] = [a.values, b.values, y.values];
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < inner; k++) {
      const weight = A[i * inner + k];
      if (weight !== 0) for (let j = 0; j < m; j++) Y[i * m + j] += weight * B[k * m + j];
    }
  }
  return y;
}

function matmulNT(a, b) { // a bᵀ
  const [n, inner, m] = [a.rows, a.cols, b.rows], y = new Tensor([n, m]), [A, B] = [a.values, b.values];
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < m; j++) {
      let sum = 0;
      for (let k = 0; k < inner; k++) sum += A[i * inner + k] * B[j * inner + k];
      y.values[i * m + j] = sum;
    }
  }
  return y;
}

function addMatmulTN(c, a, b) { // c += aᵀ b
  const [n, rows, m] = [a.rows, a.cols, b.cols], [A, B, C] = [a.values, b.values, c.values];
  for (let k = 0; k < n; k++) {
    for (let i = 0; i < rows; i++) {
      const weight = A[k * rows + i];
      if (weight !== 0) for (let j = 0; j < m; j++) C[i * m + j] += weight * B[k * m + j];
    }
  }
}

function addColumnSums(c, a) { // c += Σ_batch a
  for (let n = 0; n < a.rows; n++) for (let j = 0; j < a.cols; j++) c.values[j] += a.values[n * a.cols + j];
}

// f(values of x at one place, values of another, …, column) for every element -> Tensor of x's shape; with as many as two others
function each(f, x, a, b) {
  const y = new Tensor(x.shape), [X, Y, cols] = [x.values, y.values, x.cols];
  if (b) for (let i = 0; i < Y.length; i++) Y[i] = f(X[i], a.values[i], b.values[i], i % cols);
  else if (a) for (let i = 0; i < Y.length; i++) Y[i] = f(X[i], a.values[i], i % cols);
  else for (let i = 0; i < Y.length; i++) Y[i] = f(X[i], i % cols);
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
  backward(dy, x, wrt = "both") {
    if (wrt !== "input") {
      addMatmulTN(this.grads.W, x, dy); // dW = xᵀ dy
      if (this.grads.b) addColumnSums(this.grads.b, dy); // db = Σ_batch dy
    }
    return matmulNT(dy, this.params.W); // dx = dy Wᵀ
  }
  doubleBackward(ddx, dy) {
    addMatmulTN(this.grads.W, ddx, dy); // dW = ddxᵀ dy
    return [matmul(ddx, this.params.W), null]; // ddy = ddx W;  dx = dy Wᵀ does not depend on x
  }
}

// An activation by y = f(x, layer) and its two derivatives, written with y:  dx = dy · slope(y, layer);  curve: f″, or nothing where it is 0
const activation = (f, slope, curve) => class extends Layer {
  forward(x) {
    const y = each((x) => f(x, this), x);
    return [y, y];
  }
  backward(dy, y) { return each((dy, y) => dy * slope(y, this), dy, y); }
  doubleBackward(ddx, dy, y) {
    return [this.backward(ddx, y), curve ? each((ddx, dy, y) => ddx * dy * curve(y, this), ddx, dy, y) : null];
  }
};

const sigmoid = (x) => 1 / (1 + Math.exp(-x)), softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const Sigmoid = activation(sigmoid, (y) => y * (1 - y), (y) => y * (1 - y) * (1 - 2 * y));
const Tanh = activation(Math.tanh, (y) => 1 - y * y, (y) => -2 * y * (1 - y * y));
const ReLU = activation((x) => Math.max(x, 0), (y) => (y > 0 ? 1 : 0));
const LeakyReLU = activation((x, { slope }) => (x > 0 ? x : slope * x), (y, { slope }) => (y > 0 ? 1 : slope));
const ELU = activation(
  (x, { alpha }) => (x > 0 ? x : alpha * Math.expm1(x)), (y, { alpha }) => (y > 0 ? 1 : y + alpha), (y, { alpha }) => (y > 0 ? 0 : y + alpha),
);
const Softplus = activation(softplus, (y) => -Math.expm1(-y), (y) => -Math.expm1(-y) * Math.exp(-y));
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
  backward(dy, { xHat, r }, wrt = "both") {
    if (wrt !== "input") {
      addColumnSums(this.grads.gamma, each((dy, xHat) => dy * xHat, dy, xHat));
      addColumnSums(this.grads.beta, dy);
    }
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
  backward(dy, { xHat, r }, wrt = "both") {
    if (wrt !== "input") {
      addColumnSums(this.grads.gamma, each((dy, xHat) => dy * xHat, dy, xHat));
      addColumnSums(this.grads.beta, dy);
    }
    const dxHat = each((dy, j) => dy * this.params.gamma.values[j], dy), dx = new Tensor(dy.shape), n = dy.cols;
    for (let i = 0; i < dy.rows; i++) {
      const g = dxHat.row(i), h = xHat.row(i);
      const mean = g.reduce((a, b) => a + b, 0) / n, along = g.reduce((sum, g, j) => sum + g * h[j], 0) / n;
      dx.row(i).set(g.map((g, j) => r[i] * (g - mean - h[j] * along))); // dx = r (dx̂ − mean dx̂ − x̂ mean(dx̂ x̂))
    }
    return dx;
  }
}

class TimeEmbedding extends Layer { // x = [u | t], y = [u | sin(t f) | cos(t f)]
  static buffers = ["f"];
  forward(x) {
    const f = this.buffers.f.values, K = f.length, n = x.cols - 1, y = new Tensor([x.rows, n + 2 * K]);
    for (let i = 0; i < x.rows; i++) {
      const [u, out] = [x.row(i), y.row(i)], t = u[n];
      out.set(u.subarray(0, n));
      f.forEach((f, k) => { [out[n + k], out[n + K + k]] = [Math.sin(t * f), Math.cos(t * f)]; });
    }
    return [y, y];
  }
  backward(dy, y) { // dt = Σ_k f_k (dsin_k cos(t f_k) − dcos_k sin(t f_k))
    const f = this.buffers.f.values, K = f.length, n = y.cols - 2 * K, dx = new Tensor([y.rows, n + 1]);
    for (let i = 0; i < y.rows; i++) {
      const [d, out] = [dy.row(i), y.row(i)];
      dx.row(i).set(d.subarray(0, n));
      f.forEach((f, k) => { dx.row(i)[n] += f * (d[n + k] * out[n + K + k] - d[n + K + k] * out[n + k]); });
    }
    return dx;
  }
}

class FourierFeatures extends Layer { // y = [x | sin a | cos a], a = x B
  static buffers = ["B"];
  forward(x) {
    const a = matmul(x, this.buffers.B), [n, m] = [x.cols, a.cols], y = new Tensor([x.rows, n + 2 * m]);
    for (let i = 0; i < x.rows; i++) {
      y.row(i).set(x.row(i));
      a.row(i).forEach((a, k) => { [y.row(i)[n + k], y.row(i)[n + m + k]] = [Math.sin(a), Math.cos(a)]; });
    }
    return [y, y];
  }
  backward(dy, y) { // dx = du + da Bᵀ,  da = dsin ∘ cos a − dcos ∘ sin a
    const [n, m] = this.buffers.B.shape, da = new Tensor([dy.rows, m]);
    for (let i = 0; i < dy.rows; i++) {
      const [d, waves] = [dy.row(i), y.row(i)];
      for (let k = 0; k < m; k++) da.row(i)[k] = d[n + k] * waves[n + m + k] - d[n + m + k] * waves[n + k];
    }
    const dx = matmulNT(da, this.buffers.B);
    for (let i = 0; i < dy.rows; i++) for (let j = 0; j < n; j++) dx.row(i)[j] += dy.row(i)[j];
    return dx;
  }
}

class Pack extends Layer { // m neighbours of the batch in one row; what fills no pack is left out
  forward(x) {
    const y = new Tensor([Math.floor(x.rows / this.m), this.m * x.cols]);
    y.values.set(x.values.subarray(0, y.values.length));
    return [y, x];
  }
  backward(dy, x) {
    const dx = new Tensor(x.shape);
    dx.values.set(dy.values);
    return dx;
  }
}

class MinibatchDiscrimination extends Layer { // y_i = [x_i | o_i],  o_ib = Σ_(j≠i) exp(−Σ_c |M_ibc − M_jbc|),  M = x Tᵀ
  forward(x) {
    const M = matmulNT(x, this.params.T), { n_in: n, n_kernels: B } = this, y = new Tensor([x.rows, n + B]);
    for (let i = 0; i < x.rows; i++) {
      y.row(i).set(x.row(i));
      for (let j = 0; j < x.rows; j++) if (j !== i) for (let b = 0; b < B; b++) y.row(i)[n + b] += this.closeness(M, i, j, b);
    }
    return [y, { x, M }];
  }
  closeness(M, i, j, b) { // c_ijb
    let D = 0;
    for (let k = b * this.kernel_dim; k < (b + 1) * this.kernel_dim; k++) D += Math.abs(M.row(i)[k] - M.row(j)[k]);
    return Math.exp(-D);
  }
  backward(dy, { x, M }, wrt = "both") { // dM_ibc = Σ_j −(do_ib + do_jb) c_ijb sign(M_ibc − M_jbc)
    const dM = new Tensor(M.shape), { n_in: n, n_kernels: B, kernel_dim: C } = this;
    for (let i = 0; i < x.rows; i++) for (let j = 0; j < x.rows; j++) for (let b = 0; b < B; b++) {
      const dD = -(dy.row(i)[n + b] + dy.row(j)[n + b]) * this.closeness(M, i, j, b);
      for (let k = b * C; k < (b + 1) * C; k++) dM.row(i)[k] += dD * Math.sign(M.row(i)[k] - M.row(j)[k]);
    }
    if (wrt !== "input") addMatmulTN(this.grads.T, dM, x); // dT = dMᵀ x
    const dx = matmul(dM, this.params.T);
    for (let i = 0; i < x.rows; i++) for (let j = 0; j < n; j++) dx.row(i)[j] += dy.row(i)[j];
    return dx;
  }
}

const LAYERS = {
  Linear, Sigmoid, Tanh, ReLU, LeakyReLU, ELU, Softplus, Identity, Maxout, BatchNorm, LayerNorm, TimeEmbedding, FourierFeatures, Pack,
  MinibatchDiscrimination,
};

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
  backward(dy, caches, wrt = "both") { // with wrt "input" no parameter's gradient changes
    for (let i = this.layers.length - 1; i >= 0; i--) dy = this.layers[i].backward(dy, caches[i], wrt);
    return dy;
  }
  doubleBackward(ddx, dy, caches) { // ddx = dP/d(dx) goes up, as dx came down; what reached each x through its cache goes down
    const dys = [], throughCaches = [];
    for (let i = this.layers.length - 1; i >= 0; i--) {
      dys[i] = dy;
      dy = this.layers[i].backward(dy, caches[i], "input");
    }
    this.layers.forEach((layer, i) => { [ddx, throughCaches[i]] = layer.doubleBackward(ddx, dys[i], caches[i]); });
    let dx = null; // P does not depend on y
    for (let i = this.layers.length - 1; i >= 0; i--) {
      const below = dx && this.layers[i].backward(dx, caches[i]), here = throughCaches[i];
      dx = below && here ? each((a, b) => a + b, below, here) : below || here;
    }
    return [ddx, dx];
  }
  call(x) { return this.forward(x)[0]; }
  zeroGrads() { for (const layer of this.layers) for (const grad of Object.values(layer.grads)) grad.values.fill(0); }
}
