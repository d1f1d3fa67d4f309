"""What is kept on disk: the journal and leases in SQLite, engine locks, recordings.

Adapters; what a row means is decided in `squall.core`.
"""
