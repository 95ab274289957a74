"""``python -m tests.formal.emit PROOF FILE``: write one harness as RTLIL, from the hardware on this process's path."""

import sys
from pathlib import Path

from .catalog import PROOFS
from .tools import emit

if __name__ == "__main__":
    emit(PROOFS[sys.argv[1]], Path(sys.argv[2]))
