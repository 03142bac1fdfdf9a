"""A small distribution of its own, installed beside LocalStack: what its host mode lacks, as plug-ins.

Belongs here: running functions as processes (`worker`, `environment`), and the plug-ins that tell LocalStack of it
(`executor`, `server`, `plugins`). Nothing of LocalStack is patched; how it is started is
`resources.targets.localstack`.
"""
