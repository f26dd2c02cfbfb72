// The map: codes of the test images in a plane, and everything that is drawn in it.

const NEAR = 10; // pixels between the pointer and a dot that it points at
const THUMBNAIL = 26; // pixels of a picture in the map
const CELL = 44; // pixels of a decoded picture, about
const VIRIDIS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];

class MapView {
  constructor(page, run, box) {
    Object.assign(this, { page, run, box });
    [this.width, this.height] = [box.clientWidth, box.clientHeight]; // asking the box 10,000 times is slow
    [this.base, this.over] = box.querySelectorAll("canvas");
    this.cells = new Map(); // decoded pictures by place
    this.choice = run.dim > 2 ? { kind: "axes", x: 0, y: 1 } : { kind: "dims", x: 0, y: Math.min(1, run.dim - 1) };
    this.offsets = new Float64Array(run.dim);
    this.showsMap = false; // the t-SNE map instead of a plane
    this.frame = null; // of the movement
    new ResizeObserver(() => this.resized()).observe(box);
    listenTo(this);
    this.changed();
  }

  // ---- geometry

  /** Projects all codes after the plane or the codes have changed. */
  changed({ keepWindow = false } = {}) {
    this.plane = planeOf(this.run, this.choice, this.offsets);
    const { count } = this.page.images;
    this.xs = new Float32Array(count);
    this.ys = new Float32Array(count);
    if (this.showsMap) {
      this.xs.fill(NaN);
      this.run.map.images.forEach((i, k) => {
        [this.xs[i], this.ys[i]] = [this.run.map.points[2 * k], this.run.map.points[2 * k + 1]];
      });
    } else {
      const line = this.plane.kind === "line";
      const range = line ? extent(this.run.codes) : null;
      for (let i = 0; i < count; i++) {
        [this.xs[i], this.ys[i]] = this.plane.place(this.run.codeOf(i));
        if (line) this.ys[i] = 0.5 * (range[1] - range[0]) * ((i * 0.6180339887) % 1); // apart, to be seen
      }
    }
    this.lines = this.middles = null;
    this.cells.clear();
    if (!keepWindow) this.fit();
    this.page.redraw();
  }

  /** Shows all codes but the outermost: those of the test images, or of all moments of training. */
  fit() {
    const { xs, ys } = this.frame === null ? this : placesOf(this.run.movement.frames);
    const [left, right] = quantiles(xs), [bottom, top] = quantiles(ys);
    const width = Math.max(1, this.width), height = Math.max(1, this.height);
    const scale = 1.15 * Math.max((right - left) / width, (top - bottom) / height) || 1 / width;
    this.window = { x: (left + right) / 2, y: (bottom + top) / 2, scale };
    this.cells.clear();
  }

  /** Shows the plane for which a heat map was computed. */
  showHeatPlane(name) {
    const heat = this.run.heat.find((each) => each.name === name);
    if (!heat || (sameChoice(heat.choice, this.choice) && !this.showsMap)) return;
    [this.choice, this.showsMap] = [heat.choice, false];
    this.offsets.fill(0);
    this.changed();
    tell("The background was computed for this plane, which the map shows now.");
  }

  resized() {
    const scale = window.devicePixelRatio || 1;
    [this.width, this.height] = [this.box.clientWidth, this.box.clientHeight];
    for (const canvas of [this.base, this.over]) {
      [canvas.width, canvas.height] = [this.width * scale, this.height * scale];
    }
    if (!this.sized) this.fit();
    this.sized = true;
    this.page.redraw();
  }

  toScreen(x, y) {
    const { x: cx, y: cy, scale } = this.window;
    return [this.width / 2 + (x - cx) / scale, this.height / 2 - (y - cy) / scale];
  }

  fromScreen(px, py) {
    const { x, y, scale } = this.window;
    return [x + (px - this.width / 2) * scale, y - (py - this.height / 2) * scale];
  }

  zoom(factor, px = this.width / 2, py = this.height / 2) {
    const [x, y] = this.fromScreen(px, py);
    this.window.scale *= factor;
    const [newX, newY] = this.fromScreen(px, py);
    this.window.x += x - newX;
    this.window.y += y - newY;
    this.page.redraw();
  }

