"""Visible tests: MADE's masks."""

import numpy as np

from scratchgen.coursework.mistakes import made as mistakes_of
from scratchgen.coursework.testing import points, values
from scratchgen.gradcheck.diagnosis.values import same
from scratchgen.models.made import made_masks


def masks(exercise, sizes, ordering):
    """The student's masks, in shapes that fit together, of zeros and ones."""
    result = values(exercise.made_masks(list(sizes), list(ordering)), len(sizes) - 1, f"one mask per layer of {tuple(sizes)}")
    result = [np.asarray(mask, dtype=float) for mask in result]
    for i, mask in enumerate(result):
        wanted = (sizes[i], sizes[i + 1])
        assert mask.shape == wanted, f"mask {i} has shape {mask.shape}; between layers of these sizes it must be {wanted}"
        assert np.isin(mask, (0, 1)).all(), f"mask {i} has values other than 0 and 1"
    return result


def explanation(result, ordering):
    """Which common mistakes these masks come out of, as the end of a message."""
    layers = [len(result[0]), *(mask.shape[1] for mask in result)]
    wrong = mistakes_of.masks(layers, list(ordering))
    found = [words for words, masks in wrong.items() if all(same(a, b) for a, b in zip(result, masks, strict=True))]
    return "".join(f"\n  {'Certain' if len(found) == 1 else 'Likely'}: {words}" for words in found)


def check_degrees(result, sizes, ordering):
    """AssertionError unless these are the masks that follow from the degrees of the lesson."""
    for i, (got, want) in enumerate(zip(result, made_masks(tuple(sizes), ordering), strict=True)):
        if not np.array_equal(got, want):
            a, b = (int(k) for k in np.argwhere(got != want)[0])
            raise AssertionError(
                f"mask {i}[{a}, {b}] is {got[a, b]:g}; by the degrees of the lesson it is {want[a, b]:g}{explanation(result, ordering)}"
            )


def check_connections(result, ordering):
    """Output d must be reached from every input before d in the ordering, and from no other."""
    paths = np.linalg.multi_dot(result) if len(result) > 1 else result[0]  # [i, d]: how many ways lead from input i to output d
    place = np.argsort(ordering)
    for i, d in np.ndindex(*paths.shape):
        if place[i] < place[d]:
            why = f"output {d} does not see input {i}, which comes before it in the ordering {list(ordering)}"
            assert paths[i, d] > 0, why + explanation(result, ordering)
        else:
            why = f"output {d} sees input {i}, which does not come before it in the ordering {list(ordering)}"
            assert paths[i, d] == 0, why + explanation(result, ordering)


@points(2)
def test_two_hidden_layers(exercise, rng):
    """Two hidden layers: one mask per layer, of zeros and ones, shape (units before, units after)."""
    check_connections(masks(exercise, (4, 7, 5, 4), range(4)), range(4))


@points(4)
def test_natural_order(exercise, rng):
    """Output d sees inputs 0 … d − 1, all of them and no other."""
    check_connections(masks(exercise, (5, 8, 5), range(5)), range(5))


@points(2)
def test_other_order(exercise, rng):
    """The same in another order of the features."""
    ordering = rng.permutation(6).tolist()
    check_connections(masks(exercise, (6, 9, 6), ordering), ordering)


@points(2)
def test_degrees(exercise, rng):
    """The masks that follow from the degrees of the lesson."""
    check_degrees(masks(exercise, (5, 6, 7, 5), range(5)), (5, 6, 7, 5), range(5))
