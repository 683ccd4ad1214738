// What every page needs: its numbers, elements in one call, light and dark, pictures of arrays.

// Arrays of any shape, row after row, as in NumPy.
class Tensor {
  constructor(shape, values = new Float32Array(shape.reduce((a, b) => a * b, 1))) {
    this.shape = shape;
    this.values = values;
  }
  get rows() { return this.shape[0]; }
  get cols() { return this.shape[1]; }
  row(i) { return this.values.subarray(i * this.cols, (i + 1) * this.cols); }
  static of(rows) { // from a list of lists
    return new Tensor([rows.length, rows[0].length], Float32Array.from(rows.flat()));
  }
}

// The IEEE number of 16 bits: sign, 5 bits of exponent, 10 of fraction.
function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

// What page.py has packed becomes Tensors again, wherever it stands.
function revive(value) {
  if (Array.isArray(value)) return value.map(revive);
  if (value === null || typeof value !== "object") return value;
  if ("bytes" in value && "array" in value) {
    const text = atob(value.bytes), bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    const read = {
      f2: () => new Float32Array(bytes.length / 2).map((_, i) => half(bytes[2 * i] | bytes[2 * i + 1] << 8)),
      f4: () => new Float32Array(bytes.buffer),
      i1: () => new Int8Array(bytes.buffer),
      u1: () => bytes,
      i2: () => new Int16Array(bytes.buffer),
      i4: () => new Int32Array(bytes.buffer),
    };
    return new Tensor(value.shape, read[value.array]());
  }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revive(inner)]));
}

const data = revive(JSON.parse(document.getElementById("data").textContent));

// element("button", { class: "big", onclick: go }, "Go", icon) -> the element; a property that starts with "on" is a listener.
function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// Light or dark: the system's choice, until the reader presses the button.
const theme = {
  listeners: [],
  get dark() { return document.documentElement.dataset.theme === "dark"; },
  set(name) {
    document.documentElement.dataset.theme = name;
    this.listeners.forEach((redraw) => redraw());
  },
};
{
  const system = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => theme.set(system.matches ? "dark" : "light");
  follow();
  system.addEventListener("change", follow);
  document.getElementById("tools").append(element("button", {
    "aria-label": "light or dark", title: "light or dark", onclick: () => theme.set(theme.dark ? "light" : "dark"),
  }, "◐"));
}

const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// A number from −1 to 1 as a colour: blue below zero, paper at zero, orange above.
function signed(t) {
  const [paper, low, high] = theme.dark ? [[30, 33, 37], [74, 144, 226], [240, 130, 70]] : [[255, 255, 255], [31, 95, 168], [200, 80, 30]];
  const end = t < 0 ? low : high, weight = Math.min(1, Math.abs(t));
  return paper.map((from, k) => Math.round(from + (end[k] - from) * weight));
}

// A number from 0 to 1 as grey: ink on paper, like a digit.
function grey(t) {
  const level = Math.round(255 * Math.min(1, Math.max(0, t)));
  return [level, level, level];
}

// Draw height × width values into a canvas, a pixel each; colour: signed or grey; scale: what counts as 1.
function drawArray(canvas, values, height, width, colour = grey, scale = 1) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d"), image = context.createImageData(width, height);
  for (let i = 0; i < height * width; i++) image.data.set([...colour(values[i] / scale), 255], 4 * i);
  context.putImageData(image, 0, 0);
}

const largest = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

// Three significant digits, and a true minus sign.
function short(number) {
  if (!Number.isFinite(number)) return String(number);
  const size = Math.abs(number), text = size === 0 ? "0" : size >= 1e4 || size < 1e-3 ? number.toExponential(1) : String(Number(number.toPrecision(3)));
  return text.replace(/-/g, "−");
}
