"""Is what a test needs on this machine? If not it skips with a reason, but fails with CI set."""

import os

import pytest


def need(is_there: object, what: str) -> None:
    """Go on only if it is there. `what`: the reason, such as "no java on the PATH"."""
    if is_there:
        return
    if os.environ.get("CI"):
        pytest.fail(f"{what}, and CI is set: nothing may be skipped there")
    pytest.skip(what)
