// Observation models: pictures and negative log likelihoods, in nats, from the decoder's logits.

const LOSSES = {
  bernoulli: {
    formula: "p = sigmoid(logit),  −log p(x | z) = −Σ x log p + (1 − x) log(1 − p)",
    pictures: (logits) => ({ mean: logits.map(sigmoid) }),
    nll: (logits, x) => total(logits, (eta, i) => softplus(eta) - x[i] * eta),
  },

  gaussian: {
    formula: "−log p(x | z) = Σ (x − mean)² / 2s² + log s + log(2π) / 2",
    pictures: (logits, { link }) => ({ mean: link === "sigmoid" ? logits.map(sigmoid) : logits }),
    nll(logits, x, { link, scale }) {
      const mean = this.pictures(logits, { link }).mean;
      const constant = Math.log(scale) + Math.log(2 * Math.PI) / 2;
      return total(mean, (value, i) => (x[i] - value) ** 2 / (2 * scale * scale) + constant);
    },
  },

  continuous_bernoulli: {
    formula: "λ = sigmoid(logit),  −log p(x | z) = −Σ x log λ + (1 − x) log(1 − λ) + log C(λ)",
    pictures(logits, { limit }) {
      const eta = limited(logits, limit);
      return { mean: eta.map(meanOfContinuousBernoulli), lambda: eta.map(sigmoid) };
    },
    nll: (logits, x, { limit }) => total(limited(logits, limit), (eta, i) => {
      // A(eta) - x eta with A(eta) = log((e^eta - 1) / eta), written without overflow
      const a = Math.max(Math.abs(eta), 1e-30);
      const tail = Math.log(-Math.expm1(-a) / a);
      return Math.abs(eta) * Math.abs((eta > 0 ? 1 : 0) - x[i]) + tail;
    }),
  },
};

/** 1 / (1 - e^-eta) - 1 / eta; near 0 its Taylor series, because there the difference loses its digits. */
function meanOfContinuousBernoulli(eta) {
  if (Math.abs(eta) < 0.3) return 0.5 + eta / 12 - eta ** 3 / 720 + eta ** 5 / 30240;
  return -1 / Math.expm1(-eta) - 1 / eta;
}

function limited(logits, limit) {
  if (!limit) return logits;
  const most = Math.log((1 - limit) / limit);
  return logits.map((eta) => Math.min(most, Math.max(-most, eta)));
}

function softplus(x) {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

function total(values, term) {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += term(values[i], i);
  return sum;
}

/** Mean squared error per pixel. */
function squaredError(picture, image) {
  return total(picture, (value, i) => (value - image[i]) ** 2) / image.length;
}

/** KL(N(mean, deviation²) || N(0, 1)) in nats, summed over dimensions. */
function klToPrior(mean, deviation) {
  return total(mean, (m, k) => (m * m + deviation[k] ** 2 - 1) / 2 - Math.log(deviation[k]));
}
