"""New databases are made by the squashed migrations, older ones by the steps these stand for."""

import re

import pytest
from django.db.migrations.loader import MigrationLoader
from django.db.models import Model

pytestmark = pytest.mark.once


def tables(*, replace_migrations):
    loader = MigrationLoader(None, replace_migrations=replace_migrations)
    leaves = loader.graph.leaf_nodes()
    if not replace_migrations:
        # The squashed ones stand beside the steps they replace: nobody goes both ways.
        leaves = [node for node in leaves if not loader.graph.nodes[node].replaces]
    state = loader.project_state(leaves)
    found = {}
    for name, model in state.models.items():
        options = {
            key: sorted(map(repr, value)) if isinstance(value, list) else value
            for key, value in model.options.items()
            if value
        }
        fields = {field: one.deconstruct()[1:] for field, one in model.fields.items()}
        # An abstract one among them is written as Model, or left out.
        bases = [base for base in model.bases if base is not Model]
        told = repr((sorted(fields.items()), sorted(options.items()), bases))
        found[name] = re.sub(r" at 0x\w+", "", told)
    return found


def test_both_ways_end_in_the_same_tables():
    short, long = tables(replace_migrations=True), tables(replace_migrations=False)
    assert len(short) > 60
    assert short == long
