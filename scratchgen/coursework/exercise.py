"""What an exercise is: what is cut from the library, the task in words, its tests with their points."""

import importlib
import inspect
import re
import textwrap
from dataclasses import dataclass
from functools import cached_property

from scratchgen.coursework.source import WIDTH, Cut, path_of, student_text


@dataclass(frozen=True)
class Test:
    """One graded part. run(student, rng) raises if the student's work does not pass."""

    __test__ = False  # for pytest: not a test class of its own

    name: str
    points: float
    hidden: bool
    run: object

    @property
    def title(self):
        """The first line of its docstring."""
        return inspect.getdoc(self.run).split("\n")[0].rstrip(".")


@dataclass(frozen=True)
class Exercise:
    """name: of its test modules.  number: its place in the course.  task: what to do, in words.  minutes: an estimate of a student's time.

    cuts: what is kept of the library's modules (see source.py).
    """

    name: str
    number: int
    title: str
    task: str
    minutes: int
    cuts: tuple[Cut, ...]

    @property
    def module(self):
        """Name of the student's module: ex01_linear."""
        return f"ex{self.number:02d}_{self.name}"

    @property
    def blanks(self):
        """Qualified names of what the student writes."""
        return [blank for cut in self.cuts for blank in cut.blanks]

    def solution(self, name):
        """The library's own function of that name. AttributeError if the exercise has none."""
        for cut in self.cuts:
            if name in cut.keep:
                return getattr(importlib.import_module(cut.module), name)
        raise AttributeError(f"exercise {self.name} has no function {name}")

    @cached_property
    def tests(self):
        """Visible tests first, then hidden ones, in the order of their files."""
        result = []
        for kind in ("visible", "hidden"):
            module = importlib.import_module(f"scratchgen.coursework.{kind}.{self.name}")
            functions = [value for name, value in vars(module).items() if name.startswith("test_")]
            result += [Test(f.__name__, f.points, kind == "hidden", f) for f in functions]
        return result

    @property
    def points(self):
        """Sum over all tests."""
        return sum(test.points for test in self.tests)

    @property
    def visible_source(self):
        """Text of the visible tests, as they are copied to the student."""
        return path_of(f"scratchgen.coursework.visible.{self.name}").read_text(encoding="utf-8")

    def introduction(self, notebook=False):
        """The head of the student's file, or notebook."""
        to_check = " run the cells at the end." if notebook else f"\n\n    pytest test_{self.module}.py"
        paragraphs = re.split(r"\n\s*\n", textwrap.dedent(self.task).strip())
        task = "\n\n".join(each if each.startswith(" ") else textwrap.fill(each, WIDTH) for each in paragraphs)
        parts = [f"    {test.points:4g}  {test.title}{' (hidden)' if test.hidden else ''}" for test in self.tests]
        parts = "\n".join(textwrap.fill(part, WIDTH, subsequent_indent=" " * 10) for part in parts)
        return (
            f"Exercise {self.number}: {self.title}.\n\n{self.points:g} points, about {self.minutes} minutes.\n\n{task}\n\n"
            f"To write, each in place of its line `raise NotImplementedError(…)`:\n\n" + "\n".join(f"    {blank}" for blank in self.blanks) + "\n\n"
            f"To check:{to_check}\n\n"
            f"Points (hidden: tested with other inputs when your work is graded):\n\n{parts}"
        )

    def text(self, filling="blank"):
        """The student's file; filling="solution": the reference solution, "marked": the same between nbgrader's markers."""
        return student_text(self.cuts, self.introduction(), filling)
