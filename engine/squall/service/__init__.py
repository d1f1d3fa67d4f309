"""The running loops: they perform what `squall.core` decided and bring back what happened.

Services meet the world only through the protocols in `ports`; `squall.app` hands them the real
edge, store, probes and clock. Whatever a person may ask for is in `operations`.
"""
