// A MADE of pictures: pixel after pixel, the probability of each given those before it.

const order = data.order.values, D = data.features;
const state = { now: snapshot(data.snapshots.length - 1), x: new Float32Array(D), drawn: 0, label: 0, running: null }; // the first `drawn` pixels of the order count

// p(x_i = 1 | those drawn) of every pixel; exact for the drawn ones and the next. Pixels that are not drawn are zero, as in sampling.
function conditionals() {
  const row = new Float32Array(D);
  for (let k = 0; k < state.drawn; k++) row[order[k]] = state.x[order[k]];
  const input = given(row, state.label), output = state.now.net.call(input).values;
  const more = state.now.direct?.call(input).values;
  return output.map((logit, i) => sigmoid(logit + (more ? more[i] : 0)));
}

const next = () => order[state.drawn];
function sampleOne() { // draws the next pixel, x = 1 with its probability
  const i = next();
  state.x[i] = Math.random() < conditionals()[i] ? 1 : 0;
  state.drawn++;
}

const shown = picture("the pixels drawn so far", "100%"), chances = picture("the probability of each pixel", "100%");
const said = element("p", { id: "next", "aria-live": "polite" });
const place = slider("pixels drawn", 0, D, 1, 0, (value) => { stop(); state.drawn = value; draw(); });
const pad = drawing(side, (x) => { stop(); show(x.map((grey) => Number(grey > 0.4)), D); });
const within = inside(["net"]);

const draw = later(() => {
  const p = conditionals(), rank = new Int32Array(D), paper = theme.dark ? [52, 58, 66] : [214, 219, 226];
  order.forEach((i, k) => { rank[i] = k; });
  const colour = (i) => {
    if (rank[i] < state.drawn) return grey(state.x[i]);
    return rank[i] === state.drawn ? (theme.dark ? [240, 138, 93] : [179, 67, 27]) : paper;
  };
  const indices = Float32Array.from({ length: D }, (_, i) => i);
  drawArray(shown, indices, side, side, colour);
  drawArray(chances, indices, side, side, (i) => (rank[i] <= state.drawn ? grey(p[i]) : grey(p[i]).map((level, k) => Math.round(0.35 * level + 0.65 * paper[k]))));
  let total = 0;
  for (let k = 0; k < state.drawn; k++) total += Math.log(Math.max(1e-30, state.x[order[k]] ? p[order[k]] : 1 - p[order[k]]));
  said.textContent = (state.drawn < D ? `Next: row ${Math.floor(next() / side) + 1}, column ${(next() % side) + 1}, white with probability ${p[next()].toFixed(3)}. ` : "All are drawn. ")
    + `log p of the ${state.drawn} drawn: ${total.toFixed(1).replace("-", "−")} nats.`;
  place.set(state.drawn);
  one.disabled = rest.disabled = state.drawn === D;
  const row = new Float32Array(D);
  for (let k = 0; k < state.drawn; k++) row[order[k]] = state.x[order[k]];
  within.show({ net: [state.now.net, given(row, state.label)] });
});

function show(x, drawn) {
  [state.x, state.drawn] = [Float32Array.from(x), drawn];
  draw();
}

// As many pixels as fit into a frame, until all are drawn.
function run() {
  const frame = () => {
    const begun = performance.now();
    while (state.drawn < D && performance.now() - begun < 10) sampleOne();
    draw();
    if (state.drawn < D) state.running = requestAnimationFrame(frame);
    else stop();
  };
  state.running = requestAnimationFrame(frame);
}
function stop() {
  cancelAnimationFrame(state.running);
  state.running = null;
}

dragging(shown, ([u, v], event) => { // press a drawn pixel to turn it
  const i = Math.min(side - 1, Math.floor(v * side)) * side + Math.min(side - 1, Math.floor(u * side));
  if (event.type !== "pointerdown" || !order.subarray(0, state.drawn).includes(i)) return;
  state.x[i] = 1 - state.x[i];
  draw();
});

const one = element("button", { onclick: () => { stop(); sampleOne(); draw(); } }, "draw one pixel");
const rest = element("button", { onclick: () => { stop(); run(); } }, "draw the rest");
const anew = element("button", { onclick: () => { stop(); state.drawn = 0; run(); } }, "a new picture");
const labels = choice("label", Array.from({ length: data.classes || 0 }, (_, k) => [k, `class ${k}`]), (value) => { state.label = Number(value); draw(); });
const strip = element("div", { class: "strip" }, ...Array.from({ length: data.pictures.rows }, (_, i) => {
  const canvas = element("canvas"), x = Array.from(data.pictures.row(i), (byte) => Number(byte > 127));
  drawArray(canvas, x, side, side);
  return element("button", { class: "thumb", "aria-label": `test example ${i + 1}`, onclick: () => {
    stop();
    if (data.classes) labels.value = state.label = data.labels.values[i];
    show(x, Math.floor(D / 2));
  } }, canvas);
}));

document.querySelector("main").append(
  element("p", { id: "hint" }, "Draw pixel after pixel: each is white with a probability that depends on those before it. Draw half a digit, and let the network draw the rest."),
  element("div", { id: "controls" }, epochSlider((now) => { state.now = now; draw(); }), data.classes ? labels : null, anew, one, rest, place.row),
  element("div", { id: "trio" },
    figure("drawn so far; orange is next; press a drawn pixel to turn it", shown),
    figure("probability of white, given those drawn; pale: as if those between were black", chances),
    element("div", { id: "middle" }, figure("or draw a digit, then move “pixels drawn” back", pad.canvas, element("button", { onclick: () => { pad.clear(); show(new Float32Array(D), 0); } }, "clear")))),
  said,
  element("section", {}, element("h2", {}, "Test examples"), element("p", { class: "quiet" }, "press one: its first half stays, the rest is yours or the network's"), strip),
  within.section,
);
pad.paint();
show(Array.from(data.pictures.row(0), (byte) => Number(byte > 127)), Math.floor(D / 2));
theme.listeners.push(draw);
addEventListener("resize", () => pad.paint());
