// The networks from within: what each layer makes of the present input, and the weights of each unit as a picture.

// inside(names) -> {section, show(networks)}: networks {name: [Sequential, its input (1, n)]} of these names.
function inside(names) {
  let shown = {}, name = names[0], index = null, tiles = [], drawn = null;
  const row = element("div", { class: "layers" }), units = element("div", { class: "units" }), about = element("p", { class: "quiet" });
  const pick = choice("network", names.map((one) => [one, one]), (chosen) => { [name, index] = [chosen, null]; draw(); });
  const isPicture = (n) => n === data.features && n >= 16;

  const draw = later(() => {
    const [network, input] = shown[name], weights = network.layers.map(({ params: { W } }) => W);
    index ??= Math.max(weights.findIndex((W) => W && (isPicture(W.rows) || isPicture(W.cols))), 0);
    const values = [input];
    for (const layer of network.layers) values.push(layer.forward(values.at(-1))[0]);
    if (drawn !== network) {
      tiles = values.map(({ cols }, k) => tile(k ? network.layers[k - 1].layer : "input", cols, k > 0 && weights[k - 1] && (() => { [index, drawn] = [k - 1, network]; drawWeights(weights[index]); })));
      row.replaceChildren(...tiles.map(({ button }) => button));
      drawWeights(weights[index]);
      drawn = network;
    }
    tiles.forEach((one, k) => one.show(values[k].values));
  });

  function tile(title, n, press) { // the n numbers after a layer, as a square of colours
    const canvas = element("canvas", { class: "activation" }), range = element("span", { class: "quiet" });
    const button = element("button", { class: "layer", disabled: !press, onclick: press || null }, canvas, element("span", {}, `${title} ${n}`), range);
    const width = Math.ceil(Math.sqrt(n)), padded = new Float32Array(width * Math.ceil(n / width));
    const show = (values) => {
      padded.set(values);
      drawArray(canvas, padded, padded.length / width, width, signed, largest(padded) || 1);
      range.textContent = `± ${short(largest(padded))}`;
    };
    return { button, show };
  }

  function drawWeights(W) {
    tiles.forEach(({ button }, k) => button.setAttribute("aria-pressed", index === k - 1));
    units.replaceChildren();
    if (!W) return;
    const incoming = isPicture(W.rows), outgoing = !incoming && isPicture(W.cols);
    if (!incoming && !outgoing) {
      const canvas = element("canvas", { class: "matrix", role: "img", "aria-label": "the matrix W" });
      drawArray(canvas, W.values, W.rows, W.cols, signed, largest(W.values));
      units.append(canvas);
      about.textContent = `W, ${W.rows} × ${W.cols}: a row for each input, a column for each output; blue is negative, orange positive, up to ± ${short(largest(W.values))}.`;
      return;
    }
    const n = incoming ? W.cols : W.rows;
    const weights = (k) => (incoming ? Float32Array.from({ length: W.rows }, (_, i) => W.values[i * W.cols + k]) : W.row(k));
    const norm = Array.from({ length: n }, (_, k) => weights(k).reduce((sum, w) => sum + w * w, 0));
    const strongest = norm.map((_, k) => k).sort((a, b) => norm[b] - norm[a]).slice(0, 60);
    for (const k of strongest) {
      const canvas = element("canvas", { class: "unit", role: "img", "aria-label": `unit ${k}`, title: `unit ${k}` });
      drawArray(canvas, weights(k), side, side, signed, largest(weights(k)) || 1);
      units.append(canvas);
    }
    about.textContent = `${incoming ? "What each unit looks for in the picture" : "What each unit adds to the picture"}: its weights, of the ${strongest.length} units with the strongest, each on its own scale; blue is negative, orange positive.`;
  }

  theme.listeners.push(() => { drawn = null; draw(); });
  const section = element("section", { id: "inside" }, element("h2", {}, "Inside the networks"),
    element("p", { class: "quiet" }, "What each layer makes of the present input; press one with weights to see these. "), pick, row, about, units);
  return { section, show: (networks) => { shown = networks; draw(); } };
}
