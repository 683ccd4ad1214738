"""Hidden tests: MADE's masks."""

from scratchgen.coursework.hidden import SHAPES
from scratchgen.coursework.testing import points
from scratchgen.coursework.visible.made import check_connections, check_degrees, masks


@points(1, why=SHAPES)
def test_three_hidden_layers(exercise, rng):
    """Three hidden layers of different sizes, any order."""
    ordering = rng.permutation(7).tolist()
    check_connections(masks(exercise, (7, 12, 6, 20, 7), ordering), ordering)


@points(1, why=SHAPES)
def test_fewer_units_than_features(exercise, rng):
    """Hidden layers too small for every connection, and a single feature."""
    ordering = rng.permutation(9).tolist()
    for sizes, order in [((9, 3, 9), ordering), ((1, 2, 1), [0])]:
        check_degrees(masks(exercise, sizes, order), sizes, order)
