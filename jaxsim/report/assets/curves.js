// Curves along the depth: models in their colours, pairs in two, random weights dashed.
function path(pen, curve, scale) {
  let d = "", open = false;
  curve.x.forEach((x, i) => {
    const y = curve.y[i];
    if (y === null || x === null) { open = false; return; }
    d += `${open ? "L" : "M"}${round(scale.toX(x))} ${round(scale.toY(y))}`; open = true;
  });
  return d;
}
function bandPath(curve, scale, floor) {
  let d = "", run = [];
  const close = () => {
    if (run.length > 1) d += "M" + run.map(([x, , high]) => `${x} ${high}`).join("L") + "L" + run.reverse().map(([x, low]) => `${x} ${low}`).join("L") + "Z";
    run = [];
  };
  curve.x.forEach((x, i) => {
    const y = curve.y[i], e = curve.e[i];
    if (y === null || e === null) { close(); return; }
    run.push([round(scale.toX(x)), round(scale.toY(Math.max(floor, y - 2 * e))), round(scale.toY(y + 2 * e))]);
  });
  close();
  return d;
}

function isChosen(curve) { return [curve.a, curve.b].every((m) => state.pair.includes(m)) && curve.a !== curve.b; }

function drawCurve(pen, curve, scale, { pairs, many, floor, bars }) {
  const chosen = !pairs || isChosen(curve), colour = curve.a === undefined ? pen.ink("ink") : pen.colour(curve.a);
  if (curve.twin && !chosen) return;
  const d = path(pen, curve, scale), faint = pairs && !chosen;
  const width = curve.twin ? 1.1 : curve.style ? 0.9 : faint ? 0.9 : pairs && many ? 2.4 : 1.7;
  const stroke = { d, fill: "none", "stroke-width": width, "stroke-linejoin": "round", opacity: faint ? 0.25 : curve.style === "thin" && pen.small ? 0.5 : undefined };
  if (curve.e && !faint && !pen.small && !bars) pen.add("path", { d: bandPath(curve, scale, floor), fill: colour, "fill-opacity": pairs || !many ? 0.16 : 0.1 });
  if (bars && curve.e) curve.x.forEach((x, i) => {
    if (curve.e[i] !== null) pen.add("path", { d: `M${round(scale.toX(x))} ${round(scale.toY(curve.y[i] - 2 * curve.e[i]))}V${round(scale.toY(curve.y[i] + 2 * curve.e[i]))}`, stroke: colour, "stroke-width": 1.2, fill: "none" });
  });
  const dash = curve.twin ? "4 3" : curve.style === "dotted" ? "1.5 2.5" : undefined;
  pen.add("path", { ...stroke, stroke: colour, "stroke-dasharray": dash });
  if (curve.b !== undefined && curve.b !== curve.a && !curve.points && !faint) pen.add("path", { ...stroke, stroke: pen.colour(curve.b), "stroke-dasharray": curve.twin ? "4 10" : "7 7" });
  const marks = new Set(curve.marks || []), dots = curve.points && !curve.twin && !pen.small;
  curve.x.forEach((x, i) => {
    const y = curve.y[i];
    if (y === null || x === null) return;
    const at = [scale.toX(x), scale.toY(y)];
    if (dots && !faint && !marks.has(i)) pen.add("path", { d: shapeOf(curve.a, ...at, curve.x.length > 30 ? 1.8 : 2.6), fill: colour });
    if (marks.has(i) && !faint && !pen.small) pen.add("path", { d: (pairs ? SHAPES.o : SHAPES.X)(...at, pairs ? 5 : 3.4), fill: pairs ? "none" : pen.ink("paper"), stroke: colour, "stroke-width": 1.5 });
    pen.hit(...at, curve.name, `${curve.labels ? `${curve.labels[i]}, ` : ""}at ${written(x)}: ${written(y)}${curve.e && curve.e[i] !== null && !bars ? ` ± ${written(curve.e[i])}` : ""}`);
  });
}

function span(panels) {
  let low = Infinity, high = -Infinity;
  for (const panel of panels) {
    for (const curve of panel.curves) curve.y.forEach((y, i) => {
      if (y === null) return;
      const e = curve.e && curve.e[i] !== null ? 2 * curve.e[i] : 0;
      if (y - (panel.bars ? e : 0) < low) low = y - (panel.bars ? e : 0);
      if (y + e > high) high = y + e;
    });
    if (panel.bars) { low = Math.min(low, 0); high = Math.max(high, 0); }
  }
  return low > high ? [0, 1] : [low, high];
}

