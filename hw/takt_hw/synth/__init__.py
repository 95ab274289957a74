"""From a build to a bitstream and figures: synthesis, placement, routing, and what to make of their reports.

Nothing here runs unless asked: ``python -m takt_hw.synth`` is what ``make synth`` calls.
"""
