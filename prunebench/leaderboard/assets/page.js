"use strict";
// What is looked at, and the redrawing of what depends on it.

const by = (id) => document.getElementById(id);
const outlines = data.boards.map(outline);
const state = { board: null, step: 0, chosen: new Set(), mine: false, scorer: null };

const option = (value, text, selected) => make("option", { value, selected }, text);

/** The boards of the network that is chosen. */
const shown = () => outlines.filter((board) => ["", board.network].includes(by("network").value));

function openTask(task) {
  const boards = shown().filter((board) => board.task === task);
  by("recipe").replaceChildren(...boards.map((board) => option(board.number, board.recipe, false)));
  by("recipe").disabled = boards.length === 1;
  return boards[0].number;
}

function show(number, step = null) {
  const board = (state.board = openBoard(number));
  if (!shown().some((one) => one.number === number)) chooseNetwork("");
  by("task").value = board.task;
  openTask(board.task);
  by("recipe").value = number;
  history.replaceState(null, "", `#${encodeURIComponent(board.name)}`);
  if (step !== null) state.step = step;
  if (!board.steps.includes(state.step)) state.step = board.steps[0] ?? 0;
  if (!state.mine) state.chosen = new Set(board.drawn);
  drawBoard();
}

function drawBoard() {
  const { board } = state;
  by("board-title").textContent = board.heading;
  by("layers").hidden = !board.layers.length;
  by("against-pick").hidden = !Object.keys(board.sizes).length;
  by("shuffled-note").hidden = !board.columns.some((column) => column.path[1] === data.shuffled);
  by("scatter-layer-pick").hidden = board.drawn_layers.length < 2;
  by("scatter-layer").replaceChildren(...board.drawn_layers.map(([name], i) => option(i, name, false)));
  by("board-recipe").textContent = board.recipe;
  by("facts").replaceChildren(make("li", {}, `board ${board.name}`), ...board.facts.map((fact) => make("li", {}, fact)));
  by("floor").textContent = board.floor ?? "";
  by("commands").replaceChildren(...board.commands.filter(Boolean).map((command) => make("li", {}, make("code", {}, command))));
  by("provenance").replaceChildren(...Object.entries(board.provenance).flatMap(([key, value]) => [make("dt", {}, key), make("dd", {}, typeof value === "string" ? value : Object.entries(value).map(([name, part]) => `${name} ${typeof part === "string" ? part : JSON.stringify(part)}`).join(", "))]));
  state.sections = [
    { title: "Overview", note: "", columns: board.overview },
    ...board.sections,
    { title: "Cost", note: "gradient steps per network: to the snapshot and those that the scorer trained itself; time: training to the snapshot and scoring", columns: board.overview.slice(0, 1), cost: true },
  ];
  const before = by("section").selectedOptions[0]?.textContent;
  by("section").replaceChildren(...state.sections.map((section, i) => option(i, section.title, section.title === before)));
  by("split").replaceChildren(...Object.entries(data.splits).map(([split, title]) => option(split, `${title} split`, by("split").value === split)));
  drawVerdicts();
  drawChips();
  drawStep();
  drawCorrelations();
}

function drawVerdicts() {
  const { board } = state;
  by("verdicts").replaceChildren(...board.verdicts.map((verdict) => {
    const radio = make("input", { type: "radio", name: "step", value: verdict.step, checked: verdict.step === state.step, onchange: () => { state.step = verdict.step; drawStep(); } });
    if (verdict.row === null) return make("label", { class: "card" }, radio, make("span", { class: "when" }, `step ${count(verdict.step)}`), make("span", {}, "no predictor has a rank correlation"));
    const { look, spearman, ahead, tied } = verdict, costly = verdict.costly === null ? null : board.rows[verdict.costly];
    const relative = verdict.relative === null ? "" : ` · ${verdict.relative.toFixed(2)} of the plateau`;
    const sure = tied === null ? "not compared" : tied === 0 ? "significantly ahead of all other early predictors" : `not told apart from ${tied} other${tied === 1 ? "" : "s"}`;
    return make("label", { class: "card" }, radio,
      make("span", { class: "when" }, `step ${count(verdict.step)}${relative}`),
      make("strong", {}, swatch(look), make("span", {}, ...breakable(look.name))),
      make("span", { class: "value" }, make("b", {}, written(spearman.mean)), " ", make("small", {}, interval(spearman)), bar(spearman, [0, 1], null, colour(look))),
      ahead === null ? null : make("span", {}, make("b", {}, signed(ahead.mean)), ` ${interval(ahead)} over ${verdict.runner}`),
      make("span", { class: tied === 0 ? "sure" : "unsure" }, sure),
      make("span", { class: "cost" }, `${count(verdict.cost)} gradient steps${verdict.seconds === null ? "" : `, ${duration(verdict.seconds)}`} a network`),
      costly === null ? null : make("span", { class: "cost" }, `${costly.name}: ${written(costly.spearman.mean)} ${interval(costly.spearman)} for ${count(costly.steps)} steps, ${d3.format(".2~f")(costly.steps / board.training)} trainings`));
  }));
}

function drawTable() {
  const { board } = state, all = by("which").value === "all", section = state.sections[by("section").value];
  by("section-note").textContent = section.note;
  by("results-title").textContent = all ? "All scorers, all steps" : `All scorers at step ${count(state.step)}`;
  const rows = board.rows.filter((row) => (all || row.step === state.step) && (row.kind === "predictor" || by("controls").checked));
  state.table = drawRows(by("rows"), board, rows, section.columns, { steps: all, cost: section.cost, filter: by("filter").value, onOpen: chooseScorer });
}

const filterTable = () => state.table.search(by("filter").value, false, false).draw();

