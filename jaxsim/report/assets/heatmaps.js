// Draws the heat maps from the numbers embedded in the page, and says what is under the pointer or the keyboard's cursor.
// Names from the study reach the page through textContent and setAttribute only.
(() => {
  "use strict";
  const study = JSON.parse(document.getElementById("study").textContent);
  const state = { k: 0, stretched: false };
  const SVG = "http://www.w3.org/2000/svg";
  const STEP_PX = 11, LABEL_CHARS = 20, MARK_PX = 4;

  const digitOf = new Int32Array(128);
  [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"].forEach((c, i) => { digitOf[c.charCodeAt(0)] = i; });
  function unpack(text) {
    const { digits, decimals } = study, unit = 10 ** decimals, undefinedCode = 64 ** digits - 1;
    const out = new Float64Array(text.length / digits);
    for (let i = 0, at = 0; i < out.length; i++) {
      let whole = 0;
      for (let d = 0; d < digits; d++) whole = whole * 64 + digitOf[text.charCodeAt(at++)];
      out[i] = whole === undefinedCode ? NaN : whole / unit;
    }
    return out;
  }
  const unpacked = study.k.map(() => null);
  function numbers() {
    const k = state.k;
    if (!unpacked[k]) {
      const sampling = study.sampling_error ? unpack(study.sampling_error[k]) : null;
      unpacked[k] = { value: unpack(study.imbalance[k]), error: unpack(study.standard_error[k]), sampling };
    }
    return unpacked[k];
  }

  const count = study.steps.length;
  const modelOf = new Int32Array(count);
  study.models.forEach((model, m) => modelOf.fill(m, model.start, model.stop));
  const constant = study.steps.map((step) => step.constant);
  const called = (step) => `${study.steps[step].name}${study.steps[step].sign ? ` ${study.steps[step].sign}` : ""}`;
  const lut = study.colours.concat(study.undefined).map((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  function range() {
    if (!state.stretched) return [0, 1];
    let low = Infinity, high = -Infinity;
    for (const v of numbers().value) { if (v < low) low = v; if (v > high) high = v; }
    return high > low ? [low, high] : [0, 1];
  }
  const like = (value, error) => Math.abs(value - 1) <= 2 * error;

  function element(name, attributes, text) {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    return node;
  }
  function shorten(text, width) {
    const letters = [...text];
    if (letters.length <= width) return text;
    const kept = width - 1, head = kept >> 1;
    return letters.slice(0, head).join("") + "…" + letters.slice(letters.length - (kept - head)).join("");
  }
  const ruler = document.createElement("canvas").getContext("2d");
  
  const family = getComputedStyle(document.documentElement).getPropertyValue("--sans");
  function widest(texts, font) {
    ruler.font = `${font} ${family}`;
    return Math.max(0, ...texts.map((text) => ruler.measureText(text).width));
  }
  function thinned(n, most) {
    if (n <= most) return Array.from({ length: n }, (_, i) => i);
    const stride = Math.ceil((n - 1) / Math.max(1, most - 1)), places = [];
    for (let i = 0; i < n - 1; i += stride) places.push(i);
    if (places.length > 1 && n - 1 - places[places.length - 1] < stride) places.pop();
    return [...places, n - 1];
  }

  // What an axis says when only some of its steps are named.
  function namingNote(n, most) {
    return n <= most ? "" : ` (1 in ${Math.ceil((n - 1) / Math.max(1, most - 1))} steps named)`;
  }

  function cellImage(rows, columns) {
    const { value } = numbers(), [low, high] = range(), small = document.createElement("canvas");
    small.width = columns.length; small.height = rows.length;
    const context = small.getContext("2d"), pixels = context.createImageData(small.width, small.height), last = study.colours.length - 1;
    let at = 0;
    for (const row of rows) for (const column of columns) {
      const v = value[row * count + column];
      const [r, g, b] = lut[Number.isNaN(v) ? last + 1 : Math.round(Math.min(1, Math.max(0, (v - low) / (high - low))) * last)];
      pixels.data[at++] = r; pixels.data[at++] = g; pixels.data[at++] = b; pixels.data[at++] = 255;
    }
    context.putImageData(pixels, 0, 0);
    const factor = Math.max(1, Math.min(8, Math.floor(1200 / Math.max(small.width, small.height))));
    const large = document.createElement("canvas");
    large.width = small.width * factor; large.height = small.height * factor;
    const enlarged = large.getContext("2d");
    enlarged.imageSmoothingEnabled = false;
    enlarged.drawImage(small, 0, 0, large.width, large.height);
    return large.toDataURL();
  }

  function draw(map) {
    const { holder, rows, columns, whole } = map, width = Math.round(holder.clientWidth);
    if (!width) return;
    const from = study.models[modelOf[rows[0]]], to = study.models[modelOf[columns[0]]];
    const name = (step) => shorten(called(step), LABEL_CHARS);
    const rowNames = whole ? study.models.map((m) => shorten(m.name, 22)) : rows.map(name);
    const columnNames = whole ? rowNames : columns.map(name);
    const font = whole ? "600 11.5px" : "10.5px";
    const left = Math.ceil(widest(rowNames, font)) + (whole ? 16 : 34), top = 4, right = 6;
    const plotWidth = width - left - right;
    const plotHeight = Math.round(plotWidth * (whole ? 1 : 0.92));
    const slant = whole ? 0.64 : 1, bottom = Math.ceil(widest(columnNames, font) * slant) + (whole ? 22 : 34);
    const cellWidth = plotWidth / columns.length, cellHeight = plotHeight / rows.length;
    const height = top + plotHeight + bottom;
    Object.assign(map, { left, top, cellWidth, cellHeight, width, height, plotWidth, plotHeight });

    const svg = element("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    const box = { x: left, y: top, width: plotWidth, height: plotHeight };
    svg.append(element("image", { ...box, href: cellImage(rows, columns), preserveAspectRatio: "none" }));
    drawConstant(svg, map);
    if (Math.min(cellWidth, cellHeight) >= MARK_PX) {
      const { value, error } = numbers();
      let path = "";
      rows.forEach((row, i) => columns.forEach((column, j) => {
        const at = row * count + column;
        if (like(value[at], error[at])) path += `M${(left + (j + 0.5) * cellWidth).toFixed(1)} ${(top + (i + 0.5) * cellHeight).toFixed(1)}h0`;
      }));
      if (path) svg.append(element("path", { class: "dots", d: path, "stroke-width": Math.min(5, Math.min(cellWidth, cellHeight) * 0.34).toFixed(2) }));
    }
    if (whole) drawModels(svg, map, rowNames); else drawSteps(svg, map, rowNames, columnNames, from, to);
    map.halo = element("rect", { class: "halo", visibility: "hidden" });
    map.cursor = element("rect", { class: "cursor", visibility: "hidden" });
    svg.append(map.halo, map.cursor);
    holder.replaceChildren(svg);
    map.svg = svg;
  }

  // Rows and columns of steps that are the same for all images: hatched, whatever the colours.
  let patterns = 0;
  function drawConstant(svg, map) {
    const { rows, columns, left, top, cellWidth, cellHeight, plotWidth, plotHeight } = map;
    if (!rows.some((step) => constant[step]) && !columns.some((step) => constant[step])) return;
    const id = `hatch-${patterns++}`, pattern = element("pattern", { id, width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" });
    pattern.append(element("rect", { class: "hatch-ground", width: 5, height: 5 }), element("path", { class: "hatch-line", d: "M0 0v5" }));
    svg.append(pattern);
    const fill = { fill: `url(#${id})` };
    rows.forEach((step, i) => { if (constant[step]) svg.append(element("rect", { ...fill, x: left, y: top + i * cellHeight, width: plotWidth, height: cellHeight })); });
    columns.forEach((step, j) => { if (constant[step]) svg.append(element("rect", { ...fill, x: left + j * cellWidth, y: top, width: cellWidth, height: plotHeight })); });
  }

  function drawSteps(svg, map, rowNames, columnNames, from, to) {
    const { left, top, cellWidth, cellHeight, plotWidth, plotHeight, height } = map, base = top + plotHeight;
    svg.append(element("rect", { x: left - 5, y: top, width: 3, height: plotHeight, style: `fill:${from.colour}` }));
    svg.append(element("rect", { x: left, y: base + 2, width: plotWidth, height: 3, style: `fill:${to.colour}` }));
    for (const i of thinned(rowNames.length, plotHeight / STEP_PX)) {
      svg.append(element("text", { x: left - 9, y: top + (i + 0.5) * cellHeight + 3.6, "text-anchor": "end" }, rowNames[i]));
    }
    for (const j of thinned(columnNames.length, plotWidth / STEP_PX)) {
      const x = left + (j + 0.5) * cellWidth + 3.6, y = base + 9;
      svg.append(element("text", { x, y, "text-anchor": "end", transform: `rotate(-90 ${x} ${y})` }, columnNames[j]));
    }
    const middle = top + plotHeight / 2;
    svg.append(element("text", { class: "axis", x: 11, y: middle, "text-anchor": "middle", transform: `rotate(-90 11 ${middle})` }, `from ${shorten(from.name, 34)}${namingNote(rowNames.length, plotHeight / STEP_PX)}`));
    svg.append(element("text", { class: "axis", x: left + plotWidth / 2, y: height - 5, "text-anchor": "middle" }, `to ${shorten(to.name, 34)}${namingNote(columnNames.length, plotWidth / STEP_PX)}`));
  }

  function drawModels(svg, map, names) {
    const { left, top, cellWidth, cellHeight, plotWidth, plotHeight } = map, base = top + plotHeight;
    study.models.forEach((model, m) => {
      const y = top + ((model.start + model.stop) / 2) * cellHeight, x = left + ((model.start + model.stop) / 2) * cellWidth;
      const tall = (model.stop - model.start) * cellHeight, broad = (model.stop - model.start) * cellWidth;
      svg.append(element("rect", { x: left - 6, y: top + model.start * cellHeight + 1, width: 4, height: Math.max(1, tall - 2), style: `fill:${model.colour}` }));
      svg.append(element("rect", { x: left + model.start * cellWidth + 1, y: base + 2, width: Math.max(1, broad - 2), height: 4, style: `fill:${model.colour}` }));
      svg.append(element("text", { class: "axis", x: left - 10, y: y + 4, "text-anchor": "end" }, names[m]));
      const down = base + 16;
      svg.append(element("text", { class: "axis", x: x + 4, y: down, "text-anchor": "end", transform: `rotate(-40 ${x + 4} ${down})` }, names[m]));
      if (m) {
        const boundary = { class: "edge", "stroke-width": 2 };
        svg.append(element("path", { ...boundary, d: `M${left} ${top + model.start * cellHeight}h${plotWidth}M${left + model.start * cellWidth} ${top}v${plotHeight}` }));
      }
    });
  }

  // What a cell says.
  const tip = document.createElement("div");
  tip.className = "tip"; tip.hidden = true;
  const spoken = document.createElement("div");
  spoken.className = "unseen"; spoken.setAttribute("aria-live", "polite");
  document.body.append(tip, spoken);
  const shown = (value) => (Number.isNaN(value) ? "undefined" : value < 0.001 && value > 0 ? value.toPrecision(2) : value.toFixed(4));
  const withError = (at, data) => {
    const error = (data.sampling || data.error)[at];
    return `${shown(data.value[at])}${Number.isNaN(error) ? "" : ` ± ${shown(error)}`}`;
  };

  function reading(source, target) {
    const data = numbers(), at = source * count + target, back = target * count + source;
    const label = (step) => `${study.models[modelOf[step]].name} / ${called(step)}, depth ${study.steps[step].depth.toFixed(2)}`;
    const value = data.value[at], error = data.error[at];
    const lines = [["from", label(source)], ["to", label(target)]];
    const notes = [...new Set([source, target])].filter((step) => study.steps[step].sign).map((step) => `${study.steps[step].sign} ${study.steps[step].warning}`);
    if (constant[source] || constant[target]) {
      const which = constant[source] && constant[target] && source !== target ? "both steps are" : `${study.steps[constant[source] ? source : target].name} is`;
      return { lines, notes: [`${which} the same for all images: no value`, ...notes] };
    }
    lines.push(["Δ", withError(at, data), "value"], ["reverse", withError(back, data)]);
    if (data.sampling) lines.push(["±", "sampling error, what new images would change"], ["query-row error", `${shown(error)}, conditional on these reference images`]);
    else if (!Number.isNaN(error)) lines.push(["±", "query-row error, conditional on these reference images"]);
    lines.push(["k", String(study.k[state.k])]);
    if (like(value, error)) notes.unshift("not distinguishable from independent");
    else if (value - 1 > 2 * error) notes.unshift("above 1 by more than two query-row errors");
    else if (source === target) notes.unshift("a step against itself: the floor");
    return { lines, notes };
  }

  function point(map, i, j, x, y, speak) {
    i = Math.min(map.rows.length - 1, Math.max(0, i)); j = Math.min(map.columns.length - 1, Math.max(0, j));
    map.at = [i, j];
    const frame = { x: map.left + j * map.cellWidth, y: map.top + i * map.cellHeight, width: map.cellWidth, height: map.cellHeight, visibility: "visible" };
    for (const rect of [map.halo, map.cursor]) for (const [key, value] of Object.entries(frame)) rect.setAttribute(key, value);
    const { lines, notes } = reading(map.rows[i], map.columns[j]);
    const table = document.createElement("table");
    for (const [head, text, kind] of lines) {
      const row = table.insertRow(), th = document.createElement("th");
      th.textContent = head; row.append(th);
      const cell = row.insertCell();
      cell.textContent = text; if (kind) cell.className = kind;
    }
    tip.replaceChildren(table);
    for (const note of notes) { const p = document.createElement("p"); p.className = "note"; p.textContent = note; tip.append(p); }
    tip.hidden = false;
    if (x === undefined) {
      const bounds = map.svg.getBoundingClientRect(), zoom = bounds.width / map.width;
      x = bounds.left + (frame.x + map.cellWidth) * zoom; y = bounds.top + (frame.y + map.cellHeight) * zoom;
    }
    const size = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, x + 16 + size.width > innerWidth ? x - size.width - 14 : x + 16)}px`;
    tip.style.top = `${Math.max(4, y + 16 + size.height > innerHeight ? y - size.height - 14 : y + 16)}px`;
    if (speak) spoken.textContent = lines.map(([head, text]) => `${head} ${text}`).join("; ") + notes.map((note) => `; ${note}`).join("");
  }
  function leave(map) {
    tip.hidden = true;
    for (const rect of [map.halo, map.cursor]) if (rect) rect.setAttribute("visibility", "hidden");
  }
  function cellUnder(map, event) {
    const bounds = map.svg.getBoundingClientRect(), zoom = map.width / bounds.width;
    const j = Math.floor(((event.clientX - bounds.left) * zoom - map.left) / map.cellWidth);
    const i = Math.floor(((event.clientY - bounds.top) * zoom - map.top) / map.cellHeight);
    return i >= 0 && j >= 0 && i < map.rows.length && j < map.columns.length ? [i, j] : null;
  }

  const all = (start, stop) => Array.from({ length: stop - start }, (_, i) => start + i);
  const maps = [...document.querySelectorAll(".heatmap")].map((holder) => {
    const whole = holder.classList.contains("overview");
    const side = (key) => (whole ? all(0, count) : all(study.models[holder.dataset[key]].start, study.models[holder.dataset[key]].stop));
    const map = { holder, whole, rows: side("source"), columns: side("target"), at: [0, 0] };
    const onPointer = (event) => {
      const cell = cellUnder(map, event);
      if (cell) point(map, ...cell, event.clientX, event.clientY); else leave(map);
      holder.style.cursor = cell ? "crosshair" : "";
    };
    holder.addEventListener("pointermove", onPointer);
    holder.addEventListener("pointerdown", onPointer);
    holder.addEventListener("pointerleave", () => leave(map));
    holder.addEventListener("blur", () => leave(map));
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    holder.addEventListener("focus", () => { if (holder.matches(":focus-visible")) point(map, ...map.at, undefined, undefined, true); });
    holder.addEventListener("keydown", (event) => {
      if (event.key === "Escape") leave(map);
      else if (event.key === "Enter" && whole) follow(map, map.at);
      else if (moves[event.key]) {
        event.preventDefault();
        point(map, map.at[0] + moves[event.key][0], map.at[1] + moves[event.key][1], undefined, undefined, true);
      }
    });
    if (whole) holder.addEventListener("click", (event) => { const cell = cellUnder(map, event); if (cell) follow(map, cell); });
    return map;
  });
  function follow(map, [i, j]) {
    const goal = document.getElementById(`map-${modelOf[map.rows[i]]}-${modelOf[map.columns[j]]}`);
    if (goal) { leave(map); goal.scrollIntoView({ block: "center" }); goal.querySelector(".heatmap").focus({ preventScroll: true }); }
  }

  function update() {
    for (const map of maps) draw(map);
    const [low, high] = range();
    const ticks = document.querySelector(".scale .bar");
    if (ticks) ticks.replaceChildren(...[0, 0.25, 0.5, 0.75, 1].map((share) => {
      const tick = document.createElement("span");
      tick.style.left = `${share * 100}%`;
      tick.textContent = state.stretched ? (low + share * (high - low)).toFixed(2) : String(share);
      return tick;
    }));
    document.querySelectorAll("[data-k]").forEach((node) => { node.hidden = Number(node.dataset.k) !== state.k; });
  }
  document.querySelectorAll('input[name="k"]').forEach((input) => input.addEventListener("change", () => { state.k = Number(input.value); update(); }));
  const stretch = document.getElementById("stretch");
  if (stretch) stretch.addEventListener("change", () => { state.stretched = stretch.checked; update(); });
  let pending = 0, lastWidth = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === lastWidth) return;
    lastWidth = innerWidth;
    clearTimeout(pending); pending = setTimeout(update, 120);
  });
  update();
})();
