"""Plans, subscriptions and what the billing server books: the rows of the second source."""

import random
from dataclasses import dataclass
from typing import Literal

from orchestration.sample import rates
from orchestration.sample.calls import Visit
from orchestration.sample.catalogue import PLAN_PRICES, PLANS

Kind = Literal["subscription_started", "invoice_paid", "subscription_cancelled"]


@dataclass(frozen=True, slots=True)
class BillingRow:
    """One row of the billing dump, before invoices are numbered. `at` is Unix time in ms."""

    at: int
    customer_id: str
    kind: Kind
    amount: int
    currency: str
    plan: str


@dataclass(slots=True)
class Subscription:
    """A paid plan; `renews` is the day number of the next invoice."""

    plan: str
    yearly: bool
    currency: str
    renews: int = 0

    @property
    def price(self) -> int:
        """Price of one period, in whole units of the currency."""
        return PLAN_PRICES[self.plan] * (10 if self.yearly else 1)

    @property
    def period_days(self) -> int:
        """Length of one period, in days."""
        return 365 if self.yearly else 30

    def row(self, at: int, customer_id: str, kind: Kind) -> BillingRow:
        """Return what the server books about this subscription."""
        amount = self.price if kind == "invoice_paid" else 0
        return BillingRow(at, customer_id, kind, amount, self.currency, self.plan)


def choose_plan(rng: random.Random, currency: str) -> Subscription:
    """Choose a plan and a period."""
    return Subscription(PLANS.pick(rng), rng.random() < rates.YEARLY, currency)


def check_out(visit: Visit, wanted: Subscription) -> bool:
    """Go through the checkout as far as patience lasts; return whether it ends with a plan."""
    rng = visit.rng
    offer = {
        "plan": wanted.plan,
        "billing_period": "year" if wanted.yearly else "month",
        "price": wanted.price,
        "currency": wanted.currency,
    }
    visit.app_page("/settings/billing", "Billing")
    visit.wait(35)
    visit.app_page("/checkout", "Checkout", f"plan={wanted.plan}")
    visit.track("Checkout Started", **offer)
    visit.wait(60)
    if rng.random() > rates.PAYMENT_DETAILS:
        return False
    visit.track("Payment Details Entered", method=rng.choice(("card", "card", "sepa", "paypal")))
    visit.wait(15)
    if rng.random() < rates.PAYMENT_FAILED:
        visit.track("Payment Failed", reason=rng.choice(("declined", "expired card")))
        visit.wait(40)
    if rng.random() > rates.SUBSCRIBED:
        return False
    visit.track("Subscription Started", **offer)
    visit.app_page("/checkout/done", "Thank you")
    return True


def cancel(visit: Visit, subscription: Subscription) -> None:
    """Cancel a subscription on the billing page."""
    visit.app_page("/settings/billing", "Billing")
    visit.wait(40)
    visit.app_page("/settings/billing/cancel", "Cancel")
    visit.wait(30)
    visit.track(
        "Subscription Cancelled",
        plan=subscription.plan,
        reason=visit.rng.choice(("too expensive", "missing feature", "project over", "other")),
    )
