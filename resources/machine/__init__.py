"""This machine: its processes and how they end, its CPU time, and whether it has what archduel needs.

Put here what asks the operating system. Keep out what is measured with it (`resources.lab.lab`) and how it is printed
(`orchestration.commands`).
"""