  pan(dx, dy) {
    this.window.x -= dx * this.window.scale;
    this.window.y += dy * this.window.scale;
    this.page.redraw();
  }

  /** The test image whose dot is nearest to a place on the screen, if one is near. */
  nearest(px, py, near = NEAR) {
    if (this.frame !== null) return null;
    const [x, y] = this.fromScreen(px, py);
    let best = null, least = (near * this.window.scale) ** 2;
    for (let i = 0; i < this.xs.length; i++) {
      const distance = (this.xs[i] - x) ** 2 + (this.ys[i] - y) ** 2;
      if (distance <= least && this.page.isShown(i)) [best, least] = [i, distance];
    }
    return best;
  }

  /** The code at a place on the screen; null in a t-SNE map, whose places are no codes. */
  codeAt(px, py) {
    return this.showsMap ? null : this.plane.code(...this.fromScreen(px, py));
  }

  /** Where the code of a test image or another code is drawn. */
  placeOf(image) {
    if (image.index !== undefined && (this.showsMap || this.plane.kind === "line")) {
      return [this.xs[image.index], this.ys[image.index]];
    }
    return this.showsMap ? [NaN, NaN] : this.plane.place(this.run.meanOf(image));
  }

  // ---- drawing

  context(canvas) {
    const context = canvas.getContext("2d");
    const scale = window.devicePixelRatio || 1;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    return context;
  }

  draw() {
    const context = this.context(this.base);
    const { layers } = this.page.state;
    if (layers.grid) this.drawGrid(context);
    if (layers.heat) this.drawHeat(context, layers.heat);
    if (this.frame !== null) this.drawMovement(context);
    else {
      if (layers.points !== "pictures") this.drawDots(context);
      if (layers.points !== "dots") this.drawPictures(context);
      if (layers.density) this.drawDensity(context);
    }
    if (layers.prior && this.run.isVae && !this.showsMap) this.drawPrior(context);
    if (this.frame === null) this.drawNames(context);
    this.drawAxes(context);
  }

  /** Blends the markers into one image: 10,000 calls of drawImage take a tenth of a second without a graphics card. */
  drawDots(context) {
    const radius = this.xs.length > 3000 ? 1.8 : 2.6, scale = window.devicePixelRatio || 1;
    const margin = Math.ceil(4 * radius * scale); // for the dots at the border
    const [across, down] = [this.base.width + 2 * margin, this.base.height + 2 * margin];
    const image = new ImageData(across, down);
    const pixels = new Uint8Array(image.data.buffer); // three times as fast as image.data, which clamps and rounds
    const alpha = this.page.state.layers.grid || this.page.state.layers.heat ? 0.55 : 0.85;
    const stamps = this.page.classes.map((each) => stampOf(dotOf(each, radius).image, across, alpha));
    const { width, height } = this, out = 2 * radius;
    for (let i = 0; i < this.xs.length; i++) {
      if (!this.page.isShown(i)) continue;
      const [x, y] = this.toScreen(this.xs[i], this.ys[i]);
      if (!(x > -out && y > -out && x < width + out && y < height + out)) continue;
      const at = (Math.round(y * scale) + margin) * across + Math.round(x * scale) + margin;
      blend(pixels, stamps[this.page.classNumber(i)], 4 * at);
    }
    this.dots ||= document.createElement("canvas");
    [this.dots.width, this.dots.height] = [across, down];
    this.dots.getContext("2d").putImageData(image, 0, 0);
    context.drawImage(this.dots, -margin / scale, -margin / scale, across / scale, down / scale);
  }

