// The boxes for the input image, the code and the output image, with their formulas and numbers.

const $ = (selector, inside = document) => inside.querySelector(selector);

function panelsOf(page) {
  const parts = page.runs.map((_, k) => ({
    box: $(`.view[data-run="${k}"]`), output: $(`.output[data-run="${k}"]`),
  }));
  choosePicture(page);
  stepping(page);
  $("#pick").addEventListener("click", () => page.current?.image && page.pick(page.current.image));
  page.listeners.push(() => {
    showInput(page);
    page.runs.forEach((run, k) => showRun(page, run, parts[k]));
  });
}

/** The image of the input box: the current one, the blend of an animation, or none. */
function inputOf(page) {
  if (page.moving) return { pixels: page.moving.blend };
  return page.current?.image || null;
}

function showInput(page) {
  const image = inputOf(page);
  const { images } = page;
  show($("#input-picture"), image && images.canvasOf(image.pixels));
  $("#pick").disabled = !page.current?.image;
  if (page.moving) return write($("#input-caption"), "The blend of the pixels");
  if (!image) return write($("#input-caption"), "Point at a dot to see its image.");
  const name = image.index === undefined ? "Your own picture" : `Test image ${images.numbers[image.index]}`;
  const label = image.index === undefined ? "" : page.nameOf(image.index);
  write($("#input-caption"), label ? `${name}: ${label}` : name);
  const { length } = image.pixels;
  const mean = total(image.pixels, (v) => v) / length;
  const lit = image.pixels.filter((v) => v > 0.5).length;
  write($("#input-numbers"), [
    `x: ${images.channels > 1 ? `${images.channels} channels of ` : ""}${images.width} x ${images.height} pixels in [0, 1]`,
    `mean ${mean.toFixed(3)}, ${lit} of ${length} above ½`,
  ]);
}

function showRun(page, run, { box, output }) {
  const code = page.codeIn(run);
  const image = page.moving ? null : page.current?.image;
  const posterior = image && (image.index !== undefined || run.canEncode) ? run.posteriorOf(image) : null;
  const spread = posterior?.deviation && !page.moving ? `,  σ = (${valuesOf(posterior.deviation)})` : "";
  write($(".code-values", box), code ? `z = (${valuesOf(code)})${spread}` : " ");
  write($(".code-numbers", box), codeNumbers(run, posterior));
  const picture = $(".output-picture", output);
  if (!code || !run.canDecode) {
    show(picture, null);
    write($(".output-caption", output), run.canDecode ? "Point at the map to decode." : "This network cannot run here.");
    return;
  }
  const kind = page.kindFor(run);
  const decoded = run.decoded(code);
  const shown = decoded.pictures[kind];
  const nll = image ? decoded.nll(image.pixels) : null;
  const isResidual = page.state.picture === "residual" && image;
  show(picture, isResidual
    ? page.images.canvasOf(shown.map((v, i) => v - image.pixels[i]), true) : page.images.canvasOf(shown));
  picture.setAttribute("aria-label", `Decoded picture, ${isResidual ? "residual" : kind}`);
  const nearby = image && page.nearbyCode(run);
  const what = isResidual ? "Picture − image: blue is too bright, red too dark"
    : nearby ? "Decoded near the code" : image ? "Reconstruction"
    : page.moving ? "Between the picks" : page.current?.view.run === run ? "Decoded from the map" : "The image nearest to the pointer";
  const names = { lambda: "λ", mean: "mean" };
  const caption = [run.kinds.length > 1 && !isResidual ? `${what} (${names[kind] || kind})` : what];
  if (image) caption.push(lossInWords(run, nll, posterior), `MSE ${squaredError(shown, image.pixels).toFixed(4)}`);
  write($(".output-caption", output), caption);
  write($(".output-numbers", output), outputNumbers(run, nll, posterior));
}

/** The loss of an image at a code; for a VAE with its two terms. */
function lossInWords(run, nll, posterior) {
  if (!run.isVae) return `loss ${nll.toFixed(1)} nats`;
  const kl = klToPrior(posterior.mean, posterior.deviation);
  return `loss ${(nll + run.beta * kl).toFixed(1)} nats: reconstruction ${nll.toFixed(1)}, KL ${kl.toFixed(1)}`;
}

function codeNumbers(run, posterior) {
  if (!run.isVae) return ["z = encoder(x), one point for each image"];
  const lines = ["q(z | x) = N(μ, σ²),  z = μ + σ ε,  ε ~ N(0, I)"];
  if (!posterior) return lines;
  return [
    ...lines,
    `μ = (${valuesOf(posterior.mean)})`,
    `σ = (${valuesOf(posterior.deviation)})`,
    `KL = ½ Σ (μ² + σ² − 1 − ln σ²) = ${klToPrior(posterior.mean, posterior.deviation).toFixed(2)} nats`,
  ];
}

function outputNumbers(run, nll, posterior) {
  const lines = [LOSSES[run.loss.kind].formula];
  if (nll === null) return lines;
  lines.push(`−log p(x | z) = ${nll.toFixed(2)} nats`);
  if (run.isVae) {
    const kl = klToPrior(posterior.mean, posterior.deviation);
    const weighted = run.beta === 1 ? "KL" : `${run.beta} KL`;
    lines.push(`loss = −log p(x | z) + ${weighted} = ${(nll + run.beta * kl).toFixed(2)} nats`);
  }
  return lines;
}

function valuesOf(code) {
  const few = Array.from(code.slice(0, 8), (value) => value.toFixed(2).replace("-", "−"));
  return few.join(", ") + (code.length > 8 ? `, … ${code.length} numbers` : "");
}

/** Writes lines of text. Names and labels are text, never HTML. */
function write(element, lines) {
  element.replaceChildren(...[lines].flat().flatMap((line, k) => (k ? [document.createElement("br"), line] : [line])));
}

function choosePicture(page) {
  const choice = $("#picture");
  const kinds = [...new Set(page.runs.flatMap((run) => run.kinds))];
  const words = { mean: "Mean", lambda: "λ of the continuous Bernoulli" };
  if (page.state.picture === "shown") choice.add(new Option("λ or mean, by the loss", "shown"));
  for (const kind of kinds) choice.add(new Option(words[kind] || kind, kind));
  choice.add(new Option("Residual", "residual"));
  choice.value = page.state.picture;
  choice.addEventListener("change", () => {
    page.state.picture = choice.value;
    page.redraw();
  });
  page.listeners.push(() => { choice.value = page.state.picture; });
}

/** The slider for small steps around a code, and the button that draws again. */
function stepping(page) {
  const slider = $("#step");
  const draw = $("#draw-again");
  write(draw, page.runs.some((run) => run.isVae) ? "Draw from the ellipse" : "New direction");
  slider.addEventListener("input", () => {
    [page.state.step, page.sampled] = [Number(slider.value), false];
    page.update();
  });
  draw.addEventListener("click", () => {
    for (const run of page.runs) page.draws.set(run, normal(run.dim));
    page.sampled = page.runs.some((run) => run.isVae);
    if (page.sampled) page.state.step = 0;
    page.hovered = null;
    page.update();
  });
  page.listeners.push(() => {
    slider.value = page.state.step;
    write($("#step-words"), page.state.step ? `${(100 * page.state.step).toFixed(0)} % of the spread of all codes` : "");
    const image = page.current?.image;
    slider.disabled = draw.disabled = !image;
  });
}
