"""The chip on boards that anyone can buy: what a synthesis flow needs of each, and nothing that a tool has to run for.

`prepare` writes a board's design into a directory; `takt_hw.boards.top` is the part of it that all boards share.
"""

from .project import BOARDS, Project, prepare

__all__ = ["BOARDS", "Project", "prepare"]
