"""Transfer templates: made, changed and archived through the API."""

from __future__ import annotations

from typing import Any

from integrations.metrc.sandbox.errors import Invalid, NotFound, Unauthorized
from integrations.metrc.sandbox.records import Delivery, Template
from integrations.metrc.sandbox.stockroom import Stockroom
from integrations.metrc.sandbox.template_bodies import TemplateBody


class TemplateShelf(Stockroom):
    """The templates of all facilities."""

    def create_templates(self, license_number: str, rows: list[Any], by: str) -> list[int]:
        """Keep templates, all or none; returns their ids in the order of the rows.

        Raises Invalid, with what is wrong in each row.
        """
        with self.change():
            bodies = [TemplateBody(self, license_number, row) for row in rows]
            _refuse(bodies)
            return [self._keep(body, license_number, by).id for body in bodies]

    def change_templates(self, license_number: str, rows: list[Any]) -> None:
        """Replace templates by what is sent, all or none. Raises Invalid."""
        with self.change():
            found, problems = [], []
            for number, row in enumerate(rows):
                wanted = row.get("TransferTemplateId") if isinstance(row, dict) else None
                old = self.templates.get(wanted) if isinstance(wanted, int) else None
                if not wanted:
                    problems.append((number, "Transfer Template Id was not specified."))
                elif old is None or old.is_archived or old.license_number != license_number:
                    problems.append((number, "Transfer Template Id not found."))
                else:
                    found.append((old, row))
            if problems:
                raise Invalid(problems)
            bodies = [TemplateBody(self, license_number, row, old) for old, row in found]
            _refuse(bodies)
            for (old, _row), body in zip(found, bodies, strict=True):
                old.name, old.carrier = body.name, body.carrier
                old.deliveries = self._numbered(body.deliveries)
                self.touch(old)

    def archive_template(self, license_number: str, template_id: int) -> None:
        """Take a template off the list. Raises NotFound, or Unauthorized for another license's."""
        with self.change():
            template = self.templates.get(template_id)
            if template is None or template.is_archived:
                raise NotFound
            if template.license_number != license_number:
                raise Unauthorized
            template.is_archived = True
            self.touch(template)

    def templates_of(self, license_number: str) -> list[Template]:
        """A license's templates that aren't archived, oldest first."""
        return [
            row
            for row in self.templates.values()
            if row.license_number == license_number and not row.is_archived
        ]

    def _keep(self, body: TemplateBody, license_number: str, by: str) -> Template:
        now = self.now()
        template = Template(
            self.next_id("template"),
            license_number,
            body.name,
            body.carrier,
            self._numbered(body.deliveries),
            now,
            by,
            now,
        )
        self.save(template)
        return template

    def _numbered(self, deliveries: list[Delivery]) -> list[Delivery]:
        for delivery in deliveries:
            delivery.id = delivery.id or self.next_id("destination")
        return deliveries


def _refuse(bodies: list[TemplateBody]) -> None:
    problems = [
        (number, problem) for number, body in enumerate(bodies) for problem in body.problems
    ]
    if problems:
        raise Invalid(problems)
