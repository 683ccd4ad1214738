// The page itself: settings that stand in the address, the loop that trains between frames, and what one sees of it.

const DRAWN_STD = 0.03; // of the small Gaussian around each point that the reader has drawn
const SHOWN = { gan: 400, vae: 400, flow: 150 }; // generated points on the plane
const numbersOf = (...values) => values.map((value) => [value, String(value)]);

// key -> [label, its values with their titles, the first choice, when it means anything, the group it stands in]
const gan = (s) => s.model === "gan", always = () => true;
const SETTINGS = {
  model: ["model", [["gan", "GAN"], ["vae", "VAE"], ["flow", "flow matching"]], "gan", always, "Train"],
  data: ["data", [...Object.entries(data.toys).map(([name, toy]) => [name, toy.title]), ["drawn", "draw your own"]], "ring", always, "Train"],
  objective: ["objective", [["non_saturating", "non-saturating"], ["minimax", "minimax"], ["least_squares", "least squares"], ["hinge", "hinge"],
    ["wasserstein", "Wasserstein"]], "non_saturating", gan, "Objective"],
  penalty: ["penalty", [["none", "none"], ["r1", "R1"], ["wgan_gp", "WGAN-GP"]], "none", gan, "Objective"],
  weight: ["its weight", numbersOf(0.1, 1, 10), 1, (s) => gan(s) && s.penalty !== "none", "Objective"],
  clip: ["weights clipped at", numbersOf(0.01, 0.03, 0.1, 0.3), 0.1, (s) => gan(s) && s.objective === "wasserstein" && s.penalty === "none", "Objective"],
  d_steps: ["D steps per G", numbersOf(1, 2, 5), 1, gan, "Objective"],
  beta: ["β of the KL", numbersOf(0.1, 0.3, 1, 3, 10), 1, (s) => s.model === "vae", "Objective"],
  variance: ["variance of x", numbersOf(0.001, 0.003, 0.01, 0.03, 0.1), 0.01, (s) => s.model === "vae", "Objective"],
  latent: ["size of z", numbersOf(1, 2, 8), 2, (s) => s.model !== "flow", "Network"],
  layers: ["hidden layers", numbersOf(1, 2, 3, 4), 2, always, "Network"],
  units: ["units in each", numbersOf(4, 8, 16, 32, 64), 32, always, "Network"],
  activation: ["activation", Object.entries(ACTIVATIONS).map(([name, [title]]) => [name, title]), "relu", always, "Network"],
  d_layers: ["hidden layers", numbersOf(1, 2, 3, 4), 2, gan, "Discriminator"],
  d_units: ["units in each", numbersOf(4, 8, 16, 32, 64), 32, gan, "Discriminator"],
  d_activation: ["activation", Object.entries(ACTIVATIONS).map(([name, [title]]) => [name, title]), "leaky_relu", gan, "Discriminator"],
  optimizer: ["optimizer", [["adam", "Adam"], ["sgd", "SGD"]], "adam", always, "Learning"],
  momentum: ["momentum", numbersOf(0, 0.5, 0.9), 0.5, always, "Learning"],
  lr: ["rate", numbersOf(0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1), 0.001, always, "Learning"],
  lr_d: ["rate of D", numbersOf(0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1), 0.003, gan, "Learning"],
  batch: ["minibatch", numbersOf(16, 32, 64, 128, 256), 128, always, "Learning"],
  seed: ["seed", numbersOf(0, 1, 2, 3, 4, 5, 6, 7, 8, 9), 0, always, "Learning"],
};
const NETWORK_TITLES = { gan: "Generator", vae: "Encoder and decoder", flow: "Velocity" };
const HINTS = {
  gan: "Press Run: G turns noise into points, D colours the plane by what looks real to it, and the arrows show where its gradient sends the points.",
  vae: "Press Run: the encoder gives each data point a place z, the decoder brings it back. The net is the plane of z as the decoder lays it; the "
    + "arrows lead from reconstructions to their data.",
  flow: "Press Run, then move the time: a velocity is learnt that carries noise (t = 0) to data (t = 1); the arrows are that velocity.",
};
const CUSTOMARY = { gan: { lr: 0.001, momentum: 0.5, activation: "relu" }, vae: { lr: 0.003, momentum: 0.9, activation: "tanh" },
  flow: { lr: 0.003, momentum: 0.9, activation: "relu" } }; // what a newly chosen model begins with
