"""What each code of a finding stands for, a module a layer.

Data and nothing else: no rule is checked here, and `core.playbook.codes` is where they are looked
up. A new code is an entry in the module of its layer and a file in tests/corpus/bad.
"""
