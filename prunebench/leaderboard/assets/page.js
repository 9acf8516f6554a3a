"use strict";
// What is looked at, and the redrawing of what depends on it. The address says it all, so that it can be shared.

const by = (id) => document.getElementById(id);
const state = { board: null, step: 0, metric: 0, chosen: new Set(), mine: false, table: null, section: null };

const option = (value, text, selected) => make("option", { value, selected }, text);
const choices = (id, texts, chosen) => by(id).replaceChildren(...texts.map((text, i) => option(i, text, i === chosen)));

/** The boards of the network that is chosen. */
const shown = () => data.boards.filter((board) => ["", board.network].includes(by("network").value));

function openTask(task) {
  const boards = shown().filter((board) => board.task === task);
  by("recipe").replaceChildren(...boards.map((board) => option(board.number, board.recipe, false)));
  by("recipe").disabled = boards.length === 1;
  return boards[0].number;
}

/** Open a board, here or, of a site, on its own page. */
function open(number, step) {
  if (data.site === "index") location.href = `${encodeURIComponent(data.boards[number].name)}.html${step === null ? "" : `#${new URLSearchParams({ step })}`}`;
  else {
    show(number, step);
    by("results").focus();
  }
}

function show(number, step = null) {
  const board = (state.board = { ...data.boards[number], points: linesOf(data.boards[number].points) });
  if (!shown().some((one) => one.number === number)) chooseNetwork("");
  by("task").value = board.task;
  openTask(board.task);
  by("recipe").value = number;
  if (step !== null) state.step = step;
  if (!board.steps.includes(state.step)) state.step = board.steps[0] ?? 0;
  if (!state.mine) state.chosen = new Set(board.drawn);
  drawBoard();
}

/** What is looked at, in the address. */
function remember() {
  const looked = { board: state.board?.name, step: state.board && state.step, metric: state.metric ? data.metrics[state.metric].id : null, columns: state.section, steps: by("which").value === "all" ? "all" : null };
  history.replaceState(null, "", `#${new URLSearchParams(Object.entries(looked).filter(([, value]) => value !== null && value !== undefined))}`);
}

function drawBoard() {
  const { board } = state;
  by("board-title").textContent = board.heading;
  by("board-recipe").textContent = board.recipe;
  by("facts").replaceChildren(make("li", {}, `board ${board.name}`), ...board.facts.map((fact) => make("li", {}, fact)));
  by("floor").textContent = board.floor ?? "";
  by("bibtex").textContent = board.cite;
  by("commands").replaceChildren(...[...new Set(board.rows.map((row) => row.command))].filter(Boolean).map((command) => make("li", {}, make("code", {}, command))));
  by("provenance").replaceChildren(...Object.entries(board.provenance).flatMap(([key, value]) => [make("dt", {}, key), make("dd", {}, typeof value === "string" ? value : Object.entries(value).map(([name, part]) => `${name} ${typeof part === "string" ? part : JSON.stringify(part)}`).join(", "))]));
  state.sections = [
    { title: "Overview", note: "", columns: board.overview },
    ...board.sections,
    { title: "Cost", note: "gradient steps per network: to the snapshot and those that the scorer trained itself; time: training to the snapshot and scoring", columns: board.overview.slice(0, 1), cost: true },
  ];
  choices("section", state.sections.map((section) => section.title), state.sections.findIndex((section) => section.title === state.section));
  by("split").replaceChildren(...Object.entries(data.splits).map(([split, title]) => option(split, `${title} split`, by("split").value === split)));
  drawVerdicts();
  drawChips();
  drawStep();
  drawCorrelations();
}

/** How sure it is that the best is the best, and whether it matters. */
function sureness({ tied, better, ahead, untested }, percent) {
  if (untested) return ["unsure", `not tested: ${untested} seeds are too few for so many scorers`];
  if (tied === null) return ["unsure", "not compared"];
  if (better) return ["unsure", `the highest mean, but ${better} other${better === 1 ? " is" : "s are"} significantly better`];
  if (tied) return ["unsure", `not told apart from ${tied} other${tied === 1 ? "" : "s"}`];
  if (ahead === null) return ["unsure", "not compared with another early predictor"];
  if ((ahead.median ?? ahead.mean) < data.least[percent ? "percent" : "correlation"]) return ["unsure", "ahead of all others, by a negligible margin"];
  return ["sure", "significantly ahead of all other early predictors"];
}

