// What the pages of all kinds of models share: networks of the chosen epoch, and controls.

// The layers of slim.py with their matrices as numbers again, where they are not.
const expanded = (described) => described.map((layer) => ("W" in layer && !(layer.W instanceof Tensor) ? { ...layer, W: matrix(layer.W) } : layer));

function matrix({ left, right, steps, scale }) { // factors, a row for each of r directions; or steps, a row for each output -> (n_in, n_out)
  const W = new Tensor(left ? [left.steps.cols, right.steps.cols] : [steps.cols, steps.rows]);
  if (left) addMatmulTN(W, rescaled(left), rescaled(right));
  else {
    const [n, m, values, from] = [W.rows, W.cols, W.values, steps.values];
    for (let j = 0; j < m; j++) for (let i = 0; i < n; i++) values[i * m + j] = scale.values[j] * from[j * n + i];
  }
  return W;
}

const rescaled = ({ steps, scale }) => new Tensor(steps.shape, Float32Array.from(steps.values, (step, i) => step * scale.values[Math.floor(i / steps.cols)]));

// The snapshot with that index, {epoch, …}, in which each list of layers has become a Sequential.
const snapshots = data.snapshots.map(() => null);
function snapshot(index) {
  snapshots[index] ??= Object.fromEntries(Object.entries(data.snapshots[index]).map(
    ([key, value]) => [key, Array.isArray(value) ? new Sequential(expanded(value)) : value]));
  return snapshots[index];
}

// A slider with its name and its number: {row, input, set(value)}. act(value) is called when the reader moves it.
function slider(name, min, max, step, value, act, say = short) {
  const output = element("output", {}, say(value));
  const input = element("input", { type: "range", min, max, step, value, "aria-label": name });
  input.addEventListener("input", () => { output.textContent = say(Number(input.value)); act(Number(input.value)); });
  const set = (value) => { input.value = value; output.textContent = say(value); };
  return { row: element("label", { class: "slider" }, element("span", {}, name), input, output), input, set };
}

// The slider of epochs, which shows the last at first; act(snapshot).
function epochSlider(act) {
  const last = data.snapshots.length - 1, epoch = (k) => `${data.snapshots[k].epoch}`;
  const made = slider("epoch", 0, last, 1, last, (k) => act(snapshot(k)), epoch);
  made.input.disabled = last === 0;
  return made.row;
}

// A drop-down of [value, text] pairs; act(value, as a text).
function choice(name, options, act) {
  const select = element("select", { "aria-label": name }, ...options.map(([value, text]) => element("option", { value }, text)));
  select.addEventListener("change", () => act(select.value));
  return select;
}

const side = Math.round(Math.sqrt(data.features)); // of square pictures
const picture = (name, size) => element("canvas", { class: "picture", role: "img", "aria-label": name, style: `width: ${size}; height: ${size}` });
const showPicture = (canvas, values) => drawArray(canvas, values, side, side);
const figure = (caption, ...content) => element("figure", {}, ...content, element("figcaption", {}, caption));

const example = (i) => Float32Array.from(data.pictures.row(i), (byte) => byte / 255); // a test example

const sub = (number) => String(number).replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]);
const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random()); // a draw from N(0, 1)

// Ten colours that differ in light and dark, for labels.
const PALETTE = ["#4c78a8", "#f58518", "#54a24b", "#e45756", "#72b7b2", "#b279a2", "#9d755d", "#eeca3b", "#ff9da6", "#8b8f97"];

// [values | onehot(label)], where the networks are given labels; a row.
function given(values, label) {
  const row = new Float32Array(values.length + (data.classes || 0));
  row.set(values);
  if (data.classes) row[values.length + label] = 1;
  return new Tensor([1, row.length], row);
}

// Draws at most once a frame, however often it is asked to: later(draw) -> ask.
function later(draw) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; draw(); });
  };
}

// What a pointer does on a canvas: act([x, y] from 0 to 1, event), pressed and while it is dragged.
function dragging(canvas, act) {
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    act([(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height], event);
  };
  canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); place(event); });
  canvas.addEventListener("pointermove", (event) => { if (event.buttons) place(event); });
}

// A canvas of that many CSS pixels, sharp on every screen -> its context, in CSS pixels, cleared.
function sharp(canvas) {
  const box = canvas.getBoundingClientRect(), ratio = devicePixelRatio || 1, [width, height] = [box.width, box.height];
  [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  return { context, width, height };
}
