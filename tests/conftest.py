"""Fixtures live in ``tests/fixtures``; this file only lists them."""

pytest_plugins = ["tests.fixtures.database", "tests.fixtures.installation", "tests.fixtures.phones"]
