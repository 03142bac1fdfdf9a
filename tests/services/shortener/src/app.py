"""A URL shortener: one handler behind an HTTP API, two tables. It knows nothing of archduel."""

import json
import os
import time

import boto3

dynamodb = boto3.resource("dynamodb")
links = dynamodb.Table(os.environ["LINKS"])
visits = dynamodb.Table(os.environ["VISITS"])
seen = 0  # of this environment: handlers keep such things


def answer(status, body):
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body)}


def shorten(slug, body):
    try:
        url = json.loads(body or "")["url"]
    except (ValueError, KeyError, TypeError):
        return answer(400, {"error": "the body must be JSON with a url"})
    links.put_item(Item={"slug": slug, "url": url})
    return answer(201, {"slug": slug, "url": url})


def follow(slug):
    item = links.get_item(Key={"slug": slug}).get("Item")
    if item is None:
        return answer(404, {"error": "no such link"})
    visits.put_item(Item={"slug": slug, "at": str(time.time_ns())})
    return {"statusCode": 302, "headers": {"Location": item["url"]}, "body": ""}


def handler(event, context):
    global seen
    seen += 1
    print(f"request {seen} of this environment: {event['httpMethod']} {event['path']}")
    slug = event["pathParameters"]["slug"]
    if event["resource"] == "/links/{slug}":
        return shorten(slug, event["body"]) if event["httpMethod"] == "PUT" else follow(slug)
    raise ValueError(f"no such resource: {event['resource']}")
