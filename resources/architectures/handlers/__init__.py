"""The code of the Lambda functions, deployed as one zip of modules without a package.

Put here what runs inside Lambda, with nothing but the standard library and boto3. Keep out what deploys it
(`resources.architectures.packaging`).
"""
