"""The user's own services: what one is, where it is kept, how it is packaged.

Put here what a service consists of. Keep out what runs it (`resources.architectures.handlers.adapter`) and where it is
deployed to (`resources.architectures.parts`).
"""
