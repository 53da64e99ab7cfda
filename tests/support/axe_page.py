"""What axe-core finds in the widget."""

from pathlib import Path
from typing import Any

from lab_page import Notebook

AXE = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"


def findings(notebook: Notebook) -> list[tuple[Any, ...]]:
    """What axe-core calls serious or critical within the widget, in the light and in the dark theme."""
    if not notebook.page.evaluate("'axe' in window"):
        notebook.page.evaluate(AXE.read_text())
    found = []
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        notebook.theme(theme)
        result = notebook.page.evaluate("axe.run('.imc-root', { resultTypes: ['violations'] })")
        found += [
            (theme, item["id"], node["target"], node["failureSummary"])
            for item in result["violations"]
            if item["impact"] in ("serious", "critical")
            for node in item["nodes"]
        ]
    notebook.theme("JupyterLab Light")
    return found
