"""A stateful stand-in for Metrc's API v2 and the web interface beside it, for trials and tests.

Nothing in this package imports Django, and nothing outside the demo commands and the tests
may import this package: it plays the other side of the wire.
"""
