// Steps in a plane: as paths, in both directions, in the order of two measures; and as a tree.
KINDS.points = (pen, spec) => {
  if (spec.plane) return plane(pen, spec.panels[0]);
  return spec.equal ? pathsPanel(pen, spec.panels[0]) : ranks(pen, spec);
};

function pathsPanel(pen, panel) {
  const all = (key) => panel.paths.flatMap((each) => each[key].filter((value) => value !== null));
  const xs = all("x"), ys = all("y"), height = Math.min(284, Math.max(250, pen.width * 0.72));
  const box = { x: 50, y: pen.top + 8, width: pen.width - 60, height };
  let x = [Math.min(...xs), Math.max(...xs)], y = [Math.min(...ys), Math.max(...ys)];
  // One scale for both axes: distances are what the plane shows.
  const unit = Math.max((x[1] - x[0]) / box.width, (y[1] - y[0]) / box.height, 1e-9) * 1.16;
  const about = ([low, high], length) => { const middle = (low + high) / 2; return [middle - (unit * length) / 2, middle + (unit * length) / 2]; };
  x = about(x, box.width); y = about(y, box.height);
  const scale = axes(pen, box, { x, y, xTicks: ticksOf(...x, 6).map((at) => [at, tickText(at)]), yTicks: ticksOf(...y, 5), xName: panel.x, yName: panel.y });
  // On a phone the names of many models would lie on the paths.
  const taken = [], crowded = pen.width < 480 && panel.paths.length > 6;
  for (const each of panel.paths) {
    const colour = pen.colour(each.a), at = each.x.map((value, i) => [scale.toX(value), scale.toY(each.y[i])]);
    pen.add("path", { d: "M" + at.map(([u, v]) => `${round(u)} ${round(v)}`).join("L"), stroke: colour, "stroke-width": 1.5, fill: "none", "stroke-linejoin": "round" });
    at.forEach(([u, v], i) => {
      const first = i === 0, last = i === at.length - 1;
      pen.add("path", { d: first ? SHAPES.o(u, v, 4.5) : shapeOf(each.a, u, v, last ? 4.4 : 2.4), fill: first ? pen.ink("paper") : colour, stroke: colour, "stroke-width": first ? 1.5 : 0 });
      pen.hit(u, v, each.name, each.labels[i]);
    });
    if (!crowded) placeLabel(pen, taken, ...at[at.length - 1], each.name, colour, box);
  }
  return 8 + height + 36 + (crowded ? legend(pen, pen.top + 44 + height, panel.paths.map((each) => each.a), false) : 0);
}

// A name beside a point, moved until it lies on no other.
function placeLabel(pen, taken, x, y, words, colour, box) {
  const shown = shorten(words, 26), width = pen.measure(shown, 10.5, "600"), fits = x + 9 + width <= box.x + box.width;
  const left = fits ? x + 9 : x - 9 - width;
  const top = box.y + 10, base = box.y + box.height - 3, start = Math.max(top, Math.min(base, y - 8));
  const free = (v) => v >= top && v <= base && !taken.some((each) => Math.abs(each.v - v) < 12 && each.left < left + width && each.left + each.width > left);
  let v = start;
  for (let away = 6; !free(v) && away < box.height; away += 6) v = [start - away, start + away].find(free) ?? start;
  taken.push({ left, width, v });
  pen.text(left, v, shown, { size: 10.5, weight: 600, fill: colour });
}

