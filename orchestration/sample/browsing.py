"""What people do on the public site: look around, read, and perhaps sign up."""

from orchestration.sample import rates
from orchestration.sample.calls import Visit
from orchestration.sample.catalogue import (
    FIRST_SECTION,
    LOGIN,
    NEXT_SECTION,
    SECTIONS,
    SIGN_UP,
    Origin,
)
from orchestration.sample.choosing import token
from orchestration.sample.people import Person


def look_around(visit: Visit, origin: Origin, keenness: float) -> None:
    """Land on the site and wander through it; keen people see more pages."""
    rng = visit.rng
    paid = origin.utm is not None and origin.utm[1] in ("cpc", "paid_social", "display")
    if paid:
        section = "landing"
    elif origin.utm is not None and origin.utm[1] == "email":
        section = "blog"
    else:
        section = FIRST_SECTION.pick(rng)
    document = rng.choice(SECTIONS[section])
    visit.land(document.path, document.title, origin)
    while rng.random() < 0.5 + 0.36 * keenness:
        visit.wait(28)
        section = NEXT_SECTION[section].pick(rng)
        document = rng.choice(SECTIONS[section])
        visit.page(document.path, document.title)
        if section == "features" and rng.random() < 0.1:
            visit.wait(20)
            visit.track("Video Played", title=document.title, seconds=rng.randint(5, 95))
    if section == "blog" and rng.random() < rates.NEWSLETTER_SUBSCRIBED:
        visit.wait(15)
        # An address where none should be: the masking has something to do.
        visit.track("Newsletter Subscribed", email=f"reader{token(rng, 4)}@mail.example")
    if section == "pricing" and rng.random() < rates.DEMO_REQUESTED:
        visit.wait(40)
        visit.track("Demo Requested", team_size=rng.choice(("1-10", "11-50", "51-200")))


def read_docs(visit: Visit, origin: Origin) -> None:
    """Open one to four pages of the docs, as members do without logging in."""
    pages = visit.rng.sample(SECTIONS["docs"], visit.rng.randint(1, 4))
    visit.land(pages[0].path, pages[0].title, origin)
    for document in pages[1:]:
        visit.wait(45)
        visit.page(document.path, document.title)


def open_sign_up_form(visit: Visit) -> bool:
    """Go to the sign-up form; return whether it is sent off in this visit."""
    visit.wait(20)
    visit.page(SIGN_UP.path, SIGN_UP.title)
    visit.wait(8)
    visit.track("Signup Started", form="trial")
    visit.wait(50)
    return visit.rng.random() < 0.9


def log_in(visit: Visit, person: Person, user_id: str) -> None:
    """Log in on a browser (by way of the login page) or on the phone app."""
    if visit.device.is_phone_app:
        visit.screen("Welcome")
    else:
        with_address = visit.rng.random() < 0.03
        visit.page(LOGIN.path, LOGIN.title, search=f"email={person.email}" if with_address else "")
    visit.wait(12)
    visit.identify(user_id, traits_of(person))
    visit.track("Logged In", method=visit.rng.choice(("password", "google", "sso")))
    visit.device.signed_in = True


def traits_of(person: Person, **more: object) -> dict[str, object]:
    """Return the traits that an identify call tells about a person."""
    return {
        "name": person.name,
        "email": person.email,
        "company": {"id": person.company.group_id, "name": person.company.name},
        "country": person.place.country,
    } | more
