"""How records look in the API's answers: Metrc's names, its nulls and its sentinels."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from integrations.metrc.sandbox.records import (
    ACCEPTED,
    INACTIVE,
    Delivery,
    Driver,
    Facility,
    Item,
    Package,
    Parcel,
    Vehicle,
)
from integrations.metrc.sandbox.state_rules import COUNT, UNITS, TransferType
from integrations.metrc.sandbox.world import World

NO_DATE, NO_TIME = "0001-01-01", "0001-01-01T00:00:00.000"
SOURCE_HARVEST, SOURCE_LABEL = "2026-01-09-Room 3-H", "1A4000000000000000000900"


def number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def moment(value: datetime | None) -> str | None:
    """A time with its offset, as of when something happened in Metrc."""
    return value.isoformat() if value else None


def facility(row: Facility) -> dict[str, Any]:
    return {
        "FacilityId": row.id,
        "HireDate": NO_DATE,
        "IsOwner": False,
        "IsManager": True,
        "IsFinancialContact": False,
        "Email": None,
        "Occupations": [],
        "Name": row.name,
        "Alias": row.name,
        "DisplayName": row.name,
        "CredentialedDate": "2021-06-14",
        "SupportActivationDate": None,
        "SupportExpirationDate": None,
        "FacilityType": {
            "IsMedical": False,
            "IsRetail": row.license_type == "Retailer",
            "CanGrowPlants": False,
            "CanCreateDerivedPackages": True,
            "CanCreateOpeningBalancePackages": False,
            "CanTestPackages": False,
            "CanTransferFromExternalFacilities": False,
            "CanSellToConsumers": row.license_type == "Retailer",
        },
        "License": {
            "Number": row.license_number,
            "EmployeeLicenseNumber": row.license_number,
            "StartDate": "2021-06-14",
            "EndDate": "2031-06-13",
            "LicenseType": row.license_type,
        },
        "AllowTransferOfOnHoldPackages": row.ships_on_hold,
        "AllowTransferOfOnRecallPackages": None,
    }


def unit_of_measure(name: str) -> dict[str, Any]:
    abbreviation, kind = UNITS[name]
    return {"QuantityType": kind, "Name": name, "Abbreviation": abbreviation}


def transfer_type(kind: TransferType) -> dict[str, Any]:
    return {
        "Name": kind.name,
        "TransactionType": kind.transaction,
        "ForLicensedShipments": True,
        "ForExternalIncomingShipments": False,
        "ForExternalOutgoingShipments": False,
        "RequiresDestinationGrossWeight": kind.destination_gross_weight,
        "RequiresPackagesGrossWeight": kind.packages_gross_weight,
        "RequiresInvoiceNumber": kind.invoice_number,
        "RequiresPDFDocument": False,
        "BypassApproval": False,
        "ExternalIncomingCanRecordExternalIdentifier": False,
        "ExternalIncomingExternalIdentifierRequired": False,
        "ExternalOutgoingCanRecordExternalIdentifier": False,
        "ExternalOutgoingExternalIdentifierRequired": False,
    }


def item(row: Item) -> dict[str, Any]:
    """An item as packages repeat it."""
    kind = UNITS[row.unit][1]
    return {
        "Id": row.id,
        "Name": row.name,
        "GlobalProductName": None,
        "ProductCategoryName": row.category,
        "ProductCategoryType": "Buds",
        "QuantityType": kind,
        "UnitOfMeasureName": row.unit,
        "StrainId": None,
        "StrainName": None,
        "ItemBrandId": 0,
        "ItemBrandName": None,
        "UnitWeight": 3.5 if kind == COUNT else None,
        "UnitWeightUnitOfMeasureName": "Grams" if kind == COUNT else None,
        "IsUsed": True,
    }


def driver(world: World, row: Driver) -> dict[str, Any]:
    return {
        "Id": row.id,
        "FacilityId": _facility_id(world, row.license_number),
        "EmployeeId": row.employee_id,
        "Name": row.name,
        "DriversLicenseNumber": row.drivers_license,
        "IsArchived": False,
        "LastModified": moment(row.last_modified),
    }


def vehicle(world: World, row: Vehicle) -> dict[str, Any]:
    return {
        "Id": row.id,
        "FacilityId": _facility_id(world, row.license_number),
        "Make": row.make,
        "Model": row.model,
        "LicensePlateNumber": row.plate,
    }


def _facility_id(world: World, license_number: str) -> int:
    found = world.facility(license_number)
    return found.id if found else 0


def package(world: World, row: Package) -> dict[str, Any]:
    finished = row.last_modified.date().isoformat() if row.state == INACTIVE else None
    received_from = row.received_from
    return {
        "Id": row.id,
        "Label": row.label,
        "ExternalId": None,
        "PackageType": "Product",
        "SourceHarvestNames": SOURCE_HARVEST,
        "SourcePackageLabels": SOURCE_LABEL,
        "LocationId": 311,
        "LocationName": "Vault A",
        "SublocationId": None,
        "SublocationName": None,
        "LocationTypeName": "Default Location Type",
        "Quantity": number(row.quantity),
        "OriginalPackageQuantity": number(row.original_quantity),
        "UnitOfMeasureName": row.unit,
        "UnitOfMeasureAbbreviation": UNITS[row.unit][0],
        "ItemFromFacilityLicenseNumber": row.made_at,
        "ItemFromFacilityName": world.name_of(row.made_at),
        "Note": row.note,
        "PackagedDate": row.packaged_on,
        "ExpirationDate": None,
        "SellByDate": None,
        "UseByDate": None,
        "InitialLabTestingState": "SubmittedForTesting",
        "LabTestingState": row.lab_state,
        "LabTestingStateDate": row.packaged_on,
        "IsProductionBatch": False,
        "ProductionBatchNumber": None,
        "IsTradeSample": False,
        "IsDonation": False,
        "IsTestingSample": False,
        "ProductRequiresRemediation": False,
        "ContainsRemediatedProduct": False,
        "ReceivedDateTime": moment(row.received_at),
        "ReceivedFromManifestNumber": row.received_manifest,
        "ReceivedFromFacilityLicenseNumber": received_from,
        "ReceivedFromFacilityName": world.name_of(received_from) if received_from else None,
        "IsOnHold": row.is_on_hold,
        "IsOnHoldCombined": row.is_on_hold,
        "IsOnInvestigation": False,
        "IsOnRecall": True if row.is_on_recall else None,
        "IsOnRecallCombined": row.is_on_recall,
        "ArchivedDate": None,
        "IsFinished": row.state == INACTIVE,
        "FinishedDate": finished,
        "IsFinishedGood": False,
        "LastModified": moment(row.last_modified),
        "Item": item(world.item_of(row)),
    }


def delivery(world: World, row: Delivery, place: int, manifest: str | None) -> dict[str, Any]:
    """A destination, the first in place 1: of a template (no manifest), or of a transfer."""
    return {
        "Id": row.id,
        "ManifestNumber": manifest,
        "DeliveryNumber": place,
        "RecipientFacilityLicenseNumber": row.recipient,
        "RecipientFacilityName": world.name_of(row.recipient),
        "ShipmentTypeName": row.type_name,
        "ShipmentTransactionType": transaction_of(world, row),
        "InvoiceNumber": row.invoice_number,
        "EstimatedDepartureDateTime": row.departs or NO_TIME,
        "ActualDepartureDateTime": row.departed_at,
        "EstimatedArrivalDateTime": row.arrives or NO_TIME,
        # Metrc: may stay null on a delivery that was received.
        "ActualArrivalDateTime": None,
        "GrossWeight": number(row.gross_weight),
        "GrossUnitOfWeightId": None,
        "GrossUnitOfWeightName": row.gross_unit,
        "PlannedRoute": row.planned_route,
        "DeliveryPackageCount": len(row.parcels),
        "DeliveryReceivedPackageCount": received_count(row),
        "ReceivedDateTime": moment(row.received_at),
        "EstimatedReturnDepartureDateTime": None,
        "ActualReturnDepartureDateTime": None,
        "EstimatedReturnArrivalDateTime": None,
        "ActualReturnArrivalDateTime": row.returned_at,
        "RejectedPackagesReturned": row.returned_at is not None,
        "PDFDocumentFileSystemId": None,
    }


def transaction_of(world: World, row: Delivery) -> str | None:
    kind = world.rules.type_named(row.type_name)
    return kind.transaction if kind else None


def received_count(row: Delivery) -> int:
    return sum(parcel.state == ACCEPTED for parcel in row.parcels)


def parcel(world: World, row: Parcel) -> dict[str, Any]:
    """A package on a delivery; one on a template shows what the package is like now."""
    now = world.find_package(row.label)
    source: Any = row if row.package_id else now
    made_of = world.items.get(source.item_id) if source else None
    shipped = row.shipped if row.package_id else (now.quantity if now else None)
    return {
        "PackageId": row.package_id or (now.id if now else 0),
        "PackageLabel": row.label,
        "PackageType": "Product",
        "SourceHarvestNames": SOURCE_HARVEST,
        "SourcePackageLabels": SOURCE_LABEL,
        "ItemId": source.item_id if source else 0,
        "ItemName": made_of.name if made_of else None,
        "ItemCategoryName": made_of.category if made_of else None,
        "ItemStrainName": None,
        "ItemBrandName": None,
        "ItemUnitWeight": None,
        "ItemUnitWeightUnitOfMeasureName": None,
        "LabTestingState": source.lab_state if source else None,
        "ProductionBatchNumber": None,
        "IsTradeSample": False,
        "IsTradeSamplePersistent": False,
        "SourcePackageIsTradeSample": False,
        "IsDonation": False,
        "SourcePackageIsDonation": False,
        "IsTestingSample": False,
        "ProductRequiresRemediation": False,
        "ContainsRemediatedProduct": False,
        "RemediationDate": None,
        "ShipmentPackageState": row.state,
        "ShippedQuantity": number(shipped),
        "ShippedUnitOfMeasureName": source.unit if source else None,
        "PackagedDate": source.packaged_on if source else None,
        "ExpirationDate": None,
        "SellByDate": None,
        "UseByDate": None,
        "GrossUnitOfWeightName": row.gross_unit,
        "ReceivedQuantity": number(row.received),
        "ReceivedUnitOfMeasureName": None if row.received is None else row.unit,
        "SourceProductionBatchNumbers": None,
        "ExternalId": None,
        "IsFinishedGood": False,
    }


def wholesale(row: Parcel) -> dict[str, Any]:
    return {
        "PackageId": row.package_id,
        "PackageLabel": row.label,
        "ShipperWholesalePrice": number(row.price),
        "ReceiverWholesalePrice": number(row.price) if row.state == ACCEPTED else None,
    }
