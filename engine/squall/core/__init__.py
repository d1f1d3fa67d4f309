"""Every decision squall takes, and nothing else.

What belongs here can be written as a function from values to values: no I/O, no event loop, no
clock, no dice, no disk. Time, randomness and bytes come in as arguments. The rooms above perform
what this one decides, which is why the same run can be rehearsed, replayed and recovered.
"""
