// The run: data, a model, and the loop that trains it between frames.

const SHOWN = { gan: 400, vae: 400, flow: 150 }; // generated points on the plane
const HINTS = {
  gan: "Press Run: G turns noise into points, D colours the plane by what looks real to it, arrows show where its gradient sends them.",
  vae: "Press Run: the encoder gives each data point a place z, the decoder brings it back. The net is the plane of z, as the decoder "
    + "lays it; arrows lead from reconstructions to their data.",
  flow: "Press Run, then move the time: a velocity is learnt that carries noise (t = 0) to data (t = 1); the arrows are that velocity.",
  drawn: "Draw the data on the plane: with a finger, the mouse, or the arrow keys and Enter. Then press Run.",
  diverged: "The numbers have left the range of 32 bits: this training diverged. Choose lower rates, or a penalty.",
};

let run; // what `reset` makes
let running = false, speed = "fast";

function dataSet(random) { // -> toy, what the code needs of it; x (n, 2)
  if (settings.data !== "drawn") return { toy: data.toys[settings.data], x: data.toys[settings.data].x };
  const points = drawing.points.length ? drawing.points : [[0, 0]];
  return { toy: { points }, x: each((v) => v + DRAWN_STD * random.normal(), random.rowsOf(Tensor.of(points), 2000)) };
}

function viewOf(x) { // the square of the plane that is shown: its middle, and half its side
  if (settings.data === "drawn") return { middle: [0, 0], half: 1.5 };
  const axes = [0, 1].map((axis) => x.values.filter((_, i) => i % 2 === axis));
  const ends = axes.map((values) => [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))]);
  return { middle: ends.map(([low, high]) => (low + high) / 2), half: 0.65 * Math.max(...ends.map(([low, high]) => high - low)) };
}

function centerAndScale(x) { // of the data: the flow takes it as (x − center) / scale
  const center = hundredths(mean(x.values, (v) => v));
  return { center, scale: hundredths(Math.sqrt(mean(x.values, (v) => (v - center) ** 2))) || 1 };
}

function newModel(x, random) {
  const s = settings, inner = hidden(s.layers, s.units), [, layer] = ACTIVATIONS[s.activation];
  const network = (n_in, n_out) => mlp([n_in, ...inner, n_out], layer, random);
  if (s.model === "gan") {
    const discriminator = mlp([2, ...hidden(s.d_layers, s.d_units), 1], ACTIVATIONS[s.d_activation][1], random);
    return new GAN({ generator: network(s.latent, 2), discriminator }, s);
  }
  if (s.model === "vae") return new VAE({ encoder: network(2, 2 * s.latent), decoder: network(s.latent, 2) }, s);
  const waves = TIME_FEATURES / 2, f = Float32Array.from({ length: waves }, (_, k) => 100 ** (k / (waves - 1))); // from 1 to 100
  const net = [{ layer: "TimeEmbedding", f: new Tensor([waves], f) }, ...network(2 + TIME_FEATURES, 2)];
  return new FlowMatching({ net }, { ...s, ...centerAndScale(x) });
}

function reset() {
  const random = new Random(settings.seed), { toy, x } = dataSet(random), drawn = settings.data === "drawn";
  const z = random.normals(SHOWN[settings.model], settings.model === "flow" ? 2 : settings.latent); // the same from step to step
  run = { toy, x, view: viewOf(x), random, z, model: newModel(x, random), step: 0, next: "D", losses: [], every: 1 };
  const toBeDrawn = drawn && !drawing.points.length;
  $("hint").textContent = HINTS[toBeDrawn ? "drawn" : settings.model];
  $("step-d").hidden = $("step-g").hidden = settings.model !== "gan";
  $("time-label").hidden = settings.model !== "flow";
  $("clear").hidden = !drawn;
  $("plane").style.touchAction = drawn ? "none" : "auto";
  $("plane").style.cursor = drawn ? "crosshair" : "";
  if (toBeDrawn) setRunning(false);
  draw();
}

function turnD() {
  const { model, x, random } = run, { batch, latent } = settings;
  run.lossD = model.turnD(random.rowsOf(x, batch), random.normals(batch, latent), random.uniforms(batch, 1));
  check([run.lossD]);
}

function turnG() {
  run.lossG = run.model.turnG(run.random.normals(settings.batch, settings.latent));
  check([run.lossG]);
}

function step() { // of a GAN: D's turn, and at every d_steps-th step G's
  const { model, x, random } = run, { batch, latent } = settings;
  run.step++;
  if (settings.model === "gan") {
    turnD();
    if (run.step % settings.d_steps === 0) turnG();
    note([run.lossD, run.lossG ?? NaN]);
  } else if (settings.model === "vae") {
    run.parts = model.turn(random.rowsOf(x, batch), random.normals(batch, latent));
    note([run.parts.nll, run.parts.kl]);
    check([run.parts.loss]);
  } else {
    run.loss = model.turn(random.rowsOf(x, batch), random.uniforms(batch, 1), random.normals(batch, 2));
    note([run.loss]);
    check([run.loss]);
  }
}

function slowStep() { // the two players of a GAN one after the other
  if (settings.model !== "gan") return step();
  run.moved = run.next;
  if (run.next === "D") {
    run.step++;
    turnD();
    if (run.step % settings.d_steps === 0) run.next = "G";
  } else {
    turnG();
    run.next = "D";
    note([run.lossD, run.lossG]);
  }
}

function note(losses) { // for the curves; half as many whenever there are many
  if (run.step % run.every === 0) run.losses.push({ step: run.step, losses });
  if (run.losses.length > 600) {
    run.every *= 2;
    run.losses = run.losses.filter(({ step }) => step % run.every === 0);
  }
}

function check(losses) {
  if (losses.every(Number.isFinite)) return;
  setRunning(false);
  $("hint").textContent = HINTS.diverged;
}

function setRunning(on) {
  running = on;
  $("run").textContent = on ? "❚❚ Pause" : "▶ Run";
  $("run").setAttribute("aria-pressed", on);
  if (!on && run) draw();
}

let nextDrawing = 0, nextSlowStep = 0;

// Trains for at most 10 ms of a frame; draws 20 times a second, or less often where that would take more than a third of the time.
function frame(now) {
  if (running && speed === "slow") {
    if (now > nextSlowStep) {
      nextSlowStep = now + 700;
      slowStep();
      draw();
    }
  } else if (running) {
    run.moved = null;
    do step(); while (running && speed === "fast" && performance.now() - now < 10);
    if (now > nextDrawing) {
      const start = performance.now();
      draw();
      nextDrawing = now + Math.max(50, 3 * (performance.now() - start));
    }
  }
  requestAnimationFrame(frame);
}
