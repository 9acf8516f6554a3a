"use strict";
// The charts: the specifications of the figures in files, with a board's points. Colours are CSS variables, so
// themes need no redraw; names stay text.

// Of charts with a panel for each of something: the room beside them, a panel's least width, its shape.
const PANELS = { standing: [40, 170, 1], kept: [60, 240, 0.75], scatter: [60, 120, 0.8], critical: [40, 1, 1] };

/** A packed table as points. */
function unpackPoints(packed) {
  const points = [];
  for (const [field, column] of Object.entries(packed)) {
    if (typeof column === "string") {
      sharesOf(column).forEach((share, i) => ((points[i] ??= {})[field] = share));
      continue;
    }
    const [values, codes] = column;
    let at = 0, value = null;
    for (const code of codes) {
      if (code >= 0) value = values[code];
      for (let times = Math.max(1, -code); times > 0; times--) (points[at++] ??= {})[field] = value;
    }
  }
  return points;
}

/** The units of the example network, with the scores of each of these rows. */
function unitPoints(board, rows) {
  const norms = unpack(board.norms), layers = board.drawn_layers.flatMap(([name, units]) => Array(units).fill(board.drawn_layers.length > 1 ? name : ""));
  return rows.flatMap((row, place) => unpack(row.scores).map((score, i) => ({ scorer: row.name, kind: row.kind, place, layer: layers[i], norm: norms[i], score })));
}

/** Draw a chart into the figure `id`; of scorers those that are chosen. Later drawings wait for earlier ones. */
function drawChart(id, name, all, chosen, first = {}) {
  const target = document.querySelector(`#${id} .chart`), spec = structuredClone(data.charts[name]);
  const points = all.map((p) => ({ ...p, drawn: ["predictor", "shuffled"].includes(p.kind) ? chosen.has(p.scorer) : (p.drawn ?? true) }));
  const shown = points.filter((p) => p.drawn || id === "standing"), panel = spec.facet?.field;
  points[0] = { ...points[0], ...first };
  spec.datasets = { points };
  const [beside, least, ratio] = PANELS[name.split("_")[0]] ?? [70, 1, 0.6], named = ["standing", "critical"].includes(name);
  const names = named ? 6.5 * Math.min(26, Math.max(...shown.map((p) => p.scorer?.length ?? 0))) : 0;
  const count = panel ? new Set(shown.map((p) => p[panel]).filter(Boolean)).size : 1, room = target.clientWidth - beside - names;
  spec.columns = Math.max(1, Math.min(count, Math.floor(room / least)));
  const inner = spec.spec ?? spec;
  inner.width = Math.floor(room / spec.columns) - (panel ? 14 : 0);
  if (typeof inner.height === "number") inner.height = Math.round(Math.min(340, Math.max(panel ? 0 : 260, ratio * inner.width)));
  const draw = async () => {
    target.drawn?.finalize();
    target.drawn = await vegaEmbed(target, spec, { mode: "vega-lite", actions: false, ast: true, logLevel: vega.Error, renderer: "svg", defaultStyle: false });
    const svg = target.querySelector("svg"), caption = target.closest("figure").querySelector("figcaption");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", `${caption.textContent}: ${count} ${count === 1 ? "panel" : "panels"}; the numbers are in the tables`);
  };
  target.waiting = (target.waiting ?? Promise.resolve()).then(draw);
}

/** Say in a figure why there is nothing to draw. */
function drawNothing(id, why) {
  const target = document.querySelector(`#${id} .chart`);
  target.waiting = (target.waiting ?? Promise.resolve()).then(() => {
    target.drawn?.finalize();
    target.drawn = null;
    target.replaceChildren(make("p", { class: "empty" }, why));
  });
}
