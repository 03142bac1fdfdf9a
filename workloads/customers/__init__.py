"""Made-up customers at work: who they are, their days, and a session of them against an HTTP API, recorded.

Put here what customers do. Keep out where the API comes from (`resources.recorder.customers`) and replaying
(`workloads.replay`).
"""