  /** Pictures where there is room for them, never one on another. */
  drawPictures(context) {
    const taken = new Set();
    context.imageSmoothingEnabled = true;
    const { images } = this.page;
    const height = (THUMBNAIL * images.height) / images.width;
    for (let i = 0; i < this.xs.length; i++) {
      if (!this.page.isShown(i)) continue;
      const [x, y] = this.toScreen(this.xs[i], this.ys[i]);
      if (!(x > 0 && y > 0 && x < this.width && y < this.height)) continue;
      const [column, row] = [Math.floor(x / (THUMBNAIL + 3)), Math.floor(y / (height + 3))];
      if (taken.has(`${column},${row}`)) continue;
      taken.add(`${column},${row}`);
      const [left, top] = [column * (THUMBNAIL + 3), row * (height + 3)];
      images.drawTestImage(context, i, left, top, THUMBNAIL, height);
      context.strokeStyle = this.page.classes[this.page.classNumber(i)].colour;
      context.lineWidth = 1.5;
      context.strokeRect(left, top, THUMBNAIL, height);
    }
  }

  drawNames(context) {
    this.middles ||= this.page.classes.map((_, number) => {
      const members = this.page.membersOf(number).filter((i) => this.xs[i] === this.xs[i]);
      return members.length ? [median(members, this.xs), median(members, this.ys)] : null;
    });
    context.font = "600 13px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (const [number, each] of this.page.classes.entries()) {
      if (!each.shown || !each.name || !this.middles[number]) continue;
      const [x, y] = this.toScreen(...this.middles[number]);
      const width = context.measureText(each.name).width + 12;
      context.fillStyle = this.page.colour("--page");
      context.globalAlpha = 0.85;
      context.beginPath();
      context.roundRect(x - width / 2, y - 10, width, 20, 10);
      context.fill();
      context.globalAlpha = 1;
      context.strokeStyle = each.colour;
      context.lineWidth = 2;
      context.stroke();
      context.fillStyle = this.page.colour("--ink");
      context.fillText(each.name, x, y + 0.5);
    }
  }

  drawDensity(context) {
    if (!this.lines) {
      const box = [...quantiles(this.xs, 0.001, 0.3), ...quantiles(this.ys, 0.001, 0.3)];
      this.lines = this.page.classes.map((_, number) => densityLine(this.xs, this.ys, this.page.membersOf(number), box));
    }
    context.lineWidth = 2;
    this.lines.forEach((segments, number) => {
      if (!this.page.classes[number].shown) return;
      context.strokeStyle = this.page.classes[number].colour;
      context.beginPath();
      for (const [a, b, c, d] of segments) {
        context.moveTo(...this.toScreen(a, b));
        context.lineTo(...this.toScreen(c, d));
      }
      context.stroke();
    });
  }

  drawPrior(context) {
    context.strokeStyle = this.page.colour("--soft");
    context.fillStyle = this.page.colour("--soft");
    context.font = "12px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "bottom";
    context.setLineDash([5, 4]);
    context.lineWidth = 1.5;
    for (const radius of [1, 2, 3]) {
      const points = this.plane.kind === "line"
        ? null : this.plane.sphere(radius).map(([x, y]) => this.toScreen(x, y));
      if (!points || !points.length) continue;
      strokePath(context, points);
      const highest = points.reduce((a, b) => (b[1] < a[1] ? b : a));
      label(context, this.page, `prior, ${radius}σ`, highest[0], highest[1] - 4);
    }
    context.setLineDash([]);
  }

  drawHeat(context, name) {
    const heat = this.run.heat.find((each) => each.name === name);
    if (!heat || this.showsMap || !sameChoice(heat.choice, this.choice)) return;
    if (this.run.dim > 2 && this.offsets.some((value) => value !== 0)) return;
    heat.picture ||= heatPicture(heat);
    const [left, top] = this.toScreen(heat.x[0], heat.y[1]);
    const [right, bottom] = this.toScreen(heat.x[1], heat.y[0]);
    context.imageSmoothingEnabled = true;
    context.drawImage(heat.picture, left, top, right - left, bottom - top);
  }

  /** The decoded picture of every cell of a grid. Cells are decoded as time allows, and kept. */
  drawGrid(context) {
    if (this.showsMap || !this.run.canDecode || this.plane.kind === "line") return;
    const { images } = this.page;
    const size = 2 ** Math.round(Math.log2(CELL * this.window.scale)); // in the plane
    const { width, height } = this;
    const [left, bottom] = this.fromScreen(0, height), [right, top] = this.fromScreen(width, 0);
    const places = [];
    for (let row = Math.floor(bottom / size); row <= Math.ceil(top / size); row++) {
      for (let column = Math.floor(left / size); column <= Math.ceil(right / size); column++) places.push([column, row]);
    }
    const [middleX, middleY] = [this.window.x / size - 0.5, this.window.y / size - 0.5];
    const outwards = ([column, row]) => Math.hypot(column - middleX, row - middleY);
    places.sort((a, b) => outwards(a) - outwards(b));
    const until = performance.now() + 20;
    const side = size / this.window.scale;
    let missing = false;
    context.imageSmoothingEnabled = false;
    for (const [column, row] of places) {
      const key = `${size},${column},${row},${this.page.state.picture}`;
      let picture = this.cells.get(key);
      if (!picture && performance.now() < until) {
        const code = this.plane.code((column + 0.5) * size, (row + 0.5) * size);
        picture = images.canvasOf(this.page.shownPicture(this.run, code));
        if (this.cells.size > 4000) this.cells.clear();
        this.cells.set(key, picture);
      }
      missing ||= !picture;
      if (picture) context.drawImage(picture, ...this.toScreen(column * size, (row + 1) * size), side + 0.5, side + 0.5);
    }
    if (missing) this.page.redraw();
  }

  drawMovement(context) {
    const { labels, frames } = this.run.movement;
    const { points } = frames[this.frame];
    const dots = this.page.classes.map((each) => dotOf(each, 2.6));
    for (let i = 0; i < labels.length; i++) {
      const number = this.page.numberOfLabel(labels[i]);
      if (!this.page.classes[number].shown) continue;
      const [x, y] = this.toScreen(points[2 * i], points[2 * i + 1]);
      context.drawImage(dots[number].canvas, x - dots[number].size / 2, y - dots[number].size / 2, dots[number].size, dots[number].size);
    }
  }

  drawAxes(context) {
    const { width, height } = this;
    context.fillStyle = context.strokeStyle = this.page.colour("--soft");
    context.font = "12px system-ui, sans-serif";
    context.lineWidth = 1;
    const [nameX, nameY] = this.showsMap ? ["t-SNE map of the codes: places are no codes", ""] : this.plane.names;
    const taken = context.measureText(nameX).width + 24; // by the name of the horizontal axis
    if (!this.showsMap) {
      const step = niceStep(70 * this.window.scale);
      const [left, bottom] = this.fromScreen(0, height), [right, top] = this.fromScreen(width, 0);
      context.textBaseline = "bottom";
      context.textAlign = "center";
      for (let x = Math.ceil(left / step) * step; x < right; x += step) {
        const [px] = this.toScreen(x, 0);
        if (px > 40 && px < width - taken) label(context, this.page, tick(x, step), px, height - 4);
      }
      if (this.plane.kind !== "line") {
        context.textAlign = "left";
        context.textBaseline = "middle";
        for (let y = Math.ceil(bottom / step) * step; y < top; y += step) {
          const [, py] = this.toScreen(0, y);
          if (py > 24 && py < height - 24) label(context, this.page, tick(y, step), 4, py);
        }
      }
    }
    context.textBaseline = "bottom";
    context.textAlign = "right";
    label(context, this.page, nameX, width - 6, height - 4);
    context.textAlign = "left";
    context.textBaseline = "top";
    label(context, this.page, nameY, 4, 4);
  }

  /** What follows the pointer, in front of everything else. */
  drawOver() {
    const context = this.context(this.over);
    const { page } = this;
    const ink = page.colour("--ink");
    this.drawCurrent(context, ink);
    page.picks.forEach((image, number) => {
      const [x, y] = this.toScreen(...this.placeOf(image));
      mark(context, page, x, y, String.fromCharCode(65 + number));
    });
    if (page.picks.length > 1 && !this.showsMap) {
      context.strokeStyle = ink;
      context.setLineDash([3, 3]);
      strokePath(context, page.pathOf(this.run).map((code) => this.toScreen(...this.plane.place(code))));
      context.setLineDash([]);
    }
    if (page.moving && page.moving.codes.has(this.run) && !this.showsMap) {
      const [x, y] = this.toScreen(...this.plane.place(page.moving.codes.get(this.run)));
      ring(context, x, y, 6, page.colour("--accent"), page.colour("--page"));
    }
  }

  /** The image or the code under the pointer, with its ellipse and the code near it. */
  drawCurrent(context, ink) {
    const { page } = this;
    const { current } = page;
    if (!current || this.frame !== null || page.moving) return;
    if (current.image) {
      const [x, y] = this.toScreen(...this.placeOf(current.image));
      const { mean, deviation } = this.run.posteriorOf(current.image);
      if (deviation && !this.showsMap && this.plane.kind !== "line") {
        context.strokeStyle = ink;
        for (const [radius, alpha] of [[1, 1], [2, 0.5]]) {
          context.globalAlpha = alpha;
          context.lineWidth = 2;
          strokePath(context, this.plane.ellipse(mean, deviation, radius).map(([a, b]) => this.toScreen(a, b)));
        }
        context.globalAlpha = 1;
      }
      const nearby = page.nearbyCode(this.run);
      if (nearby && !this.showsMap && this.plane.kind !== "line") {
        const [a, b] = this.toScreen(...this.plane.place(nearby));
        context.strokeStyle = ink;
        context.lineWidth = 1.5;
        strokePath(context, [[x, y], [a, b]]);
        ring(context, a, b, 4, page.colour("--accent"), page.colour("--page"));
      }
      ring(context, x, y, deviation ? 3 : 6, ink, page.colour("--page"));
      this.drawThumbnail(context, current.image, x, y);
    } else if (current.view === this) {
      const [x, y] = this.toScreen(...current.place);
      cross(context, x, y, ink);
    } else if (current.neighbour !== null) { // the image that is nearest to the pointer in the other map
      const [x, y] = this.toScreen(...this.placeOf(page.testImage(current.neighbour)));
      ring(context, x, y, 6, ink, page.colour("--page"));
    }
  }

  drawThumbnail(context, image, x, y) {
    const { images } = this.page;
    const side = 48, height = (side * images.height) / images.width;
    const left = x + 14 + side > this.width ? x - 14 - side : x + 14;
    const top = Math.max(2, Math.min(this.height - height - 2, y - height / 2));
    context.imageSmoothingEnabled = false;
    if (image.index !== undefined) images.drawTestImage(context, image.index, left, top, side, height);
    else context.drawImage(images.canvasOf(image.pixels), left, top, side, height);
    context.strokeStyle = this.page.colour("--page");
    context.lineWidth = 2;
    context.strokeRect(left, top, side, height);
  }
}

