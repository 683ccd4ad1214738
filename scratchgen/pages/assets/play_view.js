// What one sees: the plane with data, generated points and arrows; D's surface; the numbers; the losses.

const CELLS = 32; // of D's surface, along each side
const AXIS = { left: 44, right: 6, top: 22, bottom: 34 };
const CURVES = {
  gan: [["loss of D", "--cool"], ["loss of G", "--made"]],
  vae: [["−log p(x|z)", "--cool"], ["KL", "--made"]],
  flow: [["loss", "--cool"]],
};

const BALANCE = { // the losses of D and of G where D cannot tell real from generated, and says ½ of everything
  non_saturating: [[Math.log(4), "log 4"], [Math.log(2), "log 2"]],
  minimax: [[Math.log(4), "log 4"], [-Math.log(2), "−log 2"]],
};

function prepared(canvas) { // sharp on any screen -> its context, width and height in CSS pixels
  const ratio = devicePixelRatio || 1, { clientWidth: width, clientHeight: height } = canvas;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  context.font = `12px ${variable("--text")}`;
  return { context, width, height };
}

// From the plane to a square picture, y upward, and back.
const toPicture = (side) => ([x, y]) => {
  const { middle, half } = run.view;
  return [side * (0.5 + (x - middle[0]) / half / 2), side * (0.5 - (y - middle[1]) / half / 2)];
};
const toPlane = (side) => ([u, v]) => {
  const { middle, half } = run.view;
  return [middle[0] + ((2 * u) / side - 1) * half, middle[1] + (1 - (2 * v) / side) * half];
};

function draw() {
  const { context, width } = prepared($("plane")), place = toPicture(width), drawn = settings.data === "drawn";
  const shown = { gan: showGAN, vae: showVAE, flow: showFlow }[settings.model](context, width, place);
  drawAxes(context, width);
  if (drawn) drawDots(context, Tensor.of(drawing.points.length ? drawing.points : [[NaN, NaN]]), place, "--data", 3);
  else drawDots(context, run.x, place, "--data", 1.2, 600);
  drawDots(context, shown.points, place, "--made", 2.2);
  const longest = drawArrows(context, shown, place, width);
  if (drawn && drawing.cursor) drawCursor(context, place(drawing.cursor));
  showNumbers(shown, longest);
  drawLosses();
  if (!running && !$("code").hidden) showCode();
}

// Each of the three draws what lies under the points -> points that it has generated; pulled, pull: where arrows begin, and what they say;
// isTrue: whether an arrow is as long as what it says; facts: [name, number or undefined].

function showGAN(context, width) {
  const { model, z } = run, points = model.generator.call(z), small = element("canvas");
  drawArray(small, surface(), CELLS, CELLS, signed);
  context.globalAlpha = 0.55;
  context.drawImage(small, 0, 0, width, width);
  context.globalAlpha = 1;
  showLegend(["data", "--data"], ["generated, with −∂(loss of G)/∂x", "--made"], ["D: real", 0.7], ["D: generated", -0.7]);
  const pull = each((d) => -d * points.rows, model.judged(points).pull);
  return { points, pulled: points, pull, facts: [["loss of D", run.lossD], ["loss of G", run.lossG]] };
}

function surface() { // what D says of each cell, from −1, generated, to 1, real
  const at = toPlane(CELLS), cells = Array.from({ length: CELLS ** 2 }, (_, i) => at([(i % CELLS) + 0.5, Math.floor(i / CELLS) + 0.5]));
  const y = run.model.discriminator.call(Tensor.of(cells)).values, middle = mean(y, (y) => y), most = largest(y.map((y) => y - middle)) || 1;
  const saying = {
    hinge: (y) => y,
    least_squares: (y) => 2 * y - 1,
    wasserstein: (y) => (y - middle) / most, // a critic's zero says nothing
  };
  return y.map(saying[settings.objective] ?? ((y) => 2 * sigmoid(y) - 1));
}

