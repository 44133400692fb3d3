// The pieces of every figure: elements, scales, axes, legends, and the page's paper or a file's.
const SVG = "http://www.w3.org/2000/svg";
const FILE_FONT = 'Helvetica, Arial, "Liberation Sans", sans-serif';
const INKS = { ink: "#22272e", muted: "#5f6873", rule: "#d9dde3", paper: "#ffffff" };
const ruler = document.createElement("canvas").getContext("2d");
const pageFont = getComputedStyle(document.documentElement).getPropertyValue("--sans");

function element(name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined && value !== null) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

// Where a figure is drawn: `own` is the svg; files have literal colours, the page's follow its colour scheme.
function canvasFor(width, { file = false, small = false } = {}) {
  const svg = element("svg", {});
  const pen = {
    svg, width, file, small, paper: document.body.classList.contains("printing"), top: 0, hits: [], font: file ? FILE_FONT : pageFont,
    ink: (name) => (file ? INKS[name] : `var(--${name})`),
    colour: (m) => (file ? study.models[m].colour : `var(--model-${m})`),
    add: (name, attributes, words) => { const node = element(name, attributes, words); svg.append(node); return node; },
    measure: (words, size = 11, weight = "") => { ruler.font = `${weight} ${size}px ${pen.font}`; return ruler.measureText(words).width; },
    hit: (x, y, ...lines) => { if (!file) pen.hits.push({ x, y, lines }); },
  };
  pen.text = (x, y, words, { size = 11, anchor = "start", ink = "muted", weight, turn, fill } = {}) =>
    pen.add("text", { x: round(x), y: round(y), "font-size": size, "text-anchor": anchor, "font-weight": weight, fill: fill || pen.ink(ink),
      transform: turn ? `rotate(${turn} ${round(x)} ${round(y)})` : undefined, "font-family": file ? FILE_FONT : undefined }, words);
  // Words that fit a width, their middle left out where they are longer.
  pen.fitted = (words, width, size = 11, weight = "") => {
    let letters = [...words].length;
    while (letters > 4 && pen.measure(shorten(words, letters), size, weight) > width) letters--;
    return shorten(words, letters);
  };
  return pen;
}
const round = (value) => Math.round(value * 100) / 100;

// Places on an axis that people count in, at most about `most`.
function ticksOf(low, high, most) {
  const span = high - low || 1, raw = span / Math.max(1, most), power = 10 ** Math.floor(Math.log10(raw));
  const unit = [1, 2, 2.5, 5, 10].find((each) => each * power >= raw) * power, found = [];
  for (let at = Math.ceil(low / unit - 1e-9) * unit; at <= high + unit * 1e-9; at += unit) found.push(Math.abs(at) < unit * 1e-6 ? 0 : at);
  return found;
}
function logTicks(low, high) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
    for (const unit of [1, 2, 5]) { const at = unit * 10 ** power; if (at >= low * 0.999 && at <= high * 1.001) found.push(at); }
  return found.length > 6 ? found.filter((at) => Math.abs(Math.log10(at) - Math.round(Math.log10(at))) < 1e-9) : found;
}
const tickText = (at) => String(Number(at.toPrecision(3))).replace("-", "−");

// An axis pair in a box; returns the scales.
function axes(pen, box, { x, y, xTicks, yTicks, xName, yName, log }) {
  const toX = (value) => box.x + ((value - x[0]) / (x[1] - x[0] || 1)) * box.width;
  const part = log ? (value) => Math.log(value / y[0]) / Math.log(y[1] / y[0]) : (value) => (value - y[0]) / (y[1] - y[0] || 1);
  const toY = (value) => box.y + box.height * (1 - part(value));
  for (const at of yTicks) {
    pen.add("path", { d: `M${round(box.x)} ${round(toY(at))}h${round(box.width)}`, stroke: pen.ink("rule"), "stroke-width": 0.8, fill: "none" });
    pen.text(box.x - 5, toY(at) + 3.5, tickText(at), { anchor: "end", size: 10 });
  }
  const base = box.y + box.height;
  pen.add("path", { d: `M${round(box.x)} ${round(base)}h${round(box.width)}`, stroke: pen.ink("muted"), "stroke-width": 0.8, fill: "none" });
  for (const [at, words] of xTicks) {
    pen.add("path", { d: `M${round(toX(at))} ${round(base)}v3`, stroke: pen.ink("muted"), "stroke-width": 0.8, fill: "none" });
    pen.text(toX(at), base + 13, words, { anchor: "middle", size: 10 });
  }
  if (xName) pen.text(box.x + box.width / 2, base + 27, pen.fitted(xName, box.width + 30), { anchor: "middle" });
  if (yName) { const middle = box.y + box.height / 2; pen.text(box.x - 36, middle, pen.fitted(yName, box.height + 24), { anchor: "middle", turn: -90 }); }
  return { toX, toY };
}

