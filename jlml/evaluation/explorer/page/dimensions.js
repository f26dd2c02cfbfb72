// Sliders for the directions that the plane does not contain, and a strip of pictures along every direction.

const ALONG = 7; // pictures of a strip

function dimensionsOf(page) {
  const box = $("#dimensions-list");
  const [view] = page.views;
  const { run } = view;
  if (run.dim < 2 || !run.canDecode) return;
  let drawn = "";
  $("#through-image").addEventListener("click", () => {
    const image = page.current?.image;
    if (!image) return tell("Select an image first: click on a dot.");
    view.offsets.set(offsetsThrough(run, view.choice, run.meanOf(image)));
    view.changed({ keepWindow: true });
  });
  $("#through-mean").addEventListener("click", () => {
    view.offsets.set(offsetsThrough(run, view.choice, run.center));
    view.changed({ keepWindow: true });
  });
  page.listeners.push(() => {
    if ($("#dimensions").hidden || !["dims", "axes"].includes(view.choice.kind)) return;
    const key = JSON.stringify([view.choice, Array.from(view.offsets), page.state.picture, run.version.epoch]);
    if (key === drawn || box.contains(document.activeElement) && drawn.startsWith(JSON.stringify([view.choice]).slice(0, -1))) {
      if (key !== drawn) redrawStrips(page, view, box);
      drawn = key;
      return;
    }
    drawn = key;
    box.replaceChildren(...run.directions(view.choice.kind).map((k) => rowOf(page, view, k)));
    redrawStrips(page, view, box);
  });
}

/** Middle and range of the codes along one direction. */
function rangeOf(run, choice, k) {
  if (choice.kind === "axes") return [0, 2.5 * run.axisScales[k]];
  return [run.center[k], 2.5 * run.scales[k]];
}

function rowOf(page, view, k) {
  const { run, choice } = view;
  const row = document.createElement("div");
  const [middle, half] = rangeOf(run, choice, k);
  const name = document.createElement("label");
  const text = document.createElement("span");
  write(text, choice.kind === "axes" ? `axis ${k + 1}` : `z${k + 1}`);
  const slider = document.createElement("input");
  slider.type = "range";
  [slider.min, slider.max, slider.step] = [middle - half, middle + half, half / 50];
  slider.value = view.offsets[k];
  slider.disabled = k === choice.x || k === choice.y;
  slider.addEventListener("input", () => {
    view.offsets[k] = Number(slider.value);
    view.changed({ keepWindow: true });
  });
  slider.addEventListener("dblclick", () => {
    slider.value = view.offsets[k] = middle;
    view.changed({ keepWindow: true });
  });
  name.append(text, slider);
  const strip = document.createElement("canvas");
  strip.setAttribute("role", "img");
  strip.setAttribute("aria-label", `Pictures along ${text.textContent}`);
  row.append(name, strip);
  return row;
}

/** Draws the strips one after the other, so that the page stays responsive. */
function redrawStrips(page, view, box) {
  const { run, choice } = view;
  const turn = (redrawStrips.turn = (redrawStrips.turn || 0) + 1);
  const base = view.plane.code(0, 0);
  if (choice.kind === "dims") for (const k of [choice.x, choice.y]) base[k] = run.center[k];
  const directions = run.directions(choice.kind);
  const draw = (row) => {
    if (turn !== redrawStrips.turn || !box.children[row]) return;
    const k = directions[row];
    const [middle, half] = rangeOf(run, choice, k);
    const direction = choice.kind === "axes" ? principalAxis(run, k) : unit(run.dim, k);
    const before = choice.kind === "axes" ? (k === choice.x || k === choice.y ? 0 : view.offsets[k]) : base[k];
    const pictures = Array.from({ length: ALONG }, (_, s) => {
      const value = middle + half * ((2 * s) / (ALONG - 1) - 1);
      const code = base.map((v, j) => v + (value - before) * direction[j]);
      return page.images.canvasOf(page.shownPicture(run, code));
    });
    showRows($("canvas", box.children[row]), [pictures], page.images, 30);
    setTimeout(draw, 0, row + 1);
  };
  draw(0);
}