// ---- small things

function strokePath(context, points) {
  context.beginPath();
  points.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.stroke();
}

function ring(context, x, y, radius, colour, halo) {
  for (const [width, style] of [[5, halo], [2.5, colour]]) {
    context.lineWidth = width;
    context.strokeStyle = style;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.stroke();
  }
}

function cross(context, x, y, colour) {
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  for (const [dx, dy] of [[9, 0], [0, 9]]) strokePath(context, [[x - dx, y - dy], [x + dx, y + dy]]);
}

function mark(context, page, x, y, letter) {
  context.beginPath();
  context.arc(x, y, 10, 0, 2 * Math.PI);
  context.fillStyle = page.colour("--ink");
  context.fill();
  context.fillStyle = page.colour("--page");
  context.font = "600 12px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(letter, x, y + 0.5);
}

/** Text that can be read on any background. */
function label(context, page, text, x, y) {
  context.save();
  context.lineWidth = 3;
  context.lineJoin = "round";
  context.strokeStyle = page.colour("--page");
  context.strokeText(text, x, y);
  context.restore();
  context.fillText(text, x, y);
}

const SHAPES = {
  circle: (c, r) => c.arc(0, 0, r, 0, 2 * Math.PI),
  square: (c, r) => c.rect(-r * 0.9, -r * 0.9, 1.8 * r, 1.8 * r),
  triangle: (c, r) => polygon(c, [[0, -1.3 * r], [1.2 * r, r], [-1.2 * r, r]]),
  diamond: (c, r) => polygon(c, [[0, -1.4 * r], [1.4 * r, 0], [0, 1.4 * r], [-1.4 * r, 0]]),
};

