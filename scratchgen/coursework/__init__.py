"""Coursework: exercises cut from the library's own source, tests that say what is wrong, and grading that can be trusted.

    coursework.new("exercises")                     a student's folder: files with a lesson and blanks, tests, README.md
    coursework.new_class("names.csv", "class")      a folder for each student of a class
    coursework.grade("exercises", out="results")    partial credit, results.json for Gradescope
    coursework.grade_all("class", "results")        a class of them, and the table of marks
    coursework.staff("staff")                       solutions, autograder, points: read its README.md

Read exercises.py for what the course consists of, source.py for how a solution becomes an exercise, and visible/linear.py for what a test
looks like; mistakes/ holds what comes out of common mistakes, for tests to recognise. How a student's code is graded without being trusted:
grader.py, remote.py, nursery.py, worker.py, sandbox.py, in this order.
"""

from scratchgen.coursework.bulk import grade_all
from scratchgen.coursework.exercises import EXERCISES
from scratchgen.coursework.grader import grade, report
from scratchgen.coursework.new import new
from scratchgen.coursework.notebook import check
from scratchgen.coursework.roster import new_class
from scratchgen.coursework.staff import staff

__all__ = ["EXERCISES", "check", "grade", "grade_all", "new", "new_class", "report", "staff"]
