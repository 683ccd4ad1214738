// A model of points in the plane, through its run: samples, what it says of every place, and the way from noise to data.

const state = { now: data.snapshots.length - 1, station: null, arrows: true };
const plane = element("canvas", { id: "plane", tabindex: 0, role: "img", "aria-label": "the plane: the model's samples over the data" });
const here = element("p", { class: "quiet", id: "here", "aria-live": "polite" }, "point at a place, or move there with the arrow keys"), sizes = element("p", { class: "quiet" });
const says = { D: "what D says", log_likelihood: "density p(x)", elbo: "exp ELBO, a bound on p(x)" }[data.surface];

const backdrop = element("canvas");
const at = (width) => (point) => [(point[0] - data.corner.values[0]) / data.width * width, (1 - (point[1] - data.corner.values[1]) / data.width) * width];
const snap = () => data.snapshots[state.now];
const lastStation = () => snap().path.shape[0] - 1;

// Samples on their way: station t, a number between two stations -> [[x, y], …]
function samples(t) {
  const [, n] = snap().path.shape, values = snap().path.values, k = Math.min(Math.floor(t), lastStation() - 1), weight = t - k;
  const of = (station, i) => values[(station * n + i) * 2] !== undefined && [0, 1].map((c) => values[(station * n + i) * 2 + c]);
  return Array.from({ length: n }, (_, i) => (lastStation() === 0 ? of(0, i) : [0, 1].map((c) => of(k, i)[c] * (1 - weight) + of(k + 1, i)[c] * weight)));
}

function drawSurface() { // grid × grid places, the first row at the bottom
  const { surface } = snap(), n = data.grid;
  if (!surface) return;
  const low = data.surface === "D" ? Math.min(...surface.values) : 0, high = Math.max(...surface.values), colour = (t) => {
    const [paper, ink] = theme.dark ? [[30, 33, 37], [74, 104, 150]] : [[255, 255, 255], [150, 182, 222]];
    return paper.map((from, k) => Math.round(from + (ink[k] - from) * (data.surface === "D" ? t : Math.sqrt(t))));
  };
  drawArray(backdrop, surface.values.map((_, i) => (surface.values[(n - 1 - Math.floor(i / n)) * n + (i % n)] - low) / (high - low || 1)), n, n, colour);
  sizes.textContent = `blue: ${says}, from ${short(low)} (paper) to ${short(high)}`;
}

const draw = later(() => {
  const { context, width } = sharp(plane), place = at(width), t = state.station ?? lastStation(), { slope } = snap();
  context.fillStyle = variable("--paper");
  context.fillRect(0, 0, width, width);
  if (data.surface) context.drawImage(backdrop, 0, 0, width, width);
  dots(context, Array.from({ length: data.real.rows }, (_, i) => data.real.row(i)).map(place), 1.3, variable("--quiet"));
  const now = samples(t).map(place);
  if (slope && state.arrows) {
    const longest = largest(Array.from({ length: slope.rows }, (_, i) => Math.hypot(...slope.row(i)))) || 1;
    context.strokeStyle = variable("--ink");
    context.globalAlpha = 0.7;
    now.slice(0, 200).forEach(([x, y], i) => arrow(context, x, y, slope.row(i)[0] / longest * width / 8, -slope.row(i)[1] / longest * width / 8));
    context.globalAlpha = 1;
  }
  dots(context, now, 2.4, variable("--accent"));
  if (plane.matches(":focus-visible")) dots(context, [[pointed[0] * width, (1 - pointed[1]) * width]], 5, variable("--ink"));
  axes(context, width);
});

function dots(context, places, radius, colour) {
  context.fillStyle = colour;
  for (const [x, y] of places) {
    context.beginPath();
    context.arc(x, y, radius, 0, 7);
    context.fill();
  }
}

function arrow(context, x, y, dx, dy) {
  const length = Math.hypot(dx, dy), head = Math.min(5, length / 2), angle = Math.atan2(dy, dx);
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x + dx, y + dy);
  for (const turn of [2.6, -2.6]) {
    context.moveTo(x + dx, y + dy);
    context.lineTo(x + dx + head * Math.cos(angle + turn), y + dy + head * Math.sin(angle + turn));
  }
  context.stroke();
}

