/**
 * QR codes for card codes: `draw(element, text, {size})` puts one on the page, `encode(text)` gives its modules.
 *
 * ISO/IEC 18004, alphanumeric mode only, error level M, versions 1 to 12 (65 × 65), which is what a BC1 card code may need.
 * Always black on white with a quiet zone of 4 modules, in dark mode too: readers on buses expect it.
 */

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
const QUIET = 4;
const LEVEL_M = 0b00;
const MODE_ALPHANUMERIC = 0b0010;

// One row a version: error correction codewords per block, blocks, centres of the alignment patterns (tables 1, 9 and E.1).
const VERSIONS = [
  null,
  { correction: 10, blocks: 1, centres: [] },
  { correction: 16, blocks: 1, centres: [6, 18] },
  { correction: 26, blocks: 1, centres: [6, 22] },
  { correction: 18, blocks: 2, centres: [6, 26] },
  { correction: 24, blocks: 2, centres: [6, 30] },
  { correction: 16, blocks: 4, centres: [6, 34] },
  { correction: 18, blocks: 4, centres: [6, 22, 38] },
  { correction: 22, blocks: 4, centres: [6, 24, 42] },
  { correction: 22, blocks: 5, centres: [6, 26, 46] },
  { correction: 26, blocks: 5, centres: [6, 28, 50] },
  { correction: 30, blocks: 5, centres: [6, 30, 54] },
  { correction: 22, blocks: 8, centres: [6, 32, 58] },
];
const LARGEST = VERSIONS.length - 1;

const MASKS = [
  (row, column) => (row + column) % 2 === 0,
  (row) => row % 2 === 0,
  (row, column) => column % 3 === 0,
  (row, column) => (row + column) % 3 === 0,
  (row, column) => (Math.floor(row / 2) + Math.floor(column / 3)) % 2 === 0,
  (row, column) => ((row * column) % 2) + ((row * column) % 3) === 0,
  (row, column) => (((row * column) % 2) + ((row * column) % 3)) % 2 === 0,
  (row, column) => (((row + column) % 2) + ((row * column) % 3)) % 2 === 0,
];

/**
 * The symbol for `text`: `{version, mask, size, dark(row, column)}`, without the quiet zone.
 * Throws RangeError when a character is not in the alphanumeric set or the text needs more than version 12.
 * `mask` 0 to 7 forces a mask; without it the one with the lowest penalty is taken.
 */
export function encode(text, { mask = null } = {}) {
  const version = smallestVersion(text);
  const blank = new Symbol(version);
  blank.placeCodewords(interleave(dataCodewords(text, version), version));
  if (mask !== null) return blank.masked(mask);
  let best = null;
  let lowest = Infinity;
  for (let candidate = 0; candidate < MASKS.length; candidate++) {
    const symbol = blank.masked(candidate);
    const penalty = symbol.penalty();
    if (penalty < lowest) [best, lowest] = [symbol, penalty];
  }
  return best;
}

/**
 * Draws `text` into `element`, replacing what was there: pixels when it is a canvas, else an SVG inside it.
 * `size` is the whole picture's edge in CSS pixels, quiet zone included; without it the SVG fills its parent's width.
 * `label` is what a screen reader says; without one the picture is hidden from it.
 */
export function draw(element, text, { size = null, label = null } = {}) {
  const symbol = encode(text);
  if (element instanceof HTMLCanvasElement) paint(element, symbol, size);
  else element.replaceChildren(picture(symbol, size));
  const target = element instanceof HTMLCanvasElement ? element : element.firstElementChild;
  if (label) {
    target.setAttribute("role", "img");
    target.setAttribute("aria-label", label);
  } else {
    target.setAttribute("aria-hidden", "true");
  }
  return symbol;
}

