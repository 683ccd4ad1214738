"""How late a submission is, and what that costs."""

import json

import pytest

from scratchgen.coursework.late import Late, days_between, days_on_gradescope

DUE = "2026-03-28T23:00:00.000000-07:00"


@pytest.mark.parametrize(
    "came, days",
    [
        ("2026-03-01T00:00:00-07:00", 0),
        ("2026-03-28T23:00:00-07:00", 0),
        ("2026-03-29T06:00:00Z", 0),  # the same moment, elsewhere
        ("2026-03-28T23:00:01-07:00", 1),
        ("2026-03-28T23:00:00.5-07:00", 1),
        ("2026-03-29T06:00:00.0000001Z", 0),
        ("2026-03-29T23:00:00.000000-07:00", 1),
        ("2026-03-30T08:00:00+02:00", 1),
        ("2026-03-30T08:00:01+02:00", 2),
    ],
)
def test_days_that_have_begun_count(came, days):
    assert days_between(DUE, came) == days


def test_what_gradescope_says(tmp_path):
    path = tmp_path / "submission_metadata.json"
    say = lambda text: (path.write_text(text), days_on_gradescope(path))[1]
    assert days_on_gradescope(path) is None
    assert say(json.dumps({"created_at": "2026-04-01T00:00:00-07:00", "assignment": {"due_date": DUE}})) == 4
    assert say(json.dumps({"created_at": "2026-04-01T00:00:00-07:00", "assignment": {"due_date": None}})) == 0
    own = {"users": [{"name": "Ada", "assignment": {"due_date": "2026-04-30T00:00:00-07:00"}}]}
    assert say(json.dumps({"created_at": "2026-04-01T00:00:00-07:00", "assignment": {"due_date": DUE}} | own)) == 0  # with an extension
    assert say("{") is say("[]") is say('{"created_at": "now", "assignment": {"due_date": "then"}}') is None
    assert say(json.dumps({"created_at": "2026-04-01T00:00:00", "assignment": {"due_date": DUE}})) is None  # no time zone


def test_what_a_late_day_costs():
    assert [Late(days, free_days=1, percent=15).deducted(20) for days in (0, 1, 2, 3, 8, 100)] == [0, 0, 3, 6, 20, 20]
    assert Late(None, percent=15).deducted(20) == Late(5).deducted(20) == 0
    assert Late(1, percent=33.3).deducted(7.5) == 2.5


def test_words():
    assert Late(0, percent=10).in_words(10) == Late(3).in_words(10) == ""
    assert Late(1, percent=10).in_words(10) == "It came 1 day late: 1 points are taken off."
    assert Late(5, free_days=2, percent=10).in_words(10) == "It came 5 days late, of which 2 are free: 3 points are taken off."
    assert "not known" in Late(None, percent=10).in_words(10)
