"""A task: moved with reasons, closed with an outcome."""

from __future__ import annotations

from souk.rules.clauses import implements
from souk.rules.enums import TaskOutcome
from souk.rules.errors import Problems, Required
from souk.rules.machines import check

TASK = "Task"
_WITH_REASON = frozenset({("IN_PROGRESS", "BLOCKED"), ("DONE", "IN_PROGRESS")})


@implements(TASK, "IN_PROGRESS", "BLOCKED", guard="reason")
@implements(TASK, ("TODO", "IN_PROGRESS", "BLOCKED"), "CANCELLED", guard="reason")
@implements(TASK, "DONE", "IN_PROGRESS", guard="reason")
def transition(status: str, to: str, *, reason: str | None = None) -> str:
    """The status moved by hand; BLOCKED, CANCELLED and reopening ask for a reason. Raises InvalidTransition, Required."""
    check(TASK, status, to, mutation="taskTransition")
    if ((status, to) in _WITH_REASON or to == "CANCELLED") and not (reason and reason.strip()):
        raise Required("Give a reason.", field="reason")
    return to


@implements(TASK, ("TODO", "IN_PROGRESS", "BLOCKED"), "DONE", guard="outcome and note")
def close_loop(status: str, *, outcome: TaskOutcome | None, note: str | None) -> str:
    """DONE, with outcome and note. Raises InvalidTransition, InvalidInput naming both if both are missing."""
    check(TASK, status, "DONE", mutation="taskCloseLoop")
    problems = Problems()
    if outcome is None:
        problems.add(Required("How did it end?", field="outcome"))
    if not (note and note.strip()):
        problems.add(Required("Say what was found or agreed.", field="note"))
    problems.check()
    return "DONE"
