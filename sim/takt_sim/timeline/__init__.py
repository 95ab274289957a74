"""What every queue dispatches, and when: text expanded on the clock.

The reference simulator, the checker and the waves all start from a ``Timeline``. Whatever makes
the text impossible to expand (``encoding``, ``operand``, ``repeat``, ``loop``, ``config``, ``text``,
``fetch-text``, ``dry``, ``sync``, ``length``) is refused here; docs/manual/timing.md has the rules.
"""

from ..violation import IllegalProgram, Violation
from .dispatch import Control, Dispatch, Memory, Text, Timeline
from .expand import expand, trace
from .walker import MAX_DISPATCHES

__all__ = [
    "MAX_DISPATCHES",
    "Control",
    "Dispatch",
    "IllegalProgram",
    "Memory",
    "Text",
    "Timeline",
    "Violation",
    "expand",
    "trace",
]
