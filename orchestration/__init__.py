"""Wiring: definitions, partitions, jobs, schedules, sensors, and the command line. No work is done here."""