function picture(symbol, size) {
  const make = (name, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  };
  const edge = symbol.size + 2 * QUIET;
  let path = "";
  for (let row = 0; row < symbol.size; row++) {
    for (let column = 0; column < symbol.size; column++) {
      if (!symbol.dark(row, column)) continue;
      let end = column + 1;
      while (end < symbol.size && symbol.dark(row, end)) end++;
      path += `M${column + QUIET} ${row + QUIET}h${end - column}v1h-${end - column}z`;
      column = end;
    }
  }
  const svg = make("svg", { viewBox: `0 0 ${edge} ${edge}`, width: size ?? "100%", "shape-rendering": "crispEdges" });
  if (size) svg.setAttribute("height", size);
  svg.append(make("rect", { width: edge, height: edge, fill: "#ffffff" }), make("path", { d: path, fill: "#000000" }));
  return svg;
}

/** Whole device pixels per module, so that no edge is blurred; what is left over becomes more quiet zone. */
function paint(canvas, symbol, size) {
  const edge = symbol.size + 2 * QUIET;
  const pixels = Math.round((size ?? edge * 4) * (globalThis.devicePixelRatio || 1));
  const scale = Math.max(1, Math.floor(pixels / edge));
  canvas.width = canvas.height = Math.max(pixels, edge);
  const start = Math.floor((canvas.width - scale * symbol.size) / 2);
  const context = canvas.getContext("2d");
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = "#000000";
  for (let row = 0; row < symbol.size; row++) {
    for (let column = 0; column < symbol.size; column++) {
      if (symbol.dark(row, column)) context.fillRect(start + column * scale, start + row * scale, scale, scale);
    }
  }
}

// ---- text to codewords (§7.4)

function smallestVersion(text) {
  for (const character of text) {
    if (!ALPHABET.includes(character)) throw new RangeError("A card code has characters that a QR code in alphanumeric mode cannot carry.");
  }
  for (let version = 1; version <= LARGEST; version++) {
    if (bitsNeeded(text, version) <= dataCapacity(version) * 8) return version;
  }
  throw new RangeError(`A card code of ${text.length} characters does not fit QR version ${LARGEST}.`);
}

const countBits = (version) => (version < 10 ? 9 : 11);

function bitsNeeded(text, version) {
  return 4 + countBits(version) + Math.floor(text.length / 2) * 11 + (text.length % 2) * 6;
}

function dataCapacity(version) {
  const { correction, blocks } = VERSIONS[version];
  return totalCodewords(version) - correction * blocks;
}

function totalCodewords(version) {
  const size = 17 + 4 * version;
  const across = VERSIONS[version].centres.length;
  let modules = size * size - 3 * 64 - 2 * 15 - 1 - 2 * (size - 16); // finders with separators, format, the dark module, timing
  if (across) modules -= 25 * (across * across - 3) - 10 * (across - 2); // alignment, which shares 5 modules with timing
  if (version >= 7) modules -= 36;
  return Math.floor(modules / 8);
}

function dataCodewords(text, version) {
  const bits = [];
  const put = (value, length) => {
    for (let bit = length - 1; bit >= 0; bit--) bits.push((value >>> bit) & 1);
  };
  put(MODE_ALPHANUMERIC, 4);
  put(text.length, countBits(version));
  for (let at = 0; at + 1 < text.length; at += 2) put(ALPHABET.indexOf(text[at]) * 45 + ALPHABET.indexOf(text[at + 1]), 11);
  if (text.length % 2) put(ALPHABET.indexOf(text.at(-1)), 6);
  const capacity = dataCapacity(version) * 8;
  put(0, Math.min(4, capacity - bits.length));
  put(0, (8 - (bits.length % 8)) % 8);
  for (let pad = 0xec; bits.length < capacity; pad ^= 0xec ^ 0x11) put(pad, 8);
  const codewords = new Uint8Array(capacity / 8);
  bits.forEach((bit, at) => (codewords[at >> 3] |= bit << (7 - (at & 7))));
  return codewords;
}

