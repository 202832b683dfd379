"""Loading, orchestration, checks and publishing around the footpath dbt project."""