KINDS.lines = (pen, spec) => {
  const { panels } = spec, n = panels.length, shared = spec.shared ? span(panels) : null;
  const height = pen.small ? 94 : n === 1 ? Math.min(pen.width > 800 ? 150 : 184, Math.max(150, pen.width * 0.42)) : 112;
  const named = panels.some((panel) => panel.title);
  const { boxes, height: whole } = grid(pen, n, { height, head: named ? 24 : pen.small ? 18 : 8, least: n === 1 ? 100 : n === 2 ? 160 : 215, left: pen.small ? 40 : 48, foot: pen.small ? 32 : 36 });
  const models = new Set();
  let twins = false;
  panels.forEach((panel, i) => {
    const box = boxes[i], values = shared || span([panel]);
    if (panel.title) pen.text(box.left + 2, box.y - 9, pen.fitted(panel.title, box.width + 40, 12, "600"), { size: 12, ink: "ink", weight: 600 });
    let [low, high] = values;
    const x = panel.ticks ? [Math.log2(panel.ticks[0]) - 0.15, Math.log2(panel.ticks[panel.ticks.length - 1]) + 0.25] : [0, 1];
    if (panel.diagonal) [low, high] = [0, 1];
    else if (!panel.log) { low = Math.min(0, low); high += (high - low) * 0.06 || 1; if (low < 0) low -= (high - low) * 0.05; }
    else { low *= 0.85; high *= 1.15; }
    const xTicks = panel.ticks ? panel.ticks.map((at) => [Math.log2(at), at.toLocaleString("en")]) : (box.width > 150 ? [0, 0.25, 0.5, 0.75, 1] : [0, 0.5, 1]).map((at) => [at, String(at)]);
    const margin = panel.diagonal ? 0.03 : panel.ticks ? 0 : 0.015;
    const scale = axes(pen, box, {
      x: [x[0] - margin, x[1] + margin], y: panel.diagonal ? [-0.03, 1.03] : [low, high], xTicks, log: panel.log,
      yTicks: panel.diagonal ? [0, 0.5, 1] : panel.log ? logTicks(low, high) : ticksOf(low, high, box.height / 34),
      xName: panel.x, yName: pen.small ? "" : panel.y + (panel.log ? " (log)" : ""),
    });
    if (pen.small) pen.text(box.x, box.y - 6, pen.fitted(panel.y + (panel.log ? " (log)" : ""), box.width), { size: 10 });
    if (panel.diagonal) pen.add("path", { d: `M${round(scale.toX(0))} ${round(scale.toY(0))}L${round(scale.toX(1))} ${round(scale.toY(1))}`, stroke: pen.ink("rule"), "stroke-width": 2, fill: "none" });
    for (const [at, words] of panel.rules || []) {
      if (at < low || at > high) continue;
      pen.add("path", { d: `M${round(box.x)} ${round(scale.toY(at))}h${round(box.width)}`, stroke: pen.ink("muted"), "stroke-width": 0.9, "stroke-dasharray": "1.5 3", fill: "none" });
      if (words && !pen.small) pen.hit(box.x + box.width - 4, scale.toY(at), words, written(at));
    }
    const many = panel.curves.filter((curve) => !curve.twin).length > (spec.pairs ? 1 : 4), floor = panel.log ? low : -Infinity;
    const seen = panel.ticks ? panel.curves.map((curve) => ({ ...curve, x: curve.x.map(Math.log2) })) : panel.curves;
    const order = spec.pairs ? [...seen].sort((a, b) => isChosen(a) - isChosen(b)) : seen;
    for (const curve of order) {
      drawCurve(pen, curve, scale, { pairs: spec.pairs, many, floor, bars: panel.bars });
      if (curve.a !== undefined) models.add(curve.a);
      if (curve.b !== undefined) models.add(curve.b);
      twins = twins || Boolean(curve.twin);
    }
  });
  if (pen.small) return whole;
  return whole + 6 + legend(pen, pen.top + whole + 6, [...models].sort((a, b) => a - b), twins);
};
