"""What runs in an emulator's own process, beside the emulator: the check that only its run gives it orders.

Put here what an emulator's process is started with, importing little, so that it starts quickly. Keep out which
emulators there are and how they are started (`resources.targets`).
"""
