"""Programs that the wave tests share: plain words, no assembler."""

from takt_hw import isa
from takt_hw.isa import Alu, Direction, DType, Immediate, Stream, TypedStream

EAST, WEST = Direction.EAST, Direction.WEST


def i8(index, direction=EAST):
    """An int8 stream as VXM operand."""
    return TypedStream(Stream(index, direction), DType.I8)


def nop(count):
    """A NOP word."""
    return isa.NOP.encode(count=count)


def relu_program():
    """For ``nano``: four words through the VXM, held back by a SYNC, and back west. Text by queue name."""
    return {
        "MEM_W0.read": [
            isa.SYNC.encode(),
            isa.READ.encode(dst=Stream(0, EAST), address=0x40),
            isa.REPEAT.encode(count=3, interval=2, stride=1),
        ],
        "MEM_W3.read": [nop(2), isa.NOTIFY.encode()],
        # NOTIFY in cycle 2, READ in 6; in the VXM's register in 10, taken by an operation dispatched in 9.
        "VXM.alu0": [
            nop(9),
            isa.RELU.encode(dst=None, a=i8(0)),
            isa.REPEAT.encode(count=3, interval=2, stride=0),
        ],
        "VXM.alu1": [
            nop(11),
            isa.ADD.encode(dst=i8(3, WEST), a=Alu(0), b=Immediate(1)),
            isa.REPEAT.encode(count=3, interval=2, stride=0),
        ],
        "MEM_W0.write": [
            nop(15),
            isa.WRITE.encode(src=Stream(3, WEST), address=0x1F0),
            isa.REPEAT.encode(count=3, interval=2, stride=2),
        ],
    }


RELU_MEMORY = {"MEM_W0": {0x40 + n: bytes((lane * 16 + n) % 256 for lane in range(16)) for n in range(4)}}
"""What `relu_program` reads."""
