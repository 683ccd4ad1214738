// One step to walk through. data: functions, calls, lines, arrays and gradients, as trace.py has packed them.

const WIDEST = 6, PER_ROW = 24; // columns that are shown as numbers; squares in a row of a long vector
const bar = document.getElementById("bar"), places = Object.fromEntries(["calls", "source", "arrays", "element"].map((id) => [id, document.getElementById(id)]));
const tops = data.calls.flatMap((call, number) => (call.parent === null ? [number] : []));
const chain = (call) => (call === null ? [] : [call, ...chain(data.calls[call].parent)]); // a call, its caller, and so on
const values = (value) => data.arrays[value.array].values;
const shapeOf = (value) => data.arrays[value.array].shape;
const shapeText = (shape) => (shape.length === 0 ? "a number" : shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`);
const firstLine = (call) => Math.min(...data.calls[call].inside.map(([kind, number]) => (kind === "line" ? number : firstLine(number))));

function indices(shape, element) { // the place of an element, row after row
  const found = [];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    found.unshift(element % shape[axis]);
    element = Math.floor(element / shape[axis]);
  }
  return found;
}
const written = (name, shape, element) => (shape.length ? `${name}[${indices(shape, element).join(", ")}]` : name);

// The gradient element that a number is, or belongs to: its number among all; −1 for another.
const gradientOf = (value, element) => (value.of ? value.of.values[element] : -1);
const RIGHT = 0, WRONG = 1;
const isWrong = (value, element) => value.kind === "gradient" && value.final.values[element] === 1 && data.verdict.values[gradientOf(value, element)] === WRONG;
const wrongElement = (value) => values(value).findIndex((_, element) => isWrong(value, element));
const hasWrong = (line) => line.results.some((value) => wrongElement(value) >= 0);
function gradientName(number) {
  const gradient = data.gradients.find((each) => number >= each.first && number < each.first + each.size);
  return written(gradient.name, gradient.shape, number - gradient.first);
}
const measuredText = (number) => (Math.abs(number) < 1e4 && Math.abs(number) >= 1e-3 ? number.toFixed(6) : number.toExponential(4)).replace(/-/g, "−");

const fill = (place, ...children) => place.replaceChildren(...children.filter((child) => child !== null));

let at = 0, chosen = null, kept = false; // the line in force; { value, element } that is looked at; whether it stays when the pointer moves on

// Walking

const slider = element("input", { type: "range", min: 1, max: data.lines.length, "aria-label": "step", oninput: () => go(slider.value - 1) });
const where = element("span", { class: "where", "aria-live": "polite" });
const back = element("button", { onclick: () => go(at - 1), "aria-label": "back" }, "◀"), next = element("button", { onclick: () => go(at + 1), "aria-label": "next" }, "▶");
bar.append(element("div", { class: "line" }, back, next, slider, where), element("span", { class: "hint quiet" },
  "Walk with ← and →. Point at a number to see what it was computed from; click to keep it, and nudge a weight below."));

function go(number) {
  at = Math.max(0, Math.min(data.lines.length - 1, number));
  const line = data.lines[at], wrong = line.results.find((value) => wrongElement(value) >= 0);
  kept = false;
  chosen = { value: wrong ?? line.results[0], element: wrong ? wrongElement(wrong) : 0 };
  slider.value = at + 1;
  where.textContent = `no. ${at + 1} of ${data.lines.length}`;
  [back.disabled, next.disabled] = [at === 0, at === data.lines.length - 1];
  history.replaceState(null, "", `#${at + 1}`);
  showCalls();
  showSource();
  showArrays();
}

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.target.matches("input, select")) return;
  if (event.target.matches(".cell")) return moveInArray(event);
  const by = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
  if (by === undefined) return;
  event.preventDefault();
  go(at + by);
});

// Calls

