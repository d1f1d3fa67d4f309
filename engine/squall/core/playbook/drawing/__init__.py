"""The step graph made visible: as text to read aloud, Mermaid, Graphviz, SVG and plain data.

Each module is one form of the same graph with one function, `draw`. They show what the graph says
and decide nothing; the words are shared (`labels`), so that all forms say the same.
"""
