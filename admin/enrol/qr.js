// SPDX-License-Identifier: GPL-2.0-or-later
// QR codes (ISO/IEC 18004) of bytes, levels L and M, versions 1 to 20: as a matrix, as an SVG.

const VERSIONS = 20;
const QUIET = 4;

// Of each version: error correction codewords of a block, and how many blocks there are.
const LEVELS = {
    L: {
        bits: 1,
        check: [7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28],
        blocks: [1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8],
    },
    M: {
        bits: 0,
        check: [10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26],
        blocks: [1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16],
    },
};

// --- arithmetic over GF(256), x^8 + x^4 + x^3 + x^2 + 1 ---------------------------------------

const POWER = new Uint8Array(255);
const LOG = new Uint8Array(256);
for (let i = 0, x = 1; i < 255; i++) {
    POWER[i] = x;
    LOG[x] = i;
    x = x << 1 ^ (x & 0x80 ? 0x11d : 0);
}
const times = (a, b) => (a && b ? POWER[(LOG[a] + LOG[b]) % 255] : 0);

// The coefficients of (x - 1)(x - 2)(x - 4) ... below the highest, which is 1.
function generator(n) {
    let g = [1];
    for (let i = 0; i < n; i++) {
        const next = [...g, 0];
        g.forEach((c, k) => { next[k + 1] ^= times(c, POWER[i]); });
        g = next;
    }
    return g.slice(1);
}

function remainder(data, g) {
    const rest = new Array(g.length).fill(0);
    for (const byte of data) {
        const factor = byte ^ rest.shift();
        rest.push(0);
        g.forEach((c, k) => { rest[k] ^= times(c, factor); });
    }
    return rest;
}

// --- sizes ------------------------------------------------------------------------------------

const sizeOf = (version) => 17 + 4 * version;

function alignmentCentres(version) {
    if (version === 1) return [];
    const n = Math.floor(version / 7) + 2, last = sizeOf(version) - 7;
    const step = n === 2 ? last - 6 : 2 * Math.ceil((last - 6) / (2 * (n - 1)));
    const centres = [6];
    for (let i = n - 2; i >= 0; i--) centres.push(last - i * step);
    return centres;
}

// All modules less the patterns: finders with their borders, timing, alignment, format, version.
function codewords(version) {
    const size = sizeOf(version), n = alignmentCentres(version).length;
    let modules = size * size - 3 * 64 - 2 * (size - 16) - 31;
    if (n > 0) modules -= 25 * (n * n - 3) - 10 * (n - 2);
    if (version >= 7) modules -= 36;
    return Math.floor(modules / 8);
}

function room(version, level) {
    const v = version - 1, l = LEVELS[level];
    return codewords(version) - l.check[v] * l.blocks[v];
}

const countBits = (version) => (version < 10 ? 8 : 16);

function versionFor(bytes, level) {
    for (let v = 1; v <= VERSIONS; v++)
        if (4 + countBits(v) + 8 * bytes <= 8 * room(v, level)) return v;
    return 0;
}

// --- from bytes to codewords ------------------------------------------------------------------

function dataCodewords(bytes, version, level) {
    const bits = [], all = 8 * room(version, level);
    const put = (value, n) => { for (let i = n - 1; i >= 0; i--) bits.push(value >> i & 1); };
    put(4, 4);                                  // byte mode
    put(bytes.length, countBits(version));
    for (const b of bytes) put(b, 8);
    put(0, Math.min(4, all - bits.length));
    put(0, (8 - bits.length % 8) % 8);
    for (let pad = 0xec; bits.length < all; pad ^= 0xec ^ 0x11) put(pad, 8);
    const out = [];
    for (let i = 0; i < bits.length; i += 8) out.push(parseInt(bits.slice(i, i + 8).join(''), 2));
    return out;
}

// Block by block, the longer ones last; then the first of each, the second of each ...
function interleave(data, version, level) {
    const l = LEVELS[level], n = l.blocks[version - 1], g = generator(l.check[version - 1]);
    const short = Math.floor(data.length / n), longer = data.length % n, blocks = [], out = [];
    for (let i = 0, at = 0; i < n; i++) {
        const length = short + (i >= n - longer ? 1 : 0);
        blocks.push(data.slice(at, at + length));
        at += length;
    }
    const checks = blocks.map((b) => remainder(b, g));
    for (const list of [blocks, checks])
        for (let i = 0; list.some((b) => i < b.length); i++)
            for (const b of list) if (i < b.length) out.push(b[i]);
    return out;
}

// --- the matrix -------------------------------------------------------------------------------

// What has its place whatever is said: `fixed` are these modules, `dark` the dark ones of all.
class Grid {
    constructor(version) {
        this.version = version;
        this.size = sizeOf(version);
        const rows = () => Array.from({ length: this.size }, () => new Array(this.size).fill(false));
        this.dark = rows();
        this.fixed = rows();
        this.patterns();
    }

    set(x, y, dark) {
        if (x < 0 || y < 0 || x >= this.size || y >= this.size) return;
        this.dark[y][x] = Boolean(dark);
        this.fixed[y][x] = true;
    }

    // Rings around a centre: those at these distances are light.
    rings(cx, cy, radius, light) {
        for (let dy = -radius; dy <= radius; dy++)
            for (let dx = -radius; dx <= radius; dx++)
                this.set(cx + dx, cy + dy, !light.includes(Math.max(Math.abs(dx), Math.abs(dy))));
    }

