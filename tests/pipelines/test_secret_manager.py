"""Does the key of the pseudonyms come out of Secret Manager, and nothing of it anywhere else?"""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from pipelines.options import secret_manager
from pipelines.options.companions import key_loader
from pipelines.options.flags import UsageError
from pipelines.options.secret_manager import read_secret
from tests.compare_rows import DEFAULT_KEY
from tests.pipelines.secret_server import serving
from tests.pipelines.whole_runs import completed, contents, page_view, read, run, write_lines

NAME = "projects/p/secrets/pseudonym-key/versions/3"
EMPTY = "projects/p/secrets/empty/versions/latest"


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    read_secret.cache_clear()
    monkeypatch.delenv("CHAPTERFLOW_PSEUDONYM_KEY", raising=False)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Names that the server was asked for; it knows the tests' key."""
    with serving({NAME: f"{DEFAULT_KEY}\n".encode(), EMPTY: b" \n"}) as (environment, names):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield names


def test_batch_hashes_with_the_key_of_the_secret(
    asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_lines(tmp_path / "events.jsonl", [page_view(n) for n in range(3)])
    completed(tmp_path / "a", source, pseudonym_key_secret=NAME)
    monkeypatch.setenv("CHAPTERFLOW_PSEUDONYM_KEY", DEFAULT_KEY)
    completed(tmp_path / "b", source)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert asked == [NAME], "a process asks once"
    (row,) = read(tmp_path / "a", "ops.pipeline_runs")
    assert DEFAULT_KEY not in str(row)


def test_loader_that_is_sent_to_workers_holds_the_name_only(asked: list[str]) -> None:
    import pickle

    sent = pickle.dumps(key_loader(None, NAME))
    assert DEFAULT_KEY.encode() not in sent
    read_secret.cache_clear()
    assert pickle.loads(sent)() == DEFAULT_KEY.encode()
    assert asked == [NAME, NAME]


def test_empty_secret_is_no_key(asked: list[str]) -> None:
    with pytest.raises(UsageError, match="is empty"):
        key_loader(None, EMPTY)


def test_key_in_two_places_is_refused(asked: list[str], tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k")
    with pytest.raises(UsageError, match="give one of"):
        key_loader(str(tmp_path / "key"), NAME)
    assert not asked


@pytest.mark.parametrize("status", [grpc.StatusCode.NOT_FOUND, grpc.StatusCode.PERMISSION_DENIED])
def test_secret_that_cannot_be_read_is_one_line_and_exit_code_2(
    status: grpc.StatusCode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    source = write_lines(tmp_path / "events.jsonl", [page_view()])
    with serving({}, status) as (environment, _):
        monkeypatch.setenv(*next(iter(environment.items())))
        assert run(tmp_path / "w", source, pseudonym_key_secret=NAME) == 2
    shown = capfd.readouterr().err
    assert shown.count("\n") == 1
    assert NAME in shown
    assert "roles/secretmanager.secretAccessor" in shown


def test_name_of_another_form_is_refused_before_anybody_is_asked(asked: list[str]) -> None:
    for name in ("my-secret", "projects/p/secrets/s", f"{NAME}/more", "projects/p,q/secrets/s"):
        with pytest.raises(UsageError, match="projects/P/secrets/S/versions/V"):
            read_secret(name)
    assert not asked


def test_without_an_account_it_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(secret_manager.EMULATOR_VARIABLE, raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "nowhere.json")
    with pytest.raises(UsageError, match="cannot be read"):
        read_secret(NAME)
