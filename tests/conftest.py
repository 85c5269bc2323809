"""Fixtures live in ``tests/fixtures``; this file only lists them, each after those that it imports."""

pytest_plugins = [
    "tests.fixtures.cluster",
    "tests.fixtures.commands",
    "tests.fixtures.database",
    "tests.fixtures.installation",
    "tests.fixtures.logs",
    "tests.fixtures.demo",
    "tests.fixtures.chromium",
    "tests.fixtures.phones",
    "tests.fixtures.random_data",
    "tests.fixtures.scheduling",
]
