"""The rows of transfers and templates in lists, which share one shape, and who drives them."""

from __future__ import annotations

from typing import Any

from integrations.metrc.sandbox.records import Delivery, Parcel, Template, Transfer
from integrations.metrc.sandbox.representations import (
    NO_TIME,
    moment,
    number,
    received_count,
    transaction_of,
)
from integrations.metrc.sandbox.state_rules import UNITS
from integrations.metrc.sandbox.world import World


def outgoing(world: World, row: Transfer) -> dict[str, Any]:
    """A transfer as its shipper lists it: the row does not say to whom it goes."""
    return {
        **_row(world, row),
        "ManifestNumber": row.manifest_number,
        "InvoiceNumber": row.deliveries[0].invoice_number,
        "IsVoided": row.is_voided,
        "OriginatingTemplateId": row.template_id if world.rules.fills_template_id else None,
    }


def template(world: World, row: Template) -> dict[str, Any]:
    return {**_row(world, row), "Name": row.name}


def with_recipient(world: World, row: Transfer, delivery: Delivery) -> dict[str, Any]:
    """A transfer as its recipient lists it, or among the rejected: one row per delivery."""
    return {
        **outgoing(world, row),
        "InvoiceNumber": delivery.invoice_number,
        "DeliveryId": delivery.id,
        "RecipientFacilityLicenseNumber": delivery.recipient,
        "RecipientFacilityName": world.name_of(delivery.recipient),
        "ShipmentTypeName": delivery.type_name,
        "ShipmentTransactionType": transaction_of(world, delivery),
        "EstimatedDepartureDateTime": delivery.departs or NO_TIME,
        "ActualDepartureDateTime": delivery.departed_at,
        "EstimatedArrivalDateTime": delivery.arrives or NO_TIME,
        "DeliveryPackageCount": len(delivery.parcels),
        "DeliveryReceivedPackageCount": received_count(delivery),
        "ReceivedDateTime": moment(delivery.received_at),
        "ActualReturnArrivalDateTime": delivery.returned_at,
    }


def _row(world: World, row: Transfer | Template) -> dict[str, Any]:
    carrier = {name: value or "" for name, value in row.carrier.items()}
    carrier_license = carrier.get("TransporterFacilityLicenseNumber", "")
    return {
        "Id": row.id,
        "ManifestNumber": None,
        "InvoiceNumber": None,
        "ShipmentLicenseType": world.rules.license_type,
        "ShipperFacilityLicenseNumber": row.license_number,
        "ShipperFacilityName": world.name_of(row.license_number),
        "Name": None,
        "TransporterFacilityLicenseNumber": carrier_license,
        "TransporterFacilityName": world.name_of(carrier_license),
        "DriverName": carrier.get("DriverName", ""),
        "DriverOccupationalLicenseNumber": carrier.get("DriverOccupationalLicenseNumber", ""),
        "DriverVehicleLicenseNumber": carrier.get("DriverLicenseNumber", ""),
        "VehicleMake": carrier.get("VehicleMake", ""),
        "VehicleModel": carrier.get("VehicleModel", ""),
        "VehicleLicensePlateNumber": carrier.get("VehicleLicensePlateNumber", ""),
        "DeliveryCount": len(row.deliveries),
        "ReceivedDeliveryCount": sum(one.received_at is not None for one in row.deliveries),
        "PackageCount": sum(len(one.parcels) for one in row.deliveries),
        "ReceivedPackageCount": sum(received_count(one) for one in row.deliveries),
        "ContainsPlantPackage": False,
        "ContainsProductPackage": any(one.parcels for one in row.deliveries),
        "ContainsTradeSample": False,
        "ContainsDonation": False,
        "ContainsTestingSample": False,
        "ContainsProductRequiresRemediation": False,
        "ContainsRemediatedProductPackage": False,
        "IsVoided": False,
        "CreatedDateTime": moment(row.created_at),
        "CreatedByUserName": row.created_by,
        "LastModified": moment(row.last_modified),
        "DeliveryId": 0,
        "RecipientFacilityLicenseNumber": None,
        "RecipientFacilityName": None,
        "ShipmentTypeName": None,
        "ShipmentTransactionType": None,
        "EstimatedDepartureDateTime": NO_TIME,
        "ActualDepartureDateTime": None,
        "EstimatedArrivalDateTime": NO_TIME,
        "ActualArrivalDateTime": None,
        "DeliveryPackageCount": 0,
        "DeliveryReceivedPackageCount": 0,
        "ReceivedDateTime": None,
        "EstimatedReturnDepartureDateTime": None,
        "ActualReturnDepartureDateTime": None,
        "EstimatedReturnArrivalDateTime": None,
        "ActualReturnArrivalDateTime": None,
        "OriginatingTemplateId": None,
    }


def transporter(world: World, row: dict[str, Any]) -> dict[str, Any]:
    license_number = row.get("TransporterFacilityLicenseNumber") or ""
    return {
        "TransporterFacilityLicenseNumber": license_number,
        "TransporterFacilityName": world.name_of(license_number),
        "TransporterDirection": "Outbound",
    }


def transporter_details(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The driver and vehicle of a transporter, and its further drivers."""
    names = {
        "DriverName": "DriverName",
        "DriverOccupationalLicenseNumber": "DriverOccupationalLicenseNumber",
        "DriverVehicleLicenseNumber": "DriverLicenseNumber",
        "DriverLayoverLeg": "DriverLayoverLeg",
        "VehicleMake": "VehicleMake",
        "VehicleModel": "VehicleModel",
        "VehicleLicensePlateNumber": "VehicleLicensePlateNumber",
    }
    further = row.get("TransporterDetails") or []
    return [{name: one.get(key) for name, key in names.items()} for one in (row, *further)]


def transferred(world: World, row: Transfer, delivery: Delivery, parcel: Parcel) -> dict[str, Any]:
    """A package that left, with the manifest it left on and who has it."""
    made_of = world.item_of(parcel)
    short = UNITS[parcel.unit][0]
    gross = UNITS[parcel.gross_unit][0] if parcel.gross_unit else None
    received = parcel.received is not None
    return {
        "Id": parcel.row_id,
        "PackageId": parcel.package_id,
        "PackageLabel": parcel.label,
        "ManifestNumber": row.manifest_number,
        "RecipientFacilityLicenseNumber": delivery.recipient,
        "RecipientFacilityName": world.name_of(delivery.recipient),
        "ProductName": made_of.name,
        "ProductCategoryName": made_of.category,
        "ItemStrainName": None,
        "SourceHarvestNames": None,
        "SourcePackageLabels": None,
        "LabTestingStateName": parcel.lab_state,
        "ShippedQuantity": number(parcel.shipped),
        "ShippedUnitOfMeasureAbbreviation": short,
        "GrossWeight": number(parcel.gross_weight),
        "GrossUnitOfWeightAbbreviation": gross,
        "ShipperWholesalePrice": number(parcel.price),
        "ReceivedQuantity": number(parcel.received),
        "ReceivedUnitOfMeasureAbbreviation": short if received else None,
        "ReceiverWholesalePrice": number(parcel.price) if received else None,
        "ShipmentPackageStateName": parcel.state,
        "ActualDepartureDateTime": delivery.departed_at,
        "ReceivedDateTime": moment(delivery.received_at),
        "ExternalId": None,
        "ProcessingJobTypeName": None,
    }
