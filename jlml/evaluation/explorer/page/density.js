// Where the codes of each class lie: a smoothed histogram, and the line that encloses most of the class.

const CELLS = 72; // of the histogram, along each side
const INSIDE = 0.7; // share of a class inside its line

/** Line segments [x1, y1, x2, y2] around the densest region that holds `INSIDE` of the chosen points. */
function densityLine(xs, ys, chosen, [left, right, bottom, top]) {
  const [dx, dy] = [(right - left) / CELLS, (top - bottom) / CELLS];
  const cell = (i) => {
    const [column, row] = [Math.floor((xs[i] - left) / dx), Math.floor((ys[i] - bottom) / dy)];
    return column < 0 || column >= CELLS || row < 0 || row >= CELLS ? -1 : row * CELLS + column;
  };
  let grid = new Float32Array(CELLS * CELLS);
  for (const i of chosen) if (cell(i) >= 0) grid[cell(i)] += 1;
  for (let times = 0; times < 3; times++) grid = blurred(blurred(grid, 1), CELLS); // three boxes are nearly a Gaussian
  const densities = Float32Array.from(chosen, (i) => (cell(i) < 0 ? 0 : grid[cell(i)])).sort();
  const level = densities[Math.floor((1 - INSIDE) * densities.length)];
  if (!(level > 0)) return [];
  return marchingSquares(grid, level).map(([a, b, c, d]) =>
    [left + (a + 0.5) * dx, bottom + (b + 0.5) * dy, left + (c + 0.5) * dx, bottom + (d + 0.5) * dy]);
}

/** The mean of five neighbours along one direction. */
function blurred(grid, step) {
  const result = new Float32Array(grid.length);
  for (let i = 0; i < grid.length; i++) {
    const place = step === 1 ? i % CELLS : Math.floor(i / CELLS);
    for (let k = -2; k <= 2; k++) if (place + k >= 0 && place + k < CELLS) result[i] += grid[i + k * step] / 5;
  }
  return result;
}

/** The segments between cells above and below a level, in units of cells, by linear interpolation. */
function marchingSquares(grid, level) {
  const segments = [];
  for (let row = 0; row + 1 < CELLS; row++) {
    for (let column = 0; column + 1 < CELLS; column++) {
      const corners = [[column, row], [column + 1, row], [column + 1, row + 1], [column, row + 1]];
      const values = corners.map(([x, y]) => grid[y * CELLS + x]);
      const crossings = [];
      for (let side = 0; side < 4; side++) {
        const [a, b] = [values[side], values[(side + 1) % 4]];
        if (a >= level === b >= level) continue;
        const t = (level - a) / (b - a);
        const [from, to] = [corners[side], corners[(side + 1) % 4]];
        crossings.push([from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1])]);
      }
      for (let k = 0; k + 1 < crossings.length; k += 2) segments.push([...crossings[k], ...crossings[k + 1]]);
    }
  }
  return segments;
}
