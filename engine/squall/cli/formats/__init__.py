"""How findings are written down for programs: a module a format, each with one `write`.

``squall lint`` makes a `report.Report` and hands it to one of them. They read nothing and decide
nothing: what is found, and whether it fails, is settled before. What a person reads at a terminal
is made in `cli.findings`.
"""
