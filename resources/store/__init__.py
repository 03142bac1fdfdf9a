"""The shared store of results: a folder or a bucket, of which every machine's home holds a copy.

Put here objects and how a home keeps step with them. Keep out what the objects are (`resources.warehouse`).
"""
