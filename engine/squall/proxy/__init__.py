"""The edge: a process of its own that carries traffic and the faults in it.

`remote` and `local` are the two implementations of the `Edge` port, `process` is the child behind
the first. What happens to an exchange is decided in `squall.core.faults`; this room does it on
sockets.
"""
