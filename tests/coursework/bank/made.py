"""Mistakes in exercise 10, the masks of MADE: (part of the solution, what a student writes there, how it should be named)."""

PLACE = "place[np.asarray(ordering)] = np.arange(1, D + 1)"
DEGREES = "degrees = [place] + [1 + np.arange(H) * (D - 1) // H for H in hidden]"
MASKS = "masks = [m_in[:, None] <= m_out[None, :]"
LAST = "masks.append(degrees[-1][:, None] < place[None, :])"
RETURN = "return [mask.astype(float) for mask in masks]"

MISTAKES = [
    (LAST, "masks.append(degrees[-1][:, None] <= place[None, :])", "lets an output see its own input"),
    (LAST, "masks.append(degrees[-1][:, None] > place[None, :])", "output"),
    (LAST, "masks.append(degrees[-1][:, None] < np.arange(1, D + 1)[None, :])", "the outputs are not"),
    (LAST, "pass", "wanted are|return|masks|values"),
    (MASKS, "masks = [m_in[:, None] < m_out[None, :]", "all masks have <"),
    (MASKS, "masks = [m_in[:, None] >= m_out[None, :]", "output"),
    (MASKS, "masks = [m_in[None, :] <= m_out[:, None]", "shape"),
    (PLACE, "place[...] = np.asarray(ordering) + 1", "ordering itself is taken for the degrees"),
    (PLACE, "place[...] = np.arange(1, D + 1)", "the order is not used"),
    (PLACE, "place[np.asarray(ordering)] = np.arange(D)", "output|mask"),
    (PLACE, "place[np.asarray(ordering)] = np.arange(D, 0, -1)", "output"),
    (DEGREES, "degrees = [place] + [np.arange(H) * (D - 1) // H for H in hidden]", "begin at 0"),
    (DEGREES, "degrees = [place] + [1 + np.arange(H) * D // H for H in hidden]", "run to D"),
    (DEGREES, "degrees = [place] + [1 + np.arange(H) % (D - 1) for H in hidden]", "where the lesson spreads them evenly|ZeroDivision"),
    (DEGREES, "degrees = [place] + [np.ones(H, int) for H in hidden]", "are all 1"),
    (DEGREES, "degrees = [np.arange(1, D + 1)] + [1 + np.arange(H) * (D - 1) // H for H in hidden]", "the inputs are not"),
    (RETURN, "return [np.ones_like(mask, dtype=float) for mask in masks]", "nothing is cut"),
    (RETURN, "return [np.zeros_like(mask, dtype=float) for mask in masks]", "everything is cut"),
    (RETURN, "return [2.0 * mask for mask in masks]", "values other than 0 and 1"),
    (RETURN, "return masks[0]", "wanted are|shape|returns"),
    (RETURN, "return [mask.T.astype(float) for mask in masks]", "shape"),
    (RETURN, "masks", "is there a `return`"),
    (PLACE, "ordering.reverse(); place[np.asarray(ordering)] = np.arange(1, D + 1)", "changes its argument ordering"),
]
