"""A Metrc to connect to: the stand-in's California, mounted in this process, and an account."""

import functools

import requests
from model_bakery import baker

from catalog.models import Facility
from integrations.metrc.models import MetrcAccount
from integrations.metrc.sandbox.app import KNOWN_FAULTS, create_app, show_worlds
from integrations.metrc.sandbox.records import PERMISSIONS
from integrations.metrc.sandbox.state_rules import CALIFORNIA
from integrations.metrc.sandbox.world import World
from integrations.sandbox.faults import Faults
from integrations.sandbox.transport import SandboxAdapter

NORTH, SOUTH = "C11-0000001-LIC", "C11-0000002-LIC"
VENDOR_KEY, USER_KEY = "known-vendor-key-4711", "known-user-key-4712"


@functools.cache
def _app():
    """The stand-in, built once for all tests of a process."""
    return create_app([])


class Connected:
    """Both sides: `world` is Metrc's, with two licenses; `north` our facility with the first."""

    def __init__(self, monkeypatch):
        self.world = World(CALIFORNIA, vendor_key=VENDOR_KEY)
        self.faults = Faults(known=KNOWN_FAULTS)
        self.app = show_worlds(_app(), [self.world], faults=self.faults)
        monkeypatch.setattr("integrations.metrc.connect.new_session", self.session)
        monkeypatch.setattr("time.sleep", lambda seconds: None)
        self.world.add_facility(NORTH, "North Dock")
        self.world.add_facility(SOUTH, "South Dock", "Manufacturer")
        self.world.add_user_key(USER_KEY, [NORTH, SOUTH])
        self.north = baker.make(Facility, name="North", license_number="c11 0000001 lic")
        self.account = MetrcAccount.objects.create(
            name="California",
            state="CA",
            environment=MetrcAccount.Environment.STAND_IN,
            stand_in_url="http://metrc.test/ca",
            vendor_key=VENDOR_KEY,
            user_key=USER_KEY,
        )

    def session(self):
        session = requests.Session()
        session.mount("http://metrc.test", SandboxAdapter(self.app))
        return session

    def without(self, *permissions):
        """The user has all permissions but these."""
        self.world.set_permissions(USER_KEY, [p for p in PERMISSIONS if p not in permissions])

    def license(self, number=NORTH):
        return self.account.facilities.get(license_number=number)

    def asked(self, path):
        """How many requests of this path reached Metrc."""
        return sum(1 for one in self.world.requests if path in one.path)
