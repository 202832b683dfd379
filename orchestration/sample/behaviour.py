"""One person's sixty days: visits to the site, sign-up, work, checkout, churn."""

import math
from dataclasses import replace
from typing import Literal

from orchestration.sample import rates
from orchestration.sample.billing import BillingRow, Subscription, cancel, check_out, choose_plan
from orchestration.sample.browsing import (
    log_in,
    look_around,
    open_sign_up_form,
    read_docs,
    traits_of,
)
from orchestration.sample.calls import Call, Visit, late_by
from orchestration.sample.catalogue import RETURNS
from orchestration.sample.choosing import Weighted, new_uuid, stream, token
from orchestration.sample.people import Device, Person
from orchestration.sample.working import Workplace

Stage = Literal["prospect", "trial", "customer", "lapsed"]

_VISIT_COUNTS = Weighted(rates.VISITS_BEFORE_SIGN_UP)
_VISITS_A_DAY = Weighted([(1, 0.6), (2, 0.28), (3, 0.12)])


def live(seed: int, person: Person, days: int) -> tuple[list[Call], list[BillingRow]]:
    """Return what a person sends, and what billing books about the person, in `days` days."""
    life = _Life(seed, person, days)
    for day in range(days):
        life.live_day(day)
    return life.calls, life.billing


