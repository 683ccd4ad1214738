// From noise to pictures: the samples on their way, and what the network makes of a digit that is drowned in noise.

const state = { now: snapshot(data.snapshots.length - 1), station: null, x: null, t: 0.5, noise: null };
const D = data.features, live = Boolean(state.now.net);
const toData = (x) => x.map((v) => data.center + data.scale * v), fromData = (x) => x.map((v) => (v - data.center) / data.scale);

const fresh = () => Float32Array.from({ length: D }, normal);

// How much of the data and of the noise x_t has, t from 0, all data, to 1, all noise.
function mixture(t) {
  if (data.kind === "matching") return [1 - t, t];
  const ratio = t > 0 ? Math.exp(data.low + (data.high - data.low) * t) : 0;
  return [1 / Math.sqrt(1 + ratio ** 2), ratio / Math.sqrt(1 + ratio ** 2)];
}

// What the network is asked, [x_t | time], and what follows from its answer: the data and the noise that it guesses.
const asked = (x_t, t) => new Tensor([1, D + 1], Float32Array.from([...x_t, data.kind === "matching" ? 1 - t : t]));
function guess(x_t, t) {
  const y = state.now.net.call(asked(x_t, t)).values, [cos, sin] = mixture(t);
  if (data.kind === "diffusion") return [x_t.map((v, i) => (v - sin * y[i]) / cos), y]; // y is ε̂
  const x0 = data.predict === "data" ? y : x_t.map((v, i) => v + t * y[i]); // y is x̂, or the velocity
  return [x0, x_t.map((v, i) => (t > 0 ? (v - (1 - t) * x0[i]) / t : 0))];
}

// From x_t to data in equal steps of time, without new noise: x_s = cos_s x̂₀ + sin_s ε̂.
function carried(x_t, t, steps = 20) {
  for (let k = 0; k < steps; k++) {
    const [x0, noise] = guess(x_t, t * (1 - k / steps)), [cos, sin] = mixture(t * (1 - (k + 1) / steps));
    x_t = x0.map((v, i) => cos * v + sin * noise[i]);
  }
  return x_t;
}

const sheet = Array.from({ length: state.now.path.shape[1] }, () => element("canvas", { class: "picture", style: "width: 100%" }));
const lastStation = state.now.path.shape[0] - 1;
const way = slider("from noise to data", 0, lastStation, 1, lastStation, (k) => { state.station = k; drawPath(); }, (k) => `${Math.round(100 * k / lastStation)} %`);

function drawPath() {
  const { path } = state.now, n = sheet.length, k = state.station ?? lastStation;
  sheet.forEach((canvas, i) => showPicture(canvas, Float32Array.from(path.values.subarray((k * n + i) * D, (k * n + i + 1) * D), (byte) => byte / 255)));
}

let playing = null;
const play = element("button", { onclick: () => {
  clearInterval(playing);
  state.station = 0;
  const step = () => {
    drawPath();
    way.set(state.station);
    if (state.station < lastStation) state.station++;
    else clearInterval(playing);
  };
  step();
  playing = setInterval(step, 220);
} }, "play");

const clean = picture("the picture", "100%"), noisy = picture("the picture in noise", "100%"), found = picture("what the network guesses", "100%"), ended = picture("where the way ends", "100%");
const pad = drawing(side, (x) => { state.x = x; draw(); });
const level = slider("noise", 0, 1, 0.01, state.t, (t) => { state.t = t; draw(); }, (t) => `${Math.round(100 * t)} %`);
const within = inside(["net"]);

const draw = later(() => {
  if (!live) return;
  const [cos, sin] = mixture(state.t), x_t = fromData(state.x).map((v, i) => cos * v + sin * state.noise[i]);
  showPicture(clean, state.x);
  showPicture(noisy, toData(x_t));
  showPicture(found, toData(guess(x_t, state.t)[0]));
  within.show({ net: [state.now.net, asked(x_t, state.t)] });
  clearTimeout(state.soon); // twenty passes through the network, once the reader rests
  state.soon = setTimeout(() => showPicture(ended, toData(carried(x_t, state.t))), 60);
});

const strip = element("div", { class: "strip" }, ...Array.from({ length: data.pictures.rows }, (_, i) => {
  const canvas = element("canvas");
  showPicture(canvas, example(i));
  return element("button", { class: "thumb", "aria-label": `test example ${i + 1}`, onclick: () => { state.x = example(i); draw(); } }, canvas);
}));

document.querySelector("main").append(
  element("p", { id: "hint" }, live ? "Press play to see noise become digits. Then draw one, drown it in noise, and see what the network finds in it." : "Press play to see noise become digits, one bijection after the other."),
  element("div", { id: "controls" }, epochSlider((now) => { state.now = now; drawPath(); draw(); }), way.row, play),
  element("div", { class: "sheet" }, ...sheet),
);
if (live) {
  document.querySelector("main").append(
    element("h2", {}, "What is under the noise?"),
    element("p", { class: "quiet" }, "A test example or a digit of yours, mixed with noise; the network's guess at it in one step, and where many small steps lead."),
    element("div", { class: "row" }, level.row, element("button", { onclick: () => { state.noise = fresh(); draw(); } }, "other noise")),
    element("div", { class: "five" },
      element("div", { id: "middle" }, figure("draw a digit", pad.canvas, element("button", { onclick: () => { pad.clear(); state.x = example(0); draw(); } }, "clear"))),
      figure("x, the picture", clean), figure("in noise", noisy), figure("the network's guess at x", found), figure("after 20 steps", ended)),
    element("h2", {}, "Test examples"), element("p", { class: "quiet" }, "press one"), strip,
    within.section,
  );
  [state.x, state.noise] = [example(0), fresh()];
  pad.paint();
  addEventListener("resize", () => pad.paint());
}
drawPath();
draw();
