"use strict";
// The charts, by Observable Plot. It writes text as text; colours are CSS variables, so themes need no redraw.

const STEPS = { type: "symlog", constant: 10, label: null };

function frame(place, options) {
  const width = Math.max(280, Math.floor(options.width ?? place.clientWidth));
  return Plot.plot({
    className: "plot",
    width,
    height: options.height ?? Math.round(Math.min(420, Math.max(300, width * 0.6))),
    marginLeft: 44,
    marginBottom: 38,
    marginTop: 30,
    style: { background: "transparent", fontSize: "12px", color: "var(--ink)" },
    color: { type: "identity" },
    symbol: { type: "identity" },
    ...options,
  });
}

/** Labels at the ends of lines, pushed apart so that each can be read: `dy` in pixels. */
function endLabels(ends, y, height) {
  const gap = 13, scale = height / (y[1] - y[0]);
  const order = [...ends].sort((a, b) => a.y - b.y).map((end) => ({ ...end, at: end.y * scale }));
  order.forEach((end, i) => { if (i) end.at = Math.max(end.at, order[i - 1].at + gap); });
  // Pushed out of the top, they come back down together.
  const over = order.length ? Math.max(0, order.at(-1).at - y[1] * scale) : 0;
  for (let i = order.length - 1, limit = Infinity; over && i >= 0; i--) {
    order[i].at = Math.min(order[i].at, limit, y[1] * scale);
    limit = order[i].at - gap;
  }
  return order.map((end) => ({ ...end, to: end.at / scale }));
}

/** Groups of what stands closer together than `gap`. */
function neighbours(things, at, gap) {
  const groups = [];
  for (const thing of d3.sort(things, at))
    if (groups.length && at(thing) - at(groups.at(-1).at(-1)) < gap) groups.at(-1).push(thing);
    else groups.push([thing]);
  return groups;
}

/** Without its middle: scorers that differ in a parameter differ at the end. */
function shortened(text, limit) {
  const head = Math.floor((limit - 1) / 2);
  return text.length > limit ? `${text.slice(0, head)}…${text.slice(head + 1 - limit)}` : text;
}

function tipText(row, lines) {
  return [row.label, ...lines].join("\n");
}

function niceLow(values, step) {
  return Math.floor(d3.min(values) / step) * step;
}

