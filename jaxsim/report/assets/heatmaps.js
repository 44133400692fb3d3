// Heat maps: all steps of all models, or those of two, and what the cell under the pointer or the keyboard's cursor says.
const lut = study.colours.concat(study.undefined).map((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
const MARK_PX = 4, STEP_PX = 11;

function range() {
  const { value } = cells();
  let low = Infinity, high = -Infinity;
  for (const v of value) { if (v < low) low = v; if (v > high) high = v; }
  const least = study.floor[state.k] || 0.001;
  const from = state.stretched ? low : state.scale === "log" ? least : 0, to = state.stretched ? high : 1;
  const positive = state.scale === "log" ? Math.max(from, least > 1e-6 ? least : 0.001) : from;
  return to > positive ? [positive, to] : [0, 1];
}
// Share of the colour scale at a value, and the value at a share.
const BEND = { linear: (s) => s, sqrt: Math.sqrt, log: null };
function shareOf(value, [low, high]) {
  if (state.scale === "log") return Math.log(Math.max(value, low) / low) / Math.log(high / low);
  return BEND[state.scale](Math.min(1, Math.max(0, (value - low) / (high - low))));
}
function valueAt(share, [low, high]) {
  if (state.scale === "log") return low * (high / low) ** share;
  return low + (high - low) * (state.scale === "sqrt" ? share ** 2 : share);
}

function pixelsOf(rows, columns) {
  const { value } = cells(), ends = range(), last = study.colours.length - 1, rgb = new Uint8ClampedArray(rows.length * columns.length * 3);
  let at = 0;
  for (const row of rows) for (const column of columns) {
    const v = value[row * count + column];
    for (const part of lut[Number.isNaN(v) ? last + 1 : Math.round(Math.min(1, Math.max(0, shareOf(v, ends))) * last)]) rgb[at++] = part;
  }
  return { width: columns.length, height: rows.length, rgb };
}
function pictureOf({ width, height, rgb }) {
  const small = document.createElement("canvas"), large = document.createElement("canvas");
  small.width = width; small.height = height;
  const context = small.getContext("2d"), pixels = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) { pixels.data.set(rgb.subarray(3 * i, 3 * i + 3), 4 * i); pixels.data[4 * i + 3] = 255; }
  context.putImageData(pixels, 0, 0);
  const factor = Math.max(1, Math.min(8, Math.floor(1200 / Math.max(width, height))));
  large.width = width * factor; large.height = height * factor;
  const enlarged = large.getContext("2d");
  enlarged.imageSmoothingEnabled = false;
  enlarged.drawImage(small, 0, 0, large.width, large.height);
  return large.toDataURL();
}

function sidesOf(spec) {
  if (spec.whole) { const all = Array.from({ length: count }, (_, i) => i); return [all, all]; }
  const [a, b] = spec.side === "forward" ? state.pair : [...state.pair].reverse();
  return [stepsOf(a), stepsOf(b)];
}
function thinned(n, most) {
  if (n <= most) return Array.from({ length: n }, (_, i) => i);
  const stride = Math.ceil((n - 1) / Math.max(1, most - 1)), places = [];
  for (let i = 0; i < n - 1; i += stride) places.push(i);
  if (places.length > 1 && n - 1 - places[places.length - 1] < stride) places.pop();
  return [...places, n - 1];
}
const namingNote = (n, most) => (n <= most ? "" : ` (1 in ${Math.ceil((n - 1) / Math.max(1, most - 1))} steps named)`);

KINDS.map = (pen, spec) => {
  const [rows, columns] = sidesOf(spec), whole = Boolean(spec.whole);
  const width = whole ? Math.min(pen.width, 780) : Math.min(pen.width, 620), size = whole ? 11 : 10;
  const rowNames = whole ? study.models.map((m) => pen.fitted(m.name, width * 0.26, 11, "600")) : rows.map((step) => shorten(called(step), 20));
  const columnNames = whole ? rowNames : columns.map((step) => shorten(called(step), 20));
  const widest = (names) => Math.max(0, ...names.map((name) => pen.measure(name, size, whole ? "600" : "")));
  const left = Math.ceil(widest(rowNames)) + (whole ? 40 : 36), plotWidth = width - left - 8;
  const plotHeight = Math.round(plotWidth * (pen.width < 500 ? 0.86 : whole ? (study.models.length > 8 ? 0.62 : 0.68) : 0.53)), top = pen.top + 6;
  const slant = whole && columnNames.length > 2 ? 0.64 : whole ? 0 : 1, foot = Math.ceil(widest(columnNames) * slant) + (whole ? 46 : 34);
  const map = { spec, rows, columns, left, top, plotWidth, plotHeight, cellWidth: plotWidth / columns.length, cellHeight: plotHeight / rows.length };
  const pixels = pixelsOf(rows, columns);
  const image = pen.add("image", { x: left, y: top, width: plotWidth, height: plotHeight, href: pictureOf(pixels), preserveAspectRatio: "none", class: "cells" });
  image.pixels = pixels;
  hatch(pen, map);
  const { value, error } = cells();
  if (study.measure.usual && Math.min(map.cellWidth, map.cellHeight) >= MARK_PX) {
    let d = "";
    rows.forEach((row, i) => columns.forEach((column, j) => {
      const at = row * count + column;
      if (like(value[at], error[at])) d += `M${round(left + (j + 0.5) * map.cellWidth)} ${round(top + (i + 0.5) * map.cellHeight)}h0`;
    }));
    if (d) pen.add("path", { d, fill: "none", stroke: INKS.ink, "stroke-linecap": "round", "stroke-width": Math.min(5, Math.min(map.cellWidth, map.cellHeight) * 0.34).toFixed(2) });
  }
  (whole ? nameModels : nameSteps)(pen, map, rowNames, columnNames);
  if (pen.file) colourBar(pen, left, top + plotHeight + foot + 4, Math.min(240, plotWidth));
  map.height = 6 + plotHeight + foot + (pen.file ? 38 : 0);
  pen.map = map;
  return map.height;
};

function colourBar(pen, x, y, width) {
  const ends = range(), n = 60;
  for (let i = 0; i < n; i++) pen.add("rect", { x: round(x + (i / n) * width), y, width: round(width / n + 0.5), height: 9, fill: study.colours[Math.round((i / (n - 1)) * (study.colours.length - 1))] });
  for (const share of [0, 0.25, 0.5, 0.75, 1]) pen.text(x + share * width, y + 21, tickText(valueAt(share, ends)), { anchor: "middle", size: 10 });
  pen.text(x + width + 12, y + 9, `${symbol}, ${{ sqrt: "square-root", log: "logarithmic", linear: "linear" }[state.scale]} scale`, { size: 10.5 });
}

// Rows and columns of steps that are the same for all samples: hatched, whatever the colours.
function hatch(pen, { rows, columns, left, top, cellWidth, cellHeight, plotWidth, plotHeight }) {
  const cover = (x, y, width, height) => {
    pen.add("rect", { x: round(x), y: round(y), width: round(width), height: round(height), fill: "#ececee" });
    let d = "";
    for (let at = 6; at < width + height; at += 6) {
      const [x0, y0] = at < height ? [x, y + at] : [x + at - height, y + height], [x1, y1] = at < width ? [x + at, y] : [x + width, y + at - width];
      d += `M${round(x0)} ${round(y0)}L${round(x1)} ${round(y1)}`;
    }
    if (d) pen.add("path", { d, stroke: INKS.muted, "stroke-width": 0.9, fill: "none" });
  };
  rows.forEach((step, i) => { if (study.steps[step].constant) cover(left, top + i * cellHeight, plotWidth, cellHeight); });
  columns.forEach((step, j) => { if (study.steps[step].constant) cover(left + j * cellWidth, top, cellWidth, plotHeight); });
}

function nameSteps(pen, { rows, columns, left, top, cellWidth, cellHeight, plotWidth, plotHeight }, rowNames, columnNames) {
  const base = top + plotHeight, from = modelOf[rows[0]], to = modelOf[columns[0]];
  pen.add("rect", { x: left - 5, y: top, width: 3, height: plotHeight, fill: pen.colour(from) });
  pen.add("rect", { x: left, y: base + 2, width: plotWidth, height: 3, fill: pen.colour(to) });
  for (const i of thinned(rowNames.length, plotHeight / STEP_PX)) pen.text(left - 9, top + (i + 0.5) * cellHeight + 3.6, rowNames[i], { anchor: "end", size: 10 });
  for (const j of thinned(columnNames.length, plotWidth / STEP_PX)) pen.text(left + (j + 0.5) * cellWidth + 3.6, base + 9, columnNames[j], { anchor: "end", size: 10, turn: -90 });
  const foot = Math.max(...columnNames.map((name) => pen.measure(name, 10)));
  pen.text(11, top + plotHeight / 2, pen.fitted(`from ${study.models[from].name}${namingNote(rowNames.length, plotHeight / STEP_PX)}`, plotHeight, 11, "600"), { anchor: "middle", turn: -90, ink: "ink", weight: 600 });
  pen.text(left + plotWidth / 2, base + foot + 27, pen.fitted(`to ${study.models[to].name}${namingNote(columnNames.length, plotWidth / STEP_PX)}`, plotWidth, 11, "600"), { anchor: "middle", ink: "ink", weight: 600 });
}

// Brackets of the models, with ticks at relative depth 0, a half and 1 where there is room.
function nameModels(pen, { left, top, cellWidth, cellHeight, plotWidth, plotHeight }, names) {
  const base = top + plotHeight, ink = pen.ink("muted");
  study.models.forEach((model, m) => {
    const y0 = top + model.start * cellHeight, y1 = top + model.stop * cellHeight, x0 = left + model.start * cellWidth, x1 = left + model.stop * cellWidth;
    const bracket = { stroke: pen.colour(m), "stroke-width": 2.4, fill: "none" };
    pen.add("path", { ...bracket, d: `M${left - 21} ${round(y0 + 1.5)}h-5V${round(y1 - 1.5)}h5` });
    pen.add("path", { ...bracket, d: `M${round(x0 + 1.5)} ${base + 19}v5H${round(x1 - 1.5)}v-5` });
    pen.text(left - 31, (y0 + y1) / 2 + 4, names[m], { anchor: "end", ink: "ink", weight: 600 });
    const x = (x0 + x1) / 2, tilted = study.models.length > 2;
    pen.text(x + (tilted ? 4 : 0), base + 37, names[m], { anchor: tilted ? "end" : "middle", ink: "ink", weight: 600, turn: tilted ? -40 : undefined });
    for (const [depth, words] of [[0, "0"], [0.5, "½"], [1, "1"]]) {
      const at = model.start + 0.5 + depth * (model.stop - model.start - 1);
      const u = round(left + at * cellWidth), v = round(top + at * cellHeight);
      pen.add("path", { d: `M${left} ${v}h-3M${u} ${base}v3`, stroke: ink, "stroke-width": 0.8, fill: "none" });
      if (y1 - y0 > 34) pen.text(left - 5, v + 3.2, words, { anchor: "end", size: 8.5 });
      if (x1 - x0 > 34) pen.text(u, base + 12, words, { anchor: "middle", size: 8.5 });
    }
    if (m) pen.add("path", { d: `M${left} ${round(y0)}h${round(plotWidth)}M${round(x0)} ${top}v${round(plotHeight)}`, stroke: INKS.paper, "stroke-width": 1.8, fill: "none" });
  });
  pen.text(left - 4, base + 12, "depth", { anchor: "end", size: 8.5 });
  pen.text(11, top + plotHeight / 2, "from", { anchor: "middle", turn: -90 });
  pen.text(left + plotWidth, base + 37, "to", { anchor: "end" });
}

// What a cell says.
const exactly = (value) => (Number.isNaN(value) ? "undefined" : value < 0.001 && value > 0 ? value.toPrecision(2) : value.toFixed(4));
function reading(source, target) {
  const data = cells(), at = source * count + target, back = target * count + source;
  const label = (step) => `${study.models[modelOf[step]].name} / ${called(step)}, depth ${study.steps[step].depth.toFixed(2)}`;
  const known = (place) => { const e = (data.sampling || data.error)[place]; return `${exactly(data.value[place])}${Number.isNaN(e) ? "" : ` ± ${exactly(e)}`}`; };
  const lines = [`from ${label(source)}`, `to ${label(target)}`];
  const notes = [...new Set([source, target])].filter((step) => study.steps[step].sign).map((step) => `${study.steps[step].sign} ${study.steps[step].warning}`);
  const empty = [source, target].find((step) => study.steps[step].constant);
  if (empty !== undefined) return [...lines, `${study.steps[empty].name} is the same for all samples: no value`, ...notes];
  lines.push(`${symbol} ${known(at)}`);
  if (study.measure.directed) lines.push(`reverse ${known(back)}`);
  if (data.sampling) lines.push(`± sampling error; query-row error ${exactly(data.error[at])}`);
  else if (!Number.isNaN(data.error[at])) lines.push("± query-row error, conditional on these reference samples");
  if (like(data.value[at], data.error[at])) notes.unshift("not distinguishable from unrelated");
  else if (study.measure.usual && source === target) notes.unshift("a step against itself: the floor");
  return [...lines, ...notes];
}
