"""What squall asks of the system under test: one HTTP question, and load that measures.

Adapters of the `Prober` and `LoadGenerator` ports; they decide nothing about a run.
"""
