"""One reference engine for all tests of a run."""

from tests.googlesql.fixture import googlesql

__all__ = ["googlesql"]