class _Life:
    def __init__(self, seed: int, person: Person, days: int) -> None:
        self.person = person
        self.calls: list[Call] = []
        self.billing: list[BillingRow] = []
        self._rng = stream(seed, "life", person.number)
        self._days = days
        self._free_from = 0  # the end of the last visit: one person's visits do not overlap
        self._hours = Weighted(list(enumerate(person.hours)))
        self._stage: Stage = "prospect"
        self._user_id = person.user_id
        self._joined = person.arrives
        self._subscription: Subscription | None = None
        self._checkout_day = -1
        self._tries = 0
        self._workplace = Workplace(person, self._rng)
        self._visit_days = self._plan_visits()
        if person.fate == "established":
            self._stage = "customer"
            self._subscription = choose_plan(self._rng, person.place.currency)
            period = self._subscription.period_days
            self._subscription.renews = period - (-person.arrives) % period

    def live_day(self, day: int) -> None:
        """Let one day pass, in true (UTC) days."""
        if self._stage == "prospect":
            if day in self._visit_days:
                self._visit_site(day)
            return
        self._bill(day)
        if self._stage == "trial" and day >= self._joined + rates.TRIAL_DAYS:
            self._stage = "lapsed"
        if day == self._checkout_day and self._stage in ("trial", "lapsed"):
            self._buy(day)
        elif self._stage == "customer" and self._rng.random() < rates.CHURN_A_DAY:
            self._leave(day)
        elif self._rng.random() < self._chance_of_activity(day):
            for _ in range(_VISITS_A_DAY.pick(self._rng)):
                self._visit_as_member(day)

    # Before the sign-up

    def _plan_visits(self) -> list[int]:
        day = self.person.arrives
        visits = [day]
        for _ in range(_VISIT_COUNTS.pick(self._rng) - 1):
            day += int(self._rng.expovariate(1 / 4))
            visits.append(day)
        return visits

    def _visit_site(self, day: int) -> None:
        rng = self._rng
        person = self.person
        for _ in range(self._visit_days.count(day)):
            browsers = [device for device in person.devices if not device.is_phone_app]
            # The sign-up visit is on the first device, mostly the one of the visits before.
            last = day == self._visit_days[-1]
            device = browsers[0] if last or rng.random() < 0.8 else rng.choice(browsers)
            visit = self._start(day, device)
            if visit is None:
                continue
            origin = RETURNS.pick(rng) if self.calls else person.origin
            look_around(visit, origin, person.keenness)
            if last and person.fate == "newcomer" and open_sign_up_form(visit):
                self._sign_up(visit, day)
            self._finish(visit)
            if self._stage != "prospect":
                return

    def _sign_up(self, visit: Visit, day: int) -> None:
        person, rng = self.person, self._rng
        if rng.random() < rates.TEMPORARY_ID:
            # Until the address is confirmed: an alias call brings the permanent id later.
            self._user_id = f"tmp_{token(rng, 10)}"
        elif rng.random() < rates.ALIAS_FROM_DEVICE:
            visit.alias(visit.device.anonymous_id, self._user_id)
        visit.identify(self._user_id, traits_of(person, plan="trial"))
        visit.track("Signed Up", method=rng.choice(("password", "password", "google")))
        self._tell_company(visit, "trial")
        visit.track("Trial Started", plan="team", trial_days=rates.TRIAL_DAYS)
        self._workplace.onboard(visit)
        visit.device.signed_in = True
        self._stage = "trial"
        self._joined = day
        chance = rates.CHECKOUT_STARTED * (0.6 + 0.8 * person.keenness)
        if self._workplace.has_invited:
            chance += rates.CHECKOUT_STARTED_IF_INVITED
        if rng.random() < chance:
            self._checkout_day = day + min(1 + int(rng.triangular(0, 17, 11)), 16)
        if visit.device.shared:
            self._leave_device(visit)

    # As a member

    def _chance_of_activity(self, day: int) -> float:
        """Return the chance of any visit today: less on weekends and with time since sign-up."""
        age = day - self._joined
        keen = 0.25 + 0.75 * self.person.keenness
        base = {
            "trial": 0.28 + 0.65 * math.exp(-age / 6),
            "customer": 0.6 + 0.3 * math.exp(-age / 25),
        }.get(self._stage, 0.012)
        return base * keen * rates.WEEKDAY[day % 7]

    def _visit_as_member(self, day: int) -> None:
        rng = self._rng
        self._maybe_clear_cookies()
        device = self._choose_device()
        late = 0
        if device.is_phone_app and device.signed_in and rng.random() < rates.PHONE_OFFLINE:
            late = late_by(rng)
        visit = self._start(day, device, late)
        if visit is None:
            return
        if not self._enter(visit):
            self._finish(visit)
            return
        self._confirm_temporary_id(visit)
        if rng.random() < rates.IDENTIFY_PER_VISIT:
            visit.identify(self._user_id, traits_of(self.person, plan=self._plan))
            self._tell_company(visit, self._plan)
        steps = 1 + int(rng.expovariate(1 / (5 + 16.5 * self.person.keenness)))
        if device.is_phone_app:
            self._workplace.work_on_phone(visit, min(steps, 15))
        else:
            self._workplace.work(visit, min(steps, 60))
        self._leave_device(visit)
        self._finish(visit)

    def _enter(self, visit: Visit) -> bool:
        """Get into the app; return False where the visit stays on the public site."""
        rng, device = self._rng, visit.device
        if device.is_phone_app:
            if not device.signed_in:
                visit.forget_user()
                visit.track("Application Installed", version="3.8.1")
                log_in(visit, self.person, self._user_id)
            return True
        comes_back = rng.random() < rates.LOGGED_OUT_RETURN
        if comes_back or not device.signed_in:
            visit.forget_user()
            if comes_back:
                device.signed_in = False
                read_docs(visit, RETURNS.pick(rng))
                if rng.random() > rates.LOGS_IN_ON_RETURN:
                    return False
                visit.wait(20)
            log_in(visit, self.person, self._user_id)
        elif rng.random() < 0.03:
            # A link in the newsletter leads into the app by way of the public site.
            look_around(visit, RETURNS.pick(rng), 0.1)
            visit.wait(10)
        return True

    def _leave_device(self, visit: Visit) -> None:
        device = visit.device
        if device.shared or self._rng.random() < rates.LOGS_OUT:
            visit.wait(10)
            visit.track("Logged Out")
            device.signed_in = False
            if not device.shared and self._rng.random() < rates.NEW_ID_AFTER_LOG_OUT:
                device.anonymous_id = new_uuid(self._rng)

    def _confirm_temporary_id(self, visit: Visit) -> None:
        if self._user_id == self.person.user_id or self._rng.random() > 0.7:
            return
        visit.track("Email Confirmed")
        visit.alias(self._user_id, self.person.user_id)
        self._user_id = self.person.user_id
        visit.identify(self._user_id, traits_of(self.person, plan=self._plan))

    def _choose_device(self) -> Device:
        devices = self.person.devices
        if len(devices) == 1 or self._rng.random() < 0.62:
            return devices[0]
        return self._rng.choice(devices[1:])

    def _maybe_clear_cookies(self) -> None:
        for number, device in enumerate(self.person.devices):
            if not device.shared and self._rng.random() < rates.COOKIES_CLEARED:
                fresh = replace(device, anonymous_id=new_uuid(self._rng), signed_in=False)
                self.person.devices[number] = fresh

    def _tell_company(self, visit: Visit, plan: str) -> None:
        company = self.person.company
        visit.group(
            company.group_id,
            {
                "name": company.name,
                "industry": company.industry,
                "employees": company.employees,
                "plan": plan,
            },
        )

    @property
    def _plan(self) -> str:
        if self._subscription is not None:
            return self._subscription.plan
        return "trial" if self._stage == "trial" else "none"

    # Money

    def _buy(self, day: int) -> None:
        visit = self._start_signed_in(day)
        if visit is None:
            self._checkout_day = day + 1
            return
        # Nobody pays under an unconfirmed address.
        if self._user_id != self.person.user_id:
            visit.alias(self._user_id, self.person.user_id)
            self._user_id = self.person.user_id
        wanted = choose_plan(self._rng, self.person.place.currency)
        if check_out(visit, wanted):
            self._stage = "customer"
            self._subscription = wanted
            wanted.renews = day + wanted.period_days
            visit.identify(self._user_id, traits_of(self.person, plan=wanted.plan))
            self._tell_company(visit, wanted.plan)
            booked = visit.now - self._rng.randint(500, 4000)
            self._book(wanted.row(booked, self._user_id, "subscription_started"))
            self._book(wanted.row(booked + 1000, self._user_id, "invoice_paid"))
        elif self._tries == 0 and self._rng.random() < rates.TRIES_AGAIN:
            self._checkout_day = day + self._rng.randint(1, 4)
        self._tries += 1
        self._leave_device(visit)
        self._finish(visit)

    def _leave(self, day: int) -> None:
        visit = self._start_signed_in(day)
        if visit is None or self._subscription is None:
            return
        cancel(visit, self._subscription)
        row = self._subscription.row(visit.now, self._user_id, "subscription_cancelled")
        self._book(row)
        self._subscription = None
        self._stage = "lapsed"
        self._leave_device(visit)
        self._finish(visit)

    def _bill(self, day: int) -> None:
        subscription = self._subscription
        if subscription is not None and day == subscription.renews:
            at = rates.FIRST_MS + day * rates.DAY_MS + 3 * rates.HOUR_MS
            at += self._rng.randint(0, rates.HOUR_MS)
            self._book(subscription.row(at, self._user_id, "invoice_paid"))
            subscription.renews += subscription.period_days

    def _book(self, row: BillingRow) -> None:
        if row.at < rates.FIRST_MS + self._days * rates.DAY_MS:
            self.billing.append(row)

    # Visits

    def _start_signed_in(self, day: int) -> Visit | None:
        visit = self._start(day, self.person.devices[0])
        if visit is not None and not visit.device.signed_in:
            visit.forget_user()
            log_in(visit, self.person, self._user_id)
        return visit

    def _start(self, day: int, device: Device, late: int = 0) -> Visit | None:
        """Begin a visit at some local hour of the day, or return None where it does not fit."""
        minutes = self._hours.pick(self._rng) * 60 - self.person.place.offset_minutes
        starts = rates.FIRST_MS + day * rates.DAY_MS + minutes * rates.MINUTE_MS
        starts += self._rng.randint(0, rates.HOUR_MS)
        if starts < rates.FIRST_MS:
            starts += rates.DAY_MS  # the morning in Sydney is the evening before in UTC
        if starts < self._free_from:
            # Somewhat later then, but not into the night.
            starts = self._free_from + self._rng.randint(10, 120) * rates.MINUTE_MS
            if device.shared or starts > rates.FIRST_MS + (day + 1) * rates.DAY_MS:
                return None
        known = self._stage != "prospect" and device.signed_in
        return Visit(self._rng, device, self.person.place, starts, self._user_id if known else None,
                     late)  # fmt: skip

    def _finish(self, visit: Visit) -> None:
        self._free_from = visit.now
        self.calls += visit.finish()