const SPEEDS = [["slow", "slow motion"], ["frame", "a step per frame"], ["fast", "as fast as it goes"]];
const $ = (id) => document.getElementById(id);

// ---- settings, in the address

const settings = {}, drawing = { points: [], cursor: null };
let speed = "fast";

// What differs from the first choice: #model=vae&data=moons; drawn points as hundredths, x.y_x.y
function address() {
  const chosen = Object.entries(SETTINGS).filter(([key, [, , first]]) => settings[key] !== first).map(([key]) => `${key}=${settings[key]}`);
  if (drawing.points.length) chosen.push("points=" + drawing.points.map((point) => point.map((v) => Math.round(100 * v)).join(".")).join("_"));
  return chosen.join("&");
}

function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const [key, [, options, first]] of Object.entries(SETTINGS)) {
    const found = options.find(([value]) => String(value) === given.get(key));
    settings[key] = found ? found[0] : first;
  }
  drawing.points = (given.get("points") ?? "").split("_").map((text) => text.split(".").map((v) => Number(v) / 100))
    .filter((point) => point.length === 2 && point.every((v) => Number.isFinite(v) && Math.abs(v) <= 2));
}

function showSettings() {
  const groups = new Map();
  for (const [key, [label, options, , when, group]] of Object.entries(SETTINGS)) {
    if (!when(settings)) continue;
    if (!groups.has(group)) groups.set(group, element("fieldset", {}, element("legend", {}, group === "Network" ? NETWORK_TITLES[settings.model] : group)));
    const select = element("select", { id: key, onchange: () => choose(key, options[select.selectedIndex][0]) },
      ...options.map(([value, title]) => element("option", { value, selected: value === settings[key] }, title)));
    groups.get(group).append(element("label", { for: key }, label), select);
  }
  $("left").replaceChildren(...groups.values());
}

function choose(key, value) {
  settings[key] = value;
  if (key === "model") Object.assign(settings, CUSTOMARY[value]);
  history.replaceState(null, "", "#" + address());
  showSettings();
  $(key).focus();
  reset();
}

// ---- the run

let run; // { model, x, toy, view, random, step, turn, losses, z }
let running = false;

// The data, its middle and its size: what fits the plane, and what the flow divides by.
function dataSet(random) {
  if (settings.data !== "drawn") return { toy: data.toys[settings.data], x: data.toys[settings.data].x };
  const points = drawing.points.length ? drawing.points : [[0, 0]];
  const x = each((value) => value + DRAWN_STD * random.normal(), random.rowsOf(Tensor.of(points), 2000));
  return { toy: { points }, x };
}

function viewOf(x) {
  if (settings.data === "drawn") return { middle: [0, 0], half: 1.5 };
  const ends = [0, 1].map((axis) => [Math.min, Math.max].map((f) => x.values.reduce((end, v, i) => (i % 2 === axis ? f(end, v) : end), x.values[axis])));
  return { middle: ends.map(([low, high]) => (low + high) / 2), half: Math.max(...ends.map(([low, high]) => 0.65 * (high - low))) };
}

const hundredths = (value) => Math.round(100 * value) / 100;

// center and scale of the data, for the flow
function middleAndSize(x) {
  const center = hundredths(mean(x.values, (v) => v));
  return { center, scale: hundredths(Math.sqrt(mean(x.values, (v) => (v - center) ** 2))) || 1 };
}

function newModel(x, random) {
  const s = settings, [, layer] = ACTIVATIONS[s.activation], inner = hidden(s.layers, s.units);
  if (s.model === "gan") {
    const generator = mlp([s.latent, ...inner, 2], layer, random);
    return new GAN({ generator, discriminator: mlp([2, ...hidden(s.d_layers, s.d_units), 1], ACTIVATIONS[s.d_activation][1], random) }, s);
  }
  if (s.model === "vae") {
    return new VAE({ encoder: mlp([2, ...inner, 2 * s.latent], layer, random), decoder: mlp([s.latent, ...inner, 2], layer, random) }, s);
  }
  const f = Float32Array.from({ length: TIME_FEATURES / 2 }, (_, k) => 100 ** (k / (TIME_FEATURES / 2 - 1))); // from 1 to 100
  const net = [{ layer: "TimeEmbedding", f: new Tensor([f.length], f) }, ...mlp([2 + TIME_FEATURES, ...inner, 2], layer, random)];
  return new FlowMatching({ net }, { ...s, ...middleAndSize(x) });
}

