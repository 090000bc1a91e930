"""The states of a listing: what a long life of random decisions can and cannot lead to."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_server.registry.lifecycle import (
    DRAFTED,
    RULES,
    RUNNING,
    Action,
    NotAllowedNow,
    Standing,
    State,
    after,
    possible,
)

actions = st.lists(st.sampled_from(Action), max_size=60)


def lived(life: list[Action]) -> list[tuple[Action, Standing, Standing]]:
    """Each action that was possible when its turn came, with the standing before and after."""
    standing, story = DRAFTED, []
    for action in life:
        if action in possible(standing):
            before, standing = standing, after(standing, action)
            story.append((action, before, standing))
    return story


@given(actions)
def test_residents_reach_nothing_that_was_neither_approved_nor_installed(life: Any) -> None:
    released = False
    for action, _, now in lived(life):
        released = released or action in (Action.APPROVE, Action.INSTALL)
        if now.state in RUNNING or now.state is State.SUSPENDED:
            assert released


@given(actions)
def test_a_lifted_listing_is_where_it_was_before(life: Any) -> None:
    before_suspension = None
    for action, before, now in lived(life):
        if action is Action.SUSPEND:
            before_suspension = before.state
        if action is Action.LIFT:
            assert now.state is before_suspension
        assert (now.before_suspension is not None) is (now.state is State.SUSPENDED)


@given(actions)
def test_retired_is_the_end(life: Any) -> None:
    for action, before, _ in lived(life):
        assert before.state is not State.RETIRED, action


@given(actions, st.sampled_from(Action))
def test_what_is_not_possible_is_refused_and_what_is_possible_is_done(life: Any, action: Any) -> None:
    standing = lived(life)[-1][2] if lived(life) else DRAFTED
    if action in possible(standing):
        assert isinstance(after(standing, action), Standing)
    else:
        with pytest.raises(NotAllowedNow):
            after(standing, action)


def test_every_state_can_be_reached_and_every_action_has_a_rule() -> None:
    reached, frontier = {DRAFTED}, [DRAFTED]
    while frontier:
        standing = frontier.pop()
        for action in possible(standing):
            if (then := after(standing, action)) not in reached:
                reached.add(then)
                frontier.append(then)
    assert {standing.state for standing in reached} == set(State)
    assert set(RULES) == set(Action)


def test_whatever_residents_can_reach_can_be_stopped_at_once() -> None:
    for state in RUNNING:
        assert after(Standing(state), Action.SUSPEND).state is State.SUSPENDED
