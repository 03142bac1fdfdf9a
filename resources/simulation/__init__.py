"""AWS in virtual time: what it would do with traffic, computed instead of waited for.

Put here the model's parameters, its engines, and how their results become observations. Keep out anything that starts a
process or calls a service (`resources.targets`, `resources.lab`), and what results mean (`assets.analysis`).
"""
