// Numbers that come with the page. Each array is gzip, then base64, in a <script type="text/plain"> of its own.

const READERS = {
  uint8: (bytes) => bytes,
  int32: (bytes) => new Int32Array(joined(bytes, 4).buffer),
  float32: (bytes) => new Float32Array(joined(bytes, 4).buffer),
  float16: (bytes) => floatsOfHalves(new Uint16Array(joined(bytes, 2).buffer)),
};

/** The typed array that an entry {id, type} of the page's data names. */
async function readArray(entry) {
  const text = document.getElementById(entry.id).textContent;
  return READERS[entry.type](await unzipped(bytesOf(text)));
}

function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

async function unzipped(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Joins the bytes of each number. They are stored by place, all first bytes first, because that zips better. */
function joined(bytes, size) {
  const count = bytes.length / size;
  const result = new Uint8Array(bytes.length);
  for (let place = 0; place < size; place++) {
    for (let i = 0; i < count; i++) result[size * i + place] = bytes[count * place + i];
  }
  return result;
}

/** Converts 16-bit floats: sign, 5 bits of exponent, 10 bits of fraction. */
function floatsOfHalves(halves) {
  return Float32Array.from(halves, (half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}