    patterns() {
        const end = this.size - 4, centres = alignmentCentres(this.version);
        for (let i = 0; i < this.size; i++) {
            this.set(i, 6, i % 2 === 0);
            this.set(6, i, i % 2 === 0);
        }
        for (const [x, y] of [[3, 3], [end, 3], [3, end]]) this.rings(x, y, 4, [2, 4]);
        const last = centres.length - 1;
        centres.forEach((x, i) => centres.forEach((y, j) => {
            const corner = (i === 0 && j === 0) || (i === 0 && j === last) || (i === last && j === 0);
            if (!corner) this.rings(x, y, 2, [1]);
        }));
        this.format(0, 0);
        if (this.version >= 7) this.versionBits();
    }

    // Five bits and their BCH remainder, twice.
    format(levelBits, mask) {
        const data = levelBits << 3 | mask, size = this.size;
        let rest = data << 10;
        for (let i = 14; i >= 10; i--) if (rest >> i & 1) rest ^= 0x537 << (i - 10);
        const bits = (data << 10 | rest) ^ 0x5412;
        for (let i = 0; i < 15; i++) {
            const dark = bits >> i & 1;
            if (i < 6) this.set(8, i, dark);
            else if (i < 8) this.set(8, i + 1, dark);
            else if (i === 8) this.set(7, 8, dark);
            else this.set(14 - i, 8, dark);
            if (i < 8) this.set(size - 1 - i, 8, dark);
            else this.set(8, size - 15 + i, dark);
        }
        this.set(8, size - 8, true);
    }

    versionBits() {
        let rest = this.version << 12;
        for (let i = 17; i >= 12; i--) if (rest >> i & 1) rest ^= 0x1f25 << (i - 12);
        const bits = this.version << 12 | rest;
        for (let i = 0; i < 18; i++) {
            const far = this.size - 11 + i % 3, near = Math.floor(i / 3);
            this.set(far, near, bits >> i & 1);
            this.set(near, far, bits >> i & 1);
        }
    }

    // Up and down in columns of two, from the right; the column of the timing pattern is left out.
    fill(words) {
        let at = 0, up = true;
        for (let right = this.size - 1; right > 0; right -= 2, up = !up) {
            if (right === 6) right--;
            for (let i = 0; i < this.size; i++)
                for (const x of [right, right - 1]) {
                    const y = up ? this.size - 1 - i : i;
                    if (this.fixed[y][x]) continue;
                    this.dark[y][x] = at < 8 * words.length && Boolean(words[at >> 3] >> (7 - at % 8) & 1);
                    at++;
                }
        }
    }

    masked(mask) {
        const turns = MASKS[mask];
        return this.dark.map((row, y) => row.map((d, x) => d !== (!this.fixed[y][x] && turns(x, y))));
    }
}

const MASKS = [
    (x, y) => (x + y) % 2 === 0,
    (x, y) => y % 2 === 0,
    (x) => x % 3 === 0,
    (x, y) => (x + y) % 3 === 0,
    (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
    (x, y) => x * y % 2 + x * y % 3 === 0,
    (x, y) => (x * y % 2 + x * y % 3) % 2 === 0,
    (x, y) => ((x + y) % 2 + x * y % 3) % 2 === 0,
];

// How hard it is to read: long runs, squares, what looks like a finder, too much of one colour.
function penalty(rows) {
    const size = rows.length, columns = rows[0].map((_, x) => rows.map((r) => r[x]));
    let points = 0, dark = 0;
    for (const line of [...rows, ...columns]) {
        const text = line.map((d) => (d ? '1' : '0')).join('');
        for (const run of text.match(/0{5,}|1{5,}/g) ?? []) points += run.length - 2;
        for (let i = 0; i + 11 <= size; i++)
            if (['10111010000', '00001011101'].includes(text.slice(i, i + 11))) points += 40;
    }
    for (let y = 0; y < size; y++)
        for (let x = 0; x < size; x++) {
            dark += rows[y][x];
            if (x > 0 && y > 0 && rows[y][x] === rows[y][x - 1] && rows[y][x] === rows[y - 1][x] &&
                rows[y][x] === rows[y - 1][x - 1]) points += 3;
        }
    return points + 10 * Math.floor(Math.abs(20 * dark / (size * size) - 10));
}

// Rows of modules, true is dark; null when the text is longer than a code of these holds.
export function qrMatrix(text, level = 'L') {
    const bytes = new TextEncoder().encode(text), version = versionFor(bytes.length, level);
    if (version === 0) return null;
    const grid = new Grid(version);
    grid.fill(interleave(dataCodewords(bytes, version, level), version, level));
    let best = null, least = Infinity;
    for (let mask = 0; mask < MASKS.length; mask++) {
        grid.format(LEVELS[level].bits, mask);
        const rows = grid.masked(mask), points = penalty(rows);
        if (points < least) [best, least] = [rows, points];
    }
    return best;
}

// An <svg> of it with its quiet zone, black on white; null as above.
export function qrSvg(text, label, level = 'L') {
    const rows = qrMatrix(text, level);
    if (!rows) return null;
    const make = (name, attributes) => {
        const node = document.createElementNS('http://www.w3.org/2000/svg', name);
        for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
        return node;
    };
    const side = rows.length + 2 * QUIET;
    const path = rows.map((row, y) => row.map((dark, x) =>
        (dark ? `M${x + QUIET} ${y + QUIET}h1v1h-1z` : '')).join('')).join('');
    const svg = make('svg', { viewBox: `0 0 ${side} ${side}`, role: 'img', 'aria-label': label,
        'shape-rendering': 'crispEdges' });
    svg.append(make('rect', { width: side, height: side, fill: '#fff' }),
        make('path', { d: path, fill: '#000' }));
    return svg;
}
