"""Are the files made from the table and dialect descriptions up to date? Writes or checks them."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from schemas import bigquery, dialects, dictionary, json_schema, tables

ROOT = Path(__file__).resolve().parent.parent
"""Folder of the project, which paths of generated files are relative to."""

GENERATED = Path("schemas/generated")
DICTIONARY = Path("docs/dictionary.md")


def generated_files() -> dict[Path, str]:
    """Path (relative to the project) -> content of every generated file."""
    all_tables = list(tables.tables().values())
    files = {DICTIONARY: dictionary.render(all_tables)}
    files[GENERATED / "tables.json"] = _json([bigquery.table_index(t) for t in _sorted(all_tables)])
    for dialect in dialects.DIALECTS:
        path = GENERATED / "jsonschema" / f"{dialect.name}.json"
        files[path] = _json(json_schema.dialect_document(dialect))
    for table in all_tables:
        name = f"{table.full_name}.json"
        files[GENERATED / "jsonschema" / "tables" / name] = _json(json_schema.table_document(table))
        files[GENERATED / "bigquery" / name] = _json(bigquery.table_fields(table))
    return files


def differences(root: Path) -> list[str]:
    """Paths below `root` that are missing, out of date, or generated no longer; sorted."""
    files = generated_files()
    stale = {path for path, text in files.items() if _read(root / path) != text}
    return sorted(str(path) for path in stale | _orphans(root, set(files)))


def write(root: Path) -> list[str]:
    """Bring the generated files below `root` up to date; the paths that changed, sorted."""
    files = generated_files()
    changed = differences(root)
    for name in changed:
        path = root / name
        if Path(name) not in files:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[Path(name)], encoding="utf-8")
    return changed


def main(arguments: list[str] | None = None) -> int:
    """Write the generated files; with --check only name those that differ and return 1."""
    parser = argparse.ArgumentParser(prog="python -m schemas.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, name what differs")
    options = parser.parse_args(arguments)
    if not options.check:
        changed = write(ROOT)
        print(f"{len(changed)} generated files written" if changed else "nothing to do")
        return 0
    changed = differences(ROOT)
    for name in changed:
        print(f"{name} is out of date: run python -m schemas.generate", file=sys.stderr)
    return 1 if changed else 0


def _sorted(all_tables: list[tables.Table]) -> list[tables.Table]:
    return sorted(all_tables, key=lambda table: table.full_name)


def _orphans(root: Path, wanted: set[Path]) -> set[Path]:
    found = {path.relative_to(root) for path in (root / GENERATED).rglob("*.json")}
    return found - wanted


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
