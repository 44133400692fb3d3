// The page: figures drawn where they stand, k, pair and colours kept in the address, what lies under the pointer.
const tip = make("div", { class: "tip" }), spoken = make("div", { class: "unseen", "aria-live": "polite" });
tip.hidden = true;
document.body.append(tip, spoken);
const drawn = new Map();

function drawFigure(holder) {
  const name = holder.dataset.figure, figure = study.figures[name], width = Math.floor(holder.clientWidth);
  // What a closed fold holds is drawn when it is opened.
  if (!width || !figure || holder.closest("details:not([open])")) return;
  const pen = canvasFor(width, { small: holder.classList.contains("small") });
  const height = Math.ceil(KINDS[figure.kind](pen, specOf(name)));
  const ids = [`title-${name}`, `desc-${name}`];
  pen.svg.prepend(element("title", { id: ids[0] }, figure.title), element("desc", { id: ids[1] }, figure.description));
  for (const [key, value] of Object.entries({ viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-labelledby": ids.join(" ") })) pen.svg.setAttribute(key, value);
  if (pen.map) {
    pen.halo = pen.add("rect", { class: "halo", visibility: "hidden" }); pen.cursor = pen.add("rect", { class: "cursor", visibility: "hidden" });
    holder.tabIndex = 0;
  }
  holder.replaceChildren(pen.svg);
  drawn.set(holder, pen);
}

function show(lines, x, y, speak) {
  tip.replaceChildren(...lines.map((line, i) => make("p", i ? {} : { class: "first" }, line)));
  tip.hidden = false;
  const size = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, x + 16 + size.width > innerWidth ? x - size.width - 14 : x + 16)}px`;
  tip.style.top = `${Math.max(4, y + 16 + size.height > innerHeight ? y - size.height - 14 : y + 16)}px`;
  if (speak) spoken.textContent = lines.join("; ");
}
function leave(pen) {
  tip.hidden = true;
  for (const rect of [pen.halo, pen.cursor]) if (rect) rect.setAttribute("visibility", "hidden");
}
function pointCell(pen, i, j, x, y, speak) {
  const { map } = pen;
  i = Math.min(map.rows.length - 1, Math.max(0, i)); j = Math.min(map.columns.length - 1, Math.max(0, j));
  pen.at = [i, j];
  const frame = { x: map.left + j * map.cellWidth, y: map.top + i * map.cellHeight, width: map.cellWidth, height: map.cellHeight, visibility: "visible" };
  for (const rect of [pen.halo, pen.cursor]) for (const [key, value] of Object.entries(frame)) rect.setAttribute(key, value);
  if (x === undefined) { const bounds = pen.svg.getBoundingClientRect(); x = bounds.left + frame.x + map.cellWidth; y = bounds.top + frame.y + map.cellHeight; }
  show(reading(map.rows[i], map.columns[j]), x, y, speak);
}
function cellUnder(pen, event) {
  const bounds = pen.svg.getBoundingClientRect(), { map } = pen;
  const j = Math.floor((event.clientX - bounds.left - map.left) / map.cellWidth), i = Math.floor((event.clientY - bounds.top - map.top) / map.cellHeight);
  return i >= 0 && j >= 0 && i < map.rows.length && j < map.columns.length ? [i, j] : null;
}
function choosePair(a, b, scroll) {
  state.pair = [a, b]; update();
  if (scroll) document.getElementById("pair").scrollIntoView();
}
function listen(holder) {
  const onPointer = (event) => {
    const pen = drawn.get(holder);
    if (!pen) return;
    if (pen.map) { const cell = cellUnder(pen, event); if (cell) pointCell(pen, ...cell, event.clientX, event.clientY); else leave(pen); return; }
    const bounds = pen.svg.getBoundingClientRect(), x = event.clientX - bounds.left, y = event.clientY - bounds.top;
    let best = null, least = 18 ** 2;
    for (const hit of pen.hits) { const far = (hit.x - x) ** 2 + (hit.y - y) ** 2; if (far < least) { least = far; best = hit; } }
    if (best) show(best.lines, event.clientX, event.clientY); else leave(pen);
  };
  holder.addEventListener("pointermove", onPointer);
  holder.addEventListener("pointerdown", onPointer);
  for (const name of ["pointerleave", "blur"]) holder.addEventListener(name, () => { const pen = drawn.get(holder); if (pen) leave(pen); });
  const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const follow = (pen, [i, j]) => { if (pen.map.spec.whole && study.models.length > 1) { leave(pen); choosePair(modelOf[pen.map.rows[i]], modelOf[pen.map.columns[j]], true); } };
  holder.addEventListener("keydown", (event) => {
    const pen = drawn.get(holder), at = pen && (pen.at || [0, 0]);
    if (!pen || !pen.map) return;
    if (event.key === "Escape") leave(pen);
    else if (event.key === "Enter") follow(pen, at);
    else if (moves[event.key]) { event.preventDefault(); pointCell(pen, at[0] + moves[event.key][0], at[1] + moves[event.key][1], undefined, undefined, true); }
  });
  holder.addEventListener("click", (event) => { const pen = drawn.get(holder), cell = pen && pen.map && cellUnder(pen, event); if (cell) follow(pen, cell); });
}

// The address keeps the place and the choices: #distance&k=10&pair=0-2&scale=log&stretch=1
let place = "";
function remember() {
  const parts = [place, `k=${study.k[state.k]}`];
  if (study.models.length > 1) parts.push(`pair=${state.pair.join("-")}`);
  parts.push(`scale=${state.scale}`, `stretch=${Number(state.stretched)}`);
  history.replaceState(null, "", `#${parts.join("&")}`);
}
function recall() {
  const [anchor, ...rest] = decodeURIComponent(location.hash.slice(1)).split("&"), parts = anchor.includes("=") ? [anchor, ...rest] : rest;
  place = anchor.includes("=") ? "" : anchor;
  for (const part of parts) {
    const [key, value] = part.split("=");
    if (key === "k" && study.k.includes(Number(value))) state.k = study.k.indexOf(Number(value));
    if (key === "pair") { const pair = (value || "").split("-").map(Number); if (pair.length === 2 && pair.every((m) => study.models[m])) state.pair = pair; }
    if (key === "scale" && value in BEND) state.scale = value;
    if (key === "stretch") state.stretched = value === "1";
  }
}
function go(anchor, behavior = "smooth") {
  const goal = document.getElementById(anchor);
  if (!goal) return;
  for (let node = goal; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
  goal.querySelector(":scope > details.provenance")?.setAttribute("open", "");
  goal.scrollIntoView({ behavior });
}

const holders = [...document.querySelectorAll(".chart")];
function update({ keep = true } = {}) {
  for (const holder of holders) drawFigure(holder);
  const ends = range(), bar = document.querySelector(".scale .bar");
  if (bar) bar.replaceChildren(...[0, 0.25, 0.5, 0.75, 1].map((share) => { const tick = make("span", { style: `left:${share * 100}%` }, tickText(Number(valueAt(share, ends).toPrecision(2)))); return tick; }));
  document.querySelectorAll("[data-k]").forEach((node) => { node.hidden = Number(node.dataset.k) !== state.k; });
  document.querySelectorAll('input[name="k"]').forEach((input) => { input.checked = Number(input.value) === state.k; });
  const named = (id, value) => { const node = document.getElementById(id); if (node) node.value = value; };
  named("pair-a", state.pair[0]); named("pair-b", state.pair[1]); named("scale", state.scale);
  document.getElementById("stretch").checked = state.stretched;
  const said = document.getElementById("pair-said");
  if (said) said.textContent = study.said[state.k][state.pair[0] * study.models.length + state.pair[1]];
  for (const [side, name] of [["forward", "pair-forward"], ["backward", "pair-backward"]]) {
    const title = document.querySelector(`#${name} h3 span`), names = state.pair.map((m) => study.models[m].name);
    if (title) title.textContent = (side === "forward" ? names : names.reverse()).join(" → ");
  }
  document.querySelectorAll("details[open] [data-table]").forEach(fillTable);
  if (keep) remember();
}

document.querySelectorAll('input[name="k"]').forEach((input) => input.addEventListener("change", () => { state.k = Number(input.value); update(); }));
document.getElementById("stretch").addEventListener("change", (event) => { state.stretched = event.target.checked; update(); });
document.getElementById("scale").addEventListener("change", (event) => { state.scale = event.target.value; update(); });
for (const [id, side] of [["pair-a", 0], ["pair-b", 1]]) document.getElementById(id)?.addEventListener("change", (event) => { const pair = [...state.pair]; pair[side] = Number(event.target.value); choosePair(...pair); });
document.getElementById("pair-turn")?.addEventListener("click", () => choosePair(state.pair[1], state.pair[0]));
document.addEventListener("toggle", (event) => {
  if (!event.target.open) return;
  event.target.querySelectorAll(".chart").forEach(drawFigure);
  event.target.querySelectorAll(":scope > [data-table]").forEach(fillTable);
}, true);
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  if (!link) return;
  event.preventDefault();
  if (link.dataset.save) { save(link.dataset.of, link.dataset.save); return; }
  place = link.getAttribute("href").slice(1); remember(); go(place);
});
holders.forEach(listen);
const folder = document.getElementById("folder");
if (location.protocol === "file:") folder.textContent = decodeURIComponent(location.pathname).replace(/\/[^/]*$/, "");
let pending = 0, lastWidth = innerWidth;
addEventListener("resize", () => { if (innerWidth === lastWidth) return; lastWidth = innerWidth; clearTimeout(pending); pending = setTimeout(() => update(), 120); });
// Drawn anew for paper, whose width a page does not know of.
for (const [name, printing] of [["beforeprint", true], ["afterprint", false]]) addEventListener(name, () => {
  document.body.classList.toggle("printing", printing);
  document.querySelectorAll(".provenance, #cite").forEach((fold) => { fold.open = printing; });
  update({ keep: false });
});
addEventListener("hashchange", () => { recall(); update({ keep: false }); go(place); });
recall();
update({ keep: false });
if (place) go(place, "instant");
