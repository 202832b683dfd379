"""Who is told what: the routing file, `expectations/alerts.yml` or what FOOTPATH_ALERTS names."""

import os
import re
from pathlib import Path
from typing import Annotated, Literal, Protocol, Self
from urllib.parse import quote, urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from orchestration.problems import Place, problems

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, Field(min_length=1)]

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class RoutingError(ValueError):
    """The routing file is wrong, or a variable is missing: the message names file, place and remedy."""


class Routable(Protocol):
    """What a route looks at: an incident."""

    @property
    def severity(self) -> str: ...  # noqa: D102
    @property
    def owner(self) -> str | None: ...  # noqa: D102
    @property
    def suite(self) -> str: ...  # noqa: D102
    @property
    def relation(self) -> str: ...  # noqa: D102
    @property
    def source(self) -> str | None: ...  # noqa: D102


class Rules(BaseModel):
    """When an incident that goes on is told again, in runs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    escalate_after: Annotated[int, Field(ge=2)] | None = None
    repeat_after: Annotated[int, Field(ge=1)] | None = None


class Route(BaseModel):
    """Incidents that meet every given condition are told `to` these addresses, escalated also `escalate_to` those."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    to: Annotated[tuple[Name, ...], Field(min_length=1)]
    escalate_to: tuple[Name, ...] = ()
    owner: Text | None = None
    severity: Literal["critical", "warning"] | None = None
    suite: Text | None = None
    relation: Text | None = None
    source: Text | None = None

    def takes(self, incident: Routable) -> bool:
        """Whether the incident meets every condition of the route."""
        return all(
            wanted is None or wanted == found
            for wanted, found in (
                (self.owner, incident.owner),
                (self.severity, incident.severity),
                (self.suite, incident.suite),
                (self.relation, incident.relation),
                (self.source, incident.source),
            )
        )


class Routing(Rules):
    """The routing file: addresses by name, and routes that lead to them."""

    addresses: dict[Name, Text] = {}
    routes: tuple[Route, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for number, route in enumerate(self.routes, start=1):
            for name in (*route.to, *route.escalate_to):
                if name not in self.addresses:
                    raise ValueError(f"route {number}: there is no address {name}: add it")
        for name, address in self.addresses.items():
            if "://" not in address and not _VARIABLE.fullmatch(address):
                raise ValueError(f"address {name}: write a URL, such as slack://..., or ${{NAME}}")
            password = urlsplit(_VARIABLE.sub("", address)).password
            if password:
                raise ValueError(
                    f"address {name}: a password stands in the file: write ${{NAME}} and put it in the environment"
                )
        return self

    def to(self, incident: Routable, *, escalated: bool) -> list[str]:
        """Return the names of the addresses that are told of an incident, each once."""
        names: dict[str, None] = {}
        for route in self.routes:
            if route.takes(incident):
                names |= dict.fromkeys((*route.to, *(route.escalate_to if escalated else ())))
        return list(names)


def read_routing(path: Path) -> Routing:
    """Read a routing file.

    Raises `RoutingError` when it is missing, is not YAML or says something that it may not say.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RoutingError(
            f"{path}: there is no such file: write it, or do not set FOOTPATH_ALERTS"
        ) from error
    except yaml.YAMLError as error:
        raise RoutingError(f"{path}: not valid YAML: {error}") from error
    try:
        return Routing.model_validate({} if data is None else data)
    except ValidationError as error:
        lines = problems(error, _words)
        raise RoutingError("\n".join(f"{path}: {line}" for line in lines)) from error


def rules_of(path: Path) -> Rules:
    """Return when incidents are told again. A file that cannot be read is an error when messages are sent."""
    try:
        return read_routing(path)
    except RoutingError:
        return Rules()


def url_of(path: Path, routing: Routing, name: str, about: str) -> str:
    """Return an address with the values of the environment's variables in it.

    An address that is one variable is its value as it is; within a URL a value is percent-encoded, but for slashes.
    `{key}` becomes `about`, the key of the incident: with it a pager knows which of its own incidents has ended.
    Raises `RoutingError` when a variable is not set, or the name is not in the file any more.
    """
    template = routing.addresses.get(name)
    if template is None:
        raise RoutingError(f"{path}: addresses: there is no {name} any more: add it again")
    missing = [variable for variable in _variables(template) if not os.environ.get(variable)]
    if missing:
        raise RoutingError(
            f"{path}: addresses: {name}: the variable {missing[0]} is not set: set it where runs start, or take the"
            " address out"
        )
    if _VARIABLE.fullmatch(template):
        return os.environ[_variables(template)[0]].replace("{key}", quote(about))
    template = template.replace("{key}", quote(about))
    return _VARIABLE.sub(lambda found: quote(os.environ[found[1]], safe="/"), template)


def secrets_of(routing: Routing, name: str) -> dict[str, str]:
    """Return the variables of an address with their values, which no message may show."""
    return {
        variable: os.environ[variable]
        for variable in _variables(routing.addresses.get(name, ""))
        if os.environ.get(variable)
    }


def _variables(template: str) -> list[str]:
    return _VARIABLE.findall(template)


def _words(place: Place) -> list[str]:
    words = [f"route {part + 1}" if isinstance(part, int) else str(part) for part in place]
    return [word for word in words if word not in ("routes", "[key]")]
