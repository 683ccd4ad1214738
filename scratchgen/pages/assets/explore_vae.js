// A VAE of pictures: its latent space, to drag through; a digit to draw, encoded and decoded again.

const n = data.latent, points = { colour: (i) => (data.labels ? PALETTE[data.labels.values[i] % 10] : PALETTE[0]) };
const state = { now: snapshot(data.snapshots.length - 1), z: new Float32Array(n), x: null, label: 0, axes: [0, 1], principal: n > 2, ends: [null, null] };

const encode = (x) => state.now.encoder.call(given(x, state.label)).values.slice(0, n); // μ
const decode = (z) => decoded(state.now.decoder.call(given(z, state.label)).values);
const decoded = (output) => (data.likelihood === "bernoulli" ? output.map(sigmoid) : output.subarray(0, data.features)); // E[x|z]

// The plane: two directions of the latent space, and where a z lies in it.
const directions = () => (state.principal ? [0, 1].map((k) => state.now.principal.row(k)) : state.axes.map((k) => Float32Array.from({ length: n }, (_, j) => (j === k ? 1 : 0))));
const along = (z, direction) => direction.reduce((sum, d, j) => sum + d * z[j], 0);

// The page.
const plane = element("canvas", { id: "plane", tabindex: 0, role: "img", "aria-label": "the latent plane: drag, or move with the arrow keys" });
const image = picture("the decoded picture", "100%"), input = picture("what is encoded", "100%");
const pad = drawing(side, (x) => { state.x = x; takeX(); });
const sliders = Array.from({ length: n }, (_, j) => slider(`z${sub(j + 1)}`, -4, 4, 0.01, 0, (value) => { state.z[j] = value; leave(); }, (value) => value.toFixed(2).replace("-", "−")));
const meters = sliders.map(({ row }) => { const bar = element("span", { class: "meter" }); row.append(bar); return bar; });
const within = inside(["decoder", "encoder"]);
const strip = element("div", { class: "strip" }), path = element("div", { class: "strip" });
const walk = slider("from A to B", 0, 1, 0.01, 0, (t) => { between(t); });
const ends = ["A", "B"].map((name, k) => element("button", { onclick: () => { state.ends[k] = state.z.slice(); drawPath(); } }, `z is ${name}`));

function leave() { // z has been moved by hand: it is no longer that of x
  state.x = null;
  draw();
}

function takeX() { // encode x, if there is one
  if (state.x) state.z = encode(state.x);
  draw();
}

function between(t) {
  const [a, b] = state.ends;
  state.x = null;
  state.z = a.map((from, j) => from + t * (b[j] - from));
  draw();
}

const draw = later(() => {
  const out = decode(state.z);
  showPicture(image, out);
  showPicture(input, state.x ?? new Float32Array(data.features));
  sliders.forEach((one, j) => one.set(state.z[j]));
  drawPlane();
  within.show({
    decoder: [state.now.decoder, given(state.z, state.label)],
    encoder: [state.now.encoder, given(state.x ?? out, state.label)],
  });
});

// Units of the plane: from −reach to reach in both directions.
const reach = 4;
function drawPlane() {
  const { context, width } = sharp(plane), [e1, e2] = directions(), at = (v) => width * (0.5 + v / (2 * reach));
  context.strokeStyle = variable("--line");
  context.fillStyle = variable("--quiet");
  context.font = `12px ${variable("--text")}`;
  for (let k = -3; k <= 3; k++) {
    context.beginPath();
    context.moveTo(at(k), 0), context.lineTo(at(k), width), context.moveTo(0, at(k)), context.lineTo(width, at(k));
    context.globalAlpha = k ? 0.5 : 1;
    context.stroke();
    context.globalAlpha = 1;
    context.fillText(short(k), at(k) + 3, width - 4);
    if (k) context.fillText(short(-k), 3, at(k) - 3);
  }
  const { mu } = state.now;
  for (let i = 0; i < mu.rows; i++) {
    context.fillStyle = points.colour(i);
    context.beginPath();
    context.arc(at(along(mu.row(i), e1)), at(-along(mu.row(i), e2)), 2.6, 0, 7);
    context.fill();
  }
  const name = (k) => (state.principal ? `principal direction ${k + 1}` : `z${sub(state.axes[k] + 1)}`);
  [context.strokeStyle, context.lineWidth, context.fillStyle] = [variable("--paper"), 4, variable("--ink")];
  for (const [text, align, x, y] of [[`${name(0)} →`, "right", width - 6, at(0) - 6], [`↑ ${name(1)}`, "left", at(0) + 6, 14]]) {
    context.textAlign = align;
    context.strokeText(text, x, y);
    context.fillText(text, x, y);
  }
  const [x, y] = [at(along(state.z, e1)), at(-along(state.z, e2))];
  for (const [colour, lineWidth] of [[variable("--paper"), 6], [variable("--ink"), 2.5]]) {
    [context.strokeStyle, context.lineWidth] = [colour, lineWidth];
    context.beginPath();
    context.arc(x, y, 8, 0, 7);
    context.stroke();
  }
}

