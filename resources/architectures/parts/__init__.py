"""The parts architectures are made of, a module for each AWS resource.

Put here how a resource is made with boto3, found again where it exists already, and described. Keep out which
architecture has which parts (its own module in `resources.architectures`) and the order in which they are made
(`resources.architectures.stack`).
"""
