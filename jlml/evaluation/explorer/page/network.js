// Runs the layers of a network for one image or code. Every array is a Float32Array in PyTorch's order:
// channel, row, column. Weights are views of one array, from which a layer names its first element.

/** The output of a network. `network.weights` is a Float32Array, `network.layers` a list of specifications. */
function runNetwork(network, input) {
  let values = input;
  for (const layer of network.layers) values = LAYERS[layer.type](layer, values, network.weights);
  return values;
}

const LAYERS = {
  linear(layer, x, weights) {
    const { inputs, outputs, weight, bias } = layer;
    const y = new Float32Array(outputs);
    for (let o = 0, w = weight; o < outputs; o++) {
      let a = 0, b = 0, c = 0, d = 0; // four sums at a time: the processor adds them side by side
      let i = 0;
      for (; i + 3 < inputs; i += 4, w += 4) {
        a += weights[w] * x[i];
        b += weights[w + 1] * x[i + 1];
        c += weights[w + 2] * x[i + 2];
        d += weights[w + 3] * x[i + 3];
      }
      for (; i < inputs; i++, w++) a += weights[w] * x[i];
      y[o] = a + b + c + d + weights[bias + o];
    }
    return y;
  },

  conv(layer, x, weights) {
    const { stride, padding, dilation, kernel, groups } = layer;
    const [channels, height, width] = layer.input;
    const [outputs, rows, columns] = layer.output;
    const y = new Float32Array(outputs * rows * columns);
    const perGroup = channels / groups, outputsPerGroup = outputs / groups;
    let w = layer.weight;
    for (let o = 0; o < outputs; o++) {
      const target = o * rows * columns;
      y.fill(weights[layer.bias + o], target, target + rows * columns);
      const first = Math.floor(o / outputsPerGroup) * perGroup;
      for (let c = first; c < first + perGroup; c++) {
        for (let ky = 0; ky < kernel[0]; ky++) {
          for (let kx = 0; kx < kernel[1]; kx++, w++) {
            const value = weights[w];
            const left = kx * dilation[1] - padding[1];
            const from = Math.max(0, Math.ceil(-left / stride[1]));
            const to = Math.min(columns, Math.floor((width - 1 - left) / stride[1]) + 1);
            for (let r = 0; r < rows; r++) {
              const row = r * stride[0] + ky * dilation[0] - padding[0];
              if (row < 0 || row >= height) continue;
              let source = (c * height + row) * width + left + from * stride[1];
              for (let at = target + r * columns + from, end = target + r * columns + to; at < end; at++) {
                y[at] += value * x[source];
                source += stride[1];
              }
            }
          }
        }
      }
    }
    return y;
  },

  // every input adds its kernel to the output: the transpose of `conv`
  transposed(layer, x, weights) {
    const { stride, padding, dilation, kernel, groups } = layer;
    const [channels, height, width] = layer.input;
    const [outputs, rows, columns] = layer.output;
    const y = new Float32Array(outputs * rows * columns);
    for (let o = 0; o < outputs; o++) y.fill(weights[layer.bias + o], o * rows * columns, (o + 1) * rows * columns);
    const perGroup = channels / groups, outputsPerGroup = outputs / groups;
    let w = layer.weight;
    for (let c = 0; c < channels; c++) {
      const first = Math.floor(c / perGroup) * outputsPerGroup;
      for (let o = first; o < first + outputsPerGroup; o++) {
        for (let ky = 0; ky < kernel[0]; ky++) {
          for (let kx = 0; kx < kernel[1]; kx++, w++) {
            const value = weights[w];
            const left = kx * dilation[1] - padding[1];
            const from = Math.max(0, Math.ceil(-left / stride[1]));
            const to = Math.min(width, Math.floor((columns - 1 - left) / stride[1]) + 1);
            for (let r = 0; r < height; r++) {
              const row = r * stride[0] + ky * dilation[0] - padding[0];
              if (row < 0 || row >= rows) continue;
              let target = (o * rows + row) * columns + left + from * stride[1];
              for (let at = (c * height + r) * width + from, end = (c * height + r) * width + to; at < end; at++) {
                y[target] += value * x[at];
                target += stride[1];
              }
            }
          }
        }
      }
    }
    return y;
  },

  // batch norm that no linear map before it could take in
  scale(layer, x, weights) {
    const size = x.length / layer.channels;
    return x.map((value, i) => {
      const channel = Math.floor(i / size);
      return value * weights[layer.weight + channel] + weights[layer.bias + channel];
    });
  },

  pool(layer, x) {
    const { kernel, stride, padding, kind } = layer;
    const [channels, height, width] = layer.input;
    const [, rows, columns] = layer.output;
    const y = new Float32Array(channels * rows * columns);
    for (let c = 0, at = 0; c < channels; c++) {
      for (let r = 0; r < rows; r++) {
        for (let k = 0; k < columns; k++, at++) {
          let sum = 0, largest = -Infinity;
          for (let ky = 0; ky < kernel[0]; ky++) {
            for (let kx = 0; kx < kernel[1]; kx++) {
              const row = r * stride[0] + ky - padding[0], column = k * stride[1] + kx - padding[1];
              if (row < 0 || row >= height || column < 0 || column >= width) continue;
              const value = x[(c * height + row) * width + column];
              sum += value;
              if (value > largest) largest = value;
            }
          }
          y[at] = kind === "max" ? largest : sum / (kernel[0] * kernel[1]);
        }
      }
    }
    return y;
  },

  upsample(layer, x) {
    const [channels, height, width] = layer.input;
    const [, rows, columns] = layer.output;
    const y = new Float32Array(channels * rows * columns);
    for (let c = 0, at = 0; c < channels; c++) {
      for (let r = 0; r < rows; r++) {
        for (let k = 0; k < columns; k++, at++) {
          const row = Math.floor((r * height) / rows), column = Math.floor((k * width) / columns);
          y[at] = x[(c * height + row) * width + column];
        }
      }
    }
    return y;
  },

  relu: (layer, x) => x.map((v) => (v > 0 ? v : 0)),
  leaky_relu: (layer, x) => x.map((v) => (v > 0 ? v : layer.slope * v)),
  silu: (layer, x) => x.map((v) => v * sigmoid(v)),
  tanh: (layer, x) => x.map(Math.tanh),
  elu: (layer, x) => x.map((v) => (v > 0 ? v : layer.alpha * Math.expm1(v))),
  sigmoid: (layer, x) => x.map(sigmoid),
  softplus: (layer, x) => x.map((v) => softplus(layer.beta * v) / layer.beta),
};

function sigmoid(x) {
  return 1 / (1 + Math.exp(-x));
}
