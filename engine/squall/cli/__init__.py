"""The command line: reads arguments, calls operations, shows what came back.

One module per verb or per way of showing; each imports what it needs when it runs, because
``squall --version`` should feel instant. Nothing is decided here.
"""
