// Choices of the plane and of what is drawn in the maps, and the legend.

function controlsOf(page) {
  layers(page);
  legend(page);
  page.views.forEach((view, k) => planeChoice(page, view, $(`.view[data-run="${k}"]`)));
}

function layers(page) {
  const { layers: shown } = page.state;
  const set = (name, value) => {
    shown[name] = value;
    page.redraw();
  };
  const points = $("#points");
  points.addEventListener("change", () => set("points", points.value));
  for (const name of ["density", "prior", "grid"]) {
    const box = $(`#${name}`);
    box.addEventListener("change", () => set(name, box.checked));
  }
  $("#prior").closest("label").hidden = !page.runs.some((run) => run.isVae);
  $("#grid").closest("label").hidden = !page.runs.some((run) => run.canDecode && run.dim > 1);
  $("#density").closest("label").hidden = page.classes.length < 2;
  const heat = $("#heat");
  const kinds = new Map(page.runs.flatMap((run) => run.heat.map((each) => [each.name, each.title])));
  heat.closest("label").hidden = !kinds.size;
  for (const [name, title] of kinds) heat.add(new Option(title, name));
  heat.addEventListener("change", () => {
    if (heat.value) for (const view of page.views) view.showHeatPlane(heat.value);
    set("heat", heat.value);
  });
  page.listeners.push(() => {
    points.value = shown.points;
    for (const name of ["density", "prior", "grid"]) $(`#${name}`).checked = shown[name];
    heat.value = shown.heat;
    const scale = page.runs.flatMap((run) => run.heat).find((each) => each.name === shown.heat);
    $("#heat-scale").hidden = !scale;
    if (scale) write($("#heat-words"), `${scale.low.toPrecision(2)} (dark) to ${scale.high.toPrecision(2)} (bright)`);
  });
}

function legend(page) {
  if (page.classes.length < 2) return;
  const list = $("#legend");
  const buttons = page.classes.map((each) => {
    const button = document.createElement("button");
    const key = document.createElement("canvas");
    const { canvas, size } = dotOf(each, 5);
    [key.width, key.height] = [canvas.width, canvas.height];
    key.getContext("2d").drawImage(canvas, 0, 0);
    key.style.width = key.style.height = `${size}px`;
    button.append(key, each.name);
    button.title = "Click to hide or show; double-click to show only this class";
    button.addEventListener("click", () => {
      each.shown = !each.shown;
      page.redraw();
    });
    button.addEventListener("dblclick", () => {
      const alone = page.classes.every((other) => other.shown === (other === each));
      for (const other of page.classes) other.shown = alone || other === each;
      page.redraw();
    });
    list.append(button);
    return button;
  });
  const all = document.createElement("button");
  write(all, "all");
  all.addEventListener("click", () => {
    for (const each of page.classes) each.shown = true;
    page.redraw();
  });
  list.append(all);
  page.listeners.push(() => {
    buttons.forEach((button, k) => button.setAttribute("aria-pressed", page.classes[k].shown));
    all.hidden = page.classes.every((each) => each.shown);
  });
}

/** The selects above a map: the kind of plane, and its two directions. */
function planeChoice(page, view, box) {
  const { run } = view;
  const [kind, x, y] = ["kind", "x", "y"].map((name) => $(`.plane-${name}`, box));
  if (run.dim > 1) kind.add(new Option(run.dim > 2 ? "Two dimensions" : "The two dimensions", "dims"));
  if (run.dim > 2) kind.add(new Option("Two principal axes", "axes"));
  if (run.dim > 2) kind.add(new Option("Through picks A, B, C", "images"));
  if (run.map) kind.add(new Option("t-SNE map", "map"));
  if (run.dim === 1) kind.add(new Option("The one dimension", "dims"));
  const hasDirections = () => !view.showsMap && run.dim > 2 && view.choice.kind !== "images";

  function directions() {
    const nameOf = (k) => (view.choice.kind === "axes" ? `axis ${k + 1} (${(100 * run.shares[k]).toFixed(0)} %)` : `z${k + 1}`);
    for (const select of [x, y]) {
      select.replaceChildren(...run.directions(view.choice.kind).map((k) => new Option(nameOf(k), k)));
    }
    [x.value, y.value] = [view.choice.x, view.choice.y];
  }

  kind.addEventListener("change", () => {
    if (kind.value === "images" && page.picks.length < 3) {
      tell("Pick three images first: point at one and press p, or use “Add to picks”.");
      kind.value = view.showsMap ? "map" : view.choice.kind;
      return;
    }
    view.showsMap = kind.value === "map";
    if (kind.value === "images") {
      view.choice = { kind: "images", images: page.picks.slice(0, 3) };
    } else if (!view.showsMap) {
      const [first, second = first] = run.directions(kind.value);
      view.choice = { kind: kind.value, x: first, y: second };
      view.offsets.set(kind.value === "axes" ? new Float64Array(run.dim) : run.center);
    }
    directions();
    view.changed();
  });
  for (const [select, other, name] of [[x, y, "x"], [y, x, "y"]]) {
    select.addEventListener("change", () => {
      const [before, chosen] = [view.choice[name], Number(select.value)];
      view.choice = { ...view.choice, [name]: chosen };
      const otherName = name === "x" ? "y" : "x";
      if (view.choice[otherName] === chosen) view.choice[otherName] = before; // they change places
      other.value = view.choice[otherName];
      view.changed();
    });
  }
  directions();
  page.listeners.push(() => {
    kind.value = view.showsMap ? "map" : view.choice.kind;
    kind.hidden = kind.options.length < 2;
    for (const select of [x, y]) select.hidden = !hasDirections();
    if (hasDirections() && x.options[0].text.startsWith("z") !== (view.choice.kind === "dims")) directions();
    [x.value, y.value] = [view.choice.x, view.choice.y];
  });
}