// Both directions of every pair of steps of different models.
function planePoints() {
  const { value } = cells(), found = [];
  for (let a = 0; a < study.models.length; a++) for (let b = a + 1; b < study.models.length; b++) {
    const points = [];
    for (const i of stepsOf(a)) for (const j of stepsOf(b)) {
      const x = value[i * count + j], y = value[j * count + i];
      if (!Number.isNaN(x) && !Number.isNaN(y)) points.push([x, y, i, j]);
    }
    found.push({ a, b, points });
  }
  return found;
}
function plane(pen, panel) {
  const pairs = planePoints(), side = Math.min(284, pen.width - 70), box = { x: 50, y: pen.top + 8, width: side, height: side };
  const top = Math.max(1e-9, ...pairs.flatMap((pair) => pair.points.map(([x, y]) => Math.max(x, y)))) * 1.03, ticks = ticksOf(0, top, 5);
  const scale = axes(pen, box, { x: [0, top], y: [0, top], xTicks: ticks.map((at) => [at, tickText(at)]), yTicks: ticks, xName: panel.x, yName: panel.y });
  pen.add("path", { d: `M${round(scale.toX(0))} ${round(scale.toY(0))}L${round(scale.toX(top))} ${round(scale.toY(top))}`, stroke: pen.ink("rule"), "stroke-width": 2, fill: "none" });
  const many = pairs.length > 3, models = new Set();
  const chosen = (pair) => state.pair.includes(pair.a) && state.pair.includes(pair.b);
  for (const pair of [...pairs].sort((p, q) => chosen(p) - chosen(q))) {
    const d = pair.points.map(([x, y]) => `M${round(scale.toX(x))} ${round(scale.toY(y))}h0`).join("");
    if (!d) continue;
    const faint = many && !chosen(pair) ? 0.45 : 1, dots = { d, fill: "none", "stroke-linecap": "round", opacity: faint < 1 ? faint : undefined };
    pen.add("path", { ...dots, stroke: pen.colour(pair.b), "stroke-width": 5 });
    pen.add("path", { ...dots, stroke: pen.colour(pair.a), "stroke-width": 2.6 });
    if (pair.points.length < 1500) for (const [x, y, i, j] of pair.points) pen.hit(scale.toX(x), scale.toY(y), `${study.models[pair.a].name} / ${called(i)}`, `${study.models[pair.b].name} / ${called(j)}`, `${written(x)}, reverse ${written(y)}`);
    models.add(pair.a); models.add(pair.b);
  }
  namePairs(pen, pairs.filter((pair) => pair.points.length), scale, box);
  return 8 + side + 40 + legend(pen, pen.top + 48 + side, [...models].sort((p, q) => p - q), false);
}

// Names of the pairs beside the plane, in the order of their middles, each with a line to it; none where there is no room.
function namePairs(pen, pairs, scale, box) {
  const left = box.x + box.width + 26, room = pen.width - left - 4, row = 17;
  if (room < 110 || pairs.length * row > box.height + 20) return;
  const middle = (values) => [...values].sort((p, q) => p - q)[values.length >> 1];
  const named = pairs.map((pair) => ({ ...pair, x: scale.toX(middle(pair.points.map(([x]) => x))), y: scale.toY(middle(pair.points.map(([, y]) => y))) })).sort((p, q) => p.y - q.y);
  const top = box.y + Math.max(8, (box.height - named.length * row) / 2);
  named.forEach((pair, i) => {
    const v = top + (i + 0.5) * row, words = `${study.models[pair.a].name} | ${study.models[pair.b].name}`;
    pen.add("path", { d: `M${round(left - 4)} ${round(v)}L${round(pair.x)} ${round(pair.y)}`, stroke: pen.ink("muted"), "stroke-width": 0.6, fill: "none", opacity: 0.7 });
    pen.add("rect", { x: round(left), y: round(v - 4.5), width: 9, height: 9, fill: pen.colour(pair.a) });
    pen.add("rect", { x: round(left + 10), y: round(v - 4.5), width: 9, height: 9, fill: pen.colour(pair.b) });
    pen.text(left + 24, v + 3.8, pen.fitted(words, room - 24, 10.5), { size: 10.5, ink: "ink" });
  });
}

