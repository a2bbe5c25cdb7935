"""What do all tests of models and queries share? One GoogleSQL engine."""

from tests.googlesql.fixture import googlesql

__all__ = ["googlesql"]
