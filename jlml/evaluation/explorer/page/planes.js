// Planes through the space of codes: code = origin + x u + y v.

class Plane {
  constructor(origin, u, v, names, kind) {
    Object.assign(this, { origin, u, v, names, kind });
    const [uu, uv, vv] = [dot(u, u), dot(u, v), dot(v, v)];
    const determinant = uu * vv - uv * uv || 1;
    // rows of the pseudo-inverse: the coordinates of the point of the plane that is closest to a code
    this.toX = u.map((value, k) => (vv * value - uv * v[k]) / determinant);
    this.toY = v.map((value, k) => (uu * value - uv * u[k]) / determinant);
    if (vv === 0) this.toX = u.map((value) => value / (uu || 1));
    this.gram = [uu, uv, vv];
  }

  code(x, y) {
    return this.origin.map((value, k) => value + x * this.u[k] + y * this.v[k]);
  }

  place(code) {
    let x = 0, y = 0;
    for (let k = 0; k < code.length; k++) {
      const value = code[k] - this.origin[k];
      x += this.toX[k] * value;
      y += this.toY[k] * value;
    }
    return [x, y];
  }

  /** The ellipse of a Gaussian with independent dimensions, one deviation from its mean, as a list of points. */
  ellipse(mean, deviation, radius) {
    const [cx, cy] = this.place(mean);
    let xx = 0, xy = 0, yy = 0; // covariance in the plane
    for (let k = 0; k < mean.length; k++) {
      const variance = deviation[k] ** 2;
      xx += variance * this.toX[k] ** 2;
      xy += variance * this.toX[k] * this.toY[k];
      yy += variance * this.toY[k] ** 2;
    }
    return circle(radius, Math.sqrt(xx), 0, xy / (Math.sqrt(xx) || 1), Math.sqrt(Math.max(0, yy - (xy * xy) / (xx || 1))))
      .map(([x, y]) => [cx + x, cy + y]);
  }

  /** All points of the plane at a distance from the origin of the codes; empty if the plane is farther away. */
  sphere(radius) {
    const [cx, cy] = this.place(new Float32Array(this.origin.length));
    const nearest = this.code(cx, cy);
    const left = radius * radius - dot(nearest, nearest);
    const [uu, uv, vv] = this.gram;
    if (left <= 0 || vv === 0) return [];
    // x' G x = 1 for the gram matrix G = L L': x = inverse(L)' (cos, sin)
    const a = Math.sqrt(uu), b = uv / a, c = Math.sqrt(vv - b * b);
    return circle(Math.sqrt(left), 1 / a, -b / (a * c), 0, 1 / c).map(([x, y]) => [cx + x, cy + y]);
  }
}

/** Points of an ellipse: the matrix [[a, b], [c, d]] times a circle. */
function circle(radius, a, b, c, d, steps = 72) {
  return Array.from({ length: steps + 1 }, (_, i) => {
    const x = radius * Math.cos((2 * Math.PI * i) / steps), y = radius * Math.sin((2 * Math.PI * i) / steps);
    return [a * x + b * y, c * x + d * y];
  });
}

function dot(a, b) {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
  return sum;
}

function unit(dim, k) {
  const vector = new Float64Array(dim);
  if (k < dim) vector[k] = 1;
  return vector;
}

/** The principal axis number k of the codes, a unit vector. */
function principalAxis(run, k) {
  return Float64Array.from(run.axes.subarray(k * run.dim, (k + 1) * run.dim));
}

/**
 * The plane that a view shows.
 *
 * `choice` is {kind: "dims" | "axes", x, y} with numbers of dimensions or principal axes from 0, or
 * {kind: "images", images: [a, b, c]}. `offsets` moves the plane along the directions that it does not contain.
 */
function planeOf(run, choice, offsets) {
  if (choice.kind === "images") {
    const [a, b, c] = choice.images.map((image) => Float64Array.from(run.meanOf(image)));
    return new Plane(a, b.map((v, k) => v - a[k]), c.map((v, k) => v - a[k]), ["towards B", "towards C"], "images");
  }
  const byAxis = choice.kind === "axes";
  const origin = byAxis ? Float64Array.from(run.center) : new Float64Array(run.dim);
  for (const k of byAxis ? run.directions("axes") : origin.keys()) {
    if (k === choice.x || k === choice.y) continue;
    const direction = byAxis ? principalAxis(run, k) : unit(run.dim, k);
    for (let j = 0; j < run.dim; j++) origin[j] += offsets[k] * direction[j];
  }
  const direction = (k) => (byAxis ? principalAxis(run, k) : unit(run.dim, k));
  const name = (k) => (byAxis ? `principal axis ${k + 1}` : `z${k + 1}`);
  if (run.dim === 1) return new Plane(origin, unit(1, 0), new Float64Array(1), ["z1", "images side by side"], "line");
  return new Plane(origin, direction(choice.x), direction(choice.y), [name(choice.x), name(choice.y)], choice.kind);
}

/** The offsets of a plane through a code: its value in every direction. */
function offsetsThrough(run, choice, code) {
  return Float64Array.from({ length: run.dim }, (_, k) => {
    if (choice.kind !== "axes") return code[k];
    if (k >= run.axisScales.length) return 0;
    const axis = principalAxis(run, k);
    return dot(axis, code) - dot(axis, run.center);
  });
}

/** The straight or spherical path between two codes: t = 0 is the first, t = 1 the second. */
function between(a, b, t, spherical) {
  if (spherical) {
    const [na, nb] = [Math.sqrt(dot(a, a)), Math.sqrt(dot(b, b))];
    const angle = Math.acos(Math.min(1, Math.max(-1, dot(a, b) / (na * nb || 1))));
    if (angle > 1e-3) {
      const [wa, wb] = [Math.sin((1 - t) * angle) / Math.sin(angle), Math.sin(t * angle) / Math.sin(angle)];
      return Float64Array.from(a, (value, k) => wa * value + wb * b[k]);
    }
  }
  return Float64Array.from(a, (value, k) => (1 - t) * value + t * b[k]);
}
