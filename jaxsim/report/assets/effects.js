// Effects with their intervals, one row each, the largest first; and a table of colours.
KINDS.forest = (pen, spec) => {
  const { panels } = spec, gap = 18, n = panels.length, models = new Set();
  const tall = (rows) => (rows <= 14 ? (n <= 6 ? 16 : rows > 9 ? 11 : 13) : rows <= 24 ? 11 : rows <= 40 ? 8 : 6);
  const heightOf = (panel) => panel.rows.length * tall(panel.rows.length) + 72;
  const sorted = [...panels].sort((a, b) => (b.rows.length > 14) - (a.rows.length > 14));
  // Every panel goes where the page is shortest, in as many columns as make all of it so.
  const placed = (columns) => {
    const ends = Array(columns).fill(pen.top);
    const at = sorted.map((panel) => { const column = ends.indexOf(Math.min(...ends)), top = ends[column]; ends[column] += heightOf(panel); return [column, top]; });
    return { columns, at, end: Math.max(...ends) };
  };
  const fit = Math.max(1, Math.min(n, 4, Math.floor((pen.width + gap) / ((pen.paper ? 210 : 280) + gap))));
  const { columns, at, end } = Array.from({ length: fit }, (_, i) => placed(i + 1)).reduce((best, each) => (each.end < best.end ? each : best));
  const width = (pen.width - gap * (columns - 1)) / columns;
  sorted.forEach((panel, i) => forestPanel(pen, panel, at[i][0] * (width + gap), at[i][1], width, tall(panel.rows.length), models));
  return end - pen.top + legend(pen, end, [...models].sort((a, b) => a - b), false);
};

function forestPanel(pen, panel, left, top, width, row, models) {
  const named = row >= 11, size = row >= 16 ? 10.5 : row >= 13 ? 10 : 9;
  const label = named ? Math.min(width * 0.46, Math.max(40, ...panel.rows.map((each) => pen.measure(each.name, size) + 40))) : 30;
  const box = { x: left + label, y: top + 24, width: width - label - 8, height: panel.rows.length * row + 6 };
  pen.text(left, top + 13, pen.fitted(panel.title, width, 12, "600"), { size: 12, ink: "ink", weight: 600 });
  const [low, high] = panel.limits || [0, 1], toX = (value) => box.x + ((value - low) / (high - low || 1)) * box.width, base = box.y + box.height;
  for (const at of ticksOf(low, high, box.width / 42)) {
    pen.add("path", { d: `M${round(toX(at))} ${box.y}V${base}`, stroke: pen.ink("rule"), "stroke-width": 0.7, fill: "none" });
    pen.text(toX(at), base + 12, tickText(at), { anchor: "middle", size: 10 });
  }
  if (panel.zero) pen.add("path", { d: `M${round(toX(0))} ${box.y}V${base}`, stroke: pen.ink("muted"), "stroke-width": 1.1, "stroke-dasharray": "4 3", fill: "none" });
  const about = pen.fitted(panel.x, width, 10.5), middle = Math.min(box.x + box.width / 2, left + width - pen.measure(about, 10.5) / 2);
  pen.text(middle, base + 26, about, { anchor: "middle", size: 10.5 });
  panel.rows.forEach((each, i) => {
    const y = box.y + 3 + (i + 0.5) * row, square = Math.min(9, row - 2), pair = each.b !== undefined;
    const from = box.x - 8 - square * (pair ? 2 : 1) - (pair ? 1 : 0);
    models.add(each.a);
    pen.add("rect", { x: round(from), y: round(y - square / 2), width: square, height: square, fill: pen.colour(each.a) });
    if (pair) { models.add(each.b); pen.add("rect", { x: round(from + square + 1), y: round(y - square / 2), width: square, height: square, fill: pen.colour(each.b) }); }
    if (named) pen.text(from - 4, y + size * 0.36, fittedRow(pen, each, label - (pair ? 36 : 26), size), { anchor: "end", size });
    const shift = row >= 11 && each.c !== undefined ? row * 0.2 : 0, lower = y + shift, upper = y - shift, thick = row >= 11 ? 1.6 : 1.2, r = row >= 11 ? 3.2 : 2.4;
    if (each.cl !== undefined && row >= 11) pen.add("path", { d: `M${round(toX(each.cl))} ${round(lower)}H${round(toX(each.ch))}`, stroke: pen.ink("muted"), "stroke-width": 0.9, fill: "none" });
    if (each.c !== undefined) pen.add("circle", { cx: round(toX(each.c)), cy: round(lower), r: r - 0.4, fill: pen.ink("paper"), stroke: pen.ink("muted"), "stroke-width": 1 });
    if (each.s !== undefined) { const x = toX(each.s), q = r - 0.8; pen.add("path", { d: `M${round(x - q)} ${round(lower - q)}L${round(x + q)} ${round(lower + q)}M${round(x - q)} ${round(lower + q)}L${round(x + q)} ${round(lower - q)}`, stroke: pen.ink("muted"), "stroke-width": 1, fill: "none" }); }
    if (each.l !== undefined) pen.add("path", { d: `M${round(toX(each.l))} ${round(upper)}H${round(toX(each.h))}`, stroke: pen.colour(each.a), "stroke-width": thick, fill: "none" });
    if (each.v !== undefined) {
      pen.add("circle", { cx: round(toX(each.v)), cy: round(upper), r, fill: pen.colour(each.a), stroke: pair ? pen.colour(each.b) : pen.colour(each.a), "stroke-width": pair ? 1.4 : 0 });
      const lines = [each.name, `${written(each.v)}${each.l === undefined ? "" : ` [${written(each.l)}, ${written(each.h)}]`}`];
      if (each.p !== undefined) lines.push(`corrected p ${each.p < 0.001 ? "< 0.001" : written(each.p)}`);
      if (each.c !== undefined) lines.push(`random weights ${written(each.c)}`);
      if (each.s !== undefined) lines.push(`shuffled samples ${written(each.s)}`);
      pen.hit(toX(each.v), upper, ...lines);
    }
  });
}

