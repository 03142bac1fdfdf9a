"""A small distribution that is installed beside LocalStack: what its host mode lacks, as plug-ins.

Put here running functions as processes (`worker`, `environment`), and the plug-ins that LocalStack finds (`executor`,
`server`, `plugins`). Keep out how LocalStack is started (`resources.targets.localstack`), and patches to it: there are
none.
"""
