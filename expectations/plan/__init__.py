"""The tracking plan: which events there should be, with which properties, and whether that is so."""

from expectations.plan.plan import Event, Plan, PlanError, Property, read_plan

__all__ = ["Event", "Plan", "PlanError", "Property", "read_plan"]
