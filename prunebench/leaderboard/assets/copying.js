"use strict";
// What can be taken along: the table as it is shown, and how to cite.

/** The rows as they are sorted and filtered, with the columns shown. */
const shownTable = ({ table, columns }) => [table.rows({ search: "applied", order: "applied" }).data().toArray(), columns];

const csvCell = (value) => (value === null || value === undefined ? "" : /[",\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value));

/** The numbers of a column as the CSV files of boards have them (Column.parts): of accuracies the interval is the median's. */
const partsOf = ({ path }) => (path[0] in data.splits ? { "": "mean", " median": "median", " median low": "low", " median high": "high" } : { "": "mean", " low": "low", " high": "high" });

function toCsv(state) {
  const [rows, columns] = shownTable(state);
  const lines = [["board", "step", "rank", "scorer", "gradient_steps", ...columns.flatMap((column) => [...Object.keys(partsOf(column)), " mark"].map((part) => column.title + part))]];
  for (const row of rows) lines.push([state.board.name, row.step, rankText(row).replace("–", "-"), row.name, row.steps, ...columns.flatMap((column) => [...Object.values(partsOf(column)).map((part) => row.values[column.id]?.[part]), row.marks[column.id]])]);
  return lines.map((line) => line.map(csvCell).join(",")).join("\n") + "\n";
}

const LATEX = { "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "†": "$\\dagger$", "‡": "$\\ddagger$", "°": "$^\\circ$", "*": "$^*$", "–": "--", "−": "$-$", "·": "$\\cdot$" };
const latex = (text) => text.replace(/\s+/g, " ").replace(/[\\~^†‡°*–−·]|[&%$#_{}]/g, (sign) => LATEX[sign] ?? `\\${sign}`);

function toLatex(state) {
  const [rows, columns] = shownTable(state), line = (cells) => `${cells.map(latex).join(" & ")} \\\\`;
  const cell = (row, { id, percent }) => (row.values[id] ? `${written(row.values[id].mean, percent)}${row.marks[id] ?? ""} ${interval(row.values[id], percent)}` : "");
  return [
    `% ${state.board.name}`, `\\begin{tabular}{rl${"r".repeat(columns.length + 1)}}`, "\\hline",
    line(["rank", "scorer", "step", ...columns.map(percentOf)]), "\\hline",
    ...rows.map((row) => line([rankText(row), row.label, count(row.step), ...columns.map((column) => cell(row, column))])),
    "\\hline", "\\end{tabular}", "",
  ].join("\n");
}

/** Put a text on the clipboard, and say so. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = document.body.appendChild(make("textarea", { "aria-hidden": "true" }));
    field.value = text;
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  by("copied").textContent = `Copied: ${text.length > 40 ? `${text.slice(0, 40)}…` : text}`;
}
