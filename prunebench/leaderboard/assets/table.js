"use strict";
// The tables: DataTables sorts and filters; cells are built as elements, so that names stay text.

const escaped = (text) => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
const PLAIN = { order: [], paging: false, info: false, autoWidth: false, layout: { topStart: null, topEnd: null, bottomStart: null, bottomEnd: null } };
const LAST = -1e9; // where a row without a number is sorted

/** A column for DataTables. `show` gives a cell's content, `key` what it is sorted and filtered by. */
function column(show, key, type = "num", options = {}) {
  return {
    type,
    data: null,
    orderSequence: type === "num" ? ["desc", "asc"] : ["asc", "desc"],
    render: (_, kind, row) => (kind === "display" ? show(row) : typeof key(row) === "string" ? escaped(key(row)) : (key(row) ?? LAST)),
    ...options,
  };
}

function heads(...cells) {
  return make("thead", {}, make("tr", {}, ...cells));
}

function head(title, scale, left) {
  const axis = scale ? make("span", { class: "axis", "aria-hidden": "true" }, make("span", {}, scale[0]), make("span", {}, scale[1])) : null;
  return make("th", { scope: "col", class: left ? "left" : null }, make("span", { class: "title" }, title), axis);
}

function domainOf(rows, column) {
  const ends = rows.map((row) => row.values[column.id]).filter(Boolean).flatMap(endsOf);
  const low = Math.min(...ends), high = Math.max(...ends);
  return column.percent ? [Math.floor(low * 20) / 20, Math.ceil(high * 20) / 20] : [Math.min(0, Math.floor(low * 5) / 5), Math.max(1, high)];
}

const SIGNS = { "*": "first: no scorer is significantly better, and some are worse", "°": "not significantly better than random" };

const sign = (mark) => (mark ? make("abbr", { title: SIGNS[mark] }, mark) : null);

function metricCell(row, column, domain, chance) {
  const s = row.values[column.id];
  if (!s) return document.createTextNode("");
  return make("span", { class: "metric" }, make("b", {}, written(s.mean, column.percent), sign(row.marks[column.id])), make("small", {}, interval(s, column.percent)), bar(s, domain, chance.get(row.step)?.values[column.id], colour(row.look)));
}

/** The rows of a board as a table in `place`. */
function drawRows(place, board, rows, chosen, { steps, cost, filter }) {
  const columns = chosen.filter((column) => rows.some((row) => row.values[column.id]));
  const chance = new Map(board.rows.filter((row) => row.name === "random").map((row) => [row.step, row]));
  const domains = columns.map((column) => domainOf(rows, column));
  const ends = (column, domain) => domain.map((end) => (column.percent ? `${Math.round(100 * end)} %` : written(end, false).replace(/\.?0+$/, "")));
  const table = make("table", { class: rows.length > 60 ? "long" : null }, heads(
    head("rank"), head("scorer", null, true), ...(steps ? [head("step")] : []), head("steps"),
    ...columns.map((column, i) => head(percentOf(column), ends(column, domains[i]))),
    ...(cost ? [head("of its own"), head("time a network")] : []),
  ));
  place.replaceChildren(table);
  const name = (row) => {
    const button = make("button", { type: "button", class: "name", "aria-expanded": "false" }, swatch(row.look), make("span", {}, ...breakable(row.label)));
    button.addEventListener("click", () => {
      const child = api.row(button.closest("tr")).child;
      if (child.isShown()) child.hide();
      else child(details(row), "details").show();
      button.setAttribute("aria-expanded", String(child.isShown()));
    });
    return row.error === null ? button : make("span", {}, button, make("span", { class: row.unfit ? "unfit" : "error" }, reason(row)));
  };
  const metrics = columns.map((column_, i) => column((row) => metricCell(row, column_, domains[i], chance), (row) => row.values[column_.id]?.mean ?? null));
  const api = new DataTable(table, {
    data: rows,
    columns: [
      column((row) => rankText(row), (row) => (row.rank === null ? 1e9 : row.rank[0] + row.rank[1] / 1000), "num", { orderSequence: ["asc", "desc"], className: "rank" }),
      column(name, (row) => `${row.label} ${row.error ?? ""}`, "string", { className: "left" }),
      ...(steps ? [column((row) => count(row.step), (row) => row.step, "num", { orderSequence: ["asc", "desc"] })] : []),
      column((row) => count(row.steps), (row) => row.steps, "num", { orderSequence: ["asc", "desc"] }),
      ...metrics,
      ...(cost ? [
        column((row) => (row.own ? count(row.own) : ""), (row) => row.own, "num", { orderSequence: ["asc", "desc"] }),
        column((row) => duration(row.seconds), (row) => row.seconds, "num", { orderSequence: ["asc", "desc"] }),
      ] : []),
    ],
    createdRow: (tr, row) => tr.classList.add(row.error === null ? row.kind : row.unfit ? "control" : "failed"),
    search: { search: filter, smart: false },
    ...PLAIN,
    language: { emptyTable: "No scorer here.", zeroRecords: "No scorer has a name like this." },
  });
  return api;
}

