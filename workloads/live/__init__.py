"""Traffic recorded as it comes: without personal data, on disk within a second, and a recording in the end.

Put here what happens to the requests that a recorder sees, whether it is stopped or killed. Keep out the recorder
itself and its connections (`resources.recorder`).
"""
