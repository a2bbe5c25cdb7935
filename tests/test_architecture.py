"""Is the code shaped as the design says? Imports between folders, sizes, nesting, purity, docs."""

import ast
import re
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT: dict[str, frozenset[str]] = {
    "schemas": frozenset(),
    "transforms": frozenset({"schemas"}),
    "pipelines": frozenset({"schemas", "transforms"}),
    "benchmarks": frozenset({"schemas", "transforms", "pipelines"}),
    "tests": frozenset({"schemas", "transforms", "pipelines", "benchmarks"}),
}
EXCEPTIONS = dict.fromkeys(
    ("pipelines/demo.py", "pipelines/live_demo.py"), frozenset({"benchmarks.simulate"})
)
PRODUCT = ("schemas", "transforms", "pipelines")
CODE = (*PRODUCT, "benchmarks")
MOST_LINES_OF_FUNCTION, MEDIAN_LINES_OF_FUNCTION = 40, 10
MOST_LINES_OF_MODULE, DEEPEST_NESTING = 250, 2
IMPURE = ("datetime.now", "datetime.datetime.now", "utcnow", "date.today", "time.time", "open")
IMPURE_MODULES = frozenset({"random", "time", "os", "secrets", "pathlib", "socket", "requests"})
MACHINE_PATH = re.compile(rb"/(?:home|Users|root|work)/[A-Za-z0-9_.-]+/|C:\\\\Users")
_NESTING = (ast.If, ast.For, ast.While, ast.With, ast.Try)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(_tree(path)) if isinstance(node, Function))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"{path.parent.name}.{node.module}"


def _is_under(name: str, allowed: frozenset[str]) -> bool:
    return any(name == other or name.startswith(f"{other}.") for other in allowed)


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_a_folder_imports_only_what_it_may(folder: str) -> None:
    found = []
    for path in _modules(folder):
        allowed = MAY_IMPORT[folder] | {folder} | EXCEPTIONS.get(_name(path), frozenset())
        ours = [name for name in _imports(path) if name.split(".")[0] in MAY_IMPORT]
        found += [f"{_name(path)} imports {n}" for n in ours if not _is_under(n, allowed)]
    assert found == []


def test_no_package_is_left_out_of_the_table_of_imports() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages - MAY_IMPORT.keys() - {"serving"} == set()


def _lines(function: Function) -> int:
    """Lines of a function with its signature, without decorators and docstring."""
    first, last = function.lineno, function.end_lineno or function.lineno
    head = function.body[0]
    has_docstring = ast.get_docstring(function) is not None
    documented = (head.end_lineno or head.lineno) - head.lineno + 1 if has_docstring else 0
    return last - first + 1 - documented


def test_functions_are_short() -> None:
    long = [
        f"{_name(path)}:{function.lineno} {function.name}: {_lines(function)} lines"
        for path in _modules(*CODE)
        for function in _functions(path)
        if _lines(function) > MOST_LINES_OF_FUNCTION
    ]
    assert long == []


@pytest.mark.parametrize("folder", CODE)
def test_half_of_the_functions_are_very_short(folder: str) -> None:
    sizes = [_lines(function) for path in _modules(folder) for function in _functions(path)]
    assert statistics.median(sizes) <= MEDIAN_LINES_OF_FUNCTION


def test_modules_are_short() -> None:
    sizes = {_name(p): len(p.read_text("utf-8").splitlines()) for p in _modules(*CODE)}
    assert {name: size for name, size in sizes.items() if size > MOST_LINES_OF_MODULE} == {}


def _depth(node: ast.AST) -> int:
    """Deepest nesting of statements under a node; `elif` stays on the level of its `if`."""
    deepest = 0
    for name, value in ast.iter_fields(node):
        is_elif = isinstance(node, ast.If) and name == "orelse" and len(node.orelse) == 1
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, (*_FUNCTIONS, ast.ClassDef)):
                continue
            nests = isinstance(child, _NESTING) and not (is_elif and isinstance(child, ast.If))
            deepest = max(deepest, _depth(child) + nests)
    return deepest


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def test_functions_nest_at_most_twice() -> None:
    deep = [
        f"{_name(path)}:{function.lineno} {function.name}"
        for path in _modules(*CODE)
        for function in _functions(path)
        if _depth(function) > DEEPEST_NESTING
    ]
    assert deep == []


def test_no_module_is_called_utils() -> None:
    names = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert [_name(p) for p in _modules(*MAY_IMPORT) if p.stem in names] == []


def test_transforms_know_no_clock_no_chance_and_no_files() -> None:
    found = []
    for path in _modules("transforms"):
        calls = (node.func for node in ast.walk(_tree(path)) if isinstance(node, ast.Call))
        names = map(ast.unparse, calls)
        found += [f"{_name(path)} calls {name}" for name in names if name in IMPURE]
        imported = (name.split(".")[0] for name in _imports(path))
        found += [f"{_name(path)} imports {n}" for n in imported if n in IMPURE_MODULES]
    assert found == []


def _public_definitions(path: Path) -> Iterator[Function | ast.ClassDef]:
    """Functions and classes of a module, and the methods of its public classes."""
    for node in _tree(path).body:
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)) and not node.name.startswith("_"):
            yield node
            inner = node.body if isinstance(node, ast.ClassDef) else []
            methods = (n for n in inner if isinstance(n, _FUNCTIONS))
            yield from (method for method in methods if not method.name.startswith("_"))


def test_every_public_function_and_class_says_what_it_is_for() -> None:
    silent = [
        f"{_name(path)}:{node.lineno} {node.name}"
        for path in _modules(*CODE)
        for node in _public_definitions(path)
        if not ast.get_docstring(node)
    ]
    assert silent == []


def test_every_module_says_what_question_it_answers() -> None:
    assert [_name(p) for p in _modules(*CODE) if not ast.get_docstring(_tree(p))] == []


def test_modules_with_beam_do_not_postpone_annotations() -> None:
    """Beam reads type hints; postponed ones are texts, and its checks are silently off."""
    postponed = [_name(p) for p in _modules(*MAY_IMPORT) if "__future__.annotations" in _imports(p)]
    assert postponed == []


def _tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False, text=True
    )
    if listed.returncode:
        return []  # an export without its history has nothing tracked
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def test_no_tracked_file_names_a_path_of_one_machine() -> None:
    files = [path for path in _tracked() if path.is_file() and path != Path(__file__)]
    found = {_name(p): m[0] for p in files if (m := MACHINE_PATH.search(p.read_bytes()))}
    assert found == {}
