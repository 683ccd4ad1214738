// What one can do: buttons, keys, drawing.

const SPEEDS = [["slow", "slow motion"], ["frame", "a step per frame"], ["fast", "as fast as it goes"]];
const KEYS = { " ": "run", s: "step", d: "step-d", g: "step-g", r: "reset" };
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

function once(action, moved = null) {
  setRunning(false);
  run.moved = moved;
  action();
  draw();
}

function addPoint(point) {
  const [x, y] = point.map((v) => hundredths(Math.min(1.5, Math.max(-1.5, v)))), last = drawing.points.at(-1);
  if (drawing.points.length >= MOST_DRAWN || (last && Math.hypot(x - last[0], y - last[1]) < 0.06)) return;
  drawing.points.push([x, y]);
  reset();
}

const button = (id, text, title, onclick) => element("button", { id, title, onclick }, text);
const slider = { id: "time", type: "range", min: 0, max: 1, step: 0.05, value: 1, oninput: () => draw() };
$("controls").append(
  button("run", "", "space", () => setRunning(!running)),
  button("step", "Step", "key s", () => once(step)),
  button("step-d", "Step D", "key d: the discriminator alone", () => once(turnD, "D")),
  button("step-g", "Step G", "key g: the generator alone", () => once(turnG, "G")),
  button("reset", "Reset", "key r", () => {
    setRunning(false);
    reset();
  }),
  element("select", { id: "speed", "aria-label": "speed", onchange: (event) => { speed = event.target.value; } },
    ...SPEEDS.map(([value, title]) => element("option", { value, selected: value === speed }, title))),
  button("clear", "Clear drawing", "take all points away", () => {
    drawing.points = [];
    choose("data", "drawn");
  }),
  element("label", { id: "time-label" }, "time t", element("input", slider), element("span", { id: "time-value" })),
);

$("show-code").addEventListener("click", () => {
  $("code").hidden = !$("code").hidden;
  $("show-code").setAttribute("aria-expanded", !$("code").hidden);
  showCode();
  $("code").scrollIntoView({ block: "nearest" });
});

{
  const plane = $("plane"), at = (event) => toPlane(plane.clientWidth)([event.offsetX, event.offsetY]), drawn = () => settings.data === "drawn";
  plane.addEventListener("pointerdown", (event) => drawn() && addPoint(at(event)));
  plane.addEventListener("pointermove", (event) => drawn() && event.buttons && addPoint(at(event)));
  plane.addEventListener("pointerup", () => drawn() && saveAddress());
  plane.addEventListener("keydown", (event) => {
    const move = ARROWS[event.key];
    if (!drawn() || !(move || event.key === "Enter")) return;
    event.preventDefault();
    drawing.cursor ??= [0, 0];
    if (move) drawing.cursor = drawing.cursor.map((v, axis) => Math.min(1.4, Math.max(-1.4, v + 0.1 * move[axis])));
    else {
      addPoint(drawing.cursor);
      saveAddress();
    }
    draw();
  });
}

document.addEventListener("keydown", (event) => {
  const pressed = KEYS[event.key];
  if (!pressed || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("button, select, input, pre")) return;
  event.preventDefault();
  if (!$(pressed).hidden) $(pressed).click();
});

function openAddress() { // what the address says
  readAddress();
  showSettings();
  reset();
}
addEventListener("hashchange", openAddress);
addEventListener("resize", draw);
theme.listeners.push(draw);
setRunning(false);
openAddress();
requestAnimationFrame(frame);
