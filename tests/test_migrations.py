"""New databases are made by the squashed migrations, older ones by the steps these stand for."""

import pytest
from django.db.migrations.loader import MigrationLoader

pytestmark = pytest.mark.once


def tables(*, replace_migrations):
    state = MigrationLoader(None, replace_migrations=replace_migrations).project_state()
    found = {}
    for name, model in state.models.items():
        options = {
            key: sorted(map(repr, value)) if isinstance(value, list) else value
            for key, value in model.options.items()
            if value
        }
        fields = {field: one.deconstruct()[1:] for field, one in model.fields.items()}
        found[name] = repr((sorted(fields.items()), sorted(options.items()), model.bases))
    return found


def test_both_ways_end_in_the_same_tables():
    short, long = tables(replace_migrations=True), tables(replace_migrations=False)
    assert len(short) > 60
    assert short == long