function drawVerdicts() {
  const { board } = state, { percent, title } = data.metrics[state.metric], number = (value) => written(value, percent);
  by("verdicts-title").textContent = `The best early predictor at each snapshot step by ${title}: choose the step to look at`;
  by("verdicts").replaceChildren(...board.verdicts[state.metric].map((verdict) => {
    const radio = make("input", { type: "radio", name: "step", value: verdict.step, checked: verdict.step === state.step, onchange: () => { state.step = verdict.step; drawStep(); } });
    if (verdict.row === null) return make("label", { class: "card" }, radio, make("span", { class: "when" }, `step ${count(verdict.step)}`), make("span", {}, `no predictor has a number (${title})`));
    const { value, ahead } = verdict, { look, steps, seconds, relative } = board.rows[verdict.row], costly = verdict.costly === null ? null : board.rows[verdict.costly];
    const [how, words] = sureness(verdict, percent);
    return make("label", { class: "card" }, radio,
      make("span", { class: "when" }, `step ${count(verdict.step)}${relative === null ? "" : ` · ${relative.toFixed(2)} of the plateau`}`),
      make("strong", {}, swatch(look), make("span", {}, ...breakable(look.name))),
      make("span", { class: "value" }, make("b", {}, number(value.mean)), " ", make("small", {}, interval(value, percent)), bar(value, [0, 1], null, colour(look))),
      ahead === null ? null : make("span", {}, make("b", {}, difference(ahead, percent)), ` over ${verdict.runner}`),
      make("span", { class: how }, words),
      make("span", { class: "cost" }, `${count(steps)} gradient steps${seconds === null ? "" : `, ${duration(seconds)}`} a network`),
      costly === null ? null : make("span", { class: "cost" }, `${costly.name}: ${number(verdict.costly_value.mean)} ${interval(verdict.costly_value, percent)} for ${count(costly.steps)} steps, ${+(costly.steps / board.training).toFixed(2)} trainings`));
  }));
}

function drawTable() {
  const { board } = state, all = by("which").value === "all", section = state.sections[by("section").value] ?? state.sections[0];
  by("section-note").textContent = section.note;
  by("results-title").textContent = all ? "All scorers, all steps" : `All scorers at step ${count(state.step)}`;
  const rows = board.rows.filter((row) => (all || row.step === state.step) && (row.kind === "predictor" || by("controls").checked));
  state.table = drawRows(by("rows"), board, rows, section.columns, { steps: all, cost: section.cost, filter: by("filter").value });
  state.columns = section.columns;
  remember();
}

function drawChips() {
  const looks = new Map(state.board.rows.map((row) => [row.name, row.look]));
  by("chips").replaceChildren(...state.board.order.map((name) =>
    make("label", { class: "chip" }, make("input", { type: "checkbox", checked: state.chosen.has(name), onchange: (event) => { state.mine = true; state.chosen[event.target.checked ? "add" : "delete"](name); drawLines(); } }), swatch(looks.get(name)), name)));
}

const KEPT = { kept: "units kept", kept_alone: "units kept", kept_parameters: "parameters left", kept_adds: "multiply-adds left" };

/** The points of a chart at the step, or of charts of all steps. */
const pointsFor = (chart) => state.board.points.filter((point) => (chart.steps !== "each" || point.step === state.step) && isDrawn(point, chart, state.chosen));

function plot(id, name, why, also = () => true) {
  drawChart(id, name, pointsFor(data.charts[name].usermeta.chart).filter(also), why);
}

function drawCorrelations() {
  plot("standing", "standing", "No scorer has a rank correlation here.");
  plot("cost", by("cost-axis").value, "No scorer drawn has a rank correlation and a cost like this here.");
  plot("time", by("time-axis").value, "The plateau of these trainings has no end, so there is no such time.");
}

function drawLayers() {
  by("layers").hidden = !state.board.points.some((point) => point.of === "layer" && point.step === state.step);
  if (!by("layers").hidden) plot("layers", "layers", "");
}

function drawKept() {
  const here = state.board.points.filter((point) => point.of === "kept" && point.step === state.step);
  const there = Object.keys(KEPT).filter((name) => {
    const { x, least = 1 } = data.charts[name].usermeta.chart;
    return new Set(here.map((point) => point[x]).filter((value) => value != null)).size >= least;
  });
  const chosen = Math.max(0, there.indexOf(by("against").value));
  by("against").replaceChildren(...there.map((name, i) => option(name, KEPT[name], i === chosen)));
  by("against-pick").hidden = there.length < 2;
  by("curves-note").hidden = there[chosen] === "kept_alone";
  by("shuffled-note").hidden = !here.some((point) => point.kind === "shuffled");
  plot("kept", there[chosen] ?? "kept", "This board has no accuracies after pruning or merging at this step.", (point) => point.split === by("split").value);
}

function drawScatter() {
  const { board, chosen } = state;
  const points = pointsFor(data.charts.scatter.usermeta.chart).filter((point) => point.kind !== "predictor" || chosen.has(point.scorer));
  const layers = points.filter((point) => point.scorer === points[0].scorer), some = layers.reduce((sum, layer) => sum + layer.norm.length, 0);
  by("scatter-note").textContent = points.length ? `One trained network; a dot is one of its ${board.units}${some < board.neurons ? ` (${count(some)} of ${count(board.neurons)} are drawn, evenly by norm)` : ""}. Filled: kept when 10 % are kept.${layers.length > 1 ? " Rank and norm are within the unit's layer, the norm as a share of the largest there." : ""}` : "";
  drawChart("scatter", "scatter", points, "This board carries no example network at this step; a new run adds one.");
}

function drawMoment() {
  drawLayers();
  drawKept();
  drawScatter();
}

const drawLines = () => { drawCorrelations(); drawMoment(); };
const drawStep = () => { drawTable(); drawMoment(); };