/** Spearman against x, one line for each scorer: the frame of the cost and the time chart. */
function correlations(place, board, chosen, x, scale, rules = []) {
  const rows = board.rows.filter((row) => row.spearman && x(row) !== null);
  const lines = d3.groups(rows.filter((row) => row.kind === "predictor" && chosen.has(row.name)), (row) => row.name)
    .map(([, group]) => d3.sort(group, (row) => row.step));
  const points = lines.flat();
  const random = rows.filter((row) => row.name === "random"), oracle = rows.filter((row) => row.kind === "oracle");
  const lows = [...points, ...random].map((row) => row.spearman.low ?? row.spearman.mean);
  const domain = [niceLow([0, ...lows], 0.1), 1.02];
  const xs = scale.domain;
  const width = Math.max(280, place.clientWidth), height = Math.round(Math.min(420, Math.max(320, width * 0.62)));
  const ends = lines.map((line) => ({ row: line.at(-1), x: x(line.at(-1)), y: line.at(-1).spearman.mean }));
  const wide = 20 + 7.4 * (d3.max(ends, (end) => shortened(end.row.label, 18).length) ?? 4);
  const pixel = Plot.scale({ x: { ...scale, range: [0, width - wide - 44] } }).apply;
  const labels = neighbours(ends, (end) => pixel(end.x), 150).flatMap((group) => endLabels(group, domain, height - 68));
  const chance = d3.min(random, (row) => row.spearman.low ?? row.spearman.mean);
  return frame(place, {
    width, height, marginRight: wide,
    ariaLabel: "Rank correlation of each scorer with the final norms; the numbers are in the table",
    x: { ...scale, grid: false },
    y: { domain, label: "Spearman correlation", grid: true, ticks: 6, labelArrow: "none" },
    marks: [
      random.length ? Plot.rect([0], { x1: xs[0], x2: xs.at(-1), y1: chance, y2: d3.max(random, (row) => row.spearman.high ?? row.spearman.mean), fill: "var(--gray)", fillOpacity: 0.35 }) : null,
      random.length ? Plot.text(["random"], { x: xs[0], y: chance, dx: 4, dy: 8, textAnchor: "start", fill: "var(--soft)" }) : null,
      oracle.length ? Plot.ruleY([oracle[0].spearman.mean], { stroke: "var(--ink)", strokeDasharray: "5 4" }) : null,
      oracle.length ? Plot.text(["oracle"], { x: xs[0], y: oracle[0].spearman.mean, dx: 4, dy: -7, textAnchor: "start", fill: "var(--soft)" }) : null,
      rules.map((rule) => [
        Plot.ruleX([rule.x], { stroke: "var(--soft)", strokeDasharray: "1 3" }),
        Plot.text([rule.text], { x: rule.x, frameAnchor: "bottom", dx: 4, dy: -4, textAnchor: "start", fill: "var(--soft)" }),
      ]),
      x === BY_SECONDS ? null : Plot.areaY(points, { x, y1: (row) => row.spearman.low ?? row.spearman.mean, y2: (row) => row.spearman.high ?? row.spearman.mean, z: "name", fill: (row) => colour(row.look), fillOpacity: 0.13 }),
      Plot.ruleX(points, { x, y1: (row) => row.spearman.low ?? row.spearman.mean, y2: (row) => row.spearman.high ?? row.spearman.mean, stroke: (row) => colour(row.look), strokeWidth: 1.5 }),
      Plot.line(points, { x, y: (row) => row.spearman.mean, z: "name", stroke: (row) => colour(row.look), strokeWidth: 1.8 }),
      Plot.dot(points, { x, y: (row) => row.spearman.mean, stroke: (row) => colour(row.look), fill: "var(--page)", strokeWidth: 1.8, symbol: (row) => symbol(row.look), r: 4 }),
      Plot.text(labels, { x: "x", y: "to", text: (end) => shortened(end.row.label, 18), textAnchor: "start", dx: 9, fill: (end) => colour(end.row.look), fontWeight: 600, stroke: "var(--page)", strokeWidth: 4, paintOrder: "stroke" }),
      Plot.tip(points, Plot.pointer({ x, y: (row) => row.spearman.mean, fill: "var(--page)", stroke: "var(--line)", title: (row) => tipText(row, [`step ${count(row.step)}${row.relative === null ? "" : `, t/t_drop ${row.relative}`}`, `Spearman ${written(row.spearman.mean)} ${interval(row.spearman)}`, `${count(row.steps)} gradient steps${row.seconds === null ? "" : `, ${duration(row.seconds)}`} a network`]) })),
    ],
  });
}

function stepTicks(most) {
  return [0, 10, 100, 1000, 10000, 100000, 1000000].filter((tick) => tick === 0 || tick <= most);
}

const BY_SECONDS = (row) => row.seconds;

function costChart(place, board, chosen, unit) {
  const shown = board.rows.filter((row) => row.spearman && row.kind === "predictor" && chosen.has(row.name));
  if (!shown.some((row) => row[unit] !== null)) return null;
  if (unit === "steps") {
    const most = Math.max(100, board.training, d3.max(shown, (row) => row.steps)) * 1.15;
    const rules = [{ x: board.training, text: "one training" }];
    return correlations(place, board, chosen, (row) => row.steps, { ...STEPS, domain: [-0.6, most], ticks: stepTicks(most), tickFormat: count, label: "gradient steps per network", labelAnchor: "center", labelArrow: "none" }, rules);
  }
  const seconds = shown.map((row) => row.seconds).filter((value) => value !== null);
  const domain = [d3.min(seconds) / 1.3, d3.max(seconds) * 1.3];
  return correlations(place, board, chosen, BY_SECONDS, { type: "log", domain, ticks: 5, tickFormat: "~g", label: "seconds per network: training to the snapshot and scoring", labelAnchor: "center", labelArrow: "none" });
}

