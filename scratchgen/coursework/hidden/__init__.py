"""The tests that run only when work is graded. They are hidden from no one who reads the library; their inputs are. Each says why it is hidden."""

LARGE = "the task says that large numbers must do; which form does is to be found by thinking, not by trying"
SHAPES = "a formula holds for every shape; code that fits the shapes of the visible tests alone should not pass"
DTYPE = "a step in float64 goes unseen in its values, and costs half the speed"
SIZE = "a loop over examples passes every small test"
THOUGHT = "an edge, or another setting, that the task names and that should be thought of before it is tried"
