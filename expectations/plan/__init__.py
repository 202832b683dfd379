"""The tracking plan: which events there should be, with which properties, and whether that is so."""

from expectations.plan.plan import NO_PLAN, Event, Plan, PlanError, Property, read_plan

__all__ = ["NO_PLAN", "Event", "Plan", "PlanError", "Property", "read_plan"]
