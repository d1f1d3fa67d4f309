"""Recordings: the faults of a run as a list of events, in the shape MockForge's phase 6 defined.

Pure: what an event says, how it is written as JSON or YAML data, how two are compared. Files are
written by `squall.store`.
"""
