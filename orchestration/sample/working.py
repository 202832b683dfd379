"""What members do in the app, in a browser and on the phone."""

import random
from collections.abc import Callable

from orchestration.sample import rates
from orchestration.sample.calls import Visit
from orchestration.sample.choosing import Weighted, token
from orchestration.sample.people import Person

REPORTS = ("burndown", "workload", "time spent", "milestones")


class Workplace:
    """A member's projects, and what the member does with them."""

    def __init__(self, person: Person, rng: random.Random) -> None:
        self.person = person
        self.has_invited = person.fate == "established"
        self._rng = rng
        owned = rng.randint(1, 6) if person.fate == "established" else 0
        self._projects = [f"prj_{token(rng, 6)}" for _ in range(owned)]

    def onboard(self, visit: Visit) -> None:
        """Do what the first-run guide asks for, each step with its own drop-off."""
        rng = visit.rng
        visit.app_page("/welcome", "Welcome")
        visit.wait(20)
        if rng.random() < 0.12:
            return
        self._create_project(visit)
        for _ in range(rng.randint(0, 4)):
            visit.wait(25)
            self._create_task(visit)
        if rng.random() < 0.25 + 0.3 * self.person.keenness:
            visit.wait(30)
            self._invite(visit)

    def work(self, visit: Visit, steps: int) -> None:
        """Do `steps` things in a browser."""
        rng = visit.rng
        visit.app_page("/home", "Home")
        for _ in range(steps):
            # Now and then somebody is called away in the middle.
            visit.wait(600 if rng.random() < 0.02 else 35)
            if not self._projects:
                self._create_project(visit)
            else:
                _BROWSER_STEPS.pick(rng)(self, visit)
        if rng.random() < rates.ADDRESS_IN_URL:
            visit.wait(20)
            visit.app_page("/reset-password", "New password", f"email={self.person.email}")

    def work_on_phone(self, visit: Visit, steps: int) -> None:
        """Do `steps` things in the phone app."""
        rng = visit.rng
        visit.track("Application Opened", from_background=rng.random() < 0.5, version="3.8.1")
        visit.screen("My Day")
        for _ in range(steps):
            visit.wait(14)
            luck = rng.random()
            if luck < 0.4:
                visit.screen(rng.choice(("My Day", "Inbox", "Board", "Task")))
            elif luck < 0.75 and self._projects:
                self._complete_task(visit)
            elif luck < 0.9 and self._projects:
                self._create_task(visit)
            else:
                visit.track("Notification Opened", kind=rng.choice(("mention", "due", "comment")))

    def _project(self) -> str:
        return self._rng.choice(self._projects)

    def _look_at_project(self, visit: Visit) -> None:
        view = visit.rng.choice(("board", "timeline", "list"))
        visit.app_page(f"/projects/{self._project()}/{view}", view.capitalize())

    def _look_elsewhere(self, visit: Visit) -> None:
        path, title = visit.rng.choice(
            (("/home", "Home"), ("/inbox", "Inbox"), ("/projects", "Projects"))
        )
        visit.app_page(path, title)

    def _create_project(self, visit: Visit) -> None:
        project = f"prj_{token(visit.rng, 6)}"
        self._projects.append(project)
        template = visit.rng.choice(("blank", "launch", "sprint", "event", "hiring"))
        visit.track("Project Created", project_id=project, template=template)
        visit.wait(5)
        visit.app_page(f"/projects/{project}/board", "Board")

    def _create_task(self, visit: Visit) -> None:
        visit.track(
            "Task Created",
            project_id=self._project(),
            priority=visit.rng.choice(("low", "normal", "normal", "high")),
            has_due_date=visit.rng.random() < 0.6,
        )

    def _complete_task(self, visit: Visit) -> None:
        visit.track(
            "Task Completed", project_id=self._project(), days_open=visit.rng.randint(0, 21)
        )

    def _comment(self, visit: Visit) -> None:
        visit.track("Comment Added", project_id=self._project(), length=visit.rng.randint(3, 400))

    def _search(self, visit: Visit) -> None:
        word = visit.rng.choice(("invoice", "launch", "offer", "draft", "q1", "contract"))
        visit.app_page("/search", "Search", f"q={word}")
        visit.track("Search Performed", query=word, results=visit.rng.randint(0, 40))

    def _invite(self, visit: Visit) -> None:
        visit.app_page("/settings/members", "Members")
        visit.wait(20)
        invited = f"colleague{token(visit.rng, 3)}@{self.person.company.domain}"
        visit.track("Teammate Invited", email=invited, role=visit.rng.choice(("member", "guest")))
        self.has_invited = True

    def _export(self, visit: Visit) -> None:
        report = visit.rng.choice(REPORTS)
        visit.app_page("/reports", "Reports")
        visit.wait(25)
        visit.track(
            "Report Exported",
            report=report,
            file_format=visit.rng.choice(("pdf", "csv", "xlsx")),
            rows=visit.rng.randint(10, 5000),
        )

    def _give_feedback(self, visit: Visit) -> None:
        message = f"The timeline is slow on my laptop, write to {self.person.email} please"
        visit.track("Feedback Sent", message=message, score=visit.rng.randint(3, 10))


_BROWSER_STEPS: Weighted[Callable[[Workplace, Visit], None]] = Weighted(
    [
        (Workplace._look_at_project, 30),
        (Workplace._look_elsewhere, 16),
        (Workplace._complete_task, 19),
        (Workplace._create_task, 15),
        (Workplace._comment, 9),
        (Workplace._search, 4),
        (Workplace._export, 2.5),
        (Workplace._create_project, 1),
        (Workplace._invite, 0.9),
        (Workplace._give_feedback, 0.12),
    ]
)
