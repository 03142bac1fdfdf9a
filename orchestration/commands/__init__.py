"""The commands of ``archduel``, a module each: from options to a call, and what is printed.

Put here options, questions and output. Keep out the work itself (`assets`, `resources`, `workloads`).
"""
