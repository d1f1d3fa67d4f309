"""What can be done to traffic: the kinds, when one applies, what it does to this exchange.

Pure: active faults and the facts of one exchange go in, a decision comes out. The edge
(`squall.proxy`) carries decisions out on sockets; a rehearsal and a replay ask the same functions.
"""
