"""``python -m squall`` and the ``squall`` command."""
