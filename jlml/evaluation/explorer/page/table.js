// Sorts and filters the table of runs.
(() => {
  "use strict";
  const table = document.querySelector("table");
  const body = table.tBodies[0];
  const filter = document.getElementById("filter");
  const count = document.getElementById("count");

  filter.addEventListener("input", () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of body.rows) {
      row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
      shown += !row.hidden;
    }
    count.textContent = `${shown} of ${body.rows.length} runs`;
  });

  for (const [column, button] of [...table.tHead.querySelectorAll("button")].entries()) {
    button.addEventListener("click", () => {
      const heading = button.closest("th");
      const down = heading.getAttribute("aria-sort") === "ascending";
      for (const each of table.tHead.querySelectorAll("th")) each.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const valueOf = (row) => row.cells[column].textContent.trim();
      const rows = [...body.rows].sort((a, b) => {
        const [x, y] = [valueOf(a), valueOf(b)];
        if (!x || !y) return x ? -1 : 1; // rows without a value stay at the end
        const order = Number.isNaN(Number(x) + Number(y)) ? x.localeCompare(y, "en", { numeric: true }) : x - y;
        return down ? -order : order;
      });
      body.append(...rows);
    });
  }
})();
