// The test images, and pictures on canvases.

class Images {
  static async read(content) {
    const images = new Images();
    Object.assign(images, content);
    images.bytes = await readArray(content.bytes);
    images.numbers = await readArray(content.numbers); // of the images in the test set
    images.labels = await readArray(content.labels);
    images.size = content.channels * content.height * content.width;
    return images;
  }

  /** Pixels of a test image in [0, 1]. */
  pixels(i) {
    return Float32Array.from(this.bytes.subarray(i * this.size, (i + 1) * this.size), (byte) => byte / 255);
  }

  /** One canvas with all test images in a grid, made at first use. */
  get sheet() {
    if (!this._sheet) {
      const columns = Math.ceil(Math.sqrt(this.count));
      const canvas = document.createElement("canvas");
      canvas.width = columns * this.width;
      canvas.height = Math.ceil(this.count / columns) * this.height;
      const context = canvas.getContext("2d");
      const all = context.createImageData(canvas.width, canvas.height);
      for (let i = 0; i < this.count; i++) {
        const [left, top] = [(i % columns) * this.width, Math.floor(i / columns) * this.height];
        this._write(all, left, top, (k) => this.bytes[i * this.size + k]);
      }
      context.putImageData(all, 0, 0);
      this._sheet = { canvas, columns };
    }
    return this._sheet;
  }

  drawTestImage(context, i, x, y, width, height) {
    const { canvas, columns } = this.sheet;
    const [left, top] = [(i % columns) * this.width, Math.floor(i / columns) * this.height];
    context.drawImage(canvas, left, top, this.width, this.height, x, y, width, height);
  }

  /** A canvas of the size of one image. `pixels` are in [0, 1]; `signed` ones, from -1 to 1, become red and blue. */
  canvasOf(pixels, signed = false) {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [this.width, this.height];
    const context = canvas.getContext("2d");
    const data = context.createImageData(this.width, this.height);
    if (signed) {
      const area = this.width * this.height;
      for (let i = 0; i < area; i++) {
        let value = 0;
        for (let c = 0; c < this.channels; c++) value += pixels[c * area + i] / this.channels;
        const pale = 255 * (1 - Math.min(1, Math.abs(value)));
        data.data.set(value > 0 ? [pale, pale, 255, 255] : [255, pale, pale, 255], 4 * i);
      }
    } else {
      this._write(data, 0, 0, (k) => 255 * pixels[k]);
    }
    context.putImageData(data, 0, 0);
    return canvas;
  }

  _write(target, left, top, value) {
    const area = this.width * this.height;
    for (let i = 0; i < area; i++) {
      const at = 4 * ((top + Math.floor(i / this.width)) * target.width + left + (i % this.width));
      for (let c = 0; c < 3; c++) target.data[at + c] = value((this.channels === 3 ? c : 0) * area + i);
      target.data[at + 3] = 255;
    }
  }
}

/** Shows a small canvas on a large one, in large pixels. */
function show(canvas, picture) {
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (picture) context.drawImage(picture, 0, 0, canvas.width, canvas.height);
}

/** Shows pictures side by side, or in several rows, with thin gaps. Sets the size of the canvas. */
function showRows(canvas, rows, images, side) {
  const [width, height] = [side, Math.round((side * images.height) / images.width)];
  const columns = Math.max(1, ...rows.map((row) => row.length));
  const scale = window.devicePixelRatio || 1;
  const [all, tall] = [columns * (width + 2) - 2, rows.length * (height + 2) - 2];
  [canvas.width, canvas.height] = [all * scale, tall * scale];
  [canvas.style.width, canvas.style.height] = [`${all}px`, `${tall}px`];
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  context.imageSmoothingEnabled = false;
  rows.forEach((row, r) => row.forEach((picture, c) => {
    if (picture) context.drawImage(picture, c * (width + 2), r * (height + 2), width, height);
  }));
}
