import pytest

from takt_hw import isa
from takt_hw.config import NANO, QUAD
from takt_hw.isa import Alu, Direction, DType, Stream, TypedStream, queue_by_name
from takt_sim.timeline import expand
from takt_sim.waves.links import find_links
from takt_sim.waves.observe import Dispatched
from tests.sim.waves.programs import i8, relu_program

EAST, WEST = Direction.EAST, Direction.WEST


def at(config, cycle, queue, op, **values):
    return Dispatched(cycle, queue_by_name(config)[queue], op.encode(**values))


def ends(link):
    return link.source.queue.name, link.leaves, link.target.queue.name, link.arrives, str(link)


def test_relu_program():
    dispatches = [Dispatched(d.cycle, d.queue, d.instruction.word) for d in expand(NANO, relu_program()).dispatches]
    found = [ends(link) for link in find_links(NANO, dispatches)]
    for n in range(4):
        later = 2 * n
        assert ("MEM_W0.read", 9 + later, "VXM.alu0", 10 + later, "s0e") in found
        assert ("VXM.alu0", 11 + later, "VXM.alu1", 11 + later, "") in found
        assert ("VXM.alu1", 15 + later, "MEM_W0.write", 16 + later, "s3w") in found
    assert len(found) == 12


@pytest.mark.parametrize("config", [NANO, QUAD], ids=lambda config: config.name)
def test_groups_are_one_link_and_products_stay_within_their_slice(config):
    plane, vxm = config.slice_by_name["MXM_E0"].position, config.slice_by_name["VXM"].position
    product = isa.ABC.d_func(config)
    skew = isa.ACC.d_skew(config)
    sums = 10 + product - skew + isa.ACC.d_func(config)
    taken = sums + plane - vxm
    found = find_links(
        config,
        [
            at(config, 10, "MXM_E0.activate", isa.ABC, src=Stream(0, EAST)),
            at(config, 10 + product - skew, "MXM_E0.accumulate", isa.ACC, address=0, mode="first", dst=Stream(4, WEST)),
            at(config, taken - 1, "VXM.alu0", isa.RELU, dst=None, a=TypedStream(Stream(4, WEST), DType.I32)),
        ],
    )
    assert [ends(link) for link in found] == [
        ("MXM_E0.activate", 10 + product, "MXM_E0.accumulate", 10 + product, ""),
        ("MXM_E0.accumulate", sums, "VXM.alu0", taken, "s4w–s7w"),
    ]


def test_the_nearest_producer_of_a_diagonal_counts():
    read = at(NANO, 0, "MEM_W0.read", isa.READ, dst=Stream(0, EAST), address=0)  # on the diagonal east, 0, 3
    near = at(NANO, 2, "MEM_E0.read", isa.READ, dst=Stream(0, EAST), address=0)  # the same one, two positions on
    taker = at(NANO, 4, "MEM_E1.write", isa.WRITE, src=Stream(0, EAST), address=0)
    before = at(NANO, 3, "VXM.alu0", isa.RELU, dst=None, a=i8(0))
    links = {link.target.queue.name: link.source.queue.name for link in find_links(NANO, [read, near, before, taker])}
    assert links == {"MEM_E1.write": "MEM_E0.read", "VXM.alu0": "MEM_W0.read"}


def test_a_held_result_is_the_latest_that_is_held_in_time():
    first = at(NANO, 0, "VXM.alu0", isa.COPY, dst=None, a=i8(0))
    second = at(NANO, 5, "VXM.alu0", isa.COPY, dst=None, a=i8(0))
    early = at(NANO, 6, "VXM.alu1", isa.RELU, dst=None, a=Alu(0))
    late = at(NANO, 7, "VXM.alu2", isa.RELU, dst=None, a=Alu(0))
    links = {link.target.queue.name: link.source.cycle for link in find_links(NANO, [first, second, early, late])}
    assert links == {"VXM.alu1": 0, "VXM.alu2": 5}


def test_words_that_are_no_instruction_have_no_links():
    assert find_links(NANO, [Dispatched(0, queue_by_name(NANO)["VXM.alu0"], 0xFF)]) == []
