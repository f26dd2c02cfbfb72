// Mouse, touch and keyboard on a map.

const STEP = 12; // pixels that an arrow key moves the pointer

function listenTo(view) {
  const { box, page } = view;
  const touches = new Map();
  let start = null, moved = false, spread = 0;
  let chosenBefore = null, lastClick = -Infinity; // a double click selects nothing
  const place = (event) => {
    const { left, top } = box.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };

  box.addEventListener("pointerdown", (event) => {
    const at = place(event);
    touches.set(event.pointerId, at);
    [start, moved, spread] = [at, false, 0];
    box.setPointerCapture(event.pointerId);
    if (event.pointerType === "touch" && touches.size === 1) page.hover(view, ...at);
  });

  box.addEventListener("pointermove", (event) => {
    const at = place(event);
    const before = touches.get(event.pointerId);
    if (!before) return page.hover(view, ...at);
    touches.set(event.pointerId, at);
    if (Math.hypot(at[0] - start[0], at[1] - start[1]) > 4) moved = true;
    if (touches.size > 1) { // two fingers: zoom and pan
      const [a, b] = [...touches.values()];
      const apart = Math.hypot(a[0] - b[0], a[1] - b[1]);
      if (spread) view.zoom(spread / apart, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
      spread = apart;
      view.pan((at[0] - before[0]) / 2, (at[1] - before[1]) / 2);
    } else if (event.pointerType === "touch") page.hover(view, ...at);
    else if (moved) view.pan(at[0] - before[0], at[1] - before[1]);
  });

  box.addEventListener("pointerup", (event) => {
    touches.delete(event.pointerId);
    if (moved && event.pointerType !== "touch") return;
    const isSecond = event.timeStamp - lastClick < 400;
    if (!isSecond) [chosenBefore, lastClick] = [page.selected, event.timeStamp];
    if (!isSecond || event.pointerType === "touch") page.select(view, ...place(event), event.shiftKey);
  });
  box.addEventListener("pointercancel", (event) => touches.delete(event.pointerId));
  box.addEventListener("pointerleave", () => { if (!touches.size) page.leave(); });
  box.addEventListener("dblclick", () => {
    page.selected = chosenBefore;
    view.fit();
    page.redraw();
  });
  box.addEventListener("wheel", (event) => {
    event.preventDefault();
    view.zoom(Math.exp(event.deltaY * 0.0015), ...place(event));
  }, { passive: false });

  let cursor = null; // moved by the arrow keys
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  box.addEventListener("keydown", (event) => {
    const arrow = arrows[event.key];
    cursor ||= [box.clientWidth / 2, box.clientHeight / 2];
    if (arrow) {
      cursor = [cursor[0] + arrow[0] * STEP, cursor[1] + arrow[1] * STEP];
      page.hover(view, ...cursor);
    } else if (event.key === "Enter") page.select(view, ...cursor, event.shiftKey);
    else if (event.key === "+" || event.key === "=") view.zoom(0.8);
    else if (event.key === "-") view.zoom(1.25);
    else if (event.key === "0") { view.fit(); page.redraw(); }
    else return;
    event.preventDefault();
  });
}
