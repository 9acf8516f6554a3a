"use strict";
// The charts: the specifications of the figures in files, with a board's points. Colours are CSS variables, so
// themes need no redraw; names stay text.

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