const callItems = [], lineButtons = [];
function callItem(number) {
  const call = data.calls[number];
  const button = element("button", { class: "call", onclick: () => go(firstLine(number)) }, `${call.label} `, call.of && element("small", {}, call.of));
  const inside = call.inside.map(([kind, inner]) => (kind === "call" ? callItem(inner) : lineItem(inner)));
  return (callItems[number] = element("li", {}, button, element("ul", {}, ...inside)));
}
function lineItem(number) {
  const line = data.lines[number], text = line.text;
  lineButtons[number] = element("button", { class: "line" + (hasWrong(line) ? " wrong" : ""), onclick: () => go(number), title: text }, text);
  return element("li", {}, lineButtons[number]);
}
function withoutComment(made, number) {
  const text = made.lines[number - made.first];
  return made.comments[number] ? text.slice(0, text.lastIndexOf(made.comments[number])).replace(/[# ]+$/, "") : text;
}
function showCalls() {
  const open = chain(data.lines[at].call);
  callItems.forEach((item, number) => item.classList.toggle("open", open.includes(number) || tops.includes(number)));
  lineButtons.forEach((button, number) => button.classList.toggle("now", number === at));
  places.calls.scrollTop = lineButtons[at].offsetTop - places.calls.clientHeight / 2; // where the list is taller than the window
}

// Source

function showSource() {
  const line = data.lines[at], calls = chain(line.call), equations = [...line.equations];
  if (calls.length > 1) equations.push(data.functions[data.calls[calls[1]].function].remarks[data.calls[calls[0]].line]);
  fill(places.source,
    element("h2", {}, "Source"),
    ...equations.filter(Boolean).map((text) => element("p", { class: "equation" }, text)),
    ...calls.slice(0, 4).map((call, k) => frame(call, k === 0 ? [line.first, line.last] : [data.calls[calls[k - 1]].line, data.calls[calls[k - 1]].last], k > 0)),
  );
}
function frame(number, [first, last], outer) {
  const call = data.calls[number], made = data.functions[call.function], around = outer ? 2 : 12;
  const rows = made.lines.map((text, k) => [made.first + k, text]).filter(([n]) => n >= first - around && n <= last + around);
  return element("div", { class: outer ? "frame outer" : "frame" },
    element("header", {}, element("b", { class: "code" }, call.label), element("span", { class: "quiet" }, call.of),
      element("span", { class: "quiet" }, `${made.file}, line ${first}`)),
    element("pre", { tabindex: 0, "aria-label": call.label }, ...rows.map(([n, text]) => {
      const code = withoutComment(made, n);
      return element("div", { class: n >= first && n <= last ? "now near" : n >= first - 1 && n <= last + 1 ? "near" : "" }, element("i", {}, n), code || " ",
        element("span", { class: "comment" }, text.slice(code.length)));
    })));
}

// Arrays

const cells = new Map(); // value -> its cells
function showArrays() {
  const line = data.lines[at];
  cells.clear();
  fill(places.arrays,
    element("h2", {}, "This line makes"),
    element("div", { class: "group" }, ...line.results.map((value) => figure(value, true))),
    line.operands.length ? element("h2", {}, "from") : null,
    element("div", { class: "group" }, ...line.operands.map((value) => figure(value, false))),
  );
  choose(chosen.value, chosen.element);
}
function figure(value, isResult) {
  const shape = shapeOf(value), numbers = values(value), scale = shape.length ? largest(numbers.filter(Number.isFinite)) || 1 : Infinity;
  const columns = shape.length > 1 ? shape.at(-1) : numbers.length, small = columns > WIDEST;
  const kind = { gradient: "a gradient of the loss", parameter: "parameters", input: "an input" }[value.kind];
  const about = kind ?? (value.also.length ? `later ${value.also.join(", ")}` : "");
  const made = !isResult && value.made !== null && value.made < at
    ? element("button", { onclick: () => go(value.made), title: "go there" }, `made at no. ${value.made + 1}`) : null;
  const squares = Array.from(numbers, (number, k) => cell(value, k, number, scale, small));
  cells.set(value, squares);
  squares[0]?.setAttribute("tabindex", 0);
  const across = shape.length > 1 ? columns : Math.min(columns, small ? PER_ROW : WIDEST);
  const width = small ? (columns > 20 ? ".8rem" : "1.15rem") : "3.5rem";
  return element("figure", {},
    element("figcaption", {}, element("b", {}, value.name), ` ${shapeText(shape)} `, element("span", { class: "quiet" }, about), " ", made),
    element("div", { class: small ? "cells small" : "cells", role: "group", "aria-label": value.name, "data-across": across,
      style: `grid-template-columns: repeat(${across}, ${width})` }, ...squares));
}
function cell(value, k, number, scale, small) {
  const colour = signed(number / scale), text = short(number);
  const light = 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2];
  return element("div", {
    class: "cell" + (isWrong(value, k) ? " wrong" : ""), tabindex: -1, role: "img", "aria-label": `${written(value.name, shapeOf(value), k)} is ${text}`,
    style: `background: rgb(${colour}); color: ${light > 140 ? "#111" : "#fff"}`,
    onpointerenter: (event) => event.pointerType === "mouse" && !kept && choose(value, k),
    onpointerdown: (event) => event.preventDefault(), // the arrow keys keep walking
    onclick: () => keep(value, k),
    onfocus: () => !kept && choose(value, k),
  }, small ? "" : text.length > 7 ? element("small", {}, text) : text);
}
function keep(value, k) {
  kept = !(kept && chosen.value === value && chosen.element === k);
  choose(value, k);
}
function moveInArray(event) {
  const cell = event.target, all = [...cell.parentElement.children], across = Number(cell.parentElement.dataset.across), k = all.indexOf(cell);
  const to = { ArrowLeft: k - 1, ArrowRight: k + 1, ArrowUp: k - across, ArrowDown: k + across }[event.key];
  if (event.key === "Escape") return cell.blur();
  if (event.key === "Enter" || event.key === " ") cell.click();
  else if (to === undefined) return;
  else if (all[to]) {
    cell.tabIndex = -1;
    all[to].tabIndex = 0;
    all[to].focus();
  }
  event.preventDefault();
}

// One element: what it was computed from, and if it is a gradient, whether it is right

function sources(value, k, operand) { // the elements of an operand that element k of a result was computed from
  const from = value.from?.[operand];
  return from ? Array.from(from.elements.values.subarray(from.starts.values[k], from.starts.values[k + 1])) : [];
}
function choose(value, k) {
  chosen = { value, element: k };
  const line = data.lines[at], marked = new Map([[value, new Set()]]);
  const mark = (which, elements) => marked.set(which, new Set([...(marked.get(which) ?? []), ...elements]));
  if (line.results.includes(value)) line.operands.forEach((operand, number) => mark(operand, sources(value, k, number)));
  else {
    const number = line.operands.indexOf(value);
    for (const result of line.results) mark(result, Array.from(values(result).keys()).filter((e) => sources(result, e, number).includes(k)));
  }
  for (const [which, squares] of cells) {
    squares.forEach((square, e) => {
      square.classList.toggle("source", marked.get(which)?.has(e) ?? false);
      square.classList.toggle("chosen", which === value && e === k);
    });
  }
  const gradient = gradientOf(value, k), isResult = line.results.includes(value);
  fill(places.element,
    element("div", { class: "origin" },
      element("p", {}, element("b", { class: "code" }, `${written(value.name, shapeOf(value), k)} = ${short(values(value)[k])}`),
        element("span", { class: "quiet" }, kept ? "  kept; click it again to let go" : "")),
      gradient < 0 ? null : element("p", { class: "quiet" }, value.kind === "gradient" ? `∂loss/∂ ${gradientName(gradient)}` : gradientName(gradient)),
      isResult ? computed(line, value, k) : element("p", { class: "quiet" }, goesInto(marked, line))),
    ...(gradient < 0 || (isResult && value.kind !== "gradient") ? [] : verdict(value, k, gradient)), // measured before a weight is updated
  );
}
function goesInto(marked, line) {
  const into = line.results.map((result) => [result, marked.get(result)?.size ?? 0]).filter(([, n]) => n);
  return into.length ? `goes into ${into.map(([result, n]) => `${n} of ${result.name}`).join(", ")}` : "goes into no element here";
}
function computed(line, value, k) {
  if (!value.from) return element("p", { class: "quiet" }, "computed by the line as a whole");
  const number = (operand, e) => element("b", {}, short(values(line.operands[operand])[e]));
  const factor = (number) => (number.textContent.startsWith("−") ? ["(", number, ")"] : [number]);
  const operandText = (operand, written) => {
    const shape = shapeOf(line.operands[operand]), same = String(shape) === String(shapeOf(value));
    let from = shape.length ? sources(value, k, operand) : [0];
    if (from.length === 0 && same) from = [k]; // it makes no difference here, as dy where ReLU stops it
    return from.length === 1 ? written(number(operand, from[0])) : [line.operands[operand].name];
  };
  const added = (terms, word) => {
    const shown = terms.slice(0, 8).flatMap((term, n) => (n ? [" + ", ...term] : term));
    return terms.length > 1 ? ["(", ...shown, terms.length > 8 ? ` + … ${terms.length} ${word}` : "", ")"] : shown;
  };
  const text = line.pieces.flatMap((piece, place) => {
    const before = line.pieces[place - 1] ?? "";
    if (typeof piece === "string") return [piece];
    if ("operand" in piece) return operandText(piece.operand, /[-+*/] ?$/.test(before) ? factor : (number) => [number]);
    if ("sum" in piece) return added(sources(value, k, piece.sum).map((e, n) => (n ? factor : (first) => [first])(number(piece.sum, e))), "terms");
    const [a, b] = piece.product, [i, j] = indices(shapeOf(value), k), inner = shapeOf(line.operands[a])[1], across = shapeOf(line.operands[b])[1];
    if (across === undefined || inner === undefined || j === undefined) return [line.operands[a].name, " @ ", line.operands[b].name];
    return added(Array.from({ length: inner }, (_, n) => [...(n ? factor : (first) => [first])(number(a, i * inner + n)), "·", ...factor(number(b, n * across + j))]), "products");
  });
  const many = line.operands.map((operand, n) => [operand.name, sources(value, k, n).length]).filter(([, n]) => n > 1);
  return element("div", {},
    element("p", { class: "sum" }, "= ", ...text, ` = ${short(values(value)[k])}`),
    many.length ? element("p", { class: "quiet many" }, `from ${many.map(([name, n]) => `${n} elements of ${name}`).join(", ")}, outlined above`) : null);
}

const nudges = data.nudges.values;
function verdict(value, k, gradient) {
  const backward = data.analytic.values[gradient], quotient = data.numeric.values[gradient], found = data.verdict.values[gradient];
  const remark = Number.isNaN(quotient) ? "" : found === WRONG ? "✗ they differ" : found === RIGHT ? "✓ they agree" : "a kink: either side is right";
  const unfinished = value.kind === "gradient" && value.final.values[k] === 0;
  const losses = data.losses.row(gradient), middle = losses[(nudges.length - 1) / 2], name = gradientName(gradient), picture = element("div", {});
  const input = element("input", { type: "range", min: nudges[0], max: nudges.at(-1), step: nudges[1] - nudges[0], value: 0, "aria-label": `nudge ${name}` });
  const row = (words, number, remark) => element("tr", {}, element("td", {}, words), number, element("td", {}, remark));
  const moved = element("td", {}), onTangent = element("td", {});
  const table = element("table", {},
    row(unfinished ? "backward says in the end" : "backward says", element("td", { id: "backward" }, measuredText(backward)), unfinished ? "not all added yet" : ""),
    row("difference quotient", element("td", { id: "quotient" }, measuredText(quotient)), element("span", { class: found === WRONG ? "differs" : "agrees" }, remark)),
    row(element("span", { class: "loss" }, "— loss at the nudge"), moved, ""), row(element("span", { class: "tangent" }, "-- by backward's slope"), onTangent, ""));
  const words = element("output", {});
  const draw = () => {
    const n = Math.round((input.value - nudges[0]) / (nudges[1] - nudges[0]));
    if (losses.every(Number.isFinite) && Number.isFinite(backward)) picture.replaceChildren(tangent(losses, middle, backward, found === RIGHT ? null : quotient, n));
    words.textContent = `${nudges[n] < 0 ? "−" : "+"} ${Math.abs(nudges[n]).toFixed(1)}`;
    [moved.textContent, onTangent.textContent] = [losses[n], middle + backward * nudges[n]].map(measuredText);
  };
  input.addEventListener("input", draw);
  draw();
  return [element("div", { class: "numbers" }, table, element("label", {}, `${name} `, words, input)), picture];
}
function svg(tag, properties, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(properties)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
// The loss over the nudge; the tangent with the slope that backward says; where it is wrong, also the slope that was measured.
function tangent(losses, middle, slope, measured, n) {
  const width = 290, height = 132, left = 46, right = 8, top = 8, bottom = 30;
  let low = Math.min(...losses), high = Math.max(...losses);
  const room = Math.max(high - low, Math.abs(slope) * 0.5, 1e-6) * 0.15;
  [low, high] = [low - room, high + room];
  const x = (nudge) => left + ((nudge - nudges[0]) / (nudges.at(-1) - nudges[0])) * (width - left - right);
  const y = (loss) => top + ((high - loss) / (high - low)) * (height - top - bottom);
  const path = Array.from(losses, (loss, k) => `${k ? "L" : "M"}${x(nudges[k]).toFixed(1)} ${y(loss).toFixed(1)}`).join("");
  const straight = (slope, colour, dashes) => svg("line", {
    x1: x(-1), y1: y(middle - slope), x2: x(1), y2: y(middle + slope), stroke: colour, "stroke-width": 2, "stroke-dasharray": dashes, "clip-path": "url(#within)",
  });
  const text = (words, x, y, anchor) => svg("text", { x, y, "text-anchor": anchor }, words);
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "the loss as the weight is nudged, and its tangent" },
    svg("clipPath", { id: "within" }, svg("rect", { x: left, y: top, width: width - left - right, height: height - top - bottom })),
    svg("path", { d: `M${left} ${top}V${height - bottom}H${width - right}`, fill: "none", stroke: "var(--line)" }),
    straight(slope, "var(--accent)", "5 4"),
    ...(measured === null ? [] : [straight(measured, "var(--right)", "2 3")]),
    svg("path", { d: path, fill: "none", stroke: "var(--cool)", "stroke-width": 2 }),
    svg("circle", { cx: x(nudges[n]), cy: y(losses[n]), r: 4.5, fill: "var(--cool)" }),
    text(short(high), left - 4, top + 9, "end"), text(short(low), left - 4, height - bottom, "end"),
    text("loss", left - 4, (top + height - bottom) / 2 + 4, "end"),
    text("−1", x(-1), height - bottom + 13, "middle"), text("0", x(0), height - bottom + 13, "middle"), text("+1", x(1) - 4, height - bottom + 13, "middle"),
    text("added to the weight", x(0), height - 4, "middle"));
}

