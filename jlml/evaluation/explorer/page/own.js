// The user's own pictures: drawn, dropped, pasted or chosen, and prepared as the run's data are.

const INK = 255;

function ownPictures(page) {
  const { images, content } = page;
  const drawing = $("#drawing");
  const canvas = $("#draw-canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const canEncode = page.runs.every((run) => run.canEncode);
  $("#own").hidden = !canEncode;
  if (!canEncode) return;
  drawing.hidden = !content.canDraw;
  const clear = () => {
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
  };
  clear();
  let last = null;
  const place = (event) => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    return [((event.clientX - left) * canvas.width) / width, ((event.clientY - top) * canvas.height) / height];
  };
  canvas.addEventListener("pointerdown", (event) => {
    last = place(event);
    canvas.setPointerCapture(event.pointerId);
    stroke(last);
  });
  canvas.addEventListener("pointermove", (event) => { if (last) stroke(place(event)); });
  canvas.addEventListener("pointerup", () => { last = null; });
  $("#draw-clear").addEventListener("click", clear);

  function stroke(to) {
    context.strokeStyle = "#fff";
    [context.lineWidth, context.lineCap, context.lineJoin] = [canvas.width / 11, "round", "round"];
    context.beginPath();
    context.moveTo(...last);
    context.lineTo(to[0] + 0.01, to[1]);
    context.stroke();
    last = to;
    const digit = likeMnist(canvas, images, content.fit);
    if (digit) use(digit, "drawing");
  }

  function use(pixels, name) {
    const prepared = content.pixels === "binarized" ? pixels.map((v) => (v > 0.5 ? 1 : 0)) : pixels;
    page.choose({ image: { pixels: prepared, name } });
  }

  async function read(file) {
    try {
      const bitmap = await createImageBitmap(file);
      if (read.last !== file) $("#invert").checked = hasLightBorder(bitmap);
      use(likeData(bitmap, images, $("#invert").checked), `file ${file.name || ""} ${file.size}`);
      read.last = file;
    } catch {
      tell("This file is not a picture that the browser can read.");
    }
  }
  $("#file").addEventListener("change", (event) => event.target.files[0] && read(event.target.files[0]));
  $("#invert").addEventListener("change", () => read.last && read(read.last));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files[0]) read(event.dataTransfer.files[0]);
  });
  document.addEventListener("paste", (event) => {
    const file = [...event.clipboardData.files][0];
    if (file) read(file);
  });
}

/** Strokes as MNIST has them: scaled to 20 x 20 pixels, with the centre of mass in the middle of 28 x 28. */
function likeMnist(canvas, images, fit) {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let [left, right, top, bottom] = [canvas.width, -1, canvas.height, -1];
  for (let i = 0; i < canvas.width * canvas.height; i++) {
    if (data[4 * i] < 32) continue;
    const [x, y] = [i % canvas.width, Math.floor(i / canvas.width)];
    [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), Math.max(bottom, y)];
  }
  if (right < 0) return null;
  const [width, height] = [right - left + 1, bottom - top + 1];
  const scale = 20 / Math.max(width, height);
  const small = resized(canvas, left, top, width, height, Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)));
  let mass = 0, mx = 0, my = 0;
  small.values.forEach((value, i) => {
    mass += value;
    mx += value * (i % small.width + 0.5);
    my += value * (Math.floor(i / small.width) + 0.5);
  });
  const digit = new Float32Array(28 * 28);
  const [dx, dy] = [Math.round(14 - mx / mass), Math.round(14 - my / mass)];
  small.values.forEach((value, i) => {
    const [x, y] = [(i % small.width) + dx, Math.floor(i / small.width) + dy];
    if (x >= 0 && x < 28 && y >= 0 && y < 28) digit[28 * y + x] = value;
  });
  if (images.width === 28) return digit;
  const target = new Float32Array(images.width * images.height);
  if (fit === "resize") {
    for (let i = 0; i < target.length; i++) target[i] = bilinear(digit, 28, i % images.width, Math.floor(i / images.width), 28 / images.width);
    return target;
  }
  const margin = Math.floor((images.width - 28) / 2);
  digit.forEach((value, i) => { target[images.width * (Math.floor(i / 28) + margin) + (i % 28) + margin] = value; });
  return target;
}

function bilinear(image, size, column, row, ratio) {
  const at = (v) => Math.min(size - 1, Math.max(0, (v + 0.5) * ratio - 0.5));
  const [x, y] = [at(column), at(row)];
  const [x0, y0] = [Math.floor(x), Math.floor(y)];
  const [x1, y1] = [Math.min(size - 1, x0 + 1), Math.min(size - 1, y0 + 1)];
  const [u, v] = [x - x0, y - y0];
  const pixel = (a, b) => image[size * b + a];
  return (1 - v) * ((1 - u) * pixel(x0, y0) + u * pixel(x1, y0)) + v * ((1 - u) * pixel(x0, y1) + u * pixel(x1, y1));
}

/** The mean brightness of the source in each pixel of the target: red, green and blue are equal in drawings. */
function resized(source, left, top, width, height, newWidth, newHeight) {
  const { data } = source.getContext("2d").getImageData(left, top, width, height);
  const values = new Float32Array(newWidth * newHeight), weights = new Float32Array(newWidth * newHeight);
  for (let i = 0; i < width * height; i++) {
    const x = Math.floor(((i % width) * newWidth) / width), y = Math.floor((Math.floor(i / width) * newHeight) / height);
    values[y * newWidth + x] += data[4 * i] / INK;
    weights[y * newWidth + x] += 1;
  }
  return { values: values.map((value, i) => value / (weights[i] || 1)), width: newWidth, height: newHeight };
}

/** Whether the border of a picture is light, as that of writing on paper. */
function hasLightBorder(bitmap) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 16;
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0, 16, 16);
  const { data } = context.getImageData(0, 0, 16, 16);
  let sum = 0, count = 0;
  for (let i = 0; i < 256; i++) {
    if (![0, 15].includes(i % 16) && ![0, 15].includes(Math.floor(i / 16))) continue;
    sum += data[4 * i] + data[4 * i + 1] + data[4 * i + 2];
    count += 3;
  }
  return sum / count > 127;
}

/** A picture scaled to the size of the run's images, undistorted, on black; grey if they are. */
function likeData(bitmap, images, inverted) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [images.width, images.height];
  const context = canvas.getContext("2d");
  context.fillStyle = inverted ? "#fff" : "#000";
  context.fillRect(0, 0, canvas.width, canvas.height);
  const scale = Math.min(images.width / bitmap.width, images.height / bitmap.height);
  const [width, height] = [bitmap.width * scale, bitmap.height * scale];
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, (images.width - width) / 2, (images.height - height) / 2, width, height);
  const { data } = context.getImageData(0, 0, images.width, images.height);
  const area = images.width * images.height;
  return Float32Array.from({ length: images.size }, (_, k) => {
    const [c, i] = [Math.floor(k / area), k % area];
    const value = images.channels === 3 ? data[4 * i + c]
      : 0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]; // the weights of ITU-R 601
    return (inverted ? INK - value : value) / INK;
  });
}
