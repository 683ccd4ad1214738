"""The tests that students get with their exercises; graded as well, with inputs of their own."""