function move(target) { // z goes to that place in the plane; what is not in the plane stays
  directions().forEach((direction, k) => {
    const missing = target[k] - along(state.z, direction);
    state.z = state.z.map((value, j) => value + missing * direction[j]);
  });
  leave();
}

dragging(plane, ([x, y]) => move([(2 * x - 1) * reach, (1 - 2 * y) * reach]));
plane.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
  if (!step) return;
  event.preventDefault();
  move(directions().map((direction, k) => along(state.z, direction) + 0.1 * step[k]));
});

function drawStrip() {
  for (let i = 0; i < Math.min(23, data.pictures.rows); i++) {
    const canvas = element("canvas");
    showPicture(canvas, example(i));
    strip.append(element("button", { class: "thumb", "aria-label": `test example ${i + 1}`, onclick: () => { state.x = example(i); label(i); takeX(); } }, canvas));
  }
}
function label(i) {
  if (data.classes) labels.value = state.label = data.labels.values[i];
}

function drawPath() {
  const [a, b] = state.ends;
  path.replaceChildren(...Array.from({ length: 9 }, (_, k) => {
    const canvas = element("canvas", { class: "thumb" });
    showPicture(canvas, decode(a.map((from, j) => from + (k / 8) * (b[j] - from))));
    return canvas;
  }));
}

function changeEpoch(now) {
  state.now = now;
  const kl = now.kl?.values, most = kl && Math.max(...kl, 1e-9);
  meters.forEach((bar, j) => {
    bar.textContent = kl ? kl[j].toFixed(2) : "";
    bar.style.setProperty("--share", kl ? kl[j] / most : 0);
  });
  if (state.x) state.z = encode(state.x);
  drawPath();
  draw();
}

const names = [...(n > 2 ? [["principal", "principal directions"]] : []), ...sliders.map((_, j) => [j, `z${sub(j + 1)}`])];
const axisB = choice("vertical axis", names.filter(([value]) => value !== "principal"), (value) => { state.axes[1] = Number(value); draw(); });
const axisA = choice("horizontal axis", names, (value) => {
  state.principal = value === "principal";
  if (!state.principal) state.axes[0] = Number(value);
  axisB.disabled = state.principal;
  draw();
});
axisB.value = 1;
axisB.disabled = state.principal;
const labels = choice("label", Array.from({ length: data.classes || 0 }, (_, k) => [k, `class ${k}`]), (value) => { state.label = Number(value); takeX(); drawPath(); });
const random = element("button", { onclick: () => { state.z = state.z.map(() => normal()); leave(); } }, "random z");
const zero = element("button", { onclick: () => { state.z.fill(0); leave(); } }, "z = 0");

const order = data.snapshots.at(-1).kl ? sliders.map((_, j) => j).sort((a, b) => state.now.kl.values[b] - state.now.kl.values[a]) : sliders.map((_, j) => j);
document.querySelector("main").append(
  element("p", { id: "hint" }, "Drag in the plane, move a slider or draw a digit: the decoder draws what that z means."),
  element("div", { id: "controls" }, epochSlider(changeEpoch), element("span", {}, "plane: ", axisA, " × ", axisB), data.classes ? labels : null, random, zero),
  element("div", { id: "stage" },
    element("section", { id: "left" }, plane, element("p", { class: "quiet" }, data.labels ? legend() : "", "dots: test examples, where the encoder puts them; circle: z")),
    element("section", { id: "middle" },
      figure("what the decoder makes of z", image),
      element("div", { id: "own" },
        figure("draw a digit", pad.canvas, element("button", { onclick: () => { pad.clear(); state.x = null; draw(); } }, "clear")),
        figure("what is encoded", input))),
    element("section", { id: "right" }, element("p", { class: "quiet" }, data.snapshots.at(-1).kl ? "z, and each dimension's KL in nats on test data" : "z"), ...order.map((j) => sliders[j].row))),
  element("section", {}, element("h2", {}, "Test examples"), element("p", { class: "quiet" }, "press one to encode it"), strip,
    element("h2", {}, "From A to B"), element("p", { class: "quiet" }, "a straight line in the latent space, between two z that you choose"), element("div", { class: "row" }, ...ends, walk.row), path),
  within.section,
);

function legend() {
  const span = element("span", { class: "legend" });
  [...new Set(data.labels.values)].sort((a, b) => a - b).forEach((label) => {
    const dot = element("span", { class: "dot", style: `background: ${PALETTE[label % 10]}` });
    span.append(element("span", {}, dot, String(label)));
  });
  return span;
}

drawStrip();
const another = data.labels ? Math.max(0, data.labels.values.findIndex((label) => label !== data.labels.values[0])) : 1;
[another, 0].forEach((i, k) => {
  state.x = example(i);
  label(i);
  state.ends[1 - k] = encode(state.x);
});
pad.paint();
changeEpoch(state.now);
theme.listeners.push(draw);
addEventListener("resize", () => { pad.paint(); draw(); });