function timeChart(place, board, chosen, unit) {
  const label = { labelAnchor: "center", labelArrow: "none" };
  if (unit === "step") {
    const most = Math.max(20, d3.max(board.steps), board.drop ?? 0) * 1.1;
    return correlations(place, board, chosen, (row) => row.step, { ...STEPS, domain: [-0.6, most], ticks: board.steps, tickFormat: count, label: "step of the snapshot", ...label }, board.drop ? [{ x: board.drop, text: "plateau ends" }] : []);
  }
  if (!board.drop) return null;
  const most = Math.max(1.1, d3.max(board.rows, (row) => row.relative) * 1.1);
  return correlations(place, board, chosen, (row) => row.relative, { type: "symlog", constant: 0.05, domain: [-0.003, most], ticks: [0, 0.03, 0.1, 0.3, 1, 3, 10].filter((tick) => tick <= most), tickFormat: "~g", label: "step / end of the plateau (t / t_drop)", ...label }, [{ x: 1, text: "plateau ends" }]);
}

/** Spearman in each layer at a step, one line for each scorer; layers stand in the order in which they run. */
function layersChart(place, board, chosen, step) {
  const layers = board.layers.map((id) => board.columns.find((column) => column.id === String(id)));
  const points = board.rows.filter((row) => row.step === step && row.error === null).flatMap((row) => layers.filter((layer) => row.values[layer.id]).map((layer) => ({ row, layer: layer.title, ...row.values[layer.id] })));
  const drawn = points.filter((p) => p.row.kind === "predictor" && chosen.has(p.row.name)), random = points.filter((p) => p.row.name === "random");
  if (!drawn.length) return null;
  const titles = layers.map((layer) => layer.title), low = (p) => p.low ?? p.mean, high = (p) => p.high ?? p.mean;
  const domain = [niceLow([0, ...[...drawn, ...random].map(low)], 0.1), 1.02], height = 360;
  const last = titles.findLast((title) => drawn.some((p) => p.layer === title));
  const labels = endLabels(drawn.filter((p) => p.layer === last).map((p) => ({ row: p.row, y: p.mean })), domain, height - 68);
  const longest = d3.max(titles, (title) => title.length), wide = 20 + 7.4 * (d3.max(labels, (end) => shortened(end.row.label, 18).length) ?? 4);
  const turned = longest * 7.5 * titles.length > place.clientWidth - wide - 60;
  const paint = (p) => colour(p.row.look), at = { x: "layer", z: (p) => p.row.name };
  return frame(place, {
    height: height + (turned ? 6 * longest : 0), marginRight: wide, marginBottom: turned ? 30 + 6 * longest : 38, marginLeft: turned ? 60 : 44,
    ariaLabel: "Rank correlation of each scorer with the final norms in each layer; the numbers are in the table",
    x: { type: "point", domain: titles, padding: 0.3, label: null, tickRotate: turned ? -45 : 0 },
    y: { domain, label: "Spearman correlation", grid: true, ticks: 6, labelArrow: "none" },
    marks: [
      Plot.areaY(random, { ...at, y1: low, y2: high, fill: "var(--gray)", fillOpacity: 0.35 }),
      Plot.ruleX(drawn, { x: "layer", y1: low, y2: high, stroke: paint, strokeWidth: 1.5 }),
      Plot.line(drawn, { ...at, y: "mean", stroke: paint, strokeWidth: 1.8 }),
      Plot.dot(drawn, { ...at, y: "mean", stroke: paint, fill: "var(--page)", strokeWidth: 1.8, symbol: (p) => symbol(p.row.look), r: 4 }),
      Plot.text(labels, { x: () => last, y: "to", text: (end) => shortened(end.row.label, 18), textAnchor: "start", dx: 9, fill: (end) => colour(end.row.look), fontWeight: 600, stroke: "var(--page)", strokeWidth: 4, paintOrder: "stroke" }),
      Plot.tip(drawn, Plot.pointer({ x: "layer", y: "mean", fill: "var(--page)", stroke: "var(--line)", title: (p) => tipText(p.row, [p.layer, `Spearman ${written(p.mean)} ${interval(p)}`]) })),
    ],
  });
}

const AGAINST = { parameters: ["parameters left", 0], adds: ["multiply-adds left", 1] };