function showVAE(context, width, place) {
  const { model, z, x, parts } = run, { latent } = settings, few = Math.min(80, x.rows);
  const ticks = Array.from({ length: 41 }, (_, i) => i / 10 - 2), fixed = ticks.filter((_, i) => i % 4 === 0);
  const across = fixed.flatMap((f) => [ticks.map((t) => [t, f]), ticks.map((t) => [f, t])]);
  const lines = { 1: [ticks.map((t) => [t])], 2: across }[latent] ?? [];
  context.strokeStyle = variable("--cool");
  for (const line of lines) {
    const path = model.decoder.call(Tensor.of(line));
    drawLine(context, line.map((_, i) => place(path.row(i))), 0.6);
  }
  showLegend(["data", "--data"], ["generated", "--made"], ...(lines.length ? [["z from −2 to 2", "--cool"]] : []));
  const some = new Tensor([few, 2], x.values.slice(0, 2 * few)), [mu] = halves(model.encoder.call(some));
  const pulled = model.decoder.call(mu), facts = [["−ELBO, in nats", parts?.loss], ["−log p(x|z)", parts?.nll], ["KL", parts?.kl]];
  return { points: model.decoder.call(z), pulled, pull: each((x, output) => x - output, some, pulled), isTrue: true, facts };
}

function showFlow() {
  const { model, z } = run, t = Number($("time").value), { center, scale } = model.settings;
  const x = t ? model.path(z, t, Math.ceil(12 * t)) : z, points = each((x) => center + scale * x, x);
  $("time-value").textContent = t.toFixed(2);
  showLegend(["data", "--data"], [`x at t = ${t.toFixed(2)}, with its velocity`, "--made"]);
  return { points, pulled: points, pull: each((v) => scale * v, model.velocity(x, t)), facts: [["loss", run.loss]] };
}

function showLegend(...entries) { // [title, a colour's name or D's number]
  const colour = (value) => (typeof value === "number" ? `rgb(${signed(value)})` : `var(${value})`);
  const mark = (value) => element("i", { class: typeof value === "number" ? "square dot" : "dot", style: `background: ${colour(value)}` });
  $("legend").replaceChildren(...entries.map(([title, value]) => element("span", {}, mark(value), title)));
}

