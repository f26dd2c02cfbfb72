// Starts the page.

const explorer = { page: null };

async function start() {
  const content = JSON.parse(document.getElementById("content").textContent);
  const [images, ...runs] = await Promise.all([Images.read(content.images), ...content.runs.map((run) => Run.read(run))]);
  const page = (explorer.page = new Page(content, images, runs));
  page.views = runs.map((run, k) => new MapView(page, run, $(`.view[data-run="${k}"] .map`)));
  addressOf(page);
  panelsOf(page);
  controlsOf(page);
  betweenOf(page);
  dimensionsOf(page);
  trainingOf(page);
  ownPictures(page);
  toolsOf(page);
  if (!page.selected) page.selected = { image: page.testImage(0) };
  page.redraw();
  window.jlml = consoleOf(page);
  document.body.classList.add("ready");
}

/** What the browser's console and the tests can use: arrays are Float32Arrays in PyTorch's order. */
function consoleOf(page) {
  const of = (run) => ({
    encode: (pixels) => run.encodePixels(Float32Array.from(pixels)).mean,
    decode: (code) => run.pictures(code).mean,
    picture: (code) => page.shownPicture(run, code),
    get codes() { return run.codes; }, // of the weights that the page shows
    labels: page.images.labels,
  });
  const runs = page.runs.map(of);
  return Object.assign(runs[0], { runs, image: (i) => page.images.pixels(i) });
}

/** Buttons, tabs and keys of the whole page. */
function toolsOf(page) {
  const tabs = [...document.querySelectorAll("#tabs button")];
  for (const tab of tabs) {
    tab.addEventListener("click", () => {
      for (const each of tabs) {
        const chosen = each === tab;
        each.setAttribute("aria-selected", chosen);
        $(`#${each.getAttribute("aria-controls")}`).hidden = !chosen;
      }
      page.update();
    });
  }
  $("#help-open").addEventListener("click", () => $("#help").showModal());
  $("#link").addEventListener("click", async () => {
    const address = `${window.location.href.split("#")[0]}#${stateInWords(page)}`;
    const isOwn = [page.selected?.image, ...page.picks].some((image) => image && image.index === undefined);
    const own = isOwn ? " Your own pictures are not in it." : "";
    try {
      await navigator.clipboard.writeText(address);
      tell(`The link to this view is in the clipboard.${own}`);
    } catch {
      window.location.hash = stateInWords(page);
      tell(`The link to this view is in the address bar.${own}`);
    }
  });
  $("#save").addEventListener("click", () => save(page));
  document.addEventListener("keydown", (event) => {
    if (event.target.closest("dialog") || event.ctrlKey || event.metaKey || event.altKey) return;
    // a select that was used last takes letters only while the pointer is not in a map
    if (event.target.closest("select, [type=file]") && !page.hovered) return;
    if (event.key === "p" && page.current?.image) page.pick(page.current.image);
    else if (event.key === "?") $("#help").showModal();
    else if (event.key === "[" || event.key === "]") {
      const index = (page.selected?.image?.index ?? 0) + (event.key === "]" ? 1 : page.images.count - 1);
      page.choose({ image: page.testImage(index % page.images.count) });
    } else return;
    event.preventDefault();
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => page.redraw());
}

/** Saves input, maps and outputs side by side as a PNG. */
function save(page) {
  const gap = 16, scale = window.devicePixelRatio || 1;
  const boxes = [$("#input-picture"), ...page.views.map((view) => view.box), ...document.querySelectorAll(".output-picture")];
  const sizes = boxes.map((box) => [box.clientWidth, box.clientHeight]);
  const canvas = document.createElement("canvas");
  const top = 44; // for the title
  const width = sizes.reduce((sum, [w]) => sum + w + gap, gap), height = Math.max(...sizes.map(([, h]) => h)) + top + gap;
  [canvas.width, canvas.height] = [width * scale, height * scale];
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  context.fillStyle = page.colour("--page");
  context.fillRect(0, 0, width, height);
  context.imageSmoothingEnabled = false;
  context.fillStyle = page.colour("--ink");
  context.font = "600 18px system-ui, sans-serif";
  context.fillText($("h1").textContent, gap, 28);
  let left = gap;
  boxes.forEach((box, k) => {
    const layers = box instanceof HTMLCanvasElement ? [box] : [...box.querySelectorAll("canvas")];
    for (const layer of layers) context.drawImage(layer, left, top, ...sizes[k]);
    left += sizes[k][0] + gap;
  });
  canvas.toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = "explorer.png";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}

start().catch((error) => {
  write($("#status"), `The page could not start: ${error.message}. It needs a browser of 2023 or later.`);
  throw error;
});
