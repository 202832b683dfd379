"""The people of the sample: who they are, where they come from, which devices they use."""

import random
from dataclasses import dataclass, field
from typing import Literal

from orchestration.sample import rates
from orchestration.sample.catalogue import (
    COMPANY_FIRST,
    COMPANY_LAST,
    DESKTOP_BROWSERS,
    FIRST_NAMES,
    INDUSTRIES,
    LAST_NAMES,
    MOBILE_BROWSERS,
    ORIGINS,
    PHONES,
    PLACES,
    Browser,
    Origin,
    Phone,
    Place,
)
from orchestration.sample.choosing import Weighted, new_uuid, stream, token

Fate = Literal["visitor", "newcomer", "established"]


@dataclass(slots=True)
class Device:
    """A browser or a phone app, as the tracking script knows it.

    `clock_ms` is what the device's clock is ahead of the true time. `signed_in` changes as people
    log in and out, `anonymous_id` when cookies are cleared or a log-out resets it.
    """

    anonymous_id: str
    ip: str
    client: Browser | Phone
    clock_ms: int = 0
    shared: bool = False
    signed_in: bool = False

    @property
    def is_phone_app(self) -> bool:
        """Whether calls come from the phone app: screens instead of pages."""
        return isinstance(self.client, Phone)


@dataclass(frozen=True, slots=True)
class Company:
    """Where members work: what a group call tells."""

    group_id: str
    name: str
    domain: str
    industry: str
    employees: int


@dataclass(slots=True)
class Person:
    """One simulated person. `arrives` is a day number (0 is the first day; negative: before it)."""

    number: int
    fate: Fate
    arrives: int
    user_id: str
    name: str
    email: str
    company: Company
    place: Place
    origin: Origin
    keenness: float
    hours: tuple[int, ...]
    devices: list[Device] = field(default_factory=list)

    @property
    def is_member(self) -> bool:
        """Whether the person has an account or means to open one."""
        return self.fate != "visitor"


def make_people(seed: int, count: int, days: int) -> list[Person]:
    """Return `count` people for a simulation of that many days; the same for the same arguments."""
    companies = _make_companies(seed, max(2, count // rates.PEOPLE_PER_COMPANY))
    arrivals = Weighted(
        # More people come at the weekdays, and a little more from week to week.
        (day, max(rates.WEEKDAY[day % 7], 0.4) * (1 + day / 120))
        for day in range(days)
    )
    people = [_make_person(seed, number, companies, arrivals) for number in range(count)]
    _share_devices(stream(seed, "shared devices"), people)
    return people


def _make_companies(seed: int, count: int) -> list[Company]:
    rng = stream(seed, "companies")
    companies = []
    for number in range(count):
        first, last = rng.choice(COMPANY_FIRST), rng.choice(COMPANY_LAST)
        companies.append(
            Company(
                group_id=f"grp_{token(rng, 8)}",
                name=f"{first} {last}",
                domain=f"{first}{last}{number}.example".lower(),
                industry=rng.choice(INDUSTRIES),
                employees=int(rng.lognormvariate(3.2, 1.1)) + 2,
            )
        )
    return companies


def _make_person(
    seed: int, number: int, companies: list[Company], arrivals: Weighted[int]
) -> Person:
    rng = stream(seed, "person", number)
    fate: Fate = "visitor"
    luck = rng.random()
    if luck < rates.ESTABLISHED_SHARE:
        fate = "established"
    elif luck < rates.ESTABLISHED_SHARE + rates.SIGN_UP_SHARE:
        fate = "newcomer"
    first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
    company = rng.choice(companies)
    origin = ORIGINS.pick(rng)
    person = Person(
        number=number,
        fate=fate,
        arrives=-rng.randint(10, 400) if fate == "established" else arrivals.pick(rng),
        user_id=f"usr_{token(rng, 10)}",
        name=f"{first} {last}",
        email=f"{_plain(first)}.{_plain(last)}@{company.domain}",
        company=company,
        place=PLACES.pick(rng),
        origin=origin,
        keenness=min(1.0, rng.betavariate(2, 2.6) * origin.quality),
        hours=rates.OFFICE_HOURS if rng.random() < 0.8 else rates.LEISURE_HOURS,
    )
    # Facebook and the like are seen on phones more often than at a desk.
    mobile_first = 0.15 if person.is_member else 0.45
    first_browser, second_browser = DESKTOP_BROWSERS, MOBILE_BROWSERS
    if rng.random() < mobile_first:
        first_browser, second_browser = second_browser, first_browser
    person.devices.append(new_device(rng, first_browser.pick(rng)))
    if rng.random() < rates.SECOND_BROWSER:
        person.devices.append(new_device(rng, second_browser.pick(rng)))
    if person.is_member and rng.random() < rates.PHONE_APP:
        person.devices.append(new_device(rng, PHONES.pick(rng)))
    if fate == "established":
        for device in person.devices:
            device.signed_in = True
    return person


def new_device(rng: random.Random, client: Browser | Phone) -> Device:
    """Return a device with a fresh anonymous id; a few have a clock that is hours off."""
    clock_ms = int(rng.gauss(0, 900))
    if rng.random() < rates.CLOCK_HOURS_OFF:
        clock_ms += rng.choice((-26, -12, -8, -5, -3, -1, 1, 2, 5, 9, 24)) * rates.HOUR_MS
    network = rng.choice(("192.0.2", "198.51.100"))
    return Device(new_uuid(rng), f"{network}.{rng.randint(1, 254)}", client, clock_ms)


def _share_devices(rng: random.Random, people: list[Person]) -> None:
    """Let pairs of members use one computer: the owner by day, the other in the evening."""
    members = [person for person in people if person.is_member]
    rng.shuffle(members)
    pairs = max(1, round(len(members) * rates.SHARES_DEVICE / 2))
    for owner, other in zip(members[:pairs], members[pairs : 2 * pairs], strict=False):
        device = owner.devices[0]
        device.shared = True
        device.signed_in = False  # each of them logs in for each visit
        other.devices = [device] + [each for each in other.devices if each.is_phone_app]
        other.place = owner.place
        owner.hours, other.hours = rates.DAYTIME_HOURS, rates.EVENING_HOURS


def _plain(name: str) -> str:
    """Return a name as it stands in an e-mail address."""
    plain = name.lower().translate(str.maketrans("öüøéíë", "ouoeie"))
    return plain if plain.isascii() else "misaki"
