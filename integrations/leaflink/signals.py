"""LeafLink's one signal. It is a hint to look again, never the record of what happened."""

from django.dispatch import Signal

# Sent after commit, with `account_id: int` and `item_ids: list[int]`: these were linked just now.
links_made = Signal()
