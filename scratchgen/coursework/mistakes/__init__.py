"""What comes out of common mistakes, for the tests to recognise: a file per exercise, {words: a wrong function}.

Students read a sentence where their answer is one of these. The tests in their folder only refer to them, so that they show no formulas.
"""