function reset() {
  const random = new Random(settings.seed), { toy, x } = dataSet(random), latent = settings.model === "flow" ? 2 : settings.latent;
  run = { toy, x, view: viewOf(x), random, model: newModel(x, random), step: 0, turn: "D", losses: [], every: 1, z: random.normals(SHOWN[settings.model], latent) };
  $("hint").textContent = settings.data === "drawn" && !drawing.points.length
    ? "Draw the data on the plane, with a finger, the mouse, or the arrow keys and Enter." : HINTS[settings.model];
  for (const id of ["step-d", "step-g"]) $(id).hidden = settings.model !== "gan";
  $("time-label").hidden = settings.model !== "flow";
  $("clear").hidden = settings.data !== "drawn";
  $("plane").style.touchAction = settings.data === "drawn" ? "none" : "auto";
  $("plane").style.cursor = settings.data === "drawn" ? "crosshair" : "";
  if (!drawing.points.length && settings.data === "drawn") setRunning(false);
  draw();
}

function turnD() {
  const { model, x, random } = run, { batch, latent } = settings;
  run.lossD = model.turnD(random.rowsOf(x, batch), random.normals(batch, latent), random.uniforms(batch, 1));
}

function turnG() { run.lossG = run.model.turnG(run.random.normals(settings.batch, settings.latent)); }

// One step of the whole; of a GAN: D's turn, and at every d_steps-th step G's.
function step() {
  const { model, x, random } = run, { batch, latent } = settings;
  run.step++;
  if (settings.model === "gan") {
    turnD();
    if (run.step % settings.d_steps === 0) turnG();
    note([run.lossD, run.lossG ?? run.lossD]);
  } else if (settings.model === "vae") {
    run.parts = model.turn(random.rowsOf(x, batch), random.normals(batch, latent));
    note([run.parts.nll, run.parts.kl]);
  } else note([model.turn(random.rowsOf(x, batch), random.uniforms(batch, 1), random.normals(batch, 2))]);
}

// Slow motion shows a GAN's two players one after the other.
function slowStep() {
  if (settings.model !== "gan") return step();
  const last = run.turn;
  if (last === "D") {
    run.step++;
    turnD();
    if (run.step % settings.d_steps === 0) run.turn = "G";
  } else {
    turnG();
    run.turn = "D";
  }
  run.moved = last;
  if (last === "G") note([run.lossD, run.lossG]);
}

// Losses for the picture; twice as far apart whenever there are many.
function note(losses) {
  if (!losses.every(Number.isFinite)) {
    setRunning(false);
    $("hint").textContent = "The numbers have left the range of 32 bits: this training diverged. Choose lower learning rates, or a penalty; then Reset.";
  }
  if (run.step % run.every === 0) run.losses.push({ step: run.step, losses });
  if (run.losses.length > 600) {
    run.every *= 2;
    run.losses = run.losses.filter(({ step }) => step % run.every === 0);
  }
}

function setRunning(on) {
  running = on;
  $("run").textContent = on ? "❚❚ Pause" : "▶ Run";
  $("run").setAttribute("aria-pressed", on);
  if (!on && run) draw();
}

let nextDrawing = 0, nextSlowStep = 0;
function frame(now) { // trains for at most 10 ms; draws 20 times a second, less where that would take a third of the time
  if (running) {
    run.moved = null;
    if (speed === "slow") {
      if (now > nextSlowStep) {
        nextSlowStep = now + 700;
        slowStep();
        draw();
      }
    } else {
      do step(); while (running && speed === "fast" && performance.now() - now < 10);
      if (now > nextDrawing) {
        const start = performance.now();
        draw();
        nextDrawing = now + Math.max(50, 3 * (performance.now() - start));
      }
    }
  }
  requestAnimationFrame(frame);
}

// ---- what one sees

function prepared(canvas) { // sharp on any screen -> context, width, height in CSS pixels
  const ratio = devicePixelRatio || 1, { clientWidth: width, clientHeight: height } = canvas;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  context.font = `12px ${variable("--text")}`;
  return { context, width, height };
}

const toScreen = (size) => ([x, y]) => {
  const { middle, half } = run.view;
  return [size * (0.5 + (x - middle[0]) / half / 2), size * (0.5 - (y - middle[1]) / half / 2)];
};
const toPlane = (size) => ([u, v]) => {
  const { middle, half } = run.view;
  return [middle[0] + (2 * u / size - 1) * half, middle[1] + (1 - 2 * v / size) * half];
};