function showNumbers({ points, facts }, longest) {
  const { toy } = run, decimals = (value) => (value === undefined ? "–" : value.toFixed(3).replace("-", "−"));
  const rows = [["step", String(run.step)], ...facts.map(([name, value]) => [name, decimals(value)])];
  if (toy.modes && (settings.model !== "flow" || $("time").value === "1")) {
    const { captured, highQuality } = modeCoverage(points, toy.modes, toy.std);
    rows.push(["modes covered", `${captured} of ${toy.modes.rows}`], ["points within 3 std of one", `${Math.round(100 * highQuality)} %`]);
  }
  rows.push(["longest arrow", short(longest)]);
  if (run.moved) rows.push(["has just moved", run.moved]);
  $("numbers").replaceChildren(...rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

function drawAxes(context, side) {
  const { middle, half } = run.view, unit = half > 3 ? 2 : half > 1.2 ? 1 : 0.5, place = toPicture(side), margin = 20;
  context.fillStyle = variable("--quiet");
  context.strokeStyle = variable("--quiet");
  for (const axis of [0, 1]) {
    for (let tick = Math.ceil((middle[axis] - half) / unit) * unit; tick < middle[axis] + half; tick += unit) {
      const at = [middle[0] - half, middle[1] - half];
      at[axis] = tick;
      const [u, v] = place(at), along = axis ? v : u;
      if (along < margin || along > side - margin) continue;
      context.beginPath();
      context.moveTo(u, v);
      context.lineTo(axis ? u + 5 : u, axis ? v : v - 5);
      context.stroke();
      context.fillText(short(tick), axis ? u + 8 : u - 4, axis ? v + 4 : v - 8);
    }
  }
  context.fillText("x₁", side - 16, side - 8);
  context.fillText("x₂", 8, 16);
}

function drawDots(context, points, place, colour, radius, most = points.rows) {
  context.fillStyle = variable(colour);
  for (let n = 0; n < Math.min(most, points.rows); n++) {
    context.beginPath();
    context.arc(...place(points.row(n)), radius, 0, 2 * Math.PI);
    context.fill();
  }
}

// Of at most 80 points; where they need not be as long as they are, the longest is an eighth of the plane -> how long that is truly.
function drawArrows(context, { pulled, pull, isTrue }, place, side) {
  const lengths = Array.from({ length: Math.min(80, pulled.rows) }, (_, n) => Math.hypot(...pull.row(n))), longest = largest(lengths);
  const factor = isTrue ? side / run.view.half / 2 : side / 8 / (longest || 1);
  context.strokeStyle = variable("--ink");
  lengths.forEach((length, n) => {
    const [u, v] = place(pulled.row(n)), [dx, dy] = pull.row(n), [a, b] = [u + dx * factor, v - dy * factor];
    const angle = Math.atan2(b - v, a - u), head = Math.min(5, (length * factor) / 2);
    context.beginPath();
    context.moveTo(u, v);
    context.lineTo(a, b);
    for (const turn of [2.6, -2.6]) {
      context.moveTo(a, b);
      context.lineTo(a + head * Math.cos(angle + turn), b + head * Math.sin(angle + turn));
    }
    context.stroke();
  });
  return longest;
}

function drawLine(context, points, alpha) {
  context.globalAlpha = alpha;
  context.beginPath();
  for (const point of points) context.lineTo(...point);
  context.stroke();
  context.globalAlpha = 1;
}

function drawCursor(context, [u, v]) {
  context.strokeStyle = variable("--accent");
  context.strokeRect(u - 5, v - 5, 10, 10);
}

function drawLosses() {
  const { context, width, height } = prepared($("losses")), { losses } = run, right = width - AXIS.right, bottom = height - AXIS.bottom;
  const balance = (settings.model === "gan" && settings.penalty === "none" && BALANCE[settings.objective]) || [];
  const values = losses.flatMap((entry) => entry.losses).filter(Number.isFinite).sort((a, b) => a - b);
  const at = (share) => values[Math.floor(share * values.length)], lines = balance.map(([value]) => value);
  let [low, high] = values.length ? [Math.min(at(0.01), ...lines), Math.max(at(0.99), ...lines)] : [0, 1]; // not what happens once in a hundred
  if (high - low < 1e-6) [low, high] = [low - 0.5, high + 0.5];
  const last = losses.at(-1)?.step ?? 1, clipped = (value) => Math.min(high, Math.max(low, value));
  const place = (step, value) => [
    AXIS.left + (step / last) * (right - AXIS.left),
    bottom - ((clipped(value) - low) / (high - low)) * (bottom - AXIS.top),
  ];
  context.strokeStyle = variable("--line");
  context.strokeRect(AXIS.left, AXIS.top, right - AXIS.left, bottom - AXIS.top);
  context.fillStyle = variable("--quiet");
  context.textAlign = "right";
  context.fillText(short(hundredths(high)), AXIS.left - 5, AXIS.top + 8);
  context.fillText(short(hundredths(low)), AXIS.left - 5, bottom);
  context.fillText(String(last), right, bottom + 15);
  context.textAlign = "center";
  context.fillText("step (strong: mean)", (AXIS.left + right) / 2, bottom + 15);
  context.textAlign = "left";
  context.fillText("0", AXIS.left, bottom + 15);
  CURVES[settings.model].forEach(([title, colour], k) => {
    context.fillStyle = context.strokeStyle = variable(colour);
    context.fillText(title, AXIS.left + 90 * k, 14);
    const curve = losses.map((entry) => [entry.step, entry.losses[k]]).filter(([, loss]) => Number.isFinite(loss));
    drawLine(context, curve.map((point) => place(...point)), 0.35);
    let mean = curve[0]?.[1]; // of the last twenty or so, a running one
    drawLine(context, curve.map(([step, loss]) => place(step, (mean += 0.05 * (loss - mean)))), 1);
  });
  balance.forEach(([value, title], k) => {
    context.fillStyle = context.strokeStyle = variable(CURVES.gan[k][1]);
    const [, v] = place(0, value);
    context.setLineDash([3, 3]);
    context.beginPath();
    context.moveTo(AXIS.left, v);
    context.lineTo(right, v);
    context.stroke();
    context.setLineDash([]);
    context.textAlign = "right";
    context.fillText(title, right - 4, v - 4 > AXIS.top + 8 ? v - 4 : v + 13);
    context.textAlign = "left";
  });
}

function showCode() { $("code").textContent = pythonCode(settings, run.step || 2000, run.toy, centerAndScale(run.x)); }