// The name of a row within a width; of a pair, both names are shortened alike, so that neither is lost.
function fittedRow(pen, row, width, size) {
  if (row.b === undefined || pen.measure(row.name, size) <= width) return pen.fitted(row.name, width, size);
  const names = [row.a, row.b].map((m) => study.models[m].name), between = row.name.includes(" − ") ? " − " : ", ";
  let letters = Math.max(...names.map((name) => [...name].length));
  const shortened = () => names.map((name) => shorten(name, letters)).join(between);
  while (letters > 4 && pen.measure(shortened(), size) > width) letters--;
  return shortened();
}

KINDS.matrix = (pen, spec) => {
  const { names, values } = spec, n = names.length;
  const label = Math.min(pen.width * 0.36, Math.max(...names.map((name) => pen.measure(name)) ) + 10), side = Math.min(64, (pen.width - label - 10) / n), row = Math.min(side, n > 5 ? 24 : 34);
  values.forEach((line, i) => {
    const y = pen.top + 4 + i * row;
    pen.text(label - 6, y + row / 2 + 4, pen.fitted(names[i], label - 8), { anchor: "end", ink: "ink" });
    line.forEach((value, j) => {
      const share = value === null ? 0 : Math.max(0, Math.min(1, 1 - value)), fill = value === null ? study.undefined : study.colours[Math.round(share * (study.colours.length - 1))];
      pen.add("rect", { x: round(label + j * side), y: round(y), width: round(side - 1), height: round(row - 1), fill });
      pen.text(label + (j + 0.5) * side, y + row / 2 + 4, value === null ? "–" : value.toFixed(2), { anchor: "middle", size: side < 34 ? 9 : 11, fill: value !== null && value > 0.45 ? "#ffffff" : "#22272e" });
      pen.hit(label + (j + 0.5) * side, y + row / 2, `${names[i]} and ${names[j]}`, written(value));
    });
  });
  const base = pen.top + 4 + n * row;
  let lowest = 0;
  names.forEach((name, j) => {
    const x = label + (j + 0.5) * side + 4, words = pen.fitted(name, 150);
    lowest = Math.max(lowest, pen.measure(words) * 0.64);
    pen.text(x, base + 12, words, { anchor: "end", turn: -40, ink: "ink" });
  });
  return base - pen.top + 22 + lowest;
};