/** What of the network is left for a row: the share of units, or of what these are made of. */
function leftOf(board, protocol, row, share, against) {
  if (against === "units") return Number(share);
  if (protocol !== "prune_global") return board.sizes[share]?.[AGAINST[against][1]] ?? null;
  const left = against === "parameters" && board.columns.find(({ path }) => path[0] === data.left && path[2] === share);
  return left ? (row.values[left.id]?.mean ?? null) : null;
}

/** One panel for each protocol: accuracy against what is kept. */
function keptCharts(place, board, chosen, step, split, against) {
  const rowsAt = board.rows.filter((row) => row.step === step && row.error === null);
  const drawn = rowsAt.filter((row) => row.kind !== "predictor" || chosen.has(row.name));
  const pointsOf = (protocol, rows) => {
    const columns = board.columns.filter(({ path }) => path[0] === split && path[1] === protocol);
    const found = rows.flatMap((row) => columns.filter((c) => row.values[c.id]).map(({ id, path: [, , share] }) => ({ row, share: Number(share), x: leftOf(board, protocol === data.shuffled ? "prune_global" : protocol, row, share, against), kept: board.kept[share], ...row.values[id] })));
    return d3.sort(found.filter((p) => p.x !== null), (p) => -p.share);
  };
  const present = Object.entries(data.protocols).map(([protocol, title]) => ({
    title, points: pointsOf(protocol, drawn), shuffled: protocol === "prune_global" ? pointsOf(data.shuffled, drawn.filter((row) => row.kind === "predictor")) : [],
  })).filter((panel) => panel.points.length);
  if (!present.length) return [];
  const all = present.flatMap((panel) => [...panel.points, ...panel.shuffled]), dense = board.dense[split];
  const low = niceLow(all.map((p) => p.low ?? p.middle), 0.05), high = Math.min(1, Math.max(dense.middle, d3.max(all, (p) => p.high ?? p.middle)) + 0.01);
  const [least, most] = d3.extent(all, (p) => p.x);
  const ticks = against === "units" ? d3.sort(new Set(all.map((p) => p.share)), d3.descending) : [1, 0.8, 0.6, 0.4, 0.2, 0.1, 0.05, 0.02, 0.01, 0.001].filter((tick) => tick <= most * 1.05 && tick >= least);
  const label = against === "units" ? `% of the ${board.units} kept` : `% of the ${AGAINST[against][0]}`;
  const columns = place.clientWidth > 900 ? Math.min(3, present.length) : place.clientWidth > 620 ? Math.min(2, present.length) : 1;
  const width = Math.floor((place.clientWidth - 16 * (columns - 1)) / columns);
  return present.map((panel) => {
    const { points } = panel, height = 320;
    const predictors = points.filter((p) => p.row.kind === "predictor"), others = points.filter((p) => p.row.kind === "control"), oracle = points.filter((p) => p.row.kind === "oracle");
    const ends = d3.groups([...predictors, ...others], (p) => p.row.name).map(([, line]) => line.at(-1));
    const labels = endLabels(ends.map((p) => ({ row: p.row, x: p.x, y: p.middle })), [low, high], height - 68);
    const paint = (p) => colour(p.row.look), middle = { x: "x", y: "middle", z: (p) => p.row.name };
    const band = { x: "x", y1: (p) => p.low ?? p.middle, y2: (p) => p.high ?? p.middle, z: (p) => p.row.name };
    const chart = frame(place, {
      width, height, marginRight: 14 + Math.min(130, 7.4 * (d3.max(labels, (end) => shortened(end.row.label, 18).length) ?? 0)),
      ariaLabel: `${panel.title}: accuracy against what is kept; the numbers are in the table`,
      x: { type: "log", domain: [most * 1.05, least], ticks, tickFormat: (share) => `${+(100 * share).toPrecision(3)}`, label, labelAnchor: "center", labelArrow: "none" },
      y: { domain: [low, high], grid: true, tickFormat: (value) => `${Math.round(100 * value)}`, ticks: 6, label: `${data.splits[split]} accuracy (median), %`, labelArrow: "none" },
      marks: [
        Plot.ruleY([dense.middle], { stroke: "var(--ink)", strokeDasharray: "1 3" }),
        Plot.areaY(others, { ...band, fill: "var(--gray)", fillOpacity: 0.22 }),
        Plot.line(others, { ...middle, stroke: "var(--gray)", strokeWidth: 1.6 }),
        Plot.line(oracle, { ...middle, stroke: "var(--ink)", strokeDasharray: "5 4", strokeWidth: 1.4 }),
        Plot.line(panel.shuffled, { ...middle, stroke: paint, strokeDasharray: "3 3", strokeWidth: 1.4 }),
        Plot.areaY(predictors, { ...band, fill: paint, fillOpacity: 0.09 }),
        Plot.line(predictors, { ...middle, stroke: paint, strokeWidth: 1.8 }),
        Plot.dot(predictors, { ...middle, stroke: paint, fill: "var(--page)", strokeWidth: 1.6, symbol: (p) => symbol(p.row.look), r: 3.5 }),
        Plot.text(labels, { x: "x", y: "to", text: (end) => shortened(end.row.label, 18), textAnchor: "start", dx: 8, fill: (end) => (end.row.kind === "control" ? "var(--soft)" : colour(end.row.look)), fontWeight: 600 }),
        Plot.tip(points, Plot.pointer({ x: "x", y: "middle", fill: "var(--page)", stroke: "var(--line)", title: (p) => tipText(p.row, [`${+(100 * p.share).toPrecision(3)} % kept${p.kept ? ` (${count(p.kept)} ${board.units})` : ""}`, `${written(p.mean, true)} % ${interval(p, true)}`]) })),
      ],
    });
    return make("div", { class: "panel" }, make("h3", {}, panel.title), chart);
  });
}