function polygon(context, points) {
  points.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.closePath();
}

/** A small canvas with the marker of a class, which is much faster to draw 10,000 times than a path. */
function dotOf({ colour, shape }, radius) {
  const scale = window.devicePixelRatio || 1;
  const size = 4 * radius;
  const key = `${colour} ${shape} ${radius} ${scale}`;
  if (!dotOf.kept.has(key)) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = Math.ceil(size * scale);
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, canvas.width / 2, canvas.height / 2);
    context.fillStyle = colour;
    context.beginPath();
    SHAPES[shape](context, radius);
    context.fill();
    dotOf.kept.set(key, { canvas, size, image: context.getImageData(0, 0, canvas.width, canvas.height) });
  }
  return dotOf.kept.get(key);
}
dotOf.kept = new Map();

/** The pixels of a marker: their places from its middle in an image of some width, their opacity, its colour. */
function stampOf({ data, width: side }, across, alpha) {
  const half = side >> 1, offsets = [], opacity = [];
  for (let k = 0; k < side * side; k++) {
    if (!data[4 * k + 3]) continue;
    offsets.push(4 * ((Math.floor(k / side) - half) * across + (k % side) - half));
    opacity.push((alpha * data[4 * k + 3]) / 255);
  }
  const middle = 4 * (half * side + half);
  return { offsets, opacity, colour: data.subarray(middle, middle + 3) };
}