/** Splits the data into blocks (short ones first), adds the correction, and takes one codeword of each block in turn (§7.6). */
function interleave(data, version) {
  const { correction, blocks } = VERSIONS[version];
  const short = Math.floor(data.length / blocks);
  const long = data.length % blocks;
  const divisor = generator(correction);
  const parts = [];
  for (let block = 0, from = 0; block < blocks; block++) {
    const length = short + (block >= blocks - long ? 1 : 0);
    const words = data.subarray(from, from + length);
    parts.push({ words, check: remainder(words, divisor) });
    from += length;
  }
  const all = [];
  for (let at = 0; at <= short; at++) for (const { words } of parts) if (at < words.length) all.push(words[at]);
  for (let at = 0; at < correction; at++) for (const { check } of parts) all.push(check[at]);
  return all;
}

// ---- Reed-Solomon over GF(256) with x^8 + x^4 + x^3 + x^2 + 1 (§7.5)

function times(left, right) {
  let product = 0;
  for (let bit = 7; bit >= 0; bit--) {
    product = (product << 1) ^ ((product >>> 7) * 0x11d);
    product ^= ((right >>> bit) & 1) * left;
  }
  return product;
}

function generator(degree) {
  const coefficients = new Uint8Array(degree);
  coefficients[degree - 1] = 1;
  for (let power = 0, root = 1; power < degree; power++, root = times(root, 2)) {
    for (let at = 0; at < degree; at++) {
      coefficients[at] = times(coefficients[at], root) ^ (at + 1 < degree ? coefficients[at + 1] : 0);
    }
  }
  return coefficients;
}

function remainder(words, divisor) {
  const rest = [...new Uint8Array(divisor.length)];
  for (const word of words) {
    const factor = word ^ rest.shift();
    rest.push(0);
    divisor.forEach((coefficient, at) => (rest[at] ^= times(coefficient, factor)));
  }
  return rest;
}

// ---- codewords to modules (§6.3, §7.7 to §7.10)

class Symbol {
  constructor(version) {
    this.version = version;
    this.mask = null;
    this.size = 17 + 4 * version;
    this.modules = new Uint8Array(this.size * this.size);
    this.reserved = new Uint8Array(this.size * this.size);
    this.placeFunctionPatterns();
  }

  dark(row, column) {
    return this.modules[row * this.size + column] === 1;
  }

  reserve(row, column, dark) {
    this.modules[row * this.size + column] = dark ? 1 : 0;
    this.reserved[row * this.size + column] = 1;
  }

  placeFunctionPatterns() {
    const last = this.size - 1;
    for (let at = 0; at < this.size; at++) {
      this.reserve(6, at, at % 2 === 0);
      this.reserve(at, 6, at % 2 === 0);
    }
    for (const [row, column] of [[3, 3], [3, last - 3], [last - 3, 3]]) this.placeFinder(row, column);
    const { centres } = VERSIONS[this.version];
    for (const row of centres) {
      for (const column of centres) {
        const underFinder = (row === 6 && column === 6) || (row === 6 && column === centres.at(-1)) || (row === centres.at(-1) && column === 6);
        if (!underFinder) this.placeAlignment(row, column);
      }
    }
    this.placeFormat(0);
    this.placeVersion();
  }

  placeFinder(centreRow, centreColumn) {
    for (let row = centreRow - 4; row <= centreRow + 4; row++) {
      for (let column = centreColumn - 4; column <= centreColumn + 4; column++) {
        if (row < 0 || column < 0 || row >= this.size || column >= this.size) continue;
        const ring = Math.max(Math.abs(row - centreRow), Math.abs(column - centreColumn));
        this.reserve(row, column, ring !== 2 && ring !== 4);
      }
    }
  }

  placeAlignment(centreRow, centreColumn) {
    for (let row = -2; row <= 2; row++) {
      for (let column = -2; column <= 2; column++) {
        this.reserve(centreRow + row, centreColumn + column, Math.max(Math.abs(row), Math.abs(column)) !== 1);
      }
    }
  }

