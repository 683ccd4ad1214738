"""What a page says of a line: its equation and remarks, whether they stand at its end or above it, and the line itself in one piece."""

import textwrap

from scratchgen.pages.statements import Source

TEXT = """
    def scaled(x):
        # y = 2 x
        y = (  # twice
            2  # a number
            # not said of any line
            * x[
                0, 1,
            ]
        )
        # z = y², and no less
        # than that
        z = y**2
        w = z  # w = z, # 3 of 3
        return w
"""


def test_a_statement_is_one_line_and_knows_the_comments_above_it_and_at_its_end(tmp_path):
    path, names = tmp_path / "scaled.py", {}
    path.write_text(textwrap.dedent(TEXT))
    exec(compile(path.read_text(), str(path), "exec"), names)
    function = Source(str(path)).function(names["scaled"].__code__)
    said = {function.code(statement): function.equations(statement) for statement in function.statements.values()}
    assert said == {
        "y = (2 * x[0, 1])": ["y = 2 x twice"],
        "z = y**2": ["z = y², and no less than that"],
        "w = z": ["w = z, # 3 of 3"],
        "return w": [],
    }
