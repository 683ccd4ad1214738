// A generator of pictures: z to turn, what D says of the picture, and the gradient that it sends back.

const n = data.latent, codes = data.categories.map(() => 0), numbers = new Float32Array(data.continuous);
const state = { now: snapshot(data.snapshots.length - 1), z: draws(), x: null, label: 0, others: [] }; // x: a picture that was not generated

function draws() { return Float32Array.from({ length: n }, () => (data.noise ? data.noise * (2 * Math.random() - 1) : normal())); }

// [z | codes | label], what the generator is given.
function toGenerator(z) {
  const row = [...z];
  data.categories.forEach((size, k) => row.push(...Array.from({ length: size }, (_, c) => Number(c === codes[k]))));
  return given(Float32Array.from([...row, ...numbers]), state.label);
}
const generate = (z) => state.now.generator.call(toGenerator(z)).values;

// What D is shown with x: alone, beside others that were generated, or in one row with them; and the labels.
function toDiscriminator(x) {
  const told = (values) => given(values, state.label).values, others = state.others.slice(0, data.companions);
  if (data.pack === 1) return new Tensor([1 + others.length, told(x).length], Float32Array.from([x, ...others].flatMap((one) => [...told(one)])));
  const labels = Array.from({ length: data.pack }, () => [...told([])]).flat();
  const row = Float32Array.from([...[x, ...others].flatMap((one) => [...one]), ...labels]);
  return new Tensor([1, row.length], row);
}

// -> D's output for x, and ∂D/∂x.
function judge(x) {
  const [y, caches] = state.now.discriminator.forward(toDiscriminator(x)), dy = new Tensor(y.shape);
  dy.values[0] = 1;
  return [y.values[0], state.now.discriminator.backward(dy, caches, "input").values.subarray(0, data.features)];
}
const verdict = (output) => (data.probability ? `${(100 * sigmoid(output)).toFixed(1)} % real` : short(output));

const image = picture("the picture", "100%"), pull = picture("the gradient of D at the picture", "100%"), said = element("output", { id: "said" });
const pad = drawing(side, (x) => { state.x = x; draw(); });
const sliders = Array.from({ length: n }, (_, j) => slider(`z${sub(j + 1)}`, data.noise ? -data.noise : -3, data.noise ?? 3, 0.01, state.z[j], (value) => { state.z[j] = value; state.x = null; draw(); }, (value) => value.toFixed(2).replace("-", "−")));
const within = inside(state.now.discriminator ? ["generator", "discriminator"] : ["generator"]);
const sheet = element("div", { class: "strip" }), real = element("div", { class: "strip" });

const draw = later(() => {
  const x = state.x ?? generate(state.z), networks = { generator: [state.now.generator, toGenerator(state.z)] };
  showPicture(image, x);
  sliders.forEach((one, j) => one.set(state.z[j]));
  if (state.now.discriminator) {
    const [output, gradient] = judge(x), most = largest(gradient);
    said.textContent = `D says: ${verdict(output)}`;
    said.style.setProperty("--share", data.probability ? sigmoid(output) : 0);
    drawOver(pull, x, gradient, most);
    length.textContent = `largest ± ${short(most)}`;
    networks.discriminator = [state.now.discriminator, toDiscriminator(x)];
  }
  within.show(networks);
});

// The gradient in colours over the picture in grey: orange where brighter, blue where darker would look more real.
function drawOver(canvas, x, gradient, most) {
  const paper = theme.dark ? 30 : 255;
  drawArray(canvas, Array.from(x, (_, i) => i), side, side, (i) => {
    const t = gradient[i] / (most || 1), ink = theme.dark ? 30 + 110 * x[i] : paper - 110 * x[i], colour = signed(Math.sign(t));
    return colour.map((end) => Math.round(ink + (end - ink) * Math.min(1, Math.abs(t))));
  });
}
const length = element("span", { class: "quiet" });

function thumbnail(x, name, press) {
  const canvas = element("canvas");
  showPicture(canvas, x);
  const text = state.now.discriminator ? verdict(judge(x)[0]).replace(" real", "") : "";
  return element("button", { class: "thumb", "aria-label": name, onclick: press }, canvas, element("span", {}, text));
}

let shown = Array.from({ length: 22 }, draws);
function drawSheets() { // samples and test examples, each with what D says
  state.others = Array.from({ length: data.companions }, () => generate(draws()));
  sheet.replaceChildren(...shown.map((z, k) => thumbnail(generate(z), `sample ${k + 1}`, () => { [state.z, state.x] = [z.slice(), null]; draw(); })));
  if (state.now.discriminator) real.replaceChildren(...Array.from({ length: data.pictures.rows }, (_, i) => {
    if (data.classes) state.label = data.labels.values[i];
    return thumbnail(example(i), `test example ${i + 1}`, () => { state.x = example(i); if (data.classes) labels.value = state.label = data.labels.values[i]; draw(); });
  }));
  if (data.classes) state.label = Number(labels.value);
  draw();
}

const labels = choice("label", Array.from({ length: data.classes || 0 }, (_, k) => [k, `class ${k}`]), (value) => { state.label = Number(value); drawSheets(); });
const categories = data.categories.map((size, k) => choice(`code ${k + 1}`, Array.from({ length: size }, (_, c) => [c, `code ${k + 1}: ${c}`]), (value) => { codes[k] = Number(value); state.x = null; drawSheets(); }));
const continuous = Array.from(numbers, (_, k) => slider(`c${sub(k + 1)}`, -2, 2, 0.01, 0, (value) => { numbers[k] = value; state.x = null; draw(); }));
const random = element("button", { onclick: () => { [state.z, state.x] = [draws(), null]; draw(); } }, "random z");
const again = element("button", { onclick: () => { shown = shown.map(draws); drawSheets(); } }, "other samples");
const judged = Boolean(state.now.discriminator);

document.querySelector("main").append(
  element("p", { id: "hint" }, judged
    ? "Turn z, draw, or press a sample: D says how real the picture looks, and its gradient which pixels should be brighter (orange) or darker (blue) to look more so."
    : "Turn z, or press a sample: the generator draws what that z means."),
  element("div", { id: "controls" }, epochSlider((now) => { state.now = now; drawSheets(); }), data.classes ? labels : null, ...categories, random),
  element("div", { id: "stage" },
    element("section", { id: "left" }, element("div", { id: "pair" }, figure("the picture", image), judged ? figure(element("span", {}, "∂D/∂x over the picture, ", length), pull) : null),
      judged ? element("p", { class: "said" }, said) : null),
    judged ? element("section", { id: "middle" }, figure("or draw a digit for D to judge", pad.canvas, element("button", { onclick: () => { pad.clear(); state.x = null; draw(); } }, "clear"))) : null,
    element("section", { id: "right" }, element("p", { class: "quiet" }, data.noise ? `z, uniform up to ± ${short(data.noise)}` : "z, of N(0, 1) each"),
      element("div", { class: "long", tabindex: 0, role: "group", "aria-label": "z" }, ...continuous.map(({ row }) => row), ...sliders.map(({ row }) => row)))),
  element("section", {}, element("h2", {}, "Samples"), element("p", { class: "quiet" }, judged ? "with what D says of each; press one " : "press one ", again), sheet,
    judged ? element("h2", {}, "Test examples") : null, judged ? element("p", { class: "quiet" }, "which D has never seen") : null, real),
  within.section,
);
pad.paint();
drawSheets();
theme.listeners.push(draw);
addEventListener("resize", () => pad.paint());