/** Average ranks, 1 the least; equal values share theirs. */
function ranks(values) {
  const found = new Float64Array(values.length), order = d3.sort(d3.range(values.length), (i) => values[i]);
  for (let start = 0; start < order.length; ) {
    let end = start;
    while (end + 1 < order.length && values[order[end + 1]] === values[order[start]]) end++;
    for (let i = start; i <= end; i++) found[order[i]] = (start + end) / 2 + 1;
    start = end + 1;
  }
  return found;
}

function scatterChart(place, board, row, layer, axis) {
  const first = d3.sum(board.drawn_layers.slice(0, layer), ([, drawn]) => drawn), end = first + board.drawn_layers[layer][1];
  const [norms, scores] = [board.norms, row.scores].map((packed) => unpack(packed).slice(first, end));
  const x = axis === "rank" ? ranks(scores) : scores, share = Math.max(1, Math.round(0.1 * scores.length));
  const bestScore = d3.sort(x, d3.descending)[share - 1], bestNorm = d3.sort(norms, d3.descending)[share - 1];
  const points = d3.range(norms.length).map((i) => ({ x: x[i], norm: norms[i], kept: x[i] >= bestScore }));
  const positive = norms.every((norm) => norm > 0);
  return frame(place, {
    marginLeft: 56,
    ariaLabel: `Score of ${row.name} against the final norm of each neuron`,
    x: { label: axis === "rank" ? "rank of the score (right: keep)" : "score (right: keep)", labelAnchor: "center", labelArrow: "none", nice: true },
    y: { type: positive ? "log" : "symlog", label: "final effective norm", grid: true, ticks: 5, tickFormat: (norm) => d3.format(norm < 0.001 ? "~e" : "~g")(norm), labelArrow: "none", ...(positive ? {} : { constant: d3.quantile(norms.filter((n) => n > 0), 0.05) ?? 1 }) },
    marks: [
      Plot.ruleX([bestScore], { stroke: "var(--soft)", strokeDasharray: "1 3" }),
      Plot.ruleY([bestNorm], { stroke: "var(--soft)", strokeDasharray: "1 3" }),
      Plot.text(["10 % largest norms"], { frameAnchor: "left", y: bestNorm, textAnchor: "start", dx: 4, dy: -7, fill: "var(--soft)" }),
      Plot.text(["10 % best scores"], { x: bestScore, frameAnchor: "bottom", textAnchor: "end", dx: -4, dy: -6, fill: "var(--soft)" }),
      Plot.dot(points, { x: "x", y: "norm", r: 3, stroke: colour(row.look), fill: (p) => (p.kept ? colour(row.look) : "none"), strokeOpacity: 0.8, fillOpacity: 0.8 }),
    ],
  });
}
