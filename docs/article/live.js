// The live figures. Each takes the place of its static picture when the page has started.

const COLOURS = ["#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"];
const SIDE = 28;

/** An array of 16-bit floats in base64. */
function floatsOf(text) {
  return floatsOfHalves(new Uint16Array(bytesOf(text).buffer));
}

/** A decoder from one byte per weight and one scale per row, and the codes of test images. */
class Model {
  constructor({ layers, codes }) {
    this.codes = floatsOf(codes.values);
    this.count = codes.count;
    const size = layers.reduce((sum, { inputs, outputs }) => sum + (inputs + 1) * outputs, 0);
    const weights = new Float32Array(size);
    const list = [];
    let at = 0;
    layers.forEach(({ inputs, outputs, weight, scale, bias }, number) => {
      const bytes = new Int8Array(bytesOf(weight).buffer), scales = floatsOf(scale);
      if (number) list.push({ type: "relu" });
      list.push({ type: "linear", inputs, outputs, weight: at, bias: at + inputs * outputs });
      for (let i = 0; i < inputs * outputs; i++) weights[at++] = bytes[i] * scales[Math.floor(i / inputs)];
      weights.set(floatsOf(bias), at);
      at += outputs;
    });
    this.network = { layers: list, weights };
  }

  /** The mean picture of a code: every model here has the Bernoulli loss. */
  picture(code) {
    return runNetwork(this.network, Float32Array.from(code)).map(sigmoid);
  }

  code(i) {
    return [this.codes[2 * i], this.codes[2 * i + 1]];
  }
}

/** Adds an element with a class and a text to another one. */
function add(parent, tag, name = "", text = "") {
  const element = document.createElement(tag);
  element.className = name;
  element.textContent = text;
  parent.append(element);
  return element;
}

/** A range with its name and its value beside it. */
function slider(parent, name, { min, max, step, value }, changed) {
  const label = add(parent, "label");
  add(label, "span", "", name);
  const input = add(label, "input");
  Object.assign(input, { type: "range", min, max, step, value });
  const output = add(label, "output");
  const update = () => { output.textContent = changed(Number(input.value)); };
  input.addEventListener("input", update);
  return { input, update };
}

