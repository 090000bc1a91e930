"""The states of a listing, and what may be done in each. Pure.

A listing that is suspended remembers the state it was in, and returns there when the suspension is lifted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where a listing stands between a provider's first draft and its end."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    AUTO_CHECKED = "auto_checked"
    IN_REVIEW = "in_review"
    CHANGES_REQUESTED = "changes_requested"
    APPROVED = "approved"
    TESTERS = "testers"
    GRAY = "gray"
    ONLINE = "online"
    SUSPENDED = "suspended"
    RETIRED = "retired"


class Action(StrEnum):
    """What a provider, the checks, a reviewer or an operator does to a listing."""

    SUBMIT = "submit"
    PASS_CHECKS = "pass_checks"
    FAIL_CHECKS = "fail_checks"
    BEGIN_REVIEW = "begin_review"
    REQUEST_CHANGES = "request_changes"
    APPROVE = "approve"
    INVITE_TESTERS = "invite_testers"
    START_GRAY = "start_gray"
    HALT_GRAY = "halt_gray"
    PUBLISH = "publish"
    INSTALL = "install"  # the operator puts a mini-app of their own online, without review
    SUSPEND = "suspend"
    LIFT = "lift"
    RETIRE = "retire"


@dataclass(frozen=True, slots=True)
class Rule:
    """From which states an action leads where; `to=None`: back to the state before the suspension."""

    sources: frozenset[State]
    to: State | None


RUNNING = frozenset({State.TESTERS, State.GRAY, State.ONLINE})  # residents can reach it, some of them or all

RULES: Mapping[Action, Rule] = {
    Action.SUBMIT: Rule(frozenset({State.DRAFT, State.CHANGES_REQUESTED}), State.SUBMITTED),
    Action.PASS_CHECKS: Rule(frozenset({State.SUBMITTED}), State.AUTO_CHECKED),
    Action.FAIL_CHECKS: Rule(frozenset({State.SUBMITTED}), State.CHANGES_REQUESTED),
    Action.BEGIN_REVIEW: Rule(frozenset({State.AUTO_CHECKED}), State.IN_REVIEW),
    Action.REQUEST_CHANGES: Rule(frozenset({State.IN_REVIEW}), State.CHANGES_REQUESTED),
    Action.APPROVE: Rule(frozenset({State.IN_REVIEW}), State.APPROVED),
    Action.INVITE_TESTERS: Rule(frozenset({State.APPROVED}), State.TESTERS),
    Action.START_GRAY: Rule(frozenset({State.TESTERS}), State.GRAY),
    Action.HALT_GRAY: Rule(frozenset({State.GRAY}), State.TESTERS),
    Action.PUBLISH: Rule(frozenset({State.APPROVED, State.TESTERS, State.GRAY}), State.ONLINE),
    Action.INSTALL: Rule(frozenset({State.DRAFT}), State.ONLINE),
    Action.SUSPEND: Rule(RUNNING, State.SUSPENDED),
    Action.LIFT: Rule(frozenset({State.SUSPENDED}), None),
    Action.RETIRE: Rule(RUNNING | {State.APPROVED, State.SUSPENDED}, State.RETIRED),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """A state, and for a suspended listing the state it goes back to."""

    state: State
    before_suspension: State | None = None


DRAFTED = Standing(State.DRAFT)


class NotAllowedNow(Exception):
    """The action does not lead on from the present state."""

    def __init__(self, action: Action, state: State) -> None:
        super().__init__(f"{action} is not possible while the listing is {state}")
        self.action = action
        self.state = state


def after(standing: Standing, action: Action) -> Standing:
    """The standing once the action is done. Raises `NotAllowedNow`."""
    rule = RULES[action]
    if standing.state not in rule.sources:
        raise NotAllowedNow(action, standing.state)
    if rule.to is None:
        assert standing.before_suspension is not None, "a suspended listing knows where it was"
        return Standing(standing.before_suspension)
    return Standing(rule.to, standing.state if rule.to is State.SUSPENDED else None)


def possible(standing: Standing) -> frozenset[Action]:
    """What can be done now."""
    return frozenset(action for action, rule in RULES.items() if standing.state in rule.sources)