/** How scorers stand over the boards, by the metric, the moment and the boards that are chosen. */
function drawStanding() {
  const of = (field) => data.across.filter((one) => one.metric === state.metric).map((one) => one[field]);
  const keep = (id, texts) => choices(id, [...new Set(texts)], Math.max(0, [...new Set(texts)].indexOf(by(id).selectedOptions[0]?.textContent)));
  keep("moment", of("moment"));
  keep("family", of("family"));
  const text = (id) => by(id).selectedOptions[0]?.textContent;
  const one = data.across.find((each) => each.metric === state.metric && each.moment === text("moment") && each.family === text("family"));
  by("family-pick").hidden = by("family").options.length < 2;
  by("across-verdict").textContent = one ? `${one.boards} boards; ${one.verdict}.` : "No two scorers share boards here.";
  const points = one ? one.points : [];
  drawChart("critical", "critical", points, "No two scorers share boards here.");
  drawRanks(by("across-rows"), one, points.filter((point) => !point.last));
}

function drawOverview() {
  if (data.boards.length < 2) return;
  drawStanding();
  drawBoards(by("boards"), shown(), state.metric, open);
}

/** The overviews and the tasks of one network, or of all. */
function chooseNetwork(network) {
  by("network").value = network;
  const boards = shown();
  by("task").replaceChildren(...[...new Set(boards.map((board) => board.task))].map((task) => option(task, task, false)));
  by("task").disabled = by("task").options.length === 1;
  if (data.boards.length > 1) drawBoards(by("boards"), boards, state.metric, open);
  by("early").hidden = by("network-pick").hidden;
  if (!by("early").hidden) drawEarly(by("early-rows"), boards, open);
}

by("network").addEventListener("change", (event) => { chooseNetwork(event.target.value); if (state.board) show(shown()[0].number); });
by("metric").addEventListener("change", (event) => { state.metric = Number(event.target.value); drawOverview(); if (state.board) drawVerdicts(); remember(); });
for (const id of ["moment", "family"]) by(id).addEventListener("change", drawStanding);
by("task").addEventListener("change", (event) => show(openTask(event.target.value)));
by("recipe").addEventListener("change", (event) => show(Number(event.target.value)));
by("section").addEventListener("change", () => { state.section = by("section").selectedOptions[0].textContent; drawTable(); });
for (const id of ["which", "controls"]) by(id).addEventListener("change", drawTable);
by("filter").addEventListener("input", () => state.table.search(by("filter").value, false, false).draw());
for (const id of ["cost-axis", "time-axis"]) by(id).addEventListener("change", drawCorrelations);
for (const id of ["split", "against"]) by(id).addEventListener("change", drawKept);
const choose = (names, mine) => { state.mine = mine; state.chosen = new Set(names); drawChips(); drawLines(); };
by("best").addEventListener("click", () => choose(state.board.drawn, false));
by("every").addEventListener("click", () => choose(state.board.order, true));
by("none").addEventListener("click", () => choose([], true));
by("theme").addEventListener("change", (event) => (document.documentElement.dataset.theme = event.target.value));
by("copy-csv").addEventListener("click", () => copy(toCsv(state)));
by("copy-latex").addEventListener("click", () => copy(toLatex(state)));
by("copy-link").addEventListener("click", () => copy(location.href));
by("copy-bibtex").addEventListener("click", () => copy(by("bibtex").textContent));

/** What an address asks for; of older pages it is a board's name alone. */
function start(unpacked) {
  data = unpacked;
  by("waiting").hidden = true;
  document.querySelector("main").classList.remove("waiting");
  drawnWidth = document.documentElement.clientWidth;
  const text = location.hash.slice(1), asked = new URLSearchParams(text);
  const name = asked.get("board") ?? decodeURIComponent(text), number = data.boards.find((board) => board.name === name)?.number ?? 0;
  state.metric = Math.max(0, data.metrics.findIndex((metric) => metric.id === asked.get("metric")));
  state.section = asked.get("columns");
  if (asked.get("steps") === "all") by("which").value = "all";
  choices("metric", data.metrics.map((metric) => metric.title), state.metric);
  by("overview").hidden = by("across").hidden = data.boards.length < 2;
  by("metric-pick").hidden = data.metrics.length < 2;
  const networks = [...new Set(data.boards.map((board) => board.network))];
  by("network").append(...networks.map((network) => option(network, network, false)));
  by("network-pick").hidden = networks.length < 2;
  chooseNetwork("");
  drawOverview();
  for (const part of document.querySelectorAll(".of-board")) part.hidden = data.site === "index";
  if (data.site !== "index") show(number, asked.has("step") ? Number(asked.get("step")) : null);
}

let drawnWidth = 0, waiting = 0;
new ResizeObserver(() => {
  if (data === null || document.documentElement.clientWidth === drawnWidth) return;
  drawnWidth = document.documentElement.clientWidth;
  clearTimeout(waiting);
  waiting = setTimeout(() => { if (data.boards.length > 1) drawStanding(); if (state.board) drawLines(); }, 60);
}).observe(document.documentElement);
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((part) => (part.open = true)));

unpack().then(start);