function draw() {
  const { context, width } = prepared($("plane")), place = toScreen(width);
  const show = { gan: showGAN, vae: showVAE, flow: showFlow }[settings.model], { points, pull, pulled, facts, truthful } = show(context, width, place);
  axes(context, width);
  dots(context, settings.data === "drawn" ? Tensor.of(run.toy.points) : run.x, place, variable("--data"), settings.data === "drawn" ? 3 : 1.2, 600);
  dots(context, points, place, variable("--made"), 2.2);
  const longest = arrows(context, pulled, pull, place, width, truthful);
  if (drawing.cursor && settings.data === "drawn") cross(context, place(drawing.cursor));
  const { toy } = run, rows = [["step", String(run.step) + (run.moved ? `, ${run.moved} has moved` : "")], ...facts];
  if (toy.modes && settings.model !== "flow" || toy.modes && $("time").value === "1") {
    const { captured, highQuality } = modeCoverage(points, toy.modes, toy.std);
    rows.push(["modes covered", `${captured} of ${toy.modes.rows}`], ["points within 3 std of one", `${Math.round(100 * highQuality)} %`]);
  }
  rows.push(["longest arrow", short(longest)]);
  $("numbers").replaceChildren(...rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
  drawLosses();
  if (!$("code").hidden) showCode();
}

const valued = ([name, value]) => [name, value === undefined ? "–" : value.toFixed(3).replace("-", "−")];

function showGAN(context, width, place) {
  const { model, z } = run, points = model.generator.call(z), cells = 36, at = toPlane(cells), grid = [];
  for (let i = 0; i < cells; i++) for (let j = 0; j < cells; j++) grid.push(at([j + 0.5, i + 0.5]));
  let surface = model.discriminator.call(Tensor.of(grid)).values;
  // D's output, from −1, generated, to 1, real
  if (settings.objective === "wasserstein") {
    const middle = mean(surface, (y) => y), size = largest(surface.map((y) => y - middle)) || 1;
    surface = surface.map((y) => (y - middle) / size);
  } else surface = surface.map({ hinge: (y) => y, least_squares: (y) => 2 * y - 1 }[settings.objective] ?? ((y) => 2 * sigmoid(y) - 1));
  const small = element("canvas");
  drawArray(small, surface, cells, cells, signed);
  context.globalAlpha = 0.55;
  context.drawImage(small, 0, 0, width, width);
  context.globalAlpha = 1;
  const pull = each((d) => -d * points.rows, model.judged(points).pull);
  legend([["data", "--data"], ["generated, with −∂(loss of G)/∂x", "--made"], ["D: real", signed(0.7), true], ["D: generated", signed(-0.7), true]]);
  return { points, pulled: points, pull, facts: [["loss of D", run.lossD], ["loss of G", run.lossG]].map(valued) };
}

function showVAE(context, width, place) {
  const { model, z, x } = run, points = model.decoder.call(z), latent = settings.latent;
  if (latent <= 2) { // z from −2 to 2, as the decoder lays it in the plane
    context.strokeStyle = variable("--cool");
    context.globalAlpha = 0.6;
    const ticks = Array.from({ length: 41 }, (_, i) => -2 + i / 10), lines = latent === 1 ? [ticks.map((t) => [t])] : ticks.filter((_, i) => i % 4 === 0)
      .flatMap((fixed) => [ticks.map((t) => [t, fixed]), ticks.map((t) => [fixed, t])]);
    for (const line of lines) {
      const path = model.decoder.call(Tensor.of(line));
      context.beginPath();
      for (let i = 0; i < path.rows; i++) context.lineTo(...place(path.row(i)));
      context.stroke();
    }
    context.globalAlpha = 1;
  }
  const some = new Tensor([80, 2], x.values.slice(0, 160)), h = model.encoder.call(some), mu = new Tensor([80, latent]);
  for (let n = 0; n < 80; n++) mu.row(n).set(h.row(n).subarray(0, latent));
  const pulled = model.decoder.call(mu), parts = run.parts;
  const facts = [["−ELBO, in nats", parts?.loss], ["−log p(x|z)", parts?.nll], ["KL", parts?.kl]];
  legend([["data", "--data"], ["generated", "--made"], ["the plane of z, −2 to 2", "--cool"]]);
  return { points, pulled, pull: each((x, output) => x - output, some, pulled), facts: facts.map(valued), truthful: true };
}

function showFlow() {
  const { model, z } = run, t = Number($("time").value), { center, scale } = model.settings, steps = Math.ceil(12 * t);
  const x = steps ? model.path(z, t, steps) : z, points = each((x) => center + scale * x, x);
  const last = run.losses.at(-1);
  legend([["data", "--data"], [`x at t = ${t.toFixed(2)}, with its velocity`, "--made"]]);
  $("time-value").textContent = t.toFixed(2);
  return { points, pulled: points, pull: each((v) => scale * v, model.velocity(x, t)), facts: [["loss", last?.losses[0]]].map(valued) };
}

function legend(entries) {
  const colour = (value) => (Array.isArray(value) ? `rgb(${value})` : `var(${value})`);
  $("legend").replaceChildren(...entries.map(([title, value, square]) => element("span", {},
    element("i", { class: square ? "dot square" : "dot", style: `background: ${colour(value)}` }), title)));
}

function axes(context, width) {
  const { middle, half } = run.view, unit = half > 3 ? 2 : half > 1.2 ? 1 : 0.5, place = toScreen(width);
  context.fillStyle = variable("--quiet");
  context.strokeStyle = variable("--line");
  for (let axis = 0; axis < 2; axis++) {
    for (let tick = Math.ceil((middle[axis] - half) / unit) * unit; tick < middle[axis] + half; tick += unit) {
      const corner = [middle[0] - half, middle[1] - half];
      corner[axis] = tick;
      const [u, v] = place(corner);
      context.beginPath();
      context.moveTo(u, v);
      context.lineTo(axis ? u + 5 : u, axis ? v : v - 5);
      context.stroke();
      if (axis ? v > 20 && v < width - 20 : u > 20 && u < width - 20) context.fillText(short(tick), axis ? u + 8 : u - 4, axis ? v + 4 : v - 8);
    }
  }
}

function dots(context, points, place, colour, radius, most = points.rows) {
  context.fillStyle = colour;
  for (let n = 0; n < Math.min(most, points.rows); n++) {
    context.beginPath();
    context.arc(...place(points.row(n)), radius, 0, 2 * Math.PI);
    context.fill();
  }
}

// An arrow at each of so many points; the longest is an eighth of the plane, unless they are to be as long as they are -> the longest's true length
function arrows(context, points, pull, place, width, truthful) {
  const count = Math.min(80, points.rows), lengths = Array.from({ length: count }, (_, n) => Math.hypot(...pull.row(n))), longest = largest(lengths);
  const factor = truthful ? width / run.view.half / 2 : width / 8 / longest;
  context.strokeStyle = variable("--ink");
  context.lineWidth = 1;
  for (let n = 0; longest > 0 && n < count; n++) {
    const [u, v] = place(points.row(n)), [dx, dy] = pull.row(n), [a, b] = [u + dx * factor, v - dy * factor];
    const angle = Math.atan2(b - v, a - u), head = Math.min(5, Math.hypot(a - u, b - v) / 2);
    context.beginPath();
    context.moveTo(u, v);
    context.lineTo(a, b);
    for (const turn of [2.6, -2.6]) {
      context.moveTo(a, b);
      context.lineTo(a + head * Math.cos(angle + turn), b + head * Math.sin(angle + turn));
    }
    context.stroke();
  }
  return longest;
}

function cross(context, [u, v]) {
  context.strokeStyle = variable("--accent");
  context.strokeRect(u - 5, v - 5, 10, 10);
}

const CURVES = { gan: [["loss of D", "--cool"], ["loss of G", "--made"]], vae: [["−log p(x|z)", "--cool"], ["KL", "--made"]], flow: [["loss", "--cool"]] };

function drawLosses() {
  const { context, width, height } = prepared($("losses")), { losses } = run, left = 44, bottom = height - 34, top = 22;
  const curves = CURVES[settings.model], values = losses.flatMap((entry) => entry.losses).filter(Number.isFinite).sort((a, b) => a - b);
  let low = values[Math.floor(0.01 * values.length)] ?? 0, high = values[Math.floor(0.99 * values.length)] ?? 1;
  if (high - low < 1e-6) [low, high] = [low - 0.5, high + 0.5];
  const end = losses.length ? losses.at(-1).step : 1;
  const at = (step, value) => [left + (step / end) * (width - left - 6), bottom - ((Math.min(high, Math.max(low, value)) - low) / (high - low)) * (bottom - top)];
  context.fillStyle = variable("--quiet");
  context.strokeStyle = variable("--line");
  context.strokeRect(left, top, width - left - 6, bottom - top);
  context.textAlign = "right";
  context.fillText(short(Number(high.toFixed(2))), left - 4, top + 8);
  context.fillText(short(Number(low.toFixed(2))), left - 4, bottom);
  context.fillText(String(end), width - 6, bottom + 14);
  context.textAlign = "left";
  context.fillText("0", left, bottom + 14);
  context.fillText("step", left + (width - left) / 2 - 12, bottom + 14);
  curves.forEach(([title, colour], k) => {
    context.fillStyle = context.strokeStyle = variable(colour);
    context.fillText(title, left + 90 * k, 12);
    context.beginPath();
    for (const entry of losses) context.lineTo(...at(entry.step, entry.losses[k]));
    context.stroke();
  });
}

function showCode() { $("code").textContent = pythonCode(settings, run.step || 2000, run.toy, middleAndSize(run.x)); }

// ---- what one can do

function once(action) {
  setRunning(false);
  run.moved = null;
  action();
  draw();
}

function addPoint(point) {
  if (drawing.points.length >= 300) return;
  const [x, y] = point.map((v) => hundredths(Math.min(1.5, Math.max(-1.5, v)))), last = drawing.points.at(-1);
  if (last && Math.hypot(x - last[0], y - last[1]) < 0.06) return;
  drawing.points.push([x, y]);
  history.replaceState(null, "", "#" + address());
  reset();
}

$("controls").append(
  element("button", { id: "run", title: "space", onclick: () => setRunning(!running) }),
  element("button", { id: "step", title: "key s", onclick: () => once(step) }, "Step"),
  element("button", { id: "step-d", title: "key d: the discriminator alone", onclick: () => once(() => { turnD(); run.moved = "D"; }) }, "Step D"),
  element("button", { id: "step-g", title: "key g: the generator alone", onclick: () => once(() => { turnG(); run.moved = "G"; }) }, "Step G"),
  element("button", { id: "reset", title: "key r", onclick: () => { setRunning(false); reset(); } }, "Reset"),
  element("select", { id: "speed", "aria-label": "speed", onchange: (event) => { speed = event.target.value; } },
    ...SPEEDS.map(([value, title]) => element("option", { value, selected: value === speed }, title))),
  element("button", { id: "clear", onclick: () => { drawing.points = []; choose("data", "drawn"); } }, "Clear drawing"),
  element("label", { id: "time-label" }, "time t ", element("input", { id: "time", type: "range", min: 0, max: 1, step: 0.05, value: 1, oninput: () => draw() }),
    " ", element("span", { id: "time-value" })),
);
$("show-code").addEventListener("click", () => {
  $("code").hidden = !$("code").hidden;
  $("show-code").setAttribute("aria-expanded", !$("code").hidden);
  showCode();
  $("code").scrollIntoView({ block: "nearest" });
});

{
  const plane = $("plane"), at = (event) => toPlane(plane.clientWidth)([event.offsetX, event.offsetY]);
  plane.addEventListener("pointerdown", (event) => settings.data === "drawn" && addPoint(at(event)));
  plane.addEventListener("pointermove", (event) => settings.data === "drawn" && event.buttons && addPoint(at(event)));
  plane.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (settings.data !== "drawn" || !(move || event.key === "Enter")) return;
    event.preventDefault();
    drawing.cursor ??= [0, 0];
    if (move) drawing.cursor = drawing.cursor.map((v, axis) => Math.min(1.4, Math.max(-1.4, v + 0.1 * move[axis])));
    else addPoint(drawing.cursor);
    draw();
  });
}
document.addEventListener("keydown", (event) => {
  const key = { " ": "run", s: "step", d: "step-d", g: "step-g", r: "reset" }[event.key];
  if (!key || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("button, select, input, pre")) return;
  event.preventDefault();
  if (!$(key).hidden) $(key).click();
});
addEventListener("hashchange", () => {
  readAddress();
  showSettings();
  reset();
});
addEventListener("resize", () => draw());
theme.listeners.push(() => draw());

readAddress();
showSettings();
setRunning(false);
reset();
requestAnimationFrame(frame);
