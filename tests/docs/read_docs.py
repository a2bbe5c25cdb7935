"""What do the documents say? Their code blocks, headings, links and options."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^```(\w*)$")
_MARK = re.compile(r"^<!-- (.+) -->$")
_LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"")
_CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.DOTALL | re.MULTILINE)
_OPTION = re.compile(r"(?<![\w-])--([a-z][a-z_]+)")


@dataclass
class Block:
    """A fenced block, the comment right above it, and the text of the ```text block after it."""

    document: str
    line: int
    language: str
    mark: str
    text: str
    shown: str = ""

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def documents() -> list[Path]:
    """Every Markdown file of the project."""
    folders = ("docs", "tests", "benchmarks", "pipelines", "schemas", "transforms")
    below = [path for folder in folders for path in (ROOT / folder).rglob("*.md")]
    return sorted([*ROOT.glob("*.md"), *below])


def blocks(document: str) -> list[Block]:
    """The fenced blocks of a document (path below the project), in order."""
    found: list[Block] = []
    lines = (ROOT / document).read_text("utf-8").splitlines()
    mark, inside = "", None
    for number, line in enumerate(lines, start=1):
        fence = _FENCE.match(line)
        if inside is not None and line != "```":
            inside.text += f"{line}\n"
        elif inside is not None:
            if inside.language != "text":
                found.append(inside)
            elif found and not found[-1].shown:
                found[-1].shown = inside.text
            inside, mark = None, ""
        elif fence:
            inside = Block(document, number, fence[1], mark, "")
        elif line:
            comment = _MARK.match(line)
            mark = comment[1] if comment else ""
    return found


def links(path: Path) -> Iterator[tuple[str, str]]:
    """(file, anchor) of the links of a document that lead into the project; file may be empty."""
    text = re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    for match in _LINK.finditer(text):
        target = match[1] or match[2]
        if "://" not in target and not target.startswith("mailto:"):
            file, _, anchor = target.partition("#")
            yield file, anchor


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def options_named(path: Path) -> set[str]:
    """Names of the options that a document writes as code."""
    code = " ".join(_CODE.findall(path.read_text("utf-8")))
    return set(_OPTION.findall(code))
