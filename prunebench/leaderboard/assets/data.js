"use strict";
// The page's data, unpacked: boards with rows, and how numbers are written. Texts are untrusted and stay text.

const data = JSON.parse(document.getElementById("data").textContent);

const MARKS = { oracle: " †", control: " ‡", predictor: "" };

/** Numbers of two digits each. */
function codesOf(text) {
  const codes = [];
  for (let i = 0; i < text.length; i += 2) codes.push(data.digits.indexOf(text[i]) * data.digits.length + data.digits.indexOf(text[i + 1]));
  return codes;
}

const unpack = ([scale, low, high, text]) => codesOf(text).map((code) => scale * Math.sinh(low + (code * (high - low)) / (data.digits.length ** 2 - 1)));

/** By these keys, the first that differs. */
function sorted(things, keys) {
  const found = new Map(things.map((thing) => [thing, keys(thing)]));
  return [...things].sort((a, b) => found.get(a).map((key, i) => key - found.get(b)[i]).find(Boolean) ?? 0);
}

/** Numbers near 0 to 1, null where there is none; they came as a list where one of them is not near. */
const sharesOf = (packed) => (Array.isArray(packed) ? packed : codesOf(packed).map((code) => (code === data.digits.length ** 2 - 1 ? null : code / data.per_one - 1.5)));

/** `middle` is what the interval is of: the median of accuracies, the mean of all else. */
const summaryOf = (numbers) => (numbers === null || numbers[0] === null ? null : { mean: numbers[0], low: numbers[1], high: numbers[2], median: numbers[3] ?? null, middle: numbers[3] ?? numbers[0] });

/** A board with what the overview shows of it: its steps, and by each metric the best predictor at each. */
function outline(packed, number) {
  const verdicts = packed.verdicts.map((at) => at.map((v) => {
    if (v.row === null) return v;
    const look = data.scorers[packed.rows.scorer[v.row]];
    return { ...v, look, relative: packed.rows.relative[v.row], cost: packed.rows.steps[v.row], seconds: packed.rows.seconds[v.row], value: summaryOf(v.value), ahead: summaryOf(v.ahead), costlyValue: summaryOf(v.costly_value) };
  }));
  return { ...packed, number, steps: [...new Set(packed.rows.step)], verdicts, dense: summaryOf(packed.dense.accuracy) };
}

const percentOf = (column) => column.title + (column.percent && !column.title.includes("%") ? " (%)" : "");

/** The columns of a table, from their numbers and titles there. */
const columnsOf = (chosen) => chosen.map(([id, title]) => ({ id, ...data.columns[id], title }));

/** A board in full. */
function openBoard(number) {
  const packed = data.boards[number];
  const names = Object.keys(packed.rows);
  const rows = packed.rows.step.map((_, i) => {
    const row = { values: {}, marks: {} };
    for (const name of names) row[name] = packed.rows[name][i];
    const look = data.scorers[row.scorer];
    return { ...row, look, name: look.name, kind: look.kind, label: look.name + MARKS[look.kind], scores: packed.scores[i] };
  });
  for (const [column, texts] of Object.entries(packed.values)) {
    const parts = texts.map(sharesOf), marks = packed.marks[column] ?? "";
    rows.forEach((row, i) => { row.values[column] = summaryOf(parts.map((part) => part[i])); row.marks[column] = (marks[i] ?? " ").trim(); });
  }
  return { ...outline(packed, number), rows };
}

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
  const low = s.low ?? s.middle, high = s.high ?? s.middle;
  const part = (name, from, to) => {
    const mark = make("i", { class: name });
    mark.style.left = at(from);
    if (to !== undefined) mark.style.width = `calc(${at(to)} - ${at(from)})`;
    return mark;
  };
  const whole = make("span", { class: "bar", "aria-hidden": "true" }, band ? part("band", band.low ?? band.middle, band.high ?? band.middle) : null, part("line", low, high), part("dot", s.middle));
  whole.style.setProperty("--tint", tint);
  return whole;
}
