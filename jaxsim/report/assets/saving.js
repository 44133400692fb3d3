// A figure as a file: with its title and a head strip on white paper, or its numbers as CSV.
const MARGIN = 8;
function fileOf(name) {
  const figure = study.figures[name], wide = { map: 820, forest: 1100, tree: 820 }[figure.kind] || (specOf(name).panels?.length > 2 ? 1000 : 760);
  const pen = canvasFor(wide, { file: true });
  pen.top = 46;
  const height = Math.ceil(46 + KINDS[figure.kind](pen, specOf(name)) + 10);
  const { svg } = pen, strip = [study.strips[state.k], pairNote(specOf(name))].filter(Boolean).join(" · ");
  pen.text(4, 18, pen.fitted(figure.title, wide - 8, 14, "600"), { size: 14, ink: "ink", weight: 600 });
  pen.text(4, 34, pen.fitted(strip, wide - 8, 10.5), { size: 10.5 });
  const frame = { x: -MARGIN, y: -MARGIN, width: wide + 2 * MARGIN, height: height + 2 * MARGIN };
  svg.prepend(element("title", {}, figure.title), element("desc", {}, `${figure.description} ${strip}`), element("rect", { ...frame, fill: "#ffffff" }));
  for (const [key, value] of Object.entries({ xmlns: SVG, width: frame.width, height: frame.height, viewBox: Object.values(frame).join(" "), "font-family": FILE_FONT })) svg.setAttribute(key, value);
  return { svg, width: frame.width, height: frame.height };
}
// Figures that follow the choice of two models say which.
function pairNote(spec) {
  const names = state.pair.map((m) => study.models[m].name);
  if (spec.side) return (spec.side === "forward" ? names : names.reverse()).join(" → ");
  return spec.pairs ? `bold: ${names.join(", ")}` : "";
}

function svgText(name) { return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(fileOf(name).svg)}\n`; }
async function pngOf(name) {
  const { svg, width, height } = fileOf(name), picture = new Image(), factor = 3;
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(svg))}`;
  await picture.decode();
  const canvas = document.createElement("canvas");
  canvas.width = width * factor; canvas.height = height * factor;
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

const MODEL = (m) => (m === undefined ? "" : study.models[m].name);
// The numbers of a figure, a head and rows.
const ROWS = {
  lines: (spec) => [["panel", "curve", "x", "y", "error", "step"], ...spec.panels.flatMap((panel) => panel.curves.flatMap((curve) => curve.x.map((x, i) => [panel.title || "", curve.name, panel.ticks ? panel.ticks[i] : x, curve.y[i], curve.e ? curve.e[i] : null, curve.labels ? curve.labels[i] : ""])))],
  forest: (spec) => [["panel", "of", "A", "B", "value", "low", "high", "p corrected", "random weights", "low", "high", "shuffled images"], ...spec.panels.flatMap((panel) => panel.rows.map((each) => [panel.title, each.name, MODEL(each.a), MODEL(each.b), each.v, each.l, each.h, each.p, each.c, each.cl, each.ch, each.s]))],
  matrix: (spec) => [["", ...spec.names], ...spec.values.map((line, i) => [spec.names[i], ...line])],
  points: (spec) => {
    if (spec.plane) return [["A", "step", "B", "step", between("A", "B"), between("B", "A")], ...planePoints().flatMap((pair) => pair.points.map(([x, y, i, j]) => [MODEL(pair.a), study.steps[i].name, MODEL(pair.b), study.steps[j].name, x, y]))];
    if (spec.equal) return [["model", "step", "x", "y"], ...spec.panels[0].paths.flatMap((each) => each.x.map((x, i) => [each.name, each.labels[i], x, each.y[i]]))];
    return [["panel", "x", "y", "within one model"], ...spec.panels.flatMap((panel) => panel.points[0].map((x, i) => [panel.title, x, panel.points[1][i], panel.hollow[i] ? "yes" : ""]))];
  },
  tree: (spec) => [["place", "place", "height", "height", "joined at"], ...spec.places.map((places, i) => [places[0], places[3], spec.heights[i][0], spec.heights[i][3], spec.heights[i][1]])],
  map: (spec) => {
    const [rows, columns] = sidesOf(spec), { value, error, sampling } = cells(), label = (step) => `${MODEL(modelOf[step])}/${study.steps[step].name}`;
    const known = (number) => (Number.isNaN(number) ? null : number);
    return [["from", "to", symbol, "query-row error", "sampling error"], ...rows.flatMap((row) => columns.map((column) => { const at = row * count + column; return [label(row), label(column), known(value[at]), known(error[at]), sampling ? known(sampling[at]) : null]; }))];
  },
};
function csvText(rows) {
  const cell = (value) => { const text = value === null || value === undefined ? "" : String(value); return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text; };
  return rows.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}
const figureRows = (name) => ROWS[study.figures[name].kind](specOf(name));

async function contentOf(name, suffix) {
  if (suffix === "csv") return new Blob([csvText(figureRows(name))], { type: "text/csv;charset=utf-8" });
  if (suffix === "svg") return new Blob([svgText(name)], { type: "image/svg+xml" });
  return suffix === "png" ? pngOf(name) : new Blob([await pdfOf(name)], { type: "application/pdf" });
}
function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob); link.download = name;
  document.body.append(link); link.click(); link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
async function save(name, suffix) { download(await contentOf(name, suffix), `${name}_k${study.k[state.k]}.${suffix}`); }
