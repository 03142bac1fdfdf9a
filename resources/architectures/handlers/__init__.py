"""The Lambda functions' code. What is here is zipped and deployed: standard library and boto3 only."""
