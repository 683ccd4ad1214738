// A digit drawn by hand, as MNIST's are: its longer side 20 of 28 pixels, its centre of mass in the middle.

// Strokes, lists of [x, y] in any unit -> side² grey levels. The pen is `width` pixels wide, whatever size was drawn.
function inked(strokes, side, width = side / 11) {
  const points = strokes.flat(), values = new Float32Array(side * side);
  if (!points.length) return values;
  const [low, high] = [Math.min, Math.max].map((most) => [0, 1].map((k) => most(...points.map((point) => point[k]))));
  const extent = Math.max(high[0] - low[0], high[1] - low[1]), scale = extent > 0 ? (20 / 28 * side - width) / extent : 1;
  const at = (shift) => strokes.map((stroke) => stroke.map((point) => [0, 1].map((k) => (point[k] - (low[k] + high[k]) / 2) * scale + shift[k])));
  const middle = (side - 1) / 2, first = render(at([middle, middle]), side, width);
  let [mass, x, y] = [0, 0, 0];
  first.forEach((ink, i) => { mass += ink; x += ink * (i % side); y += ink * Math.floor(i / side); });
  return render(at([2 * middle - x / mass, 2 * middle - y / mass]), side, width);
}

// Lines of that width: a pixel's ink falls from 1 to 0 within a pixel around the line's edge.
function render(strokes, side, width) {
  const values = new Float32Array(side * side);
  for (const stroke of strokes) {
    stroke.forEach(([ax, ay], i) => {
      const [bx, by] = stroke[i + 1] ?? (stroke.length === 1 ? stroke[0] : []);
      if (bx === undefined) return;
      const [ux, uy] = [bx - ax, by - ay], length = ux * ux + uy * uy, reach = width / 2 + 1;
      const [left, right] = [Math.min(ax, bx) - reach, Math.max(ax, bx) + reach].map((v) => Math.min(side - 1, Math.max(0, Math.round(v))));
      const [top, bottom] = [Math.min(ay, by) - reach, Math.max(ay, by) + reach].map((v) => Math.min(side - 1, Math.max(0, Math.round(v))));
      for (let y = top; y <= bottom; y++) {
        for (let x = left; x <= right; x++) {
          const t = length ? Math.min(1, Math.max(0, ((x - ax) * ux + (y - ay) * uy) / length)) : 0;
          const distance = Math.hypot(x - ax - t * ux, y - ay - t * uy);
          values[y * side + x] = Math.max(values[y * side + x], Math.min(1, Math.max(0, 0.5 + width / 2 - distance)));
        }
      }
    });
  }
  return values;
}

// A canvas to draw on: {canvas, clear()}; act(grey levels) after each move. Keys: arrows move the pen, the space bar puts it down and lifts it.
function drawing(side, act) {
  const canvas = element("canvas", { id: "draw", tabindex: 0, role: "img", "aria-label": "draw here: arrow keys move the pen, the space bar puts it down and lifts it" });
  let strokes = [], pen = [0.5, 0.25], down = false;
  const paint = () => {
    const { context, width } = sharp(canvas);
    [context.fillStyle, context.strokeStyle, context.lineWidth] = ["#000", "#fff", width / 14];
    [context.lineCap, context.lineJoin] = ["round", "round"];
    context.fillRect(0, 0, width, width);
    for (const stroke of strokes) {
      context.beginPath();
      stroke.forEach(([x, y], i) => context[i ? "lineTo" : "moveTo"](x * width, y * width));
      context.lineTo(stroke.at(-1)[0] * width, stroke.at(-1)[1] * width);
      context.stroke();
    }
    if (document.activeElement === canvas && canvas.matches(":focus-visible")) {
      context.fillStyle = down ? "#f08a5d" : "#8b8f97";
      context.fillRect(pen[0] * width - 3, pen[1] * width - 3, 6, 6);
    }
  };
  const add = (point, begin) => {
    if (begin) strokes.push([]);
    strokes.at(-1).push(point);
    paint();
    act(inked(strokes, side));
  };
  dragging(canvas, (point, event) => add(point, event.type === "pointerdown"));
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.key === " ") {
      down = !down;
      if (down) add([...pen], true);
    } else if (step) {
      pen = pen.map((place, k) => Math.min(0.95, Math.max(0.05, place + step[k] / 24)));
      if (down) add([...pen], false);
    } else return;
    event.preventDefault();
    paint();
  });
  for (const name of ["focus", "blur"]) canvas.addEventListener(name, paint);
  return { canvas, paint, clear: () => { strokes = []; down = false; paint(); }, show: (drawn) => { strokes = drawn; add(drawn.at(-1).at(-1), false); } };
}
