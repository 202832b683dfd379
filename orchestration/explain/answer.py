"""What an explanation is made of: a title, facts, and sentences under headings."""

from dataclasses import asdict, dataclass, field
from typing import Any


class NotFoundError(Exception):
    """There is no such row; the message says where it was looked for."""


@dataclass
class Section:
    """Sentences under a heading."""

    heading: str
    lines: list[str] = field(default_factory=list)


@dataclass
class Answer:
    """An explanation. `facts` are values for machines, the sections are for people."""

    title: str
    facts: dict[str, Any] = field(default_factory=dict)
    sections: list[Section] = field(default_factory=list)

    def say(self, heading: str, *lines: str) -> None:
        """Add sentences under a heading; nothing when there are none."""
        if lines:
            self.sections.append(Section(heading, list(lines)))

    def text(self) -> str:
        """Return the explanation as plain text."""
        parts = [self.title]
        for section in self.sections:
            parts += ["", section.heading, *(f"  {line}" for line in section.lines)]
        return "\n".join(parts)

    def as_dict(self) -> dict[str, Any]:
        """Return the explanation as one JSON object."""
        return asdict(self)
