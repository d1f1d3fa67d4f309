"""Other tools' formats into playbooks, and back: data to data.

`imports` takes a file in, `mockforge` writes a playbook as MockForge's. What has no counterpart is
a finding at its place, never silence. Files are the command line's.
"""
