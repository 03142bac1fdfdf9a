"""The behaviours, a module per service, a function each. A probe in a module here is registered; there is no list.

Put here provoking and comparing over HTTP and boto3, on any target. Keep out names of targets and their answers
(`resources.targets`).
"""
