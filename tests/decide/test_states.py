"""The state of every slice: disjoint sets that together are what was asked for, the worst word first."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from sqlpipes.core.history import Built, Past
from sqlpipes.core.partitions import WHOLE, Grain, Partitions
from sqlpipes.core.plan import Action, Reason, Step, Why
from sqlpipes.decide.states import SliceState, slice_states

DAYS = range(40)
sets = st.frozensets(st.sampled_from(DAYS))
maybe = st.none() | sets


def days(found) -> Partitions:
    return Partitions.of(Grain.DAY, [(day, day + 1) for day in found])


def step(slices, action=Action.SLICES) -> Step:
    return Step("a", action, slices, (Reason(Why.ASKED, slices=slices),))


def state_by_hand(day, past, planned, running) -> str:
    """What a person would say of one day."""
    if running and day in running:
        return "running"
    if past["suspect"] and day in past["suspect"]:
        return "in doubt"
    if past["broken"] and day in past["broken"]:
        return "failed"
    if day not in past["built"]:
        return "missing"
    return "stale" if day in planned else "built"


@given(st.fixed_dictionaries({"built": sets, "suspect": maybe, "broken": maybe}), sets, sets, maybe)
@settings(deadline=None, max_examples=150)
def test_every_slice_is_in_the_one_state_that_a_person_would_give_it(
    past, wanted, planned, running
):
    # what is in doubt does not count as built, so a plan always has it
    told = Past(
        built=(Built(days(past["built"]), "v", 1, 2),) if past["built"] else (),
        suspect=days(past["suspect"]) if past["suspect"] else None,
        broken=days(past["broken"]) if past["broken"] else None,
    )
    found = slice_states(
        told, days(wanted), step(days(planned)), days(running) if running else None
    )
    said = {day: str(state) for state, slices in found.items() for day in slices}
    assert said == {day: state_by_hand(day, past, planned, running) for day in wanted}
    assert sum(len(slices) for slices in found.values()) == len(wanted)
    assert all(found.values())
    assert list(found) == [state for state in SliceState if state in found]


def test_slices_that_are_cut_otherwise_are_told_as_far_as_they_can_be():
    month = Partitions.of(Grain.MONTH, [(0, 1)])
    wanted = days(range(25, 35))
    found = slice_states(Past(broken=month), wanted, None, None)
    assert found[SliceState.FAILED] == days(range(25, 31))
    assert found[SliceState.MISSING] == days(range(31, 35))
    everything = slice_states(Past(suspect=WHOLE), wanted, None, None)
    assert everything == {SliceState.IN_DOUBT: wanted}


def test_checks_that_are_due_make_no_slice_stale():
    past = Past(built=(Built(WHOLE, "v", 1, 2),))
    assert slice_states(past, WHOLE, step(WHOLE, Action.CHECK), None) == {SliceState.BUILT: WHOLE}
    assert slice_states(past, WHOLE, step(WHOLE, Action.TABLE), None) == {SliceState.STALE: WHOLE}
    running = slice_states(replace(past, suspect=WHOLE), WHOLE, None, WHOLE)
    assert running == {SliceState.RUNNING: WHOLE}
