"""The manifest of a transfer: a small PDF, and the same as a page."""

from __future__ import annotations

from html import escape

from integrations.metrc.sandbox.records import Transfer
from integrations.metrc.sandbox.world import World

LINES_A_PAGE = 52


def lines(world: World, transfer: Transfer) -> list[str]:
    """What stands on the manifest."""
    found = [
        f"Manifest {transfer.manifest_number}" + (" (voided)" if transfer.is_voided else ""),
        f"From {world.name_of(transfer.license_number)}, license {transfer.license_number}",
    ]
    for delivery in transfer.deliveries:
        found += [
            "",
            f"To {world.name_of(delivery.recipient)}, license {delivery.recipient}",
            f"{delivery.type_name}, invoice {delivery.invoice_number or 'none'}",
            f"Leaves {delivery.departs}, arrives {delivery.arrives}",
            f"Route: {delivery.planned_route}",
        ]
        for parcel in delivery.parcels:
            name = world.item_of(parcel).name
            found.append(f"{parcel.label}  {parcel.shipped:f} {parcel.unit}  {name}")
    return found


def pdf(world: World, transfer: Transfer) -> bytes:
    """The manifest as a PDF file. It has the 14 standard fonts' letters only: others become "?"."""
    text = lines(world, transfer)
    pages = [text[start : start + LINES_A_PAGE] for start in range(0, len(text), LINES_A_PAGE)]
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    objects.append(
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    )
    kids = []
    for rows in pages:
        content = _content(rows)
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792]"
            b" /Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>" % len(objects)
        )
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(kids), len(kids))
    return _file(objects)


def _content(rows: list[str]) -> bytes:
    shown = []
    for row in rows:
        raw = row.encode("cp1252", "replace")
        for special in (b"\\", b"(", b")"):
            raw = raw.replace(special, b"\\" + special)
        shown.append(b"(%s) Tj T*" % raw)
    return b"BT /F1 10 Tf 14 TL 48 748 Td\n" + b"\n".join(shown) + b"\nET"


def _file(objects: list[bytes]) -> bytes:
    """Objects, numbered from 1, with the table of where each starts."""
    out = bytearray(b"%PDF-1.4\n")
    starts = []
    for number, content in enumerate(objects, 1):
        starts.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % start for start in starts)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n" % (len(objects) + 1)
    return bytes(out) + b"%d\n%%%%EOF\n" % table


def page(world: World, transfer: Transfer) -> str:
    """The manifest as HTML."""
    first, *rest = lines(world, transfer)
    rows = "".join(f"<p>{escape(row)}</p>" for row in rest if row)
    return f"<!doctype html><html><body><h1>{escape(first)}</h1>{rows}</body></html>"
