"""Measures the explorer's page in Debian's Chromium: its networks, panning, and the time to the first paint.

A network is compared with a plain product of a matrix and a vector with as many multiplications, in the same
page and in alternation. Full MNIST gives 10,000 dots. Without the extra [browser] or Chromium there are no
rows.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rows import Row

import jlml
from jlml.evaluation.entry import evaluate

TRAINING = ("callbacks=none", "logger=none", "trainer.max_epochs=1", "+trainer.limit_train_batches=10")
TIMED = """(what) => {
  const {layers} = JSON.parse(document.getElementById("content").textContent).runs[0].versions.at(-1)[what];
  const product = (sizes) => sizes.reduce((a, b) => a * b, 1);
  const multiplications = layers.reduce((sum, {type, input, output, kernel}) => {
    if (type === "linear") return sum + product(input) * product(output);
    if (type === "conv") return sum + product(output) * product(kernel) * input[0];
    if (type === "transposed") return sum + product(input) * product(kernel) * output[0];
    return sum;
  }, 0);
  const rows = 500, columns = Math.round(multiplications / rows);
  const [matrix, vector] = [rows * columns, columns].map((size) => new Float32Array(size).fill(0.5));
  const plain = () => {
    const result = new Float32Array(rows);
    for (let r = 0; r < rows; r++) {
      let sum = 0;
      for (let c = 0; c < columns; c++) sum += matrix[r * columns + c] * vector[c];
      result[r] = sum;
    }
    return result;
  };
  const dim = jlml.codes.length / jlml.labels.length, image = jlml.image(0);
  const ours = what === "decoder" ? (k) => jlml.decode(jlml.codes.subarray(k * dim, (k + 1) * dim))
    : () => jlml.encode(image);
  const seconds = {ours: [], plain: []};
  for (let k = 0; k < 60; k++) {
    for (const [name, run] of [["ours", ours], ["plain", plain]]) {
      const started = performance.now();
      run(k);
      seconds[name].push(performance.now() - started);
    }
  }
  const median = (values) => values.slice(10).sort((a, b) => a - b)[25]; // without the time of compiling
  return [median(seconds.ours), median(seconds.plain)];
}"""
PANNED = """() => new Promise((done) => {
  const map = document.querySelector(".map"), {left, top} = map.getBoundingClientRect();
  let frames = 0, started = null;
  const step = (now) => {
    started ??= now;
    if (now - started > 2000) return done((1000 * frames) / (now - started));
    frames++;
    const clientX = left + 200 + 30 * Math.sin(frames / 9), clientY = top + 150 + 30 * Math.cos(frames / 9);
    const where = {pointerId: 1, pointerType: "mouse", clientX, clientY};
    map.dispatchEvent(new PointerEvent("pointermove", where));
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})"""
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime / 1000"


def rows(repeats: int) -> Iterator[Row]:
    """The speed of the page for the default networks."""
    program = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        program = None
    if program is None:
        print("explorer: skipped, it needs Chromium and the extra [browser]")
        return
    with tempfile.TemporaryDirectory() as folder:
        pages = {model: page_of(model, Path(folder)) for model in ("vae", "conv_vae")}
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            for model, file in pages.items():
                yield from of_page(browser, model, file, repeats)
            browser.close()


def page_of(model: str, folder: Path) -> Path:
    """The page of a net that is barely trained: its speed is that of a trained one."""
    run = jlml.train(f"model={model}", "loss=bce", *TRAINING, parent=folder / model, progress=[]).run
    settings = jlml.compose(f"run={run.path}", "parts=[explorer]", config_name="evaluate")
    return evaluate(settings).folder / "explorer.html"


def of_page(browser: Any, model: str, file: Path, repeats: int) -> Iterator[Row]:
    """All rows of one page, each repeat in a new tab."""
    measured: dict[str, list[Any]] = {
        name: [] for name in ("decoder", "encoder", "frames", "painted", "ready")
    }
    for _ in range(repeats):
        page = browser.new_page(viewport={"width": 1366, "height": 680})
        page.goto(file.as_uri())
        page.wait_for_selector("body.ready")
        measured["ready"].append(page.evaluate("performance.now()") / 1000)
        measured["painted"].append(page.evaluate(PAINTED))
        for what in ("decoder", "encoder"):
            measured[what].append(page.evaluate(TIMED, what))
        page.locator(".map").hover(position={"x": 200, "y": 150})
        page.mouse.down()
        measured["frames"].append(page.evaluate(PANNED))
        dots = page.evaluate("jlml.labels.length")
        page.close()
    for what in ("decoder", "encoder"):
        ratios = [plain / ours for ours, plain in measured[what]]
        fastest = min(ours for ours, _ in measured[what])
        yield Row(f"explorer, {what} of {model} / plain product", ratios, note=f"{fastest:.1f} ms")
    yield Row(f"explorer, panning {dots:,} dots of {model}", measured["frames"], "frames/s", ">= 30")
    yield Row(f"explorer, first paint of {model}", measured["painted"], "s", "<= 1")
    yield Row(f"explorer, {model} ready", measured["ready"], "s")


GROUPS = {"explorer": rows}
