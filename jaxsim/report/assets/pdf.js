// A figure as a PDF: its shapes as they are, its words as text in the fonts that every reader has.
// Words that these fonts lack are drawn as small pictures.
const IN_SYMBOL = { "Δ": "D", "→": "\xae", "−": "-", "√": "\xd6", "≤": "\xa3", "≥": "\xb3", "∞": "\xa5", "α": "a", "β": "b", "σ": "s", "μ": "m" };
const IN_LATIN = { "…": "\x85", "†": "\x86", "‡": "\x87", "–": "\x96", "—": "\x97", "’": "\x92", "‘": "\x91", "“": "\x93", "”": "\x94", "•": "\x95", "€": "\x80" };
function runsOf(words) {
  const runs = [];
  for (const letter of words) {
    const code = letter.codePointAt(0), latin = (code >= 32 && code < 127) || (code >= 160 && code < 256) ? letter : IN_LATIN[letter];
    const [font, bytes] = latin ? ["F", latin] : IN_SYMBOL[letter] ? ["S", IN_SYMBOL[letter]] : ["picture", letter];
    const last = runs[runs.length - 1];
    if (last && last.font === font) { last.bytes += bytes; last.words += letter; } else runs.push({ font, bytes, words: letter });
  }
  return runs;
}
const pdfString = (bytes) => `(${bytes.replace(/[\\()]/g, "\\$&")})`;
const fixed = (value) => String(Number(value.toFixed(3)));
const rgbOf = (colour) => [1, 3, 5].map((i) => fixed(parseInt(colour.slice(i, i + 2), 16) / 255)).join(" ");

// Path data of the few commands that figures use, as PDF operators.
function pdfPath(d) {
  const parts = d.match(/[A-Za-z]|-?[\d.]+(?:e-?\d+)?/g) || [], out = [];
  let at = 0, x = 0, y = 0, start = [0, 0], command = "";
  const next = () => Number(parts[at++]), line = () => out.push(`${fixed(x)} ${fixed(y)} l`);
  while (at < parts.length) {
    if (/[A-Za-z]/.test(parts[at])) command = parts[at++];
    if (command === "M") { x = next(); y = next(); start = [x, y]; out.push(`${fixed(x)} ${fixed(y)} m`); command = "L"; }
    else if (command === "L") { x = next(); y = next(); line(); }
    else if (command === "H") { x = next(); line(); }
    else if (command === "V") { y = next(); line(); }
    else if (command === "h") { x += next(); line(); }
    else if (command === "v") { y += next(); line(); }
    else if (command === "Z") { out.push("h"); [x, y] = start; }
    else if (command === "a") {
      // Half a circle, as markers are drawn: two quarters.
      const r = next(); at += 4; const dx = next(); next();
      const side = Math.sign(dx), q = 0.5523 * r;
      out.push(`${fixed(x)} ${fixed(y - side * q)} ${fixed(x + side * (r - q))} ${fixed(y - side * r)} ${fixed(x + side * r)} ${fixed(y - side * r)} c`);
      out.push(`${fixed(x + side * (r + q))} ${fixed(y - side * r)} ${fixed(x + dx)} ${fixed(y - side * q)} ${fixed(x + dx)} ${fixed(y)} c`);
      x += dx;
    } else throw new Error(`Expected path data of the figures' own commands, got ${command}.`);
  }
  return out.join("\n");
}

