"""A stateful stand-in for LeafLink's Marketplace V2 API, for trials and tests.

Nothing in this package imports Django, and nothing outside the demo commands and the tests
may import this package: it plays the other side of the wire.
"""