  placeFormat(mask) {
    const data = (LEVEL_M << 3) | mask;
    let check = data;
    for (let step = 0; step < 10; step++) check = (check << 1) ^ ((check >>> 9) * 0x537);
    const bits = ((data << 10) | check) ^ 0x5412;
    const bit = (at) => ((bits >>> at) & 1) === 1;
    for (let at = 0; at < 15; at++) {
      const beside = at < 6 ? at : at < 8 ? at + 1 : this.size - 15 + at; // down the left finder, over the timing row
      this.reserve(beside, 8, bit(at));
      const below = at < 8 ? this.size - 1 - at : at === 8 ? 7 : 14 - at; // from the right end to the left, over the timing column
      this.reserve(8, below, bit(at));
    }
    this.reserve(this.size - 8, 8, true);
  }

  placeVersion() {
    if (this.version < 7) return;
    let check = this.version;
    for (let step = 0; step < 12; step++) check = (check << 1) ^ ((check >>> 11) * 0x1f25);
    const bits = (this.version << 12) | check;
    for (let at = 0; at < 18; at++) {
      const dark = ((bits >>> at) & 1) === 1;
      const far = this.size - 11 + (at % 3);
      this.reserve(far, Math.floor(at / 3), dark);
      this.reserve(Math.floor(at / 3), far, dark);
    }
  }

  /** Two columns at a time from the right, up and down in turn, stepping over the timing column. */
  placeCodewords(codewords) {
    let next = 0;
    let upwards = true;
    for (let right = this.size - 1; right >= 1; right -= 2, upwards = !upwards) {
      if (right === 6) right = 5;
      for (let step = 0; step < this.size; step++) {
        const row = upwards ? this.size - 1 - step : step;
        for (const column of [right, right - 1]) {
          const at = row * this.size + column;
          if (this.reserved[at] || next >= codewords.length * 8) continue;
          this.modules[at] = (codewords[next >> 3] >>> (7 - (next & 7))) & 1;
          next++;
        }
      }
    }
  }

  masked(mask) {
    const copy = new Symbol(this.version);
    copy.modules.set(this.modules);
    for (let row = 0; row < this.size; row++) {
      for (let column = 0; column < this.size; column++) {
        const at = row * this.size + column;
        if (!this.reserved[at] && MASKS[mask](row, column)) copy.modules[at] ^= 1;
      }
    }
    copy.mask = mask;
    copy.placeFormat(mask);
    return copy;
  }

  /** §7.8.3: long runs 3 and more, 2 × 2 boxes 3 each, what looks like a finder 40 each, an uneven share of dark 10 a step. */
  penalty() {
    const { size, modules } = this;
    let total = 0;
    let dark = 0;
    for (let line = 0; line < size; line++) {
      total += linePenalty(modules.subarray(line * size, (line + 1) * size));
      total += linePenalty(Uint8Array.from({ length: size }, (_, row) => modules[row * size + line]));
    }
    for (let at = 0; at < modules.length; at++) {
      dark += modules[at];
      if (at % size === size - 1 || at >= size * (size - 1)) continue;
      const colour = modules[at];
      if (colour === modules[at + 1] && colour === modules[at + size] && colour === modules[at + size + 1]) total += 3;
    }
    return total + 10 * Math.floor(Math.abs(dark / modules.length - 0.5) * 20);
  }
}

const LOOKS_LIKE_A_FINDER = ["10111010000", "00001011101"];

function linePenalty(line) {
  let total = 0;
  for (let from = 0; from < line.length; ) {
    let end = from + 1;
    while (end < line.length && line[end] === line[from]) end++;
    if (end - from >= 5) total += end - from - 2;
    from = end;
  }
  const text = line.join("");
  for (const pattern of LOOKS_LIKE_A_FINDER) {
    for (let at = text.indexOf(pattern); at !== -1; at = text.indexOf(pattern, at + 1)) total += 40;
  }
  return total;
}
