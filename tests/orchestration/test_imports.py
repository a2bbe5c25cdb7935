"""Do the DAGs import Airflow and the standard library only? Composer has nothing else."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.orchestration.airflow_home import DAGS, PLUGINS

FILES = sorted([*DAGS.rglob("*.py"), *PLUGINS.rglob("*.py")])
ALLOWED = {"airflow", "chapterflow_steps", "chapterflow_alerts", *sys.stdlib_module_names}


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_imports_only_what_composer_has(path: Path) -> None:
    assert {name.split(".")[0] for name in _imports(path)} <= ALLOWED
    assert ast.get_docstring(ast.parse(path.read_text("utf-8")))
