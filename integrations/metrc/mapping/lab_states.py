"""Metrc's lab states in words for people."""

import re

# Metrc: the names of /labtests/v2/states, those first that are transferred most.
KNOWN = (
    "TestPassed",
    "RetestPassed",
    "NotRequired",
    "ProcessValidated",
    "Remediated",
    "Decontaminated",
    "RandDCompleted",
    "NotSubmitted",
    "SubmittedForTesting",
    "TestingInProgress",
    "AwaitingConfirmation",
    "SelectedForRandomTesting",
    "TestFailed",
    "RetestFailed",
)
_OWN_WORDS = {
    "": "Not known",
    "NotRequired": "No test required",
    "RandDCompleted": "R&D completed",
}


def in_words(state: str) -> str:
    """A lab state as people say it: "TestPassed" is "Test passed". One that is new to us is taken
    apart at its capitals."""
    if state in _OWN_WORDS:
        return _OWN_WORDS[state]
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", state).capitalize()
