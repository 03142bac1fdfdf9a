"""The behaviours, one module per service, one function each. A probe in a module here is registered; no list is kept.

Belongs here: provoking and comparing over HTTP and boto3 on whatever target the bench has. No target's name is known
here, and none of its answers.
"""
