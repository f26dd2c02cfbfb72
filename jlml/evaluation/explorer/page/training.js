// Time: the movement of validation codes during training, and the weights that were kept along the way.

function trainingOf(page) {
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  const view = page.views.find(({ run }) => run.movement);
  $("#movement").hidden = !view;
  if (view) {
    const { frames } = view.run.movement;
    const slider = $("#frame"), play = $("#play-movement");
    slider.max = frames.length; // the last position shows the codes of the test images again
    slider.value = frames.length;
    let timer = null;
    const showFrame = (k) => {
      slider.value = k;
      const before = view.frame;
      view.frame = k < frames.length ? k : null;
      if ((view.frame === null) !== (before === null)) view.fit();
      if (view.frame !== null && !sameChoice(view.run.movement.choice, view.choice)) {
        view.choice = view.run.movement.choice;
        view.offsets.fill(0);
        view.showsMap = false;
        view.changed();
      }
      const whose = page.runs.length > 1 ? `${view.run.label}, the other map stays: ` : "";
      write($("#frame-words"), view.frame === null ? "Codes of the test images, after training"
        : `${whose}codes of validation images, ${frames[k].words}. Decoding belongs to the end of training.`);
      page.redraw();
    };
    const stop = () => {
      clearInterval(timer);
      timer = null;
      write(play, "Play");
    };
    slider.addEventListener("input", () => {
      stop();
      showFrame(Number(slider.value));
    });
    play.addEventListener("click", () => {
      if (timer) return stop();
      write(play, "Stop");
      if (Number(slider.value) >= frames.length) showFrame(0);
      timer = setInterval(() => {
        const next = Number(slider.value) + 1;
        showFrame(next);
        if (next >= frames.length) stop();
      }, still.matches ? 1000 : 200);
    });
    showFrame(frames.length);
  }

  const versions = page.runs[0].versions;
  const choice = $("#version");
  choice.closest("label").hidden = versions.length < 2;
  versions.forEach((version, k) => choice.add(new Option(version.words, k)));
  choice.value = versions.length - 1;
  choice.addEventListener("change", () => {
    showVersion(page, Number(choice.value));
  });
  page.listeners.push(() => { choice.value = versions.indexOf(page.runs[0].version); });
  $("#training-none").hidden = Boolean(view) || versions.length > 1;
}

/** Encodes and decodes with the weights of another epoch, in every run that has them. */
function showVersion(page, number) {
  const { epoch } = page.runs[0].versions[number];
  for (const view of page.views) {
    const { run } = view;
    const found = run.versions.find((version) => version.epoch === epoch);
    run.version = found || run.versions[run.versions.length - 1];
    view.changed();
  }
}
