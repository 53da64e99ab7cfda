"""Checks that built pages load nothing from elsewhere; as a script: pages.py FOLDER."""

import re
import sys
from pathlib import Path

LOADED = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|embed)\b[^>]*?\bsrc=["']?((?:https?:)?//[^"'\s>]+)"""
    r"""|<link\b(?=[^>]*\brel=["']?(?:[\w-]+ )*(?:stylesheet|icon|preload|preconnect|prefetch|modulepreload))"""
    r"""[^>]*?\bhref=["']?((?:https?:)?//[^"'\s>]+)"""
    r"""|url\(["']?((?:https?:)?//[^"')]+)|@import\s+["']((?:https?:)?//[^"']+)""",
    re.IGNORECASE,
)


def problems(folder: Path) -> list[str]:
    """What the pages and style sheets of a folder would load from another host, one line each."""
    files = [path for path in sorted(folder.rglob("*")) if path.suffix in (".html", ".css")]
    if not files:
        return [f"{folder} has no pages"]
    return [
        f"{path.relative_to(folder)} loads {''.join(found)}"
        for path in files
        for found in LOADED.findall(path.read_text("utf-8"))
    ]


if __name__ == "__main__":
    sys.exit("\n".join(problems(Path(sys.argv[1]))) or 0)
