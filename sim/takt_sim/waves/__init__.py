"""Recorded runs: a VCD in which instructions read as text, a GTKWave save file, and a picture."""

from .observe import WavesError
from .record import Recording, record

__all__ = ["Recording", "WavesError", "record"]