/** Draws a marker over the pixels of an image. */
function blend(pixels, { offsets, opacity, colour }, at) {
  const red = colour[0], green = colour[1], blue = colour[2];
  for (let k = 0; k < offsets.length; k++) {
    const to = at + offsets[k], above = opacity[k];
    const all = above + (pixels[to + 3] / 255) * (1 - above), share = above / all;
    pixels[to] += share * (red - pixels[to]);
    pixels[to + 1] += share * (green - pixels[to + 1]);
    pixels[to + 2] += share * (blue - pixels[to + 2]);
    pixels[to + 3] = 255 * all;
  }
}

function heatPicture({ values, rows, columns, low, high }) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [columns, rows];
  const context = canvas.getContext("2d");
  const data = context.createImageData(columns, rows);
  values.forEach((value, i) => {
    const [row, column] = [rows - 1 - Math.floor(i / columns), i % columns]; // the first row is the lowest
    data.data.set([...viridis((value - low) / (high - low || 1)), 255], 4 * (row * columns + column));
  });
  context.putImageData(data, 0, 0);
  return canvas;
}

function viridis(t) {
  const at = Math.min(0.9999, Math.max(0, t)) * (VIRIDIS.length - 1);
  const k = Math.floor(at);
  return VIRIDIS[k].map((value, c) => value + (at - k) * (VIRIDIS[k + 1][c] - value));
}

function sameChoice(a, b) {
  return a.kind === b.kind && a.x === b.x && a.y === b.y;
}

function extent(values) {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

/** The range that leaves out a share of the values at each end, widened by a margin. */
function quantiles(values, share = 0.003, margin = 0.02) {
  const sorted = values.filter((value) => value === value).sort();
  const low = sorted[Math.floor(share * (sorted.length - 1))];
  const high = sorted[Math.ceil((1 - share) * (sorted.length - 1))];
  const extra = margin * (high - low);
  return [low - extra, high + extra];
}

/** The codes of all frames of a movement. */
function placesOf(frames) {
  const coordinates = (k) => Float32Array.from(frames.flatMap(({ points }) => Array.from(points.filter((_, i) => i % 2 === k))));
  return { xs: coordinates(0), ys: coordinates(1) };
}

function median(members, values) {
  return Float32Array.from(members, (i) => values[i]).sort()[members.length >> 1];
}

function niceStep(size) {
  const power = 10 ** Math.floor(Math.log10(size));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= size);
}

function tick(value, step) {
  return (Math.round(value / step) * step).toFixed(Math.max(0, -Math.floor(Math.log10(step)))).replace("-", "−");
}