/** Draws grey pixels in [0, 1] on a canvas of their size. */
function draw(canvas, pixels, side = SIDE) {
  [canvas.width, canvas.height] = [side, pixels.length / side];
  const image = new ImageData(canvas.width, canvas.height);
  pixels.forEach((value, i) => image.data.set([255 * value, 255 * value, 255 * value, 255], 4 * i));
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** A map of codes with a cross that follows the pointer. */
class Map2D {
  constructor(parent, title, moved) {
    const panel = add(parent, "div", "panel");
    this.title = add(panel, "span", "", title);
    this.canvas = add(panel, "canvas", "map");
    const keys = moved ? " Arrow keys move the point." : "";
    this.canvas.setAttribute("aria-label", `${title}: a map of codes.${keys}`);
    if (moved) this.canvas.tabIndex = 0;
    this.point = null;
    if (!moved) return;
    const follow = (event) => {
      const box = this.canvas.getBoundingClientRect();
      this.point = this.codeAt((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
      moved(this);
    };
    this.canvas.addEventListener("pointermove", follow);
    this.canvas.addEventListener("pointerdown", follow);
    this.canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      if (!step) return;
      event.preventDefault();
      this.point = this.point.map((value, k) => value + (step[k] * this.reach) / 40);
      moved(this);
    });
  }

  /** Shows codes (a flat array) coloured by labels, between the given limits or those of the codes. */
  show(codes, labels, limits = null) {
    [this.codes, this.labels] = [codes, labels];
    this.isFixed = Boolean(limits);
    if (limits) {
      [this.centre, this.reach] = [[0, 0], limits];
      return this.redraw();
    }
    const sorted = [0, 1].map((k) => Float32Array.from({ length: labels.length }, (_, i) => codes[2 * i + k]).sort());
    const at = (values, share) => values[Math.round(share * (values.length - 1))];
    this.centre = sorted.map((values) => (at(values, 0.01) + at(values, 0.99)) / 2);
    this.reach = 0.62 * Math.max(...sorted.map((values) => at(values, 0.99) - at(values, 0.01)), 1e-3);
    this.redraw();
  }

  codeAt(x, y) {
    return [this.centre[0] + (2 * x - 1) * this.reach, this.centre[1] + (1 - 2 * y) * this.reach];
  }

  placeOf([x, y], size) {
    const place = (value, k) => ((value - this.centre[k]) / this.reach + 1) * (size / 2);
    return [place(x, 0), size - place(y, 1)];
  }

  redraw() {
    const size = 320;
    [this.canvas.width, this.canvas.height] = [size, size];
    const context = this.canvas.getContext("2d");
    for (let i = 0; i < this.labels.length; i++) {
      const [x, y] = this.placeOf([this.codes[2 * i], this.codes[2 * i + 1]], size);
      context.fillStyle = COLOURS[this.labels[i]];
      context.fillRect(x - 1.5, y - 1.5, 3, 3);
    }
    context.strokeStyle = getComputedStyle(document.body).color;
    if (this.isFixed) { // two standard deviations of the prior
      context.setLineDash([4, 4]);
      context.beginPath();
      context.arc(...this.placeOf([0, 0], size), (2 / this.reach) * (size / 2), 0, 2 * Math.PI);
      context.stroke();
      context.setLineDash([]);
    }
    if (!this.point) return;
    const [x, y] = this.placeOf(this.point, size);
    context.lineWidth = 2;
    context.beginPath();
    context.arc(x, y, 7, 0, 2 * Math.PI);
    context.stroke();
  }
}

/** A row of chips that name the colours of the digits. */
function legend(parent) {
  const row = add(parent, "div", "row");
  row.style.gap = ".8rem";
  COLOURS.forEach((colour, digit) => { add(row, "span", "", `${digit}`).style.borderBottom = `4px solid ${colour}`; });
}

const FIGURES = {
  /** The latent planes of an autoencoder and of a VAE: the pointer decodes the same place in both. */
  planes(box, { models, labels }) {
    const row = add(box, "div", "row");
    const views = [["Autoencoder", models.ae], ["VAE", models["beta_1"]]].map(([name, model]) => {
      const moved = (view) => {
        view.redraw();
        draw(view.picture, model.picture(view.point));
        view.told.textContent = `z = (${view.point.map((value) => value.toFixed(2)).join(", ")})`;
      };
      const view = new Map2D(row, name, moved);
      const panel = view.canvas.parentElement;
      view.picture = add(panel, "canvas", "picture");
      view.told = add(panel, "span");
      view.show(model.codes, labels);
      view.point = model.code(0);
      moved(view);
      return view;
    });
    legend(box);
    return { views };
  },

  /** Between two test images: the decoded line, and the blend of the pixels. */
  between(box, { models, images, labels }) {
    const starts = images.map((_, i) => i);
    let [from, to] = [labels.indexOf(4), labels.indexOf(9)];
    const row = add(box, "div", "row");
    const panels = ["Blended pixels", "Autoencoder", "VAE"].map((name) => {
      const panel = add(row, "div", "panel small");
      add(panel, "span", "", name);
      return add(panel, "canvas", "picture");
    });
    const { input, update } = slider(box, "from one to the other", { min: 0, max: 1, step: 0.01, value: 0.5 }, (t) => {
      draw(panels[0], images[from].map((value, i) => (1 - t) * value + t * images[to][i]));
      [models.ae, models["beta_1"]].forEach((model, k) => {
        const [start, end] = [model.code(from), model.code(to)];
        draw(panels[k + 1], model.picture(start.map((value, i) => (1 - t) * value + t * end[i])));
      });
      return `${Math.round(100 * t)} %`;
    });
    add(box, "button", "", "Another pair").addEventListener("click", () => {
      from = starts[Math.floor(Math.random() * starts.length)];
      do to = starts[Math.floor(Math.random() * starts.length)]; while (labels[to] === labels[from]);
      update();
    });
    update();
    return { input };
  },

  /** The loss of one pixel over the prediction, for a target that the reader chooses. */
  losses(box) {
    const canvas = add(box, "canvas", "curves");
    const told = add(box, "p");
    const curves = {
      "squared error, scale .2": [(p, x) => (x - p) ** 2 / 0.08 + Math.log(0.2) + Math.log(2 * Math.PI) / 2, (p) => p],
      Bernoulli: [(p, x) => -x * Math.log(p) - (1 - x) * Math.log(1 - p), (p) => p],
      "continuous Bernoulli": [
        (p, x) => LOSSES.continuous_bernoulli.nll([Math.log(p / (1 - p))], [x], { limit: 0 }),
        (p) => meanOfContinuousBernoulli(Math.log(p / (1 - p))),
      ],
    };
    const grid = Array.from({ length: 399 }, (_, i) => (i + 1) / 400);
    const { input, update } = slider(box, "true value of the pixel", { min: 0, max: 1, step: 0.01, value: 0.25 }, (x) => {
      [canvas.width, canvas.height] = [660, 300];
      const context = canvas.getContext("2d");
      const lines = [];
      Object.entries(curves).forEach(([name, [loss, mean]], k) => {
        const values = grid.map((p) => loss(p, x));
        const least = Math.min(...values), at = values.indexOf(least);
        context.strokeStyle = context.fillStyle = COLOURS[k];
        context.lineWidth = 3;
        context.beginPath();
        values.forEach((value, i) => {
          const y = 280 - 110 * (value - least);
          if (y > -400) context.lineTo(660 * grid[i], y);
        });
        context.stroke();
        context.beginPath();
        context.arc(660 * grid[at], 280, 7, 0, 2 * Math.PI);
        context.fill();
        lines.push([name, grid[at], mean(grid[at]), least, COLOURS[k]]);
      });
      context.strokeStyle = getComputedStyle(document.body).color;
      context.setLineDash([4, 4]);
      context.lineWidth = 1.5;
      context.beginPath();
      context.moveTo(660 * x, 0);
      context.lineTo(660 * x, 300);
      context.stroke();
      context.fillStyle = getComputedStyle(document.body).color;
      context.font = "15px system-ui, sans-serif";
      context.fillText("loss, nats", 6, 18);
      context.textAlign = "right";
      context.fillText("prediction, from 0 to 1", 652, 262);
      told.replaceChildren();
      for (const [name, where, mean, least, colour] of lines) {
        const line = add(told, "span", "", `${name}: lowest at ${where.toFixed(2)}, its mean ${mean.toFixed(2)}, loss there ${least.toFixed(2)} nats`);
        line.style.cssText = `display: block; border-left: 4px solid ${colour}; padding-left: .5rem; margin: .2rem 0`;
      }
      return x.toFixed(2);
    });
    update();
    return { input };
  },

  /** The weight of the KL: codes of test images, and pictures of the same random codes. */
  beta(box, { models, labels }) {
    const betas = Object.keys(models).filter((name) => name.startsWith("beta_")).map((name) => name.slice(5));
    const row = add(box, "div", "row");
    const view = new Map2D(row, "Codes of test images; the circle holds 86 % of the prior");
    const panel = add(row, "div", "panel");
    add(panel, "span", "", "Random codes from N(0, I), decoded");
    const sheet = add(panel, "canvas", "picture");
    sheet.style.maxWidth = "none";
    const codes = Array.from({ length: 25 }, (_, i) => {
      const radius = Math.sqrt(-2 * Math.log((i + 0.5) / 25)), angle = i * 2.399963; // spread like normal draws
      return [radius * Math.cos(angle), radius * Math.sin(angle)];
    });
    const { input, update } = slider(box, "beta", { min: 0, max: betas.length - 1, step: 1, value: betas.indexOf("1") }, (k) => {
      const model = models[`beta_${betas[k]}`];
      view.show(model.codes, labels, 5);
      const pixels = new Float32Array((5 * SIDE) ** 2);
      codes.forEach((code, n) => {
        const [top, left] = [Math.floor(n / 5) * SIDE, (n % 5) * SIDE];
        model.picture(code).forEach((value, i) => {
          pixels[(top + Math.floor(i / SIDE)) * 5 * SIDE + left + (i % SIDE)] = value;
        });
      });
      draw(sheet, pixels, 5 * SIDE);
      return betas[k];
    });
    update();
    legend(box);
    return { input, view };
  },

  /** The codes of validation images while the model trains. */
  film(box, { film }) {
    const view = new Map2D(box, "Codes of validation images");
    view.canvas.parentElement.style.maxWidth = "26rem";
    const frames = film.frames.map((frame) => floatsOf(frame.values));
    view.show(frames[frames.length - 1], film.labels); // fixes the axes
    const { input, update } = slider(box, "training", { min: 0, max: frames.length - 1, step: 1, value: frames.length - 1 }, (k) => {
      view.codes = frames[k];
      view.redraw();
      return `step ${film.steps[k].toLocaleString("en")}`;
    });
    let timer = 0;
    const button = add(box, "button", "", "Play");
    const stop = () => { clearInterval(timer); timer = 0; button.textContent = "Play"; };
    button.addEventListener("click", () => {
      if (timer) return stop();
      button.textContent = "Stop";
      if (Number(input.value) === frames.length - 1) input.value = 0;
      timer = setInterval(() => {
        input.value = Number(input.value) + 1;
        update();
        if (Number(input.value) >= frames.length - 1) stop();
      }, 250);
      return update();
    });
    update();
    legend(box);
    return { input, button };
  },
};

function start() {
  const content = JSON.parse(document.getElementById("live-data").textContent);
  const data = content && {
    models: Object.fromEntries(Object.entries(content.models).map(([name, model]) => [name, new Model(model)])),
    labels: content.labels,
    film: content.film,
    images: [],
  };
  if (data) {
    const bytes = bytesOf(content.images);
    for (let at = 0; at < bytes.length; at += SIDE * SIDE) {
      data.images.push(Float32Array.from(bytes.subarray(at, at + SIDE * SIDE), (value) => value / 255));
    }
  }
  window.jlml = {};
  for (const box of document.querySelectorAll(".live")) {
    const name = box.dataset.live;
    if (!data && name !== "losses") continue; // it needs no weights
    window.jlml[name] = FIGURES[name](box, data);
    box.hidden = false;
    box.parentElement.classList.add("is-live"); // hides the static picture, except in print
  }
  document.body.classList.add("ready");
}

start();