function axes(context, width) { // round numbers along the left and the lower edge
  const step = [1, 2, 5, 10].map((k) => k * 10 ** Math.floor(Math.log10(data.width / 5))).find((step) => data.width / step <= 7);
  context.font = `12px ${variable("--text")}`;
  [context.fillStyle, context.strokeStyle, context.lineWidth] = [variable("--ink"), variable("--paper"), 3];
  const text = (words, x, y) => { context.strokeText(words, x, y); context.fillText(words, x, y); };
  for (const k of [0, 1]) {
    for (let v = Math.ceil(data.corner.values[k] / step) * step; v < data.corner.values[k] + data.width; v += step) {
      const [x, y] = at(width)(k ? [data.corner.values[0], v] : [v, data.corner.values[1]]), words = short(Math.abs(v) < step / 2 ? 0 : v);
      if (k && y > 20 && y < width - 24) text(words, 5, y + 4);
      if (!k && x > 24 && x < width - 24) text(words, x - 8, width - 6);
    }
  }
  text("x₁ →", width - 32, width - 6);
  text("↑ x₂", 5, 15);
}

plane.addEventListener("pointermove", (event) => {
  const box = plane.getBoundingClientRect(), [u, v] = [(event.clientX - box.left) / box.width, 1 - (event.clientY - box.top) / box.height];
  tell(u, v);
});
const pointed = [0.5, 0.5];
plane.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
  if (!step) return;
  event.preventDefault();
  step.forEach((sign, k) => { pointed[k] = Math.min(1, Math.max(0, pointed[k] + sign / 36)); });
  tell(...pointed);
  draw();
});
function tell(u, v) {
  const x = [data.corner.values[0] + u * data.width, data.corner.values[1] + v * data.width], cell = (t) => Math.min(data.grid - 1, Math.max(0, Math.floor(t * data.grid)));
  const value = data.surface ? `; ${says}: ${short(snap().surface.values[cell(v) * data.grid + cell(u)])}` : "";
  here.textContent = `x = (${short(x[0])}, ${short(x[1])})${value}`;
}

const stations = () => (lastStation() ? slider("from noise to data", 0, lastStation(), 0.05, state.station ?? lastStation(), (t) => { state.station = t; draw(); }, (t) => `${Math.round(t / lastStation() * 100)} %`) : null);
const way = element("span");
let playing = null;
const play = element("button", { onclick: () => (playing ? stop() : start()) }, "play");
function start() { // the way from noise to data, or where there is none the run, in two seconds
  const begun = performance.now();
  play.textContent = "stop";
  const frame = (time) => {
    const t = Math.min(1, (time - begun) / 2500);
    if (lastStation()) {
      state.station = t * lastStation();
      walk.set(state.station);
    } else showEpoch(Math.round(t * (data.snapshots.length - 1)));
    draw();
    if (t < 1) playing = requestAnimationFrame(frame);
    else stop();
  };
  playing = requestAnimationFrame(frame);
}
function stop() {
  cancelAnimationFrame(playing);
  playing = null;
  play.textContent = "play";
}

let walk = stations();
if (walk) way.append(walk.row);
const epoch = slider("epoch", 0, state.now, 1, state.now, (k) => showEpoch(k), (k) => String(data.snapshots[k].epoch));
epoch.input.disabled = data.snapshots.length === 1;
function showEpoch(k) {
  epoch.set(state.now = k);
  epoch.row.querySelector("output").textContent = data.snapshots[k].epoch;
  drawSurface();
  draw();
}
const shown = data.snapshots[0].slope ? element("label", {}, element("input", { type: "checkbox", checked: true, onchange: (event) => { state.arrows = event.target.checked; draw(); } }), " arrows: ∂D/∂x at each sample") : null;

document.querySelector("main").append(
  element("p", { id: "hint" }, lastStation() ? "Move the epoch, and the samples along their way from noise to data." : "Move the epoch and watch the samples find the data."),
  element("div", { id: "controls" }, epoch.row, way, play, shown),
  element("div", { class: "one" }, plane, element("p", {}, element("span", { class: "dot", style: "background: var(--accent)" }), "samples ", element("span", { class: "dot", style: "background: var(--quiet)" }), "test data"), sizes, here),
);
showEpoch(state.now);
theme.listeners.push(() => { drawSurface(); draw(); });
addEventListener("resize", draw);
