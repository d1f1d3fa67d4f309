"""From the text of a playbook to a plan that can be run.

``source`` reads YAML into data with positions, ``schema`` checks its shape, ``build`` makes the
`model` of it, ``checks`` asks whether it makes sense, ``graph`` and ``compile`` turn it into a
`plan`. Each stage adds findings; none raises. ``expressions`` holds conditions and ``${{ }}``.
"""