async function pdfOf(name) {
  const { svg, width, height } = fileOf(name), objects = [], pictures = [], levels = new Map(), out = [];
  const level = (alpha) => { if (!levels.has(alpha)) levels.set(alpha, `G${levels.size}`); return levels.get(alpha); };
  const picture = (wide, tall, rgb, mask) => { pictures.push({ wide, tall, rgb, mask }); return `I${pictures.length - 1}`; };
  const get = (node, key) => node.getAttribute(key);
  for (const node of svg.children) {
    const kind = node.tagName, fill = get(node, "fill") || "#000000", stroke = get(node, "stroke"), num = (key) => Number(get(node, key) || 0);
    if (kind === "title" || kind === "desc") continue;
    out.push("q");
    const alpha = Number(get(node, "opacity") ?? 1) * Number(get(node, "fill-opacity") ?? 1);
    if (alpha < 1) out.push(`/${level(alpha)} gs`);
    if (kind === "image") {
      const { width: wide, height: tall, rgb } = node.pixels;
      out.push(`${fixed(num("width"))} 0 0 ${fixed(-num("height"))} ${fixed(num("x"))} ${fixed(num("y") + num("height"))} cm /${picture(wide, tall, rgb)} Do`);
    } else if (kind === "text") {
      textTo(out, node, picture, get, num);
    } else {
      const filled = fill !== "none" && fill !== "transparent", drawn = stroke && stroke !== "none" && Number(get(node, "stroke-width") ?? 1) > 0;
      if (filled) out.push(`${rgbOf(fill)} rg`);
      if (drawn) {
        out.push(`${rgbOf(stroke)} RG ${fixed(Number(get(node, "stroke-width") ?? 1))} w`);
        if (get(node, "stroke-linecap") === "round") out.push("1 J");
        if (get(node, "stroke-dasharray")) out.push(`[${get(node, "stroke-dasharray")}] 0 d`);
      }
      const r = num("r");
      out.push(kind === "rect" ? `${fixed(num("x"))} ${fixed(num("y"))} ${fixed(num("width"))} ${fixed(num("height"))} re` : kind === "circle" ? pdfPath(SHAPES.o(num("cx"), num("cy"), r)) : pdfPath(get(node, "d")));
      out.push(filled && drawn ? "B" : filled ? "f" : drawn ? "S" : "n");
    }
    out.push("Q");
  }
  // Points of a PDF count from below.
  const content = `0.75 0 0 -0.75 ${fixed(MARGIN * 0.75)} ${fixed((height - MARGIN) * 0.75)} cm\n${out.join("\n")}\n`;
  const add = (text, data) => { objects.push([text, data]); return objects.length; };
  add("<< /Type /Catalog /Pages 2 0 R >>"); add("<< /Type /Pages /Kids [3 0 R] /Count 1 >>"); add("");
  const fonts = [["F", "Helvetica", "/Encoding /WinAnsiEncoding"], ["B", "Helvetica-Bold", "/Encoding /WinAnsiEncoding"], ["S", "Symbol", ""]]
    .map(([key, base, encoding]) => `/${key} ${add(`<< /Type /Font /Subtype /Type1 /BaseFont /${base} ${encoding} >>`)} 0 R`);
  const states = [...levels].map(([alpha, key]) => `/${key} ${add(`<< /ca ${fixed(alpha)} /CA ${fixed(alpha)} >>`)} 0 R`);
  const binary = (bytes) => { let text = ""; for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192)); return text; };
  const images = pictures.map(({ wide, tall, rgb, mask }, i) => {
    const head = (space, more) => `/Type /XObject /Subtype /Image /Width ${wide} /Height ${tall} /ColorSpace /${space} /BitsPerComponent 8 ${more}`;
    const soft = mask ? `/SMask ${add(head("DeviceGray", ""), binary(mask))} 0 R` : "/Interpolate false";
    return `/I${i} ${add(head("DeviceRGB", soft), binary(rgb))} 0 R`;
  });
  const title = [...study.figures[name].title].map((letter) => letter.codePointAt(0).toString(16).padStart(4, "0")).join("");
  const stream = add("", content), info = add(`<< /Title <feff${title}> /Creator (jaxsim) >>`);
  objects[2] = [`<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${fixed(width * 0.75)} ${fixed(height * 0.75)}] /Contents ${stream} 0 R /Resources << /Font << ${fonts.join(" ")} >> /ExtGState << ${states.join(" ")} >> /XObject << ${images.join(" ")} >> >> >>`];
  let file = "%PDF-1.4\n%\xe2\xe3\xcf\xd3\n";
  const places = objects.map(([text, data], i) => {
    const place = file.length;
    file += data === undefined ? `${i + 1} 0 obj\n${text}\nendobj\n` : `${i + 1} 0 obj\n<< ${text} /Length ${data.length} >>\nstream\n${data}\nendstream\nendobj\n`;
    return place;
  });
  const table = file.length, entries = places.map((place) => `${String(place).padStart(10, "0")} 00000 n \n`).join("");
  file += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${entries}trailer\n<< /Size ${objects.length + 1} /Root 1 0 R /Info ${info} 0 R >>\nstartxref\n${table}\n%%EOF\n`;
  return Uint8Array.from(file, (letter) => letter.charCodeAt(0));
}

function textTo(out, node, picture, get, num) {
  const size = num("font-size"), bold = Number(get(node, "font-weight") || 400) >= 600, fill = get(node, "fill");
  const width = (words) => { ruler.font = `${bold ? 600 : 400} ${size}px ${FILE_FONT}`; return ruler.measureText(words).width; };
  const words = node.textContent, whole = width(words), anchor = get(node, "text-anchor");
  const turn = /rotate\((-?[\d.]+) (-?[\d.]+) (-?[\d.]+)\)/.exec(get(node, "transform") || "");
  const angle = turn ? (Number(turn[1]) * Math.PI) / 180 : 0;
  out.push(`${fixed(Math.cos(angle))} ${fixed(Math.sin(angle))} ${fixed(-Math.sin(angle))} ${fixed(Math.cos(angle))} ${fixed(num("x"))} ${fixed(num("y"))} cm`);
  let at = anchor === "end" ? -whole : anchor === "middle" ? -whole / 2 : 0;
  for (const run of runsOf(words)) {
    const font = run.font === "F" && bold ? "B" : run.font;
    if (font === "picture") {
      const { wide, tall, rgb, mask } = drawnWords(run.words, size, bold, fill);
      out.push(`q ${fixed(wide / 4)} 0 0 ${fixed(-tall / 4)} ${fixed(at)} ${fixed(size * 0.4)} cm /${picture(wide, tall, rgb, mask)} Do Q`);
    } else out.push(`BT ${rgbOf(fill)} rg /${font} ${fixed(size)} Tf 1 0 0 -1 ${fixed(at)} 0 Tm ${pdfString(run.bytes)} Tj ET`);
    at += width(run.words);
  }
}
// Words as pixels, four to a unit; the picture begins 1.2 sizes above their line.
function drawnWords(words, size, bold, fill) {
  const canvas = document.createElement("canvas"), font = `${bold ? 600 : 400} ${size * 4}px ${FILE_FONT}`;
  let context = canvas.getContext("2d");
  context.font = font;
  canvas.width = Math.max(1, Math.ceil(context.measureText(words).width)); canvas.height = Math.ceil(size * 6.4);
  context = canvas.getContext("2d");
  context.font = font; context.fillStyle = fill;
  context.fillText(words, 0, size * 4.8);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height), n = data.length / 4, rgb = new Uint8Array(3 * n), mask = new Uint8Array(n);
  for (let i = 0; i < n; i++) { rgb.set([data[4 * i], data[4 * i + 1], data[4 * i + 2]], 3 * i); mask[i] = data[4 * i + 3]; }
  return { wide: canvas.width, tall: canvas.height, rgb, mask };
}