function drawChips() {
  const names = [...new Map(state.board.rows.filter((row) => row.kind === "predictor" && row.spearman).map((row) => [row.name, row.look]))];
  by("chips").replaceChildren(...d3.sort(names, ([name]) => state.board.order.indexOf(name)).map(([name, look]) =>
    make("label", { class: "chip" }, make("input", { type: "checkbox", checked: state.chosen.has(name), onchange: (event) => { state.mine = true; state.chosen[event.target.checked ? "add" : "delete"](name); drawLines(); } }), swatch(look), name)));
}

function place(id, drawn, none) {
  const target = document.querySelector(`#${id} .chart`);
  const charts = [drawn(target)].flat().filter(Boolean);
  target.replaceChildren(...(charts.length ? charts : [make("p", { class: "empty" }, none)]));
}

function drawCorrelations() {
  place("cost", (target) => costChart(target, state.board, state.chosen, by("cost-axis").value), "No scorer that is chosen has a rank correlation and a cost like this here.");
  place("time", (target) => timeChart(target, state.board, state.chosen, by("time-axis").value), "The plateau of these trainings has no end, so there is no such time.");
}

function drawLayers() {
  if (state.board.layers.length) place("layers", (target) => layersChart(target, state.board, state.chosen, state.step), "No scorer that is chosen has a rank correlation in single layers at this step.");
}

function drawKept() {
  const against = Object.keys(state.board.sizes).length ? by("against").value : "units";
  place("kept", (target) => keptCharts(target, state.board, state.chosen, state.step, by("split").value, against), "This board has no accuracies after pruning or merging at this step.");
}

function drawLines() {
  drawCorrelations();
  drawLayers();
  drawKept();
}

function chooseScorer(row) {
  if (!row.scores) return;
  state.scorer = row.name;
  drawScatter();
}

function drawScatter() {
  const { board } = state;
  const rows = board.norms === null ? [] : board.rows.filter((row) => row.step === state.step && row.scores);
  const row = rows.find((r) => r.name === state.scorer) ?? rows.find((r) => r.kind === "predictor") ?? rows[0];
  by("scatter-scorer").replaceChildren(...rows.map((r) => option(r.name, r.label, r === row)));
  by("scatter-scorer").disabled = !rows.length;
  const some = d3.sum(board.drawn_layers, ([, drawn]) => drawn), layer = Number(by("scatter-layer").value || 0);
  const what = board.drawn_layers.length > 1 ? `unit of ${board.drawn_layers[layer][0]}` : board.units.slice(0, -1);
  by("scatter-note").textContent = row ? `One trained network; a dot is a ${what}${some < board.neurons ? ` (${count(some)} of ${count(board.neurons)} are drawn, evenly by norm)` : ""}. Filled: kept when 10 % are kept. Those up and right of both lines were rightly found.` : "";
  place("scatter", (target) => row && scatterChart(target, board, row, layer, by("scatter-axis").value), "This board carries no example network at this step; a new run adds one.");
}

function drawStep() {
  drawTable();
  drawLayers();
  drawKept();
  drawScatter();
}

function redrawCharts() {
  drawLines();
  drawScatter();
}

/** The overviews and the tasks of one network, or of all. */
function chooseNetwork(network) {
  by("network").value = network;
  const boards = shown(), open = (number, step) => { show(number, step); by("results").focus(); };
  by("task").replaceChildren(...[...new Set(boards.map((board) => board.task))].map((task) => option(task, task, false)));
  by("task").disabled = by("task").options.length === 1;
  if (outlines.length > 1) drawBoards(by("boards"), boards, open);
  by("early").hidden = networks.length < 2;
  if (networks.length > 1) drawEarly(by("early-rows"), boards, open);
}

const networks = [...new Set(outlines.map((board) => board.network))];
by("network").append(...networks.map((network) => option(network, network, false)));
by("networks").hidden = networks.length < 2;
by("network").addEventListener("change", (event) => { chooseNetwork(event.target.value); show(shown()[0].number); });
by("task").addEventListener("change", (event) => show(openTask(event.target.value)));
by("recipe").addEventListener("change", (event) => show(Number(event.target.value)));
for (const id of ["section", "which", "controls"]) by(id).addEventListener("change", drawTable);
by("filter").addEventListener("input", filterTable);
for (const id of ["cost-axis", "time-axis"]) by(id).addEventListener("change", drawCorrelations);
for (const id of ["split", "against"]) by(id).addEventListener("change", drawKept);
for (const id of ["scatter-axis", "scatter-layer"]) by(id).addEventListener("change", drawScatter);
by("scatter-scorer").addEventListener("change", (event) => { state.scorer = event.target.value; drawScatter(); });
const choose = (names, mine) => { state.mine = mine; state.chosen = new Set(names); drawChips(); drawLines(); };
by("best").addEventListener("click", () => choose(state.board.drawn, false));
by("every").addEventListener("click", () => choose(state.board.order, true));
by("none").addEventListener("click", () => choose([], true));
by("theme").addEventListener("change", (event) => (document.documentElement.dataset.theme = event.target.value));

by("overview").hidden = outlines.length < 2;
chooseNetwork("");
const named = outlines.find((board) => `#${encodeURIComponent(board.name)}` === location.hash);
show(named?.number ?? 0);

let drawnWidth = document.documentElement.clientWidth, waiting = 0;
new ResizeObserver(() => {
  if (document.documentElement.clientWidth === drawnWidth) return;
  drawnWidth = document.documentElement.clientWidth;
  clearTimeout(waiting);
  waiting = setTimeout(redrawCharts, 60);
}).observe(document.documentElement);
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((part) => (part.open = true)));
