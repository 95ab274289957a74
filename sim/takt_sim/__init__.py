"""Executors and judges of Takt programs: reference simulator, checker, benches and waves.

Sees hardware only through its ports, and of its sources only ``takt_hw.config`` and ``takt_hw.isa``.
"""
