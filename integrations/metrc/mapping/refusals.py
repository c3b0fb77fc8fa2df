"""What Metrc said when it refused a template: each sentence with what it is about, and a cure."""

import re
from collections.abc import Collection

from integrations.metrc.mapping.troubles import ACCOUNT, DESTINATION, ORDER, PACKAGES, Trouble

# By what a sentence of Metrc's speaks of: where it is mended, and how. The first that fits counts.
CURES = (
    ("transporter", "transporter_license", "Correct the transporter's license."),
    ("recipient", DESTINATION, "Correct the license of the destination."),
    ("transfer type", "transfer_type", "Choose another transfer type."),
    ("shipment type", "transfer_type", "Choose another transfer type."),
    ("pdf", "transfer_type", "Choose a transfer type that needs no PDF."),
    ("registration", "vehicle_registration", "Correct the vehicle's registration."),
    ("occupational", "driver_employee_id", "Correct the driver's occupational license."),
    ("driver's license", "driver_license", "Correct the driver's license."),
    ("driver license", "driver_license", "Correct the driver's license."),
    ("driver", "driver_name", "Correct the driver."),
    ("plate", "vehicle_plate", "Correct the license plate."),
    ("make", "vehicle_make", "Correct the vehicle."),
    ("model", "vehicle_model", "Correct the vehicle."),
    ("vehicle", "vehicle_plate", "Correct the vehicle."),
    ("phone", "phone", "Correct the phone number."),
    ("route", "planned_route", "Correct the planned route."),
    ("departure", "departs_at", "Correct the planned departure."),
    ("arrival", "arrives_at", "Correct the planned arrival."),
    ("invoice", ORDER, "Correct the number of the order."),
    ("unit of weight", "gross_weight_unit", "Correct the unit of the gross weights."),
    ("price", PACKAGES, "Correct the prices of the packages."),
    ("package", PACKAGES, "Assign other packages."),
    ("weight", "gross_weight", "Correct the gross weight."),
    ("license", DESTINATION, "Check the license numbers."),
    ("permission", ACCOUNT, "Have the permission given in Metrc, or paste other keys."),
    ("at most 10", PACKAGES, "Split the order, so that fewer packages go at once."),
)
# What Metrc says of a package, and what helps.
PACKAGE_CURES = (
    ("does not exist in the current", "Assign a package of the license that ships."),
    ("cannot be transferred", "Assign another one, or wait for the lab."),
    ("hold", "Have the hold lifted in Metrc, or assign another one."),
)


def told(words: str, labels: Collection[str]) -> list[Trouble]:
    """The troubles in Metrc's words, a line for each; `labels` are the tags that were sent."""
    return [_trouble(line.strip(), labels) for line in words.splitlines() if line.strip()]


def _trouble(line: str, labels: Collection[str]) -> Trouble:
    small = line.lower()
    label = next((one for one in labels if one.lower() in small), "")
    if label:
        cures = (cure for part, cure in PACKAGE_CURES if part in small)
        return _with(line, PACKAGES, next(cures, "Correct it, or assign another one."), label)
    for part, where, cure in CURES:
        if re.search(rf"\b{re.escape(part)}", small):
            return _with(line, where, cure)
    return _with(line, "", "Correct it, and send the template again.")


def _with(line: str, where: str, cure: str, about: str = "") -> Trouble:
    return Trouble("refused", f"Metrc says: “{line}” {cure}", where, about)
