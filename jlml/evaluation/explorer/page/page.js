// The page: what is selected, what is shown, and everything that reacts to it.

class Page {
  constructor(content, images, runs) {
    Object.assign(this, { content, images, runs });
    this.state = {
      picture: runs.every((run) => run.shown === runs[0].shown) ? runs[0].shown : "shown",
      layers: { points: "dots", density: false, prior: runs.some((run) => run.isVae), grid: false, heat: "" },
      spherical: false,
      step: 0, // distance from the code, in units of the spread of all codes
    };
    this.selected = null; // an image or a place, which stays
    this.hovered = null; // the same, under the pointer
    this.picks = [];
    this.moving = null; // the code that an animation shows
    this.draws = new Map(runs.map((run) => [run, normal(run.dim)]));
    this.sampled = false; // whether the nearby code is a draw from the posterior
    this.classes = classesOf(images, content.colours);
    this.views = [];
    this.listeners = [];
  }

  // ---- classes

  classNumber(i) { return this.numberOfLabel(this.images.labels[i]); }
  numberOfLabel(label) { return label < 0 ? this.classes.length - 1 : label; }
  isShown(i) { return this.classes[this.classNumber(i)].shown; }

  membersOf(number) {
    this.members ||= this.classes.map((_, k) =>
      Array.from({ length: this.images.count }, (_unused, i) => i).filter((i) => this.classNumber(i) === k));
    return this.members[number];
  }

  nameOf(i) { return this.classes[this.classNumber(i)].name; }

  // ---- what is shown

  get current() { return this.hovered || this.selected; }

  hover(view, x, y) {
    this.hovered = this.at(view, x, y);
    this.update();
  }

  leave() {
    this.hovered = null;
    this.update();
  }

  select(view, x, y, pick) {
    const place = this.at(view, x, y);
    if (!place) return;
    if (place.image && pick) this.pick(place.image);
    else if (pick) tell("There is no image at this place to pick.");
    this.choose(place);
  }

  choose(place) {
    this.selected = place;
    this.hovered = null;
    this.sampled = false;
    this.update();
  }

  /** The image or the code at a place of a map; null where there is neither. */
  at(view, x, y) {
    const index = view.nearest(x, y);
    if (index !== null) return { image: this.testImage(index) };
    const code = view.codeAt(x, y);
    return code && { view, code, place: view.fromScreen(x, y), neighbour: view.nearest(x, y, Infinity) };
  }

  testImage(index) {
    return { index, pixels: this.images.pixels(index) };
  }

  pick(image) {
    if (this.picks.some((each) => each.index !== undefined && each.index === image.index)) return;
    this.picks.push(image);
    this.update();
  }

  /** The code that a run decodes now: of the pointer, of the image, or near it. */
  codeIn(run) {
    if (this.moving) return this.moving.codes.get(run);
    const { current } = this;
    if (!current) return null;
    if (current.image) return this.nearbyCode(run) || run.meanOf(current.image);
    if (current.view.run === run) return current.code;
    return current.neighbour === null ? null : run.codeOf(current.neighbour); // the same place in another run
  }

  /** A code near that of the selected image: a draw from its posterior, or a step in a random direction. */
  nearbyCode(run) {
    const { image } = this.current || {};
    if (!image) return null;
    const { mean, deviation } = run.posteriorOf(image);
    const draw = this.draws.get(run);
    if (this.sampled && deviation) return mean.map((value, k) => value + deviation[k] * draw[k]);
    if (!this.state.step) return null;
    const length = Math.sqrt(dot(draw, draw)) || 1;
    return mean.map((value, k) => value + (this.state.step * run.spread * draw[k]) / length);
  }

  /** The kind of picture that is shown for a run, without the residual, which needs an input. */
  kindFor(run) {
    const { picture } = this.state;
    return run.kinds.includes(picture) ? picture : run.shown;
  }

  shownPicture(run, code) {
    return run.pictures(code)[this.kindFor(run)];
  }

  /** Codes along the path through all picked images, closed if there are more than two. */
  pathOf(run, steps = 24) {
    const codes = this.picks.map((image) => run.meanOf(image));
    if (codes.length > 2) codes.push(codes[0]);
    const path = [];
    for (let k = 0; k + 1 < codes.length; k++) {
      for (let s = 0; s <= steps; s++) path.push(between(codes[k], codes[k + 1], s / steps, this.state.spherical));
    }
    return path;
  }

  // ---- drawing

  /** Draws maps and panels at the next frame. */
  redraw() {
    this.mapsChanged = true;
    this.update();
  }

  update() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      if (this.mapsChanged) {
        this.mapsChanged = false;
        this.colours = new Map();
        for (const view of this.views) view.draw();
      }
      for (const view of this.views) view.drawOver();
      for (const listener of this.listeners) listener(this);
    });
  }

  /** A colour of the style sheet, which depends on light or dark. */
  colour(name) {
    this.colours ||= new Map();
    if (!this.colours.has(name)) {
      const probe = document.getElementById("probe");
      probe.style.color = `var(${name})`;
      this.colours.set(name, getComputedStyle(probe).color);
    }
    return this.colours.get(name);
  }
}

/** Shows a message for some seconds. */
function tell(text) {
  const status = document.getElementById("status");
  status.textContent = text;
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => { status.textContent = ""; }, 6000);
}

/** Names, colours and markers of the classes; one without a name for images without a label. */
function classesOf(images, colours) {
  const shapes = Object.keys(SHAPES);
  const classes = images.names.map((name, k) => ({
    name, colour: colours[k % colours.length], shape: shapes[Math.floor(k / colours.length) % shapes.length], shown: true,
  }));
  const unlabelled = images.labels.some((label) => label < 0);
  return unlabelled || !classes.length
    ? [...classes, { name: classes.length ? "no label" : "", colour: classes.length ? "#888" : colours[0], shape: "circle", shown: true }]
    : classes;
}

/** Standard normal numbers. */
function normal(count) {
  return Float32Array.from({ length: count }, () =>
    Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random()));
}
