"""Random legal programs for lockstep runs: the same seed gives the same program."""

from .program import RandomProgram, random_program

__all__ = ["RandomProgram", "random_program"]
