"""The run machine: ``advance(plan, state, event) -> (state, commands)``.

A run is a fold over its events. Nothing here waits, looks at a clock, rolls dice or performs;
whoever drives the machine journals the events, performs the commands and brings back what happened.
"""
