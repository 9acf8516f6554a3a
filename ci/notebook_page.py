"""A notebook as a page of the documentation's site."""

import base64
import json
from pathlib import Path


def notebook_page(path: Path) -> str:
    """A notebook as Markdown: its texts, its code, and below that the richest of what each cell gave."""
    parts = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        for output in cell.get("outputs", ()):
            parts.append(_output({kind: "".join(data) for kind, data in output["data"].items()}))
    return "\n\n".join(parts) + "\n"


def _output(data: dict[str, str]) -> str:
    text = data["text/plain"]
    if drawn := data.get("image/svg+xml"):
        return f"![{text}](data:image/svg+xml;base64,{base64.b64encode(drawn.encode()).decode()})"
    if table := data.get("text/html"):
        return f'<div style="overflow-x: auto">\n{table}\n</div>'
    return f"```text\n{text}\n```"
