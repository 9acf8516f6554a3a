"use strict";
// The charts: the specifications of the figures in files, with a board's points. Colours are CSS variables, so
// themes need no redraw; names stay text.

/** The numbers of a board, each with its place in a chart: the lines that figures in files draw (points.py). */
function pointsOf(board) {
  const points = sorted(board.rows, (row) => [row.place]).flatMap((row) => Object.entries(board.places).filter(([id]) => row.values[id]).map(([id, place]) => {
    const { step, relative, steps, seconds, share } = row, times = data.columns[id].percent ? 100 : 1;
    const [middle, low, high] = ["middle", "low", "high"].map((end) => (row.values[id][end] === null ? null : times * row.values[id][end]));
    const left = place.by_row ? { parameters: row.left[place.by_row] } : {};
    return { ...row.look.point, step, relative, steps, seconds, share, ...left, ...place, middle, low, high };
  }));
  return [...points, ...board.ceilings];
}

/** The units of the example network, with the scores of each of these rows. */
function unitPoints(board, rows) {
  const norms = unpack(board.norms), layers = board.drawn_layers.flatMap(([name, units]) => Array(units).fill(board.drawn_layers.length > 1 ? name : ""));
  return rows.flatMap((row) => unpack(row.scores).map((score, i) => ({ of: "unit", ...row.look.point, step: row.step, layer: layers[i], norm: norms[i], score })));
}

/** Whether a chart draws a point, when these predictors are chosen. */
function isDrawn(point, chart, chosen) {
  if (point.of !== chart.of || point[chart.x] == null || chart.without.includes(point.kind)) return false;
  return chart.every || (["predictor", "shuffled"].includes(point.kind) ? chosen.has(point.scorer) : point.plain);
}

/** Draw a chart into the figure `id`, or say there why there is nothing to draw. Later drawings wait for earlier ones. */
function drawChart(id, name, points, why) {
  const target = document.querySelector(`#${id} .chart`);
  target.waiting = (target.waiting ?? Promise.resolve()).then(async () => {
    target.drawn?.finalize();
    target.drawn = points.length ? await embed(target, fitted(name, points, target.clientWidth)) : target.replaceChildren(make("p", { class: "empty" }, why));
  });
}

/** The specification of a chart that is so wide, with its data. */
function fitted(name, points, width) {
  const spec = structuredClone(data.charts[name]), { panel, names, letters, ratio } = spec.usermeta, inner = spec.spec ?? spec;
  const beside = names ? 40 + 6.5 * Math.min(26, Math.max(...points.map((point) => point.scorer.length))) : 60;
  const panels = new Set(points.map((point) => point[panel])).size, room = width - beside;
  spec.datasets = { points: points.map((point) => ({ ...point })), ends: [{ ...state.board?.ends }] };
  spec.usermeta.panels = panels;
  spec.columns = Math.max(1, Math.min(panels, Math.floor(room / (12 * letters))));
  inner.width = Math.floor(room / spec.columns) - (panel ? 14 : 0);
  if (ratio) inner.height = Math.round(Math.min(340, Math.max(panel ? 0 : 260, ratio * inner.width)));
  return spec;
}

async function embed(target, spec) {
  const drawn = await vegaEmbed(target, spec, { mode: "vega-lite", actions: false, ast: true, logLevel: vega.Error, renderer: "svg", defaultStyle: false });
  const { panels } = spec.usermeta, svg = target.querySelector("svg"), caption = target.closest("figure").querySelector("figcaption");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${caption.textContent}: ${panels} ${panels === 1 ? "panel" : "panels"}; the numbers are in the tables`);
  return drawn;
}
