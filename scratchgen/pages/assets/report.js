// The samples over time: a slider over the epochs, and a button that plays them.

const place = document.getElementById("samples");
if (place) {
  const last = data.frames.length - 1;
  const picture = element("img", { alt: "what the model draws" }), epoch = element("output");
  const slider = element("input", { type: "range", min: 0, max: last, value: last, "aria-label": "epoch", oninput: () => { stop(); show(); } });
  const button = element("button", { "aria-label": "play", onclick: () => (timer ? stop() : play()) }, "▶");
  let timer = null;

  function show() {
    const frame = data.frames[slider.value];
    picture.src = frame.picture;
    epoch.value = `epoch ${frame.epoch}`;
  }
  function stop() {
    clearInterval(timer);
    timer = null;
    button.textContent = "▶";
  }
  function play() {
    slider.value = Number(slider.value) === last ? 0 : slider.value;
    show();
    button.textContent = "❚❚";
    timer = setInterval(() => {
      slider.value = Number(slider.value) + 1;
      show();
      if (Number(slider.value) === last) stop();
    }, 350);
  }
  place.append(picture, element("div", { class: "controls" }, button, slider, epoch));
  show();
}
