"""What we know of Metrc: accounts and their facilities, packages, templates, transfers, matches."""

from integrations.metrc.models.accounts import (
    Driver,
    MetrcAccount,
    MetrcFacility,
    TransferType,
    Vehicle,
)
from integrations.metrc.models.matches import Discrepancy, Match, PossibleMatch
from integrations.metrc.models.packages import MetrcItem, Package, PackageAssignment
from integrations.metrc.models.templates import TransferTemplate
from integrations.metrc.models.transfers import Delivery, DeliveryPackage, ManifestFile, Transfer

__all__ = [
    "Delivery",
    "DeliveryPackage",
    "Discrepancy",
    "Driver",
    "ManifestFile",
    "Match",
    "MetrcAccount",
    "MetrcFacility",
    "MetrcItem",
    "Package",
    "PackageAssignment",
    "PossibleMatch",
    "Transfer",
    "TransferTemplate",
    "TransferType",
    "Vehicle",
]
