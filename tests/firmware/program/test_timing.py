"""The closed-form prediction against the reference's walk along the clock."""

from hypothesis import given, settings
from hypothesis import strategies as st

from takt.program import Entry, Program, Step, schedule
from takt_hw import isa
from takt_hw.config import NANO, QUAD
from takt_sim.timeline import trace
from tests.firmware.strategies import texts

NEVER = {"encoding", "operand", "text"}
"""Rules that a structurally sound program cannot break before a REPEAT advances a field."""


@given(st.sampled_from([NANO, QUAD]), st.data())
@settings(deadline=None, max_examples=150)
def test_predicts_the_cycles_of_any_text(config, data):
    text = data.draw(texts(config))
    predicted = Program(config=config, entries=(Entry("main", text),)).cycles["main"]
    timeline, violations = trace(config, text)
    rules = {violation.rule for violation in violations}
    if "sync" in rules:
        assert predicted is None
    elif not rules & {"repeat", "operand"}:  # a refused REPEAT ends the walk's sense of time
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