function ranks(pen, spec) {
  const many = spec.panels.length > 3, narrow = pen.width < 420, columns = many && !narrow ? 4 : 3;
  const { boxes, height } = grid(pen, spec.panels.length, { height: narrow ? 96 : many ? 104 : 140, head: 22, least: narrow ? 110 : many ? 126 : 150, most: columns, left: 34, foot: 34 });
  spec.panels.forEach((panel, i) => {
    const box = boxes[i], ticks = [[0, "0"], [0.5, "0.5"], [1, "1"]];
    pen.text(box.left + 2, box.y - 8, pen.fitted(panel.title, box.width + 36, 12, "600"), { size: 12, ink: "ink", weight: 600 });
    const scale = axes(pen, box, { x: [-0.02, 1.02], y: [-0.02, 1.02], xTicks: ticks, yTicks: [0, 0.5, 1], xName: panel.x, yName: "" });
    pen.add("path", { d: `M${round(scale.toX(0))} ${round(scale.toY(0))}L${round(scale.toX(1))} ${round(scale.toY(1))}`, stroke: pen.ink("muted"), "stroke-width": 0.8, fill: "none" });
    const [x, y] = panel.points, dots = (hollow) => x.map((value, at) => (Boolean(panel.hollow[at]) === hollow && value !== null && y[at] !== null ? `M${round(scale.toX(value))} ${round(scale.toY(y[at]))}h0` : "")).join("");
    pen.add("path", { d: dots(true), stroke: pen.colour(0), "stroke-width": 4, "stroke-linecap": "round", opacity: 0.6, fill: "none" });
    pen.add("path", { d: dots(true), stroke: pen.ink("paper"), "stroke-width": 2, "stroke-linecap": "round", fill: "none" });
    pen.add("path", { d: dots(false), stroke: pen.colour(0), "stroke-width": 3.4, "stroke-linecap": "round", opacity: 0.6, fill: "none" });
  });
  return height;
}

// All leaves are named, or none where there is no room for that.
KINDS.tree = (pen, spec) => {
  const n = spec.leaves.length, row = n <= 48 ? 14 : n <= 90 ? 11 : 5, named = row >= 11, size = row >= 14 ? 10.5 : 9;
  const label = named ? Math.min(pen.width * 0.42, Math.max(...spec.leaves.map((leaf) => pen.measure(leaf.name, size))) + 14) : 14;
  const height = n * row, base = pen.top + 4 + height, width = pen.width - label - 12;
  const top = Math.max(1e-12, ...spec.heights.flat()) * 1.03, toX = (value) => label + (value / top) * width, toY = (place) => pen.top + 4 + (place + 0.5) * row;
  for (const at of ticksOf(0, top, width / 90)) {
    pen.add("path", { d: `M${round(toX(at))} ${pen.top + 4}V${base}`, stroke: pen.ink("rule"), "stroke-width": 0.7, fill: "none" });
    pen.text(toX(at), base + 13, tickText(at), { anchor: "middle", size: 10 });
  }
  pen.text(label + width / 2, base + 28, spec.x, { anchor: "middle" });
  spec.places.forEach((places, i) => {
    const d = places.map((place, at) => `${at ? "L" : "M"}${round(toX(spec.heights[i][at]))} ${round(toY(place))}`).join("");
    pen.add("path", { d, stroke: pen.ink("muted"), "stroke-width": 1, fill: "none" });
  });
  const models = new Set();
  spec.leaves.forEach((leaf, at) => {
    models.add(leaf.a);
    pen.add("path", { d: shapeOf(leaf.a, label - 4, toY(at), row >= 11 ? 3.2 : 2.2), fill: pen.colour(leaf.a) });
    if (named) pen.text(label - 11, toY(at) + size * 0.36, pen.fitted(leaf.name, label - 14, size), { anchor: "end", size, ink: "ink" });
    pen.hit(label - 4, toY(at), leaf.name);
  });
  return height + 40 + legend(pen, pen.top + height + 40, [...models].sort((p, q) => p - q), false);
};
