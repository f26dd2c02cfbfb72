// A run in the page: its networks, the codes of the test images, and what they mean.

class Run {
  /** Reads the arrays of a run. `content` is its entry in the page's data. */
  static async read(content) {
    const run = new Run();
    Object.assign(run, content);
    run.versions = await Promise.all(content.versions.map(async (version) => ({
      ...version,
      encoder: version.encoder && { ...version.encoder, weights: await readArray(version.encoder.weights) },
      decoder: version.decoder && { ...version.decoder, weights: await readArray(version.decoder.weights) },
      codes: await readArray(version.codes),
      deviations: version.deviations && (await readArray(version.deviations)),
    })));
    [run.center, run.axes] = [await readArray(content.center), await readArray(content.axes)];
    run.heat = await Promise.all(content.heat.map(async (heat) => ({ ...heat, values: await readArray(heat.values) })));
    if (content.map) run.map = { points: await readArray(content.map.points), images: await readArray(content.map.images) };
    if (content.movement) {
      run.movement = { ...content.movement, labels: await readArray(content.movement.labels),
        frames: await Promise.all(content.movement.frames.map(async (f) => ({ ...f, points: await readArray(f.points) }))) };
    }
    run.version = run.versions[run.versions.length - 1];
    return run;
  }

  /** Numbers of the latent dimensions or principal axes that can be chosen. */
  directions(kind) {
    return kind === "axes" ? this.axisScales.map((_, k) => k) : this.listed;
  }

  get codes() { return this.version.codes; }
  get canEncode() { return Boolean(this.version.encoder && this.loss); }
  get canDecode() { return Boolean(this.version.decoder && this.loss); }

  /** The code of test image number i. */
  codeOf(i) {
    return this.codes.subarray(i * this.dim, (i + 1) * this.dim);
  }

  /** The code of a test image, or of any pixels; for a VAE the mean of its distribution. */
  meanOf(image) {
    return image.index === undefined ? this.encodePixels(image.pixels).mean : this.codeOf(image.index);
  }

  /** {mean, deviation} of a test image or of any pixels; deviation is null for an autoencoder. */
  posteriorOf(image) {
    if (image.index !== undefined) {
      return { mean: this.codeOf(image.index), deviation: this.isVae ? this.deviationOf(image) : null };
    }
    return this.encodePixels(image.pixels);
  }

  /** Standard deviations of the code of a test image: encoded here, or from the page if it cannot encode. */
  deviationOf({ index, pixels }) {
    const { version } = this;
    if (version.deviations) return version.deviations.subarray(index * this.dim, (index + 1) * this.dim);
    return this.encodePixels(pixels).deviation;
  }

  /** {mean, deviation} of pixels. The last ones are kept, because one frame asks for them several times. */
  encodePixels(pixels) {
    const { version } = this;
    if (version.latest?.pixels !== pixels) {
      const output = runNetwork(version.encoder, pixels);
      const [mean, rest] = [output.subarray(0, this.dim), output.subarray(this.dim)];
      version.latest = { pixels, posterior: { mean, deviation: this.isVae ? rest.map((v) => Math.exp(v / 2)) : null } };
    }
    return version.latest.posterior;
  }

  logits(code) {
    return runNetwork(this.version.decoder, Float32Array.from(code));
  }

  /** The pictures of a code, and a function for the negative log likelihood of pixels given it, in nats. */
  decoded(code) {
    const loss = LOSSES[this.loss.kind];
    const logits = this.logits(code);
    return { pictures: loss.pictures(logits, this.loss), nll: (pixels) => loss.nll(logits, pixels, this.loss) };
  }

  /** Every kind of picture of a code: mean, and lambda for the continuous Bernoulli. */
  pictures(code) {
    return this.decoded(code).pictures;
  }
}
