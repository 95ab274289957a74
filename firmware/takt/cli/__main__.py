"""``python -m takt.cli`` is ``takt``."""

from . import main

main(prog_name="takt")
