"""What do the tests of whole programs share?"""

from collections.abc import Iterator

import pytest

from tests.compare_rows import DEFAULT_KEY

pytest.register_assert_rewrite("tests.pipelines.whole_runs")


@pytest.fixture(scope="module")
def pseudonym_key() -> Iterator[str]:
    """The key of the pseudonyms, set in the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHAPTERFLOW_PSEUDONYM_KEY", DEFAULT_KEY)
        yield DEFAULT_KEY
