// The link that restores a view: the page's state after the # of its address.

function addressOf(page) {
  restore(page);
  let timer = null;
  page.listeners.push(() => {
    clearTimeout(timer);
    timer = setTimeout(() => remember(page), 300);
  });
  window.addEventListener("hashchange", () => {
    restore(page);
    page.redraw();
  });
}

function remember(page) {
  try {
    window.history.replaceState(null, "", `#${stateInWords(page)}`);
  } catch {
    // a notebook's frame has no address of its own
  }
}

function stateInWords(page) {
  const { state } = page;
  const words = new URLSearchParams();
  page.views.forEach((view, k) => {
    const { kind, x, y, images } = view.choice;
    const choice = view.showsMap ? "map" : kind === "images" ? "images" : `${kind},${x},${y}`;
    words.set(`plane${k}`, choice);
    if (images) words.set(`through${k}`, images.map((image) => image.index).join());
    words.set(`window${k}`, [view.window.x, view.window.y, view.window.scale].map((v) => v.toPrecision(5)).join());
    if (view.run.dim > 2 && view.offsets.some(Boolean)) words.set(`offsets${k}`, Array.from(view.offsets, (v) => v.toPrecision(4)).join());
  });
  words.set("picture", state.picture);
  words.set("layers", Object.entries(state.layers).map(([name, value]) => `${name}:${value}`).join());
  const index = page.selected?.image?.index;
  if (index !== undefined) words.set("image", index);
  const picks = page.picks.map((image) => image.index).filter((i) => i !== undefined);
  if (picks.length) words.set("picks", picks.join());
  const hidden = page.classes.flatMap((each, k) => (each.shown ? [] : [k]));
  if (hidden.length) words.set("hidden", hidden.join());
  if (state.spherical) words.set("path", "spherical");
  if (state.step) words.set("step", state.step);
  return words.toString();
}

/** Restores what can be restored; a part that does not fit this page is left out. */
function restore(page) {
  const words = new URLSearchParams(window.location.hash.slice(1));
  const numbers = (name) => (words.get(name) || "").split(",").filter(Boolean).map(Number);
  const isImage = (i) => Number.isInteger(i) && i >= 0 && i < page.images.count;
  const { state } = page;
  page.views.forEach((view, k) => {
    const { dim } = view.run;
    const [kind, x, y] = (words.get(`plane${k}`) || "").split(",");
    const through = numbers(`through${k}`).filter(isImage);
    const fits = [x, y].map(Number).every((v) => Number.isInteger(v) && v >= 0 && v < dim);
    if (kind) view.showsMap = kind === "map" && Boolean(view.run.map);
    if (kind === "images" && through.length === 3) {
      view.choice = { kind, images: through.map((i) => page.testImage(i)) };
    } else if (["dims", "axes"].includes(kind) && fits && (dim === 1 || x !== y)) view.choice = { kind, x: Number(x), y: Number(y) };
    const offsets = numbers(`offsets${k}`);
    if (offsets.length === dim && offsets.every(Number.isFinite)) view.offsets.set(offsets);
    else if (kind === "axes") view.offsets.fill(0);
    if (kind) view.changed();
    const [cx, cy, scale] = numbers(`window${k}`);
    if ([cx, cy, scale].every(Number.isFinite) && scale > 0) [view.window, view.sized] = [{ x: cx, y: cy, scale }, true];
  });
  const pictures = ["residual", ...page.runs.flatMap((run) => run.kinds)];
  if (pictures.includes(words.get("picture"))) state.picture = words.get("picture");
  for (const pair of (words.get("layers") || "").split(",")) {
    const [name, value] = pair.split(":");
    if (name === "points" && ["dots", "pictures", "both"].includes(value)) state.layers.points = value;
    else if (name === "heat" && page.runs.some((run) => run.heat.some((each) => each.name === value))) state.layers.heat = value;
    else if (["density", "prior", "grid"].includes(name)) state.layers[name] = value === "true";
  }
  const [index] = numbers("image");
  if (isImage(index)) page.selected = { image: page.testImage(index) };
  if (words.has("picks")) page.picks = numbers("picks").filter(isImage).map((i) => page.testImage(i));
  const hidden = new Set(numbers("hidden"));
  if (window.location.hash) page.classes.forEach((each, k) => { each.shown = !hidden.has(k); });
  state.spherical = words.get("path") === "spherical";
  const step = Number(words.get("step"));
  state.step = step >= 0 && step <= 1 ? step : 0;
}
