"use strict";
// The page's data, unpacked: boards with rows, and how numbers are written. Texts are untrusted and stay text.

const data = JSON.parse(document.getElementById("data").textContent);

const MARKS = { oracle: " †", control: " ‡", predictor: "" };

function unpack([scale, low, high, text]) {
  const base = data.digits.length, last = base * base - 1, values = [];
  for (let i = 0; i < text.length; i += 2) {
    const code = data.digits.indexOf(text[i]) * base + data.digits.indexOf(text[i + 1]);
    values.push(scale * Math.sinh(low + (code * (high - low)) / last));
  }
  return values;
}

const summary = (values, i) => summaryOf(values.map((part) => part[i]));

/** `middle` is what the interval is of: the median of accuracies, the mean of all else. */
function summaryOf([mean, below, above, median = null]) {
  if (mean === null) return null;
  const known = below !== null, middle = mean + (median ?? 0);
  return { mean: mean / data.unit, median: median === null ? null : middle / data.unit, middle: middle / data.unit, low: known ? (middle - below) / data.unit : null, high: known ? (middle + above) / data.unit : null };
}

/** What the overview shows of a board: its words and the best predictor at each step. */
function outline(packed, number) {
  const verdicts = packed.verdicts.map((v) => {
    if (v.row === null) return v;
    const look = data.scorers[packed.rows.scorer[v.row]];
    return { ...v, look, relative: packed.rows.relative[v.row], cost: packed.rows.steps[v.row], seconds: packed.rows.seconds[v.row], spearman: summaryOf(v.spearman), ahead: summaryOf(v.ahead) };
  });
  const dense = Object.fromEntries(Object.entries(packed.dense).map(([split, s]) => [split, summaryOf(s)]));
  return { number, name: packed.name, task: packed.task, network: packed.network, recipe: packed.recipe, steps: packed.verdicts.map((v) => v.step), verdicts, dense };
}

/** A board in full. */
function openBoard(number) {
  const packed = data.boards[number];
  const names = Object.keys(packed.rows);
  const rows = packed.rows.step.map((_, i) => {
    const row = { index: i, values: {} };
    for (const name of names) row[name] = packed.rows[name][i];
    const look = data.scorers[row.scorer];
    return { ...row, look, name: look.name, kind: look.kind, label: look.name + MARKS[look.kind], scores: packed.scores[i] };
  });
  for (const [column, values] of Object.entries(packed.values))
    rows.forEach((row, i) => (row.values[column] = summary(values, i)));
  const columns = Object.keys(packed.values).map((id) => ({ id, ...data.columns[id] }));
  const spearman = columns.find((column) => column.path[0] === "spearman");
  for (const row of rows) row.spearman = spearman ? row.values[spearman.id] : null;
  return { ...packed, ...outline(packed, number), rows, columns };
}

const count = (value) => d3.format(",")(value);
const signed = (value) => (value < 0 ? "" : "+") + written(value);
const duration = (value) => {
  if (value === null) return "";
  const unit = value < 1 ? 1000 : 1, digits = Math.max(0, 1 - Math.floor(Math.log10(value * unit)));
  return value < 0.001 ? "< 1 ms" : `${d3.format(`,.${digits}f`)(value * unit)} ${unit === 1 ? "s" : "ms"}`;
};
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
const symbol = (look) => data.symbols[look.symbol];

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
  const svg = d3.create("svg").attr("class", "swatch").attr("viewBox", "-7 -7 14 14").attr("aria-hidden", "true");
  const path = { circle: d3.symbolCircle, square: d3.symbolSquare, triangle: d3.symbolTriangle, diamond: d3.symbolDiamond, star: d3.symbolStar, cross: d3.symbolCross, times: d3.symbolTimes }[symbol(look)];
  const stroked = symbol(look) === "times";
  svg.append("path").attr("d", d3.symbol(path, 60)())
    .attr("fill", stroked ? "none" : colour(look)).attr("stroke", stroked ? colour(look) : "none").attr("stroke-width", 2);
  return svg.node();
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
