"""The closed-form prediction against the reference's walk along the clock."""

from hypothesis import given, settings
from hypothesis import strategies as st

from takt.program import Entry, Program, Step, schedule
from takt_hw import isa
from takt_hw.config import NANO, NANO_C2C, QUAD
from takt_sim.timeline import trace
from tests.firmware.strategies import texts
from tests.sim.texts import flat, loop

NEVER = {"encoding", "operand", "text"}
"""Rules that a structurally sound program cannot break before a REPEAT advances a field."""


@given(st.sampled_from([NANO, QUAD, NANO_C2C]), st.data())
@settings(deadline=None, max_examples=200)
def test_predicts_the_cycles_of_any_text(config, data):
    text = data.draw(texts(config))
    predicted = Program(config=config, entries=(Entry("main", text),)).cycles["main"]
    timeline, violations = trace(config, text)
    rules = {violation.rule for violation in violations}
    if "sync" in rules:
        assert predicted is None
    elif not rules & {"repeat", "operand", "loop", "config", "length", "fetch-text"}:  # the walk's sense of time ends
        assert predicted == timeline.cycles


def syncs_and_notifies():
    steps = st.sampled_from([isa.SYNC.make(), isa.NOTIFY.make(), isa.NOP.make(count=1), isa.NOP.make(count=7)])
    queues = st.sampled_from([queue.name for queue in isa.queues(NANO)[:4]])
    return st.dictionaries(queues, st.lists(steps, max_size=8))


@given(syncs_and_notifies())
@settings(deadline=None, max_examples=300)
def test_finds_the_release_of_every_sync(queues):
    plan = schedule(NANO, {name: [Step(i) for i in steps] for name, steps in queues.items()})
    timeline, violations = trace(NANO, {name: [i.word for i in steps] for name, steps in queues.items()})
    if violations:
        assert plan.cycles(NANO) is None
    else:
        assert plan.ends == {name: timeline.ends[name] for name in queues}
        assert plan.cycles(NANO) == timeline.cycles


def nests(depth):
    """Instructions of a loop's body, with loops up to a depth."""
    own = st.sampled_from([isa.SYNC.make(), isa.NOTIFY.make(), isa.NOP.make(count=1), isa.NOP.make(count=7), IDLE])
    if depth:
        inner = st.deferred(lambda: nests(depth - 1))
        own = own | st.builds(lambda count, body: loop(count, *body), st.integers(1, 3), inner)
    return st.lists(own, min_size=1, max_size=4)


IDLE = isa.READ.make(dst=isa.Stream(0, isa.Direction.EAST), address=1)


@given(st.dictionaries(st.sampled_from([queue.name for queue in isa.queues(NANO)[:4:2]]), nests(3), min_size=1))
@settings(deadline=None, max_examples=300)
def test_predicts_any_nest_of_loops(queues):
    """Loops that wait and notify in every iteration, against the walk that goes through all of them."""
    instructions = {name: flat(*parts) for name, parts in queues.items()}
    plan = schedule(NANO, {name: [Step(i) for i in steps] for name, steps in instructions.items()})
    timeline, violations = trace(NANO, {name: [i.word for i in steps] for name, steps in instructions.items()})
    if violations:
        assert plan.cycles(NANO) is None
    else:
        assert plan.ends == {name: timeline.ends[name] for name in queues}


def test_a_loop_of_many_iterations_costs_nothing():
    steps = flat(loop(65535, loop(65535, loop(65535, IDLE))))
    plan = schedule(NANO, {"MEM_W0.read": [Step(i) for i in steps]})
    inner = 1 + 65535
    assert plan.ends == {"MEM_W0.read": 1 + 65535 * (1 + 65535 * inner)}


def test_loops_that_notify_for_ever_are_given_up():
    steps = flat(loop(65535, loop(65535, isa.NOTIFY.make())))
    assert schedule(NANO, {"MEM_W0.read": [Step(i) for i in steps]}).cycles(NANO) is None
