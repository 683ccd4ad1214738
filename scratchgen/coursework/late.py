"""What is taken off for a submission that comes after its due date.

    deducted = points · percent/100 · (days late − free days)        nothing within the free days, and never more than the points

A day that has begun counts.
"""

import json
import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Late:
    """days: late, 0 for in time, None where nobody knows.  free_days: that cost nothing.  percent: of the points, for each other day."""

    days: int | None = 0
    free_days: int = 0
    percent: float = 0.0

    def __post_init__(self):
        if self.free_days < 0 or not 0 <= self.percent <= 100:
            raise ValueError(f"{self.free_days} free days and {self.percent} per cent off for a late day; at least 0, and 100 per cent at most")

    def deducted(self, points):
        """Points that are taken off, to the hundredth."""
        return round(points * min(1, self.percent / 100 * max(0, (self.days or 0) - self.free_days)), 2)

    def in_words(self, points):
        """What a student is told; "" where nothing is to be said."""
        if not self.percent or self.days == 0:
            return ""
        if self.days is None:
            return "How late it came is not known, so nothing was taken off for it."
        free = f", of which {self.free_days} {'is' if self.free_days == 1 else 'are'} free" if self.free_days else ""
        return f"It came {self.days} {'day' if self.days == 1 else 'days'} late{free}: {self.deducted(points):g} points are taken off."


def days_between(due, came):
    """Days from one time to another, both in ISO 8601 with a time zone; 0 if it came in time."""
    return max(0, math.ceil((moment(came) - moment(due)) / timedelta(days=1)))


def moment(time):
    """The datetime of a time in ISO 8601, for Python 3.10, too, which knows neither Z nor fractions of one digit."""
    six_digits = re.sub(r"\.(\d+)", lambda fraction: f".{fraction[1][:6]:0<6}", time)
    return datetime.fromisoformat(six_digits.replace("Z", "+00:00"))


def days_on_gradescope(path):
    """Days late by Gradescope's submission_metadata.json; 0 without a due date, None where the file does not say. A student's own due date, where
    there is one, counts before the assignment's; of a group, the latest."""
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        own = [user["assignment"]["due_date"] for user in about.get("users") or [] if user.get("assignment")]
        dues = own or [about["assignment"]["due_date"]]
        return 0 if None in dues else min(days_between(due, about["created_at"]) for due in dues)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
