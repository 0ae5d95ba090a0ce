// How many pixels differ between two screenshots. Reads just the PNGs that Chromium writes: 8 bits a channel, not interlaced.

import { inflateSync } from "node:zlib";

const HEADER_BYTES = 8;
const CHANNELS = { 2: 3, 6: 4 };

const chunksOf = (png) => {
  const chunks = [];
  for (let at = HEADER_BYTES; at < png.length; ) {
    const length = png.readUInt32BE(at);
    chunks.push({ type: png.toString("latin1", at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) });
    at += length + 12;
  }
  return chunks;
};

const paeth = (left, up, corner) => {
  const [a, b, c] = [left, up, corner].map((value) => Math.abs(left + up - corner - value));
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
};

// The predictions of the PNG specification, section 9.2, by filter type.
const PREDICTIONS = [
  () => 0,
  (left) => left,
  (_, up) => up,
  (left, up) => (left + up) >> 1,
  paeth,
];

const decode = (png) => {
  const chunks = chunksOf(png);
  const head = chunks[0].data;
  const [width, height, channels] = [head.readUInt32BE(0), head.readUInt32BE(4), CHANNELS[head[9]]];
  const raw = inflateSync(Buffer.concat(chunks.filter(({ type }) => type === "IDAT").map(({ data }) => data)));
  const stride = width * channels;
  const pixels = Buffer.alloc(stride * height);
  for (let row = 0; row < height; row += 1) {
    const predict = PREDICTIONS[raw[row * (stride + 1)]];
    for (let at = 0; at < stride; at += 1) {
      const here = row * stride + at;
      const left = at >= channels ? pixels[here - channels] : 0;
      const up = row > 0 ? pixels[here - stride] : 0;
      const corner = at >= channels && row > 0 ? pixels[here - stride - channels] : 0;
      pixels[here] = raw[row * (stride + 1) + 1 + at] + predict(left, up, corner);
    }
  }
  return { width, height, channels, pixels };
};

/** The number of pixels that differ, or all of them when the sizes do. */
export const changedPixels = (one, other) => {
  const [a, b] = [decode(one), decode(other)];
  if (a.width !== b.width || a.height !== b.height || a.channels !== b.channels) return a.width * a.height;
  let changed = 0;
  for (let at = 0; at < a.pixels.length; at += a.channels) {
    if (a.pixels.compare(b.pixels, at, at + a.channels, at, at + a.channels) !== 0) changed += 1;
  }
  return changed;
};