function details(row) {
  const facts = [
    ["cost", `${count(row.step)} steps to the snapshot, ${count(row.own)} of its own`],
    ["networks", `${row.seeds}`],
    ["version", `${row.version}, source ${row.source ?? "none"}`],
    ["made with", Object.entries(row.environment).map(([key, value]) => `${key} ${value}`).join(", ")],
  ];
  if (row.error !== null) facts.unshift(["error", row.error]);
  return make("div", {}, make("dl", {}, ...facts.flatMap(([key, value]) => [make("dt", {}, key), make("dd", {}, value)])), row.command ? make("pre", { tabindex: "0" }, row.command) : null);
}

/** All boards: by a metric, the best predictor at each step, in columns by the share of the training. `onChoose(number, step)` opens one. */
function drawBoards(place, boards, metric, onChoose) {
  const { percent } = data.metrics[metric];
  const at = (board, { place }) => board.verdicts[metric].filter(({ span, row }) => row !== null && span === place);
  const spans = data.spans.map((title, place) => ({ title, place })).filter((span) => boards.some((board) => at(board, span).length));
  const table = make("table", {}, heads(head("task and recipe", null, true), head("dense (%)"), ...spans.map(({ title }) => head(title, percent ? ["0 %", "100 %"] : [0, 1]))));
  place.replaceChildren(table);
  const cell = (board, verdict) => {
    const { value, step } = verdict, { look } = board.rows[verdict.row], [how, words] = sureness(verdict, percent);
    return make("button", { type: "button", class: "best", onclick: () => onChoose(board.number, step) },
      make("span", { class: "name" }, swatch(look), make("span", {}, ...breakable(look.name))), make("b", {}, written(value.mean, percent), make("abbr", { title: words }, how === "sure" ? "*" : verdict.sign && !verdict.untested ? ` ${verdict.sign}` : "")), percent ? null : make("small", {}, interval(value)), bar(value, [0, 1], null, colour(look)), make("small", { class: "step" }, `step ${count(step)}${verdict.untested ? ", not tested" : ""}`));
  };
  new DataTable(table, {
    data: boards,
    columns: [
      column((board) => make("button", { type: "button", class: "link", onclick: () => onChoose(board.number, null) }, make("b", {}, board.task), make("small", {}, board.recipe)), (board) => `${board.task}, ${board.recipe}`, "string", { className: "left" }),
      column((board) => written(board.dense.mean, true), (board) => board.dense.mean),
      ...spans.map((span) => column((board) => make("div", {}, ...at(board, span).map((verdict) => cell(board, verdict))), (board) => at(board, span).at(-1)?.value.mean ?? null)),
    ],
    ...PLAIN,
  });
}

/** Scorers by their average rank over boards. */
function drawRanks(place, one, points) {
  const cells = (tag, texts, attributes) => texts.map((text, i) => make(tag, { ...attributes, class: i ? null : "left" }, ...breakable(text)));
  const rows = points.map(({ scorer }, i) => make("tr", {}, ...cells("td", [scorer, one.ranks[i], `${one.firsts[i]} of ${one.boards}`, one.wins[i]])));
  place.replaceChildren(make("table", {}, make("thead", {}, make("tr", {}, ...cells("th", ["scorer", "average rank", "first on", "wins"], { scope: "col" }))), make("tbody", {}, ...rows)));
}

/** Every early predictor on every board: its means at the steps up to the end of the plateau. */
function drawEarly(place, boards, onChoose) {
  const scorers = new Map();
  const found = boards.map((board) => {
    const cells = new Map(), steps = new Set();
    for (const { look, step, relative, early, values } of board.rows) {
      if (!(early || look.kind === "control") || !values.spearman || (relative ?? 0) > 1) continue;
      scorers.set(look.name, look);
      steps.add(step);
      cells.set(`${step} ${look.name}`, values.spearman.mean);
    }
    return { board, cells, steps: [...steps].sort((a, b) => a - b) };
  }).filter((one) => one.steps.length);
  const all = (name) => found.flatMap(({ cells, steps }) => steps.map((step) => cells.get(`${step} ${name}`)).filter((mean) => mean !== undefined));
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const keys = (look) => [look.kind === "control" ? 1 : 0, -all(look.name).length, -mean(all(look.name))];
  const order = sorted([...scorers.values()], keys);
  const filled = (mean, look) => {
    const cell = make("span", { class: "part" }, mean === undefined ? "–" : written(mean));
    if (mean !== undefined) cell.style.background = `linear-gradient(to right, color-mix(in srgb, ${colour(look)} 26%, transparent) ${100 * Math.max(0, mean)}%, transparent 0)`;
    return cell;
  };
  place.replaceChildren(make("table", {},
    make("thead", {}, make("tr", {}, make("th", { scope: "col", class: "left" }, "scorer"), ...found.map(({ board, steps }) => make("th", { scope: "col", class: "left" },
      make("button", { type: "button", class: "link", onclick: () => onChoose(board.number, null) }, make("b", {}, ...breakable(board.network)), make("small", {}, [board.task, board.apart].filter(Boolean).join(", "))),
      make("span", { class: "parts" }, ...steps.map((step) => make("span", { class: "part" }, count(step)))))))),
    make("tbody", {}, ...order.map((look) => make("tr", { class: look.kind }, make("th", { scope: "row", class: "left" }, make("span", { class: "name" }, swatch(look), make("span", {}, ...breakable(look.name + MARKS[look.kind])))),
      ...found.map(({ cells, steps }) => make("td", { class: "left" }, make("span", { class: "parts" }, ...steps.map((step) => filled(cells.get(`${step} ${look.name}`), look))))))))));
}
