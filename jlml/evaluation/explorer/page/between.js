// Between picked images: strips, a loop, the triangle of three, and arithmetic.

const FRAMES = 9; // pictures of a strip
const TRIANGLE = 5; // pictures along a side
const SECONDS = 2; // from one image to the next

function betweenOf(page) {
  const dock = $("#between");
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  const play = $("#play"), position = $("#position");
  let drawn = "", playing = null;

  const draw = () => {
    const key = JSON.stringify([page.picks.map((each) => each.index ?? each.name), page.state, page.runs.map((r) => r.version.epoch)]);
    if (key === drawn) return;
    drawn = key;
    drawPicks(page);
    const enough = page.picks.length > 1;
    $("#between-hint", dock).hidden = enough;
    $("#between-tools", dock).hidden = !enough;
    drawStrips(page, $("#strips"));
  };
  page.listeners.push(draw);

  $("#spherical").addEventListener("change", (event) => {
    page.state.spherical = event.target.value === "spherical";
    page.update();
  });
  $("#clear-picks").addEventListener("click", () => {
    stop();
    page.picks.length = 0;
    page.update();
  });
  position.addEventListener("input", () => {
    pause();
    moveTo(page, Number(position.value));
  });

  function pause() {
    cancelAnimationFrame(playing);
    playing = null;
    write(play, "Play");
  }
  function stop() {
    pause();
    page.moving = null;
    page.update();
  }
  play.addEventListener("click", () => {
    if (playing !== null) return stop();
    write(play, "Stop");
    let before = null;
    const step = (now) => {
      const elapsed = before === null ? 0 : (now - before) / 1000;
      const jump = still.matches ? 1 / SECONDS : 0; // without motion: one picture after the other
      if (before === null || elapsed > jump) {
        before = now;
        const legs = page.picks.length > 2 ? page.picks.length : 2 * (page.picks.length - 1);
        position.value = (Number(position.value) + elapsed / SECONDS / legs) % 1;
        moveTo(page, Number(position.value));
      }
      playing = requestAnimationFrame(step);
    };
    playing = requestAnimationFrame(step);
  });
  document.addEventListener("pointerdown", (event) => {
    if (event.target.closest(".map") && page.moving) stop();
  });
}

/** Shows the code at a share of the closed path through all picks. Two picks: there and back. */
function moveTo(page, share) {
  const stops = page.picks.length > 2 ? [...page.picks, page.picks[0]] : [page.picks[0], page.picks[1], page.picks[0]];
  const at = Math.min(share, 0.9999) * (stops.length - 1);
  const [a, b, t] = [stops[Math.floor(at)], stops[Math.floor(at) + 1], at % 1];
  page.moving = {
    blend: a.pixels.map((value, k) => (1 - t) * value + t * b.pixels[k]),
    codes: new Map(page.runs.map((run) =>
      [run, between(run.meanOf(a), run.meanOf(b), t, page.state.spherical)])),
  };
  page.update();
}

function drawPicks(page) {
  $("#picks").replaceChildren(...page.picks.map((image, number) => {
    const button = document.createElement("button");
    const canvas = document.createElement("canvas");
    showRows(canvas, [[page.images.canvasOf(image.pixels)]], page.images, 36);
    button.append(canvas, `${String.fromCharCode(65 + number)} ×`);
    button.title = "Remove this pick";
    button.addEventListener("click", () => {
      page.moving = null;
      page.picks.splice(number, 1);
      page.redraw();
    });
    return button;
  }));
}

function drawStrips(page, box) {
  const { picks, images } = page;
  if (picks.length < 2) return box.replaceChildren();
  const [a, b, c] = picks;
  const share = (k) => k / (FRAMES - 1);
  const ends = Array.from({ length: FRAMES }, (_, k) => share(k));
  const side = Math.min(44, Math.max(20, Math.floor((box.clientWidth - 110) / FRAMES) - 2));
  const rows = [["A to B, blend of pixels", ends.map((t) => images.canvasOf(a.pixels.map((v, i) => (1 - t) * v + t * b.pixels[i])))]];
  for (const run of page.runs.filter((each) => each.canDecode)) {
    const [from, to] = [a, b].map((each) => run.meanOf(each));
    rows.push([page.runs.length > 1 ? `A to B, ${run.label}` : "A to B, decoded", ends.map((t) =>
      images.canvasOf(page.shownPicture(run, between(from, to, t, page.state.spherical))))]);
  }
  const strips = rows.map(([name, pictures]) => figureOf(name, [pictures], images, side));
  const grids = c ? page.runs.filter((each) => each.canDecode).flatMap((run) => threeOf(page, run, [a, b, c], side)) : [];
  const column = document.createElement("div");
  column.append(...strips);
  box.replaceChildren(column, ...grids);
}

/** The triangle between three images, and A − B + C. */
function threeOf(page, run, [a, b, c], side) {
  const { images } = page;
  const [za, zb, zc] = [a, b, c].map((each) => run.meanOf(each));
  const triangle = Array.from({ length: TRIANGLE }, (_, row) => Array.from({ length: row + 1 }, (_unused, column) => {
    const [wb, wc] = [(row - column) / (TRIANGLE - 1), column / (TRIANGLE - 1)];
    const code = za.map((value, k) => (1 - wb - wc) * value + wb * zb[k] + wc * zc[k]);
    return images.canvasOf(page.shownPicture(run, code));
  }));
  const sum = images.canvasOf(page.shownPicture(run, za.map((value, k) => value - zb[k] + zc[k])));
  const name = page.runs.length > 1 ? `, ${run.label}` : "";
  return [
    figureOf(`A above, B left, C right${name}`, triangle, images, Math.round(0.62 * side)),
    figureOf(`A − B + C${name}`, [[sum]], images, 2 * side),
  ];
}

function figureOf(name, rows, images, side) {
  const figure = document.createElement("figure");
  const canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", name);
  const caption = document.createElement("figcaption");
  write(caption, name);
  showRows(canvas, rows, images, side);
  figure.append(caption, canvas);
  return figure;
}
