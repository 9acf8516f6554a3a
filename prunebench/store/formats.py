"""The result table as CSV, JSON and Parquet. A number that is not there is an empty cell, never NaN."""

import csv
import json
from io import BufferedIOBase, TextIOBase
from itertools import islice
from typing import Any

from prunebench.errors import optional
from prunebench.escape import for_spreadsheet
from prunebench.store.export import ResultTable, flat

ROWS_AT_ONCE = 20_000


def write_csv(table: ResultTable, file: TextIOBase) -> None:
    """A header and a line for each row. A text that a spreadsheet would run is escaped."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(table.columns)
    kinds = table.columns.values()
    for row in table:
        writer.writerow([for_spreadsheet(flat(*cell)) for cell in zip(row, kinds, strict=True)])


def write_json(table: ResultTable, file: TextIOBase) -> None:
    """A list of objects, one on each line, with lists and tables as they are; null where there is nothing."""
    names = list(table.columns)
    before = "[\n"
    for row in table:
        file.write(before + json.dumps(dict(zip(names, row, strict=True)), allow_nan=False))
        before = ",\n"
    file.write("[]\n" if before == "[\n" else "\n]\n")


def write_parquet(table: ResultTable, file: BufferedIOBase) -> None:
    """Typed columns, compressed. `RequestError` where pyarrow is missing."""
    arrow, parquet = load_pyarrow()
    types = {str: arrow.string(), int: arrow.int64(), float: arrow.float64()}
    schema = arrow.schema([(name, types[kind]) for name, kind in table.columns.items()])
    kinds = table.columns.values()
    rows = (tuple(map(flat, row, kinds)) for row in table)
    with parquet.ParquetWriter(file, schema) as writer:
        while chunk := list(islice(rows, ROWS_AT_ONCE)):
            columns = [list(column) for column in zip(*chunk, strict=True)]
            writer.write_table(arrow.table(columns, schema=schema))


def load_pyarrow() -> tuple[Any, Any]:
    """`pyarrow` and `pyarrow.parquet`. `RequestError` where they are missing."""
    needed = "format", "parquet", 'it needs pyarrow: pip install "prunebench[parquet]"'
    return optional("pyarrow", *needed), optional("pyarrow.parquet", *needed)
