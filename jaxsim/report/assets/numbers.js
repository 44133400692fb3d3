// The study's numbers as they are embedded in the page, and how numbers and names are written.
// Names from the study reach the page through textContent and setAttribute only.
const study = JSON.parse(document.getElementById("study").textContent);
const state = { k: 0, pair: [0, Math.min(1, study.models.length - 1)], scale: "sqrt", stretched: false };
const symbol = study.measure.symbol;

const digitOf = new Int32Array(128);
[..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"].forEach((c, i) => { digitOf[c.charCodeAt(0)] = i; });
function unpack(text, { digits, decimals } = study) {
  const unit = 10 ** decimals, undefinedCode = 64 ** digits - 1;
  const out = new Float64Array(text.length / digits);
  for (let i = 0, at = 0; i < out.length; i++) {
    let whole = 0;
    for (let d = 0; d < digits; d++) whole = whole * 64 + digitOf[text.charCodeAt(at++)];
    out[i] = whole === undefinedCode ? NaN : whole / unit;
  }
  return out;
}
// Numbers of any size: a whole number of five digits over a power of ten; null where there is none.
function unpackFloats(text) {
  return Array.from(unpack(text, { digits: 4, decimals: 0 }), (code) => (Number.isNaN(code) ? null : ((code % 199999) - 99999) / 10 ** Math.floor(code / 199999)));
}
const unpacked = study.k.map(() => null);
// Values and errors of every cell for the chosen k.
function cells() {
  const k = state.k;
  if (!unpacked[k]) {
    const sampling = study.sampling_error ? unpack(study.sampling_error[k], study.of_errors) : null;
    unpacked[k] = { value: unpack(study.imbalance[k]), error: unpack(study.standard_error[k], study.of_errors), sampling };
  }
  return unpacked[k];
}

const count = study.steps.length;
const modelOf = new Int32Array(count);
study.models.forEach((model, m) => modelOf.fill(m, model.start, model.stop));
const called = (step) => `${study.steps[step].name}${study.steps[step].sign ? ` ${study.steps[step].sign}` : ""}`;
const stepsOf = (m) => Array.from({ length: study.models[m].stop - study.models[m].start }, (_, i) => study.models[m].start + i);
const byK = (entries) => entries[Math.min(state.k, entries.length - 1)];

// Lists that several curves share stand once in the page, values are packed.
for (const figure of Object.values(study.figures)) for (const spec of figure.k) for (const panel of spec.panels || []) for (const curve of panel.curves || []) {
  for (const key of ["x", "labels"]) if (typeof curve[key] === "number") curve[key] = study.lists[curve[key]];
  for (const key of ["y", "e"]) if (typeof curve[key] === "string") curve[key] = unpackFloats(curve[key]);
}
// The rows of a table for the chosen k, from its columns.
const decoded = new Map();
function tableRows(name) {
  const columns = byK(study.tables[name].k);
  if (!decoded.has(columns)) {
    const cells = columns.map((column) => (column.floats !== undefined ? unpackFloats(column.floats) : column.numbers || column.at.map((at) => column.texts[at])));
    decoded.set(columns, (cells[0] || []).map((_, i) => cells.map((column) => column[i])));
  }
  return decoded.get(columns);
}
// What a figure shows for the chosen k: its own, a panel of another figure, or rows of a table.
function specOf(name) {
  const spec = byK(study.figures[name].k);
  if (spec.same) { const other = specOf(spec.same); return { ...other, pairs: false, panels: [{ ...other.panels[spec.panel], title: "" }] }; }
  return spec.table ? { ...spec, panels: spec.panels.map((panel) => ({ ...panel, rows: panel.rows.map((at) => effectOf(spec.table, at, panel.minus)) })) } : spec;
}
function effectOf(table, at, minus) {
  const head = study.tables[table].head, row = tableRows(table)[at], of = (column) => row[head.indexOf(column)] ?? undefined;
  const place = (model) => study.models.findIndex((each) => each.name === model), b = of("B");
  const found = { name: b ? `${of("A")}${minus ? " − " : ", "}${b}` : of("A"), a: place(of("A")) };
  if (b) found.b = place(b);
  const keys = { v: "value", l: "low", h: "high", p: "p corrected", c: "random weights", cl: "random weights, low", ch: "random weights, high", s: "shuffled samples" };
  for (const [key, column] of Object.entries(keys)) if (of(column) !== undefined) found[key] = of(column);
  return found;
}
const like = (value, error) => study.measure.usual && Math.abs(value - 1) <= 2 * error;
const between = (a, b) => `${symbol}(${a}${study.measure.directed ? " → " : ", "}${b})`;

function shorten(text, width) {
  const letters = [...text];
  if (letters.length <= width) return text;
  const kept = width - 1, head = kept >> 1;
  return letters.slice(0, head).join("") + "…" + letters.slice(letters.length - (kept - head)).join("");
}
// Three decimals, or two digits of what is smaller; a minus sign of typographic length.
function written(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (Number.isInteger(value)) return String(value).replace("-", "−");
  const size = Math.abs(value);
  return (size >= 0.01 ? value.toFixed(size >= 100 ? 1 : 3) : value.toPrecision(2)).replace("-", "−");
}
