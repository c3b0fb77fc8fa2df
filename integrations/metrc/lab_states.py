"""The lab states of Metrc, as people read them."""

# Metrc: the names of /labtests/v2/states.
LAB_STATES = {
    "TestPassed": "Test passed",
    "RetestPassed": "Retest passed",
    "NotRequired": "No test required",
    "ProcessValidated": "Process validated",
    "Remediated": "Remediated",
    "Decontaminated": "Decontaminated",
    "RandDCompleted": "R&D test completed",
    "NotSubmitted": "Not submitted for testing",
    "SubmittedForTesting": "Submitted for testing",
    "TestingInProgress": "Testing in progress",
    "AwaitingConfirmation": "Awaiting confirmation",
    "SelectedForRandomTesting": "Selected for random testing",
    "TestFailed": "Test failed",
    "RetestFailed": "Retest failed",
}


def in_words(state: str) -> str:
    """A lab state for people; one that is new to us as Metrc writes it."""
    return LAB_STATES.get(state, state)
