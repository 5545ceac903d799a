"""The one table is closed: everything public is of a kind and has a row, or is a value that stands here by name."""

import inspect
import math

import pytest

import flambeau as fb
import kinds
import table


def classes_in(rows):
    """The classes that rows stand for: of what a row makes, or of the first of several things that it makes."""
    for make in rows.values():
        made = make() if inspect.isfunction(make) or inspect.isclass(make) else make
        yield type(made[0] if isinstance(made, tuple) else made)


# Room by room: the tables whose rows stand for its classes, and its classes that are no kind but a value: records and
# results that the kinds hand on, and parts of which a network is made.
ROOMS = {
    "structures": ((table.STRUCTURES, table.LAYERS), {"Layer", "Window"}),
    "neurons": ((table.ACTIVATIONS, table.COMBINATIONS, table.UNITS), set()),
    "dynamics": ((kinds.SAMPLERS, kinds.UPDATES), set()),
    "rules": ((table.RULES, kinds.EVALUATIONS, table.LOSSES), set()),
    "networks": (
        (kinds.NETWORKS, kinds.FEEDBACK),
        {"Directed", "Polynomial", "Exponential", "SoftmaxSeparation", "SparsemaxSeparation", "TopSeparation"},
    ),
    "monitors": ((table.MONITORS, table.RBM_MONITORS), set()),
    "problems": ((kinds.PROBLEMS,), {"DataBundle", "Distortion", "TableFile"}),
    "estimators": ((kinds.MODELS,), set()),
}


def public_classes(room):
    """Final classes of a room that are no plain tuples, errors or abstract ones."""
    module = getattr(fb, room)
    found = {name: getattr(module, name) for name in module.__all__}
    return {
        name: each
        for name, each in found.items()
        if inspect.isclass(each) and not inspect.isabstract(each) and not issubclass(each, tuple)
    }


@pytest.mark.parametrize("room", ROOMS)
def test_everything_public_has_a_row(room):
    tables, values = ROOMS[room]
    public = {name: each for name, each in public_classes(room).items() if not name.startswith("Abstract")}
    assert public
    have = {kind for rows in tables for kind in classes_in(rows)}
    missing = {name for name, each in public.items() if each not in have} - values
    assert not missing, f"{', '.join(sorted(missing))}: give each a row in tests/table.py or tests/kinds.py"
    assert values <= set(public), f"no longer there: {values - set(public)}"


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_with_kinds_is_looked_at(room):
    assert room in fb.__all__


def test_a_class_without_a_row_is_noticed(monkeypatch):
    class Newcomer(fb.structures.AbstractStructure):
        project = backproject = correlate = per_unit = input_shape = unit_shape = None
        weights: float = math.pi

    monkeypatch.setattr(fb.structures, "__all__", [*fb.structures.__all__, "Newcomer"])
    monkeypatch.setattr(fb.structures, "Newcomer", Newcomer, raising=False)
    with pytest.raises(AssertionError, match="Newcomer"):
        test_everything_public_has_a_row("structures")
