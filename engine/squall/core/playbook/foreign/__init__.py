"""Other tools' formats into playbooks, and back: data to data.

`recognise` says what a document seems to be; MockForge's are read by `orchestrations` and written
by `mockforge`. What has no counterpart is a finding at its place, never silence. Files are the
command line's.
"""
