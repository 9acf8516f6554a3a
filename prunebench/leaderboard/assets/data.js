"use strict";
// The page's data: boards with rows, and how numbers are written. Texts are untrusted and stay text.

let data = null;

const MARKS = { oracle: " †", control: " ‡", predictor: "" };

/** The data of the page, from JSON that is compressed and in base64. */
async function unpack() {
  const bytes = Uint8Array.from(atob(document.getElementById("data").textContent), (letter) => letter.charCodeAt(0));
  const found = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
  return { ...found, boards: found.boards.map(readBoard) };
}

/** The lines of a table that came in columns. */
const linesOf = (columns) => (columns.of ?? []).map((_, i) => Object.fromEntries(Object.keys(columns).map((key) => [key, columns[key][i]])));

/** A board with its rows as tables show them. */
function readBoard(board, number) {
  const rows = board.rows.map((row) => ({ ...row, ...row.look, label: row.look.name + MARKS[row.look.kind] }));
  return { ...board, number, rows, steps: [...new Set(rows.map((row) => row.step))] };
}

/** By these keys, the first that differs. */
function sorted(things, keys) {
  const found = new Map(things.map((thing) => [thing, keys(thing)]));
  return [...things].sort((a, b) => found.get(a).map((key, i) => key - found.get(b)[i]).find(Boolean) ?? 0);
}

/** What an interval is of: of accuracies the median, of all else the mean. */
const middleOf = ({ median, mean }) => median ?? mean;
const endsOf = (s) => [s.low ?? middleOf(s), s.high ?? middleOf(s)];

const percentOf = (column) => column.title + (column.percent && !column.title.includes("%") ? " (%)" : "");

const count = (value) => value.toLocaleString("en-US");
const duration = (value) => {
  if (value === null) return "";
  const unit = value < 1 ? 1000 : 1, digits = Math.max(0, 1 - Math.floor(Math.log10(value * unit)));
  return value < 0.001 ? "< 1 ms" : `${(value * unit).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${unit === 1 ? "s" : "ms"}`;
};
/** A difference with its interval, of accuracies that of the median, in digits enough that it is not 0 unless it is. */
function difference(s, percent) {
  const factor = percent ? 100 : 1, least = Math.abs(factor * s.mean);
  let digits = percent ? 1 : 2;
  while (digits < 6 && least > 0 && least < 2 * 10 ** -digits) digits++;
  const text = (value) => `${value < 0 ? "−" : "+"}${Math.abs(factor * value).toFixed(digits)}`;
  return `${text(s.mean)}${s.low === null ? "" : `${s.median == null ? "" : ` · ${text(s.median)}`} [${text(s.low)}, ${text(s.high)}]`}`;
}

const written = (value, percent) => (percent ? (100 * value).toFixed(1) : value.toFixed(2)).replace(/^-(?=.*[1-9])/, "−").replace("-", "");

function interval(s, percent, write = written) {
  if (s.low === null) return "";
  return `${s.median === null ? "" : `· ${write(s.median, percent)} `}[${write(s.low, percent)}, ${write(s.high, percent)}]`;
}

function rankText(row) {
  if (row.rank === null) return "";
  const [first, last] = row.rank;
  return first === last ? String(first) : `${first}–${last}`;
}

/** Why a row has no numbers. */
const reason = (row) => `${row.unfit ? "not for this network or task" : "failed"}: ${row.error}`;

const colour = (look) => (look.kind === "oracle" ? "var(--ink)" : look.colour === null ? "var(--gray)" : `var(--s${look.colour})`);
/** An element with attributes and children; children that are strings become text, never markup. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** The symbol of a scorer, as in the charts. */
function swatch(look) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg"), path = svg.appendChild(document.createElementNS(svg.namespaceURI, "path"));
  const set = (element, attributes) => Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  set(svg, { class: "swatch", viewBox: "-1.3 -1.3 2.6 2.6", "aria-hidden": "true" });
  set(path, { d: data.symbols[look.symbol], fill: "none", stroke: colour(look), "stroke-width": 0.4 });
  return svg;
}

/** A name that may be broken where its words and its parameters begin. */
function breakable(name) {
  return name.split(/(?<=_)|(?=\[)|(?<=,)/).flatMap((part, i) => i ? [document.createElement("wbr"), part] : [part]);
}

/** An interval as a bar between the ends of `domain`, over the band that random scores reach. */
function bar(s, domain, band, tint) {
  const at = (value) => `${(100 * (Math.min(Math.max(value, domain[0]), domain[1]) - domain[0])) / (domain[1] - domain[0] || 1)}%`;
  const part = (name, from, to) => {
    const mark = make("i", { class: name });
    mark.style.left = at(from);
    if (to !== undefined) mark.style.width = `calc(${at(to)} - ${at(from)})`;
    return mark;
  };
  const whole = make("span", { class: "bar", "aria-hidden": "true" }, band ? part("band", ...endsOf(band)) : null, part("line", ...endsOf(s)), part("dot", middleOf(s)));
  whole.style.setProperty("--tint", tint);
  return whole;
}
