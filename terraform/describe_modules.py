"""What does each Terraform module take, give and make? Writes it below a mark in its README.md.

`python terraform/describe_modules.py` writes, with --check it only says whether something differs.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2

ROOT = Path(__file__).resolve().parent
MODULES = (ROOT, ROOT / "jobs", ROOT / "modules" / "flex_template_job")
"""Folders that have a README.md, in which all from MARK on is made here."""
MARK = "<!-- Below: made by `python terraform/describe_modules.py`; do not edit. -->"

_NOT_ENTITIES = ("versions.tf", "variables.tf", "outputs.tf")
_DEFAULT = re.compile(r"^  default\s*= (.+?)(?:\s+#.*)?$")


def render(module: Path) -> str:
    """The generated part of the README of `module`, a folder with *.tf files."""
    parts = ["## Files", "", "| file | what | resources |", "|---|---|---|"]
    parts += [_file_row(path) for path in _files(module)]
    parts += [
        "",
        "## Variables",
        "",
        "| variable | type | default | meaning |",
        "|---|---|---|---|",
    ]
    parts += [_variable_row(*variable) for variable in _variables(module / "variables.tf")]
    parts += ["", "## Outputs", "", "| output | meaning |", "|---|---|"]
    outputs = _named(_read(module / "outputs.tf"), "output")
    parts += [f"| `{name}` | {_text(body['description'])} |" for name, body in outputs]
    return "\n".join(parts) + "\n"


def whole(module: Path) -> str:
    """The README of `module` as it should be: what was written by hand, the mark, and the rest."""
    head, mark, _ = (module / "README.md").read_text("utf-8").partition(MARK)
    if not mark:
        raise ValueError(f"{module.name}/README.md lacks the line {MARK}")
    return f"{head}{MARK}\n\n{render(module)}"


def main(arguments: list[str] | None = None) -> int:
    """Write the READMEs; with --check write nothing, and answer 1 if one differs."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--check", action="store_true", help="write nothing")
    is_check = parser.parse_args(arguments).check
    stale = [m / "README.md" for m in MODULES if (m / "README.md").read_text("utf-8") != whole(m)]
    for path in stale:
        if is_check:
            print(f"{path.relative_to(ROOT.parent)} is out of date", file=sys.stderr)
        else:
            path.write_text(whole(path.parent), encoding="utf-8")
    return int(is_check and bool(stale))


def _files(module: Path) -> list[Path]:
    return sorted(path for path in module.glob("*.tf") if path.name not in _NOT_ENTITIES)


def _file_row(path: Path) -> str:
    lines = path.read_text("utf-8").splitlines()
    said = " ".join(line.lstrip("# ") for line in _leading(lines))
    what = said.split(". ")[0].rstrip(".")
    made = sorted({_text(kind) for kind in _kinds(_read(path))})
    return f"| `{path.name}` | {what} | {', '.join(f'`{kind}`' for kind in made)} |"


def _leading(lines: list[str]) -> Iterator[str]:
    """The lines of the comment that a file begins with, up to its first empty one."""
    for line in lines:
        if not line.startswith("# "):
            return
        yield line


def _kinds(parsed: dict[str, Any]) -> Iterator[str]:
    for block in parsed.get("resource", []):
        yield from (key for key in block if not key.startswith("__"))


def _variables(path: Path) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Name, parsed block and default (as written, first line) of each variable."""
    text = path.read_text("utf-8")
    for name, body in _named(_read(path), "variable"):
        written = text.split(f'variable "{name}" {{')[1].split("\n}\n")[0].splitlines()
        found = [match[1] for line in written if (match := _DEFAULT.match(line))]
        yield name, body, found[0] if found else ""


def _variable_row(name: str, body: dict[str, Any], default: str) -> str:
    kind = re.sub(r"\$\{(.*)\}", r"\1", str(body["type"])).split("(")[0]
    shown = f"`{default}`" if default else "needed"
    return f"| `{name}` | {kind} | {shown} | {_text(body['description'])} |"


def _named(parsed: dict[str, Any], kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for block in parsed[kind]:
        yield from ((_text(name), body) for name, body in block.items() if "__" not in name)


def _read(path: Path) -> dict[str, Any]:
    with path.open(encoding="utf-8") as file:
        return hcl2.load(file)


def _text(quoted: str) -> str:
    return quoted.strip('"').replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
