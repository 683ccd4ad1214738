// What can be chosen, and the address that holds it.

const DRAWN_STD = 0.03; // of the small Gaussian around each point that the reader has drawn
const MOST_DRAWN = 300;

const numbersOf = (...values) => values.map((value) => [value, String(value)]);
const LAYERS_OF = numbersOf(1, 2, 3, 4), UNITS_OF = numbersOf(4, 8, 16, 32, 64), RATES = numbersOf(1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1);
const ACTIVATIONS_OF = Object.entries(ACTIVATIONS).map(([name, [title]]) => [name, title]);
const MODELS = [["gan", "GAN"], ["vae", "VAE"], ["flow", "flow matching"]];
const DATA = [...Object.entries(data.toys).map(([name, toy]) => [name, toy.title]), ["drawn", "draw your own"]];
const OBJECTIVES_OF = [["non_saturating", "non-saturating"], ["minimax", "minimax"], ["least_squares", "least squares"],
  ["hinge", "hinge"], ["wasserstein", "Wasserstein"]];
const PENALTIES = [["none", "none"], ["r1", "R1"], ["wgan_gp", "WGAN-GP"]];

const always = () => true, ofGAN = (s) => s.model === "gan", ofVAE = (s) => s.model === "vae";
const isClipped = (s) => ofGAN(s) && s.objective === "wasserstein" && s.penalty === "none";

// key -> its label, its values with their titles, the one to begin with, when it means anything, the group it stands in
const SETTINGS = {
  model: ["model", MODELS, "gan", always, "Train"],
  data: ["data", DATA, "ring", always, "Train"],
  objective: ["objective", OBJECTIVES_OF, "non_saturating", ofGAN, "Objective"],
  penalty: ["penalty", PENALTIES, "none", ofGAN, "Objective"],
  weight: ["its weight", numbersOf(0.1, 1, 10), 1, (s) => ofGAN(s) && s.penalty !== "none", "Objective"],
  clip: ["weights up to", numbersOf(0.01, 0.03, 0.1, 0.3), 0.1, isClipped, "Objective"],
  d_steps: ["D steps per G", numbersOf(1, 2, 5), 1, ofGAN, "Objective"],
  beta: ["β of the KL", numbersOf(0.1, 0.3, 1, 3, 10), 1, ofVAE, "Objective"],
  variance: ["variance of x", numbersOf(0.001, 0.003, 0.01, 0.03, 0.1), 0.01, ofVAE, "Objective"],
  latent: ["size of z", numbersOf(1, 2, 8), 2, (s) => s.model !== "flow", "Network"],
  layers: ["hidden layers", LAYERS_OF, 2, always, "Network"],
  units: ["units in each", UNITS_OF, 32, always, "Network"],
  activation: ["activation", ACTIVATIONS_OF, "relu", always, "Network"],
  d_layers: ["hidden layers", LAYERS_OF, 2, ofGAN, "Discriminator"],
  d_units: ["units in each", UNITS_OF, 32, ofGAN, "Discriminator"],
  d_activation: ["activation", ACTIVATIONS_OF, "leaky_relu", ofGAN, "Discriminator"],
  optimizer: ["optimizer", [["adam", "Adam"], ["sgd", "SGD"]], "adam", always, "Learning"],
  momentum: ["momentum", numbersOf(0, 0.5, 0.9), 0.5, always, "Learning"],
  lr: ["rate", RATES, 0.001, always, "Learning"],
  lr_d: ["rate of D", RATES, 0.003, ofGAN, "Learning"],
  batch: ["minibatch", numbersOf(16, 32, 64, 128, 256), 128, always, "Learning"],
  seed: ["seed", numbersOf(0, 1, 2, 3, 4, 5, 6, 7, 8, 9), 0, always, "Learning"],
};
const NETWORKS = { gan: "Generator", vae: "Encoder and decoder", flow: "Velocity" };
const CUSTOMARY = { // what a newly chosen model begins with
  gan: { lr: 0.001, momentum: 0.5, activation: "relu" },
  vae: { lr: 0.003, momentum: 0.9, activation: "tanh" },
  flow: { lr: 0.003, momentum: 0.9, activation: "relu" },
};

const settings = {}, drawing = { points: [], cursor: null };
const $ = (id) => document.getElementById(id);
const hundredths = (value) => Math.round(100 * value) / 100;

// What differs from the beginning: model=vae&data=moons; drawn points in hundredths, points=x.y_x.y
function address() {
  const chosen = Object.entries(SETTINGS).filter(([key, [, , first]]) => settings[key] !== first);
  const parts = chosen.map(([key]) => `${key}=${settings[key]}`);
  const points = drawing.points.map((point) => point.map((v) => Math.round(100 * v)).join("."));
  return [...parts, ...(points.length ? ["points=" + points.join("_")] : [])].join("&");
}

function saveAddress() { history.replaceState(null, "", "#" + address()); }

function readAddress() { // what it does not know it leaves out
  const given = new URLSearchParams(location.hash.slice(1));
  for (const [key, [, options, first]] of Object.entries(SETTINGS)) {
    const found = options.find(([value]) => String(value) === given.get(key));
    settings[key] = found ? found[0] : first;
  }
  const points = (given.get("points") ?? "").split("_").map((text) => text.split(".").map((v) => Number(v) / 100));
  drawing.points = points.filter((point) => point.length === 2 && point.every((v) => Math.abs(v) <= 1.5)).slice(0, MOST_DRAWN);
}

function showSettings() {
  const groups = new Map();
  for (const [key, [label, options, , when, group]] of Object.entries(SETTINGS)) {
    if (!when(settings)) continue;
    if (!groups.has(group)) {
      const title = group === "Network" ? NETWORKS[settings.model] : group;
      groups.set(group, element("fieldset", {}, element("legend", {}, title)));
    }
    const select = element("select", { id: key, onchange: () => choose(key, options[select.selectedIndex][0]) },
      ...options.map(([value, title]) => element("option", { value, selected: value === settings[key] }, title)));
    groups.get(group).append(element("label", { for: key }, label), select);
  }
  $("left").replaceChildren(...groups.values());
}

function choose(key, value) {
  settings[key] = value;
  if (key === "model") Object.assign(settings, CUSTOMARY[value]);
  saveAddress();
  showSettings();
  $(key).focus();
  reset();
}
