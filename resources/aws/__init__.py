"""Talking to AWS's services, emulated or real: clients, roles, refusals, and waiting until a change has arrived.

Put here what holds for every architecture and target. Keep out what is built (`resources.architectures`) and where it
runs (`resources.targets`).
"""