const SHAPES = {
  o: (x, y, r) => `M${round(x - r)} ${round(y)}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`,
  s: (x, y, r) => `M${round(x - r)} ${round(y - r)}h${2 * r}v${2 * r}h${-2 * r}Z`,
  "^": (x, y, r) => `M${round(x)} ${round(y - 1.2 * r)}L${round(x + 1.15 * r)} ${round(y + r)}L${round(x - 1.15 * r)} ${round(y + r)}Z`,
  v: (x, y, r) => `M${round(x)} ${round(y + 1.2 * r)}L${round(x + 1.15 * r)} ${round(y - r)}L${round(x - 1.15 * r)} ${round(y - r)}Z`,
  P: (x, y, r) => `M${round(x - r)} ${round(y - 0.4 * r)}H${round(x - 0.4 * r)}V${round(y - r)}H${round(x + 0.4 * r)}V${round(y - 0.4 * r)}H${round(x + r)}V${round(y + 0.4 * r)}H${round(x + 0.4 * r)}V${round(y + r)}H${round(x - 0.4 * r)}V${round(y + 0.4 * r)}H${round(x - r)}Z`,
  X: (x, y, r) => `M${round(x)} ${round(y - 1.3 * r)}L${round(x + 1.3 * r)} ${round(y)}L${round(x)} ${round(y + 1.3 * r)}L${round(x - 1.3 * r)} ${round(y)}Z`,
  "<": (x, y, r) => `M${round(x - 1.2 * r)} ${round(y)}L${round(x + r)} ${round(y - 1.15 * r)}L${round(x + r)} ${round(y + 1.15 * r)}Z`,
  ">": (x, y, r) => `M${round(x + 1.2 * r)} ${round(y)}L${round(x - r)} ${round(y - 1.15 * r)}L${round(x - r)} ${round(y + 1.15 * r)}Z`,
};
const shapeOf = (m, x, y, r) => (SHAPES[study.models[m].marker] || SHAPES.o)(x, y, r);

// Which colour is which model, in rows below a figure; returns the height that it took.
function legend(pen, y, models, twins) {
  const size = 10.5, items = models.map((m) => [m, shorten(study.models[m].name, 34)]);
  if (twins) items.push([-1, "random weights"]);
  if (items.length < 2) return 0;
  let x = 4, line = y + 12;
  for (const [m, words] of items) {
    const width = 24 + pen.measure(words, size) + 14;
    if (x + width > pen.width && x > 4) { x = 4; line += 16; }
    const dash = m < 0 ? "4 3" : undefined, colour = m < 0 ? pen.ink("muted") : pen.colour(m);
    pen.add("path", { d: `M${round(x)} ${line - 3.5}h18`, stroke: colour, "stroke-width": m < 0 ? 1.2 : 2, "stroke-dasharray": dash, fill: "none" });
    if (m >= 0) pen.add("path", { d: shapeOf(m, x + 9, line - 3.5, 3), fill: colour });
    pen.text(x + 23, line, words, { size, ink: "ink" });
    x += width;
  }
  return line + 6 - y;
}

// Panels in as many columns as fit; returns a box for each and the height of all.
function grid(pen, n, { least = 260, most = 4, height, gap = 14, head = 18, foot = 34, left = 44, right = 8 }) {
  const fit = Math.max(1, Math.min(most, n, Math.floor((pen.width + gap) / (least + gap))));
  const columns = Math.ceil(n / Math.ceil(n / fit)), width = (pen.width - gap * (columns - 1)) / columns, whole = head + height + foot;
  const boxes = Array.from({ length: n }, (_, i) => ({
    x: (i % columns) * (width + gap) + left, y: pen.top + Math.floor(i / columns) * (whole + gap) + head,
    width: width - left - right, height, left: (i % columns) * (width + gap), row: Math.floor(i / columns), column: i % columns,
  }));
  return { boxes, height: Math.ceil(n / columns) * (whole + gap) - gap, columns };
}
const KINDS = {};
