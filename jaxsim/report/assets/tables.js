// Tables: filled when they are opened, sorted by a click on a heading, filtered, copied as LaTeX, downloaded as CSV.
const TABLES = {};
function make(tag, attributes = {}, words) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (words !== undefined) node.textContent = words;
  return node;
}
// What is less comes first; what has no value comes last, whichever way.
function compared(a, b, down) {
  const none = [a, b].map((value) => value === null || value === "");
  if (none[0] || none[1]) return none[0] - none[1];
  const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
  return down ? -order : order;
}
function seen(name) {
  const { order, down, filter } = TABLES[name], words = filter.toLowerCase();
  const rows = tableRows(name).filter((row) => !words || row.some((cell) => String(cell ?? "").toLowerCase().includes(words)));
  return order === null ? rows : [...rows].sort((a, b) => compared(a[order], b[order], down));
}
function latexText(name) {
  const escape = (text) => text.replace(/[\\&%$#_{}~^]/g, (c) => ({ "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}" })[c] || `\\${c}`)
    .replaceAll("→", "$\\to$").replaceAll("Δ", "$\\Delta$").replaceAll("−", "$-$").replaceAll("±", "$\\pm$").replaceAll("–", "--").replaceAll("‖", "$\\|$");
  const head = study.tables[name].head, rows = seen(name), numeric = head.map((_, i) => rows.some((row) => typeof row[i] === "number"));
  const line = (cells) => `${cells.join(" & ")} \\\\`;
  const body = rows.map((row) => line(row.map((cell) => escape(typeof cell === "number" || cell === null ? written(cell) : cell))));
  return [`\\begin{tabular}{${numeric.map((right) => (right ? "r" : "l")).join("")}}`, "\\toprule", line(head.map(escape)), "\\midrule", ...body, "\\bottomrule", "\\end{tabular}", ""].join("\n");
}
async function copy(words, button) {
  try { await navigator.clipboard.writeText(words); } catch {
    // A page from a disk may not be let at the clipboard.
    const area = make("textarea"); area.value = words; document.body.append(area); area.select(); document.execCommand("copy"); area.remove();
  }
  const before = button.textContent;
  button.textContent = "copied"; setTimeout(() => { button.textContent = before; }, 1200);
}

function fillTable(holder) {
  const name = holder.dataset.table;
  TABLES[name] = TABLES[name] || { order: null, down: false, filter: "" };
  const bar = make("div", { class: "tools" }), filter = make("input", { type: "search", placeholder: "filter rows", "aria-label": "Filter rows" });
  const latex = make("button", { type: "button" }, "copy as LaTeX"), csv = make("button", { type: "button" }, "CSV"), tally = make("span", { class: "tally" });
  const table = make("table"), head = table.createTHead().insertRow(), body = table.createTBody();
  filter.value = TABLES[name].filter;
  filter.addEventListener("input", () => { TABLES[name].filter = filter.value; show(); });
  latex.addEventListener("click", () => copy(latexText(name), latex));
  csv.addEventListener("click", () => download(new Blob([csvText([study.tables[name].head, ...seen(name)])], { type: "text/csv;charset=utf-8" }), `${name}_k${study.k[state.k]}.csv`));
  study.tables[name].head.forEach((title, i) => {
    const cell = make("th", { scope: "col" }), button = make("button", { type: "button" }, title);
    button.addEventListener("click", () => {
      const now = TABLES[name];
      now.down = now.order === i ? !now.down : false; now.order = i; show();
    });
    cell.append(button); head.append(cell);
  });
  function show() {
    const rows = seen(name), { order, down } = TABLES[name];
    [...head.cells].forEach((cell, i) => { cell.setAttribute("aria-sort", order !== i ? "none" : down ? "descending" : "ascending"); });
    body.replaceChildren(...rows.map((row) => {
      const line = make("tr");
      row.forEach((value) => {
        const cell = line.insertCell();
        if (typeof value === "number" || value === null) { cell.className = "number"; cell.textContent = written(value); if (value !== null) cell.dataset.value = value; } else cell.textContent = value;
      });
      return line;
    }));
    [...head.cells].forEach((cell, i) => { cell.className = rows.some((row) => typeof row[i] === "number") ? "number" : ""; });
    tally.textContent = `${rows.length} of ${tableRows(name).length} rows`;
  }
  bar.append(filter, latex, csv, tally);
  const scroll = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": study.tables[name].title });
  scroll.append(table);
  holder.replaceChildren(bar, scroll);
  show();
}
