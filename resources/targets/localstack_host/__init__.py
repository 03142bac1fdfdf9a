"""A small distribution that is installed beside LocalStack: what its host mode lacks, as plug-ins.

Put here running functions as processes (`worker`, `environment`), the plug-ins that LocalStack finds (`executor`,
`server`, `plugins`), and its process (`__main__`). Keep out with which settings it is started
(`resources.targets.localstack`), and patches to it: there are none, but for the name of a header.
"""
