"""The tests that run only when work is graded. They are hidden from no one who reads the library; their inputs are."""