// What the checker says of the whole step

function showVerdict() {
  const ok = data.objectives.every((objective) => objective.ok);
  const wrongLine = data.lines.findIndex(hasWrong), n = data.analytic.values.length;
  const sentences = data.objectives.flatMap((objective) => [
    ...objective.diagnoses.map((found) => (found.kind === "unknown" ? "" : found.certain ? "Certain: " : "Likely: ") + found.text),
    ...objective.faults.filter((fault) => !objective.diagnoses.some((found) => found.text === fault)),
  ]);
  if (ok) return bar.append(element("span", { class: "right" }, `✓ the gradient checker agrees with all ${n} gradient elements`));
  document.querySelector("main").prepend(element("section", { id: "verdict" },
    ...sentences.map((sentence) => element("p", {}, sentence)),
    wrongLine >= 0 ? element("p", {}, element("button", { onclick: () => go(wrongLine) }, "go to the first wrong element")) : null,
    element("details", {}, element("summary", {}, "all that the checker says"), ...data.objectives.map((objective) => element("pre", {}, objective.report)))));
}

places.calls.append(element("h2", {}, "Calls"), element("ul", {}, ...tops.map(callItem)));
showVerdict();
theme.listeners.push(() => showArrays());
go((Number(location.hash.slice(1)) || 1) - 1);
