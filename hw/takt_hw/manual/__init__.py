"""The generated pages of the manual: written from the instruction table, the host table and the builds.

``python -m takt_hw.manual`` writes them below docs/manual, ``--check`` says which are stale.
"""
