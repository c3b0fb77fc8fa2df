"""What our vendors' stand-ins share: faults, a server, a store, a way in without a network.

Like the stand-ins, nothing in this package knows Django or any app of ours.
"""
