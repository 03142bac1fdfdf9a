// The user's own Node handler, unmodified, behind the lab's entry points, and behind a queue.
//
// Put here what `adapter.py`, `orders.py` and `delivery.py` do, as far as a service of the user's own needs it: warming
// up, calling the handler, keeping answers to queued queries, delivering marked messages twice or late. Those say why.
//
// It has no packages: Lambda brings an AWS SDK and emulators do not, so that requests to AWS are signed here.

import { createHash, createHmac, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const env = process.env;
const MAX_PRINTED = 20_000; // characters of an invocation; a log is no place for more
const MAX_DELAY_S = 900; // what SQS accepts
const TIMEOUT_MS = Number(env.TABLE_TIMEOUT_MS ?? 1000);
const ADOPTED = "ARCHDUEL_ADOPTED" in env; // requests are those of its users, which say nothing to the lab
const VERSION = env.ARCHDUEL_PAYLOAD ?? "1.0";
const ENVIRONMENT = randomBytes(4).toString("hex"); // a module is loaded once in each
const FAILED = { statusCode: 502, body: '{"message": "Internal server error"}' };
let cold = true;

const now = env.CLOCK === "wall"
  ? () => BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n
  : process.hrtime.bigint; // CLOCK_MONOTONIC, which the processes of one machine share

// Lines go out past `console`, before whose lines Lambda puts a time stamp.
const write = process.stdout.write.bind(process.stdout);
// A nanosecond's number has more digits than a double, and JSON of a BigInt there is none.
const logLine = (line) => write(JSON.stringify(line).replace(/"(\d+)n"/g, "$1") + "\n");
const digits = (ns) => `${ns}n`;

// ---- AWS

const agents = { "http:": new http.Agent({ keepAlive: true }), "https:": new https.Agent({ keepAlive: true }) };
const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const hmac = (key, text) => createHmac("sha256", key).update(text).digest();

function endpoint(service) {
  const region = env.AWS_REGION ?? env.AWS_DEFAULT_REGION;
  const given = env[`AWS_ENDPOINT_URL_${service.toUpperCase()}`] ?? env.AWS_ENDPOINT_URL;
  return [new URL(given ?? `https://${service}.${region}.amazonaws.com`), region];
}

/** The headers of a POST to `/`, signed: docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html */
function signed(service, url, region, target, body) {
  const date = new Date().toISOString().replace(/[-:]|\.\d{3}/g, "");
  const headers = {
    "content-type": "application/x-amz-json-1.0",
    host: url.host,
    "x-amz-date": date,
    ...(env.AWS_SESSION_TOKEN ? { "x-amz-security-token": env.AWS_SESSION_TOKEN } : {}),
    "x-amz-target": target,
  };
  const names = Object.keys(headers).join(";"); // they are sorted as they stand
  const scope = `${date.slice(0, 8)}/${region}/${service}/aws4_request`;
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`).join("");
  const request = ["POST", "/", "", lines, names, sha256(body)].join("\n");
  const key = scope.split("/").reduce(hmac, `AWS4${env.AWS_SECRET_ACCESS_KEY}`);
  const signature = hmac(key, ["AWS4-HMAC-SHA256", date, scope, sha256(request)].join("\n")).toString("hex");
  const credential = `Credential=${env.AWS_ACCESS_KEY_ID}/${scope}`;
  return { ...headers, authorization: `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${names}, Signature=${signature}` };
}

/** Call AWS once; rejects with an error named as AWS names it. */
function call(service, target, parameters) {
  const [url, region] = endpoint(service);
  const body = JSON.stringify(parameters);
  const headers = { ...signed(service, url, region, target, body), "content-length": Buffer.byteLength(body) };
  const options = { method: "POST", headers, agent: agents[url.protocol], timeout: TIMEOUT_MS };
  return new Promise((resolve, reject) => {
    const request = (url.protocol === "https:" ? https : http).request(new URL("/", url), options, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const answer = object(Buffer.concat(chunks).toString());
        if (response.statusCode === 200) return resolve(answer);
        const error = new Error(answer.message ?? answer.Message ?? `status ${response.statusCode}`);
        error.name = String(answer.__type ?? "ServiceError").split("#").pop();
        reject(error);
      });
    });
    request.on("timeout", () => request.destroy(Object.assign(new Error("timed out"), { name: "ReadTimeoutError" })));
    request.on("error", reject);
    request.end(body);
  });
}

const table = (operation, parameters) =>
  call("dynamodb", `DynamoDB_20120810.${operation}`, { TableName: env.TABLE_NAME, ...parameters });

/** As `orders.write`: the attributes and the count of the request's commits. */
async function store(key, requestId, attributes) {
  const names = { "#commits": `commits#${requestId}`, "#stamp": `stamp#${requestId}` };
  const values = { ":one": { N: "1" }, ":stamp": { N: String(now()) } };
  const sets = ["#stamp = if_not_exists(#stamp, :stamp)"];
  Object.entries(attributes).forEach(([name, value], index) => {
    names[`#a${index}`] = name;
    values[`:a${index}`] = value;
    sets.push(`#a${index} = :a${index}`);
  });
  try {
    await table("UpdateItem", {
      Key: { id: { S: key } },
      UpdateExpression: `SET ${sets.join(", ")} ADD #commits :one`,
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: values,
      ...(env.VARIANT === "naive" ? {} : { ConditionExpression: "attribute_not_exists(#commits)" }),
    });
  } catch (error) {
    if (error.name === "ConditionalCheckFailedException") return "duplicate";
    throw error;
  }
  return "committed";
}

// ---- What the lab has to know of a request

function object(text) {
  try {
    const found = JSON.parse(text);
    return found !== null && typeof found === "object" && !Array.isArray(found) ? found : {};
  } catch {
    return {};
  }
}

function opened(sealed, body) {
  const known = object(Buffer.from(sealed, "base64url").toString());
  return Object.keys(known).length ? { details: body ?? "", ...known } : {};
}

function parse(body) {
  const text = body ?? "";
  const end = text.indexOf("\n");
  const sealed = text.slice(0, end);
  return end > 0 && /^[A-Za-z0-9_-]+$/.test(sealed) ? opened(sealed, text.slice(end + 1)) : object(text);
}

function asked(event) {
  const sealed = event.queryStringParameters?.archduel;
  return sealed === undefined ? parse(event.body) : opened(sealed, event.body);
}

const own = (known) => !("method" in known) || String(known.request_id ?? "").startsWith("warm-");

// ---- The handler, and its events

const ROUTES = JSON.parse(env.ARCHDUEL_ROUTES ?? "[]").map((text) => {
  const [method, path] = text.split(/ (.*)/s);
  const names = [];
  const expression = path.split(/(\{[^{}]+\})/).map((part) => {
    const token = /^\{([^{}]+?)(\+?)\}$/.exec(part);
    if (!token) return part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    names.push(token[1]);
    return token[2] ? "(.+)" : "([^/]+)";
  });
  return { method, path, names, expression: new RegExp(`^${expression.join("")}/?$`) };
});

const handler = await loaded(env.ARCHDUEL_HANDLER).catch((error) => async () => {
  console.error(error.stack ?? error);
  throw Object.assign(new Error(`${env.ARCHDUEL_HANDLER} cannot be imported`), { name: "ImportError" });
});

async function loaded(name) {
  const dot = name.lastIndexOf(".");
  const path = join(dirname(fileURLToPath(import.meta.url)), name.slice(0, dot));
  const file = [".js", ".mjs", ".cjs"].map((ending) => path + ending).find(existsSync) ?? path;
  const module = await import(pathToFileURL(file));
  const found = module[name.slice(dot + 1)] ?? module.default?.[name.slice(dot + 1)];
  if (typeof found !== "function") throw new Error(`${name} is no function`);
  return found;
}

function unquoted(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function placed(method, path) {
  const fitting = ROUTES.filter((route) => [method, "ANY"].includes(route.method) && route.expression.test(path));
  const rank = (route) => [route.path.includes("+}") ? 1 : 0, route.names.length];
  fitting.sort((one, other) => rank(one)[0] - rank(other)[0] || rank(one)[1] - rank(other)[1]);
  if (!fitting.length) return ["/{proxy+}", { proxy: path.replace(/^\/+/, "") }];
  const [best] = fitting;
  const values = best.expression.exec(path).slice(1);
  return [best.path, Object.fromEntries(best.names.map((name, index) => [name, unquoted(values[index])]))];
}

/** Headers with those given, whose names may be written in other letters. */
function withGiven(headers, given) {
  const names = Object.keys(given).map((name) => name.toLowerCase());
  const others = Object.entries(headers).filter(([name]) => !names.includes(name.toLowerCase()));
  return { ...Object.fromEntries(others), ...given };
}

/** The proxy event of a request, as API Gateway would have made it. `around` is what it made; `{}` behind a queue. */
function proxyEvent(known, body, around, requestId) {
  const { method, path } = known;
  const [resource, parameters] = placed(method, path);
  const usual = { Accept: "application/json", "Content-Type": "application/json" };
  const headers = around.headers ?? withGiven(usual, known.headers ?? {});
  const requestContext = {
    requestId,
    stage: "lab",
    identity: { sourceIp: "127.0.0.1" },
    ...around.requestContext,
    resourcePath: resource,
    httpMethod: method,
    path,
  };
  const { archduel: _, ...query } = around.queryStringParameters ?? {};
  const filled = (values) => (Object.keys(values).length ? values : null);
  if (VERSION === "2.0") return httpApiEvent(method, path, filled(parameters), headers, filled(query), requestContext, body);
  const lists = (values) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, [value]]));
  return {
    version: "1.0",
    resource,
    path,
    httpMethod: method,
    headers,
    multiValueHeaders: lists(headers),
    queryStringParameters: filled(query),
    multiValueQueryStringParameters: filled(lists(query)),
    pathParameters: filled(parameters),
    stageVariables: null,
    requestContext,
    body: body || null,
    isBase64Encoded: false,
  };
}

function httpApiEvent(method, path, parameters, headers, query, context, body) {
  const routeKey = `${method} ${context.resourcePath}`;
  const sourceIp = context.identity?.sourceIp ?? "127.0.0.1";
  return {
    version: "2.0",
    routeKey,
    rawPath: path,
    rawQueryString: new URLSearchParams(query ?? {}).toString(),
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    requestContext: {
      requestId: context.requestId,
      routeKey,
      stage: "$default",
      timeEpoch: Date.now(),
      http: { method, path, protocol: "HTTP/1.1", sourceIp, userAgent: "archduel" },
    },
    isBase64Encoded: false,
    ...(query ? { queryStringParameters: query } : {}),
    ...(parameters ? { pathParameters: parameters } : {}),
    ...(body ? { body } : {}),
  };
}

/** What the handler returns, whether by a promise, a callback or at once. */
function answerOf(event, context) {
  return new Promise((resolve, reject) => {
    const done = (error, answer) => (error ? reject(error) : resolve(answer));
    const returned = handler(event, { ...context, done, succeed: resolve, fail: reject }, done);
    if (typeof returned?.then === "function") returned.then(resolve, reject);
    else if (handler.length < 3 && returned !== undefined) resolve(returned);
    else if (handler.length < 2) resolve(returned);
  });
}

/** The handler's answer as API Gateway would pass it on, why it is none of its own ("" where it is), and its time. */
async function called(event, context) {
  let printed = "";
  const keep = (chunk, encoding, callback) => {
    printed += String(chunk).slice(0, Math.max(0, MAX_PRINTED - printed.length));
    (typeof encoding === "function" ? encoding : callback)?.();
    return true;
  };
  const { stdout, stderr } = process;
  const before = [stdout.write, stderr.write];
  stdout.write = stderr.write = keep;
  const started = process.hrtime.bigint();
  let answer, why = "";
  try {
    [answer, why] = proxied(await answerOf(event, context));
    if (why) keep(`${why}\n`);
  } catch (error) {
    why = error?.name ?? "Error";
    keep(`${error?.stack ?? error}\n`);
  } finally {
    [stdout.write, stderr.write] = before;
  }
  const worked = Number((process.hrtime.bigint() - started) / 1000n);
  // Marked, or a line of the handler's might pass for one of the lab's.
  if (printed) write(`> ${printed.replace(/\n+$/, "").replaceAll("\n", "\n> ")}\n`);
  return [why ? FAILED : answer, why, worked];
}

function proxied(returned) {
  let answer = returned;
  if (VERSION === "2.0" && answer?.statusCode === undefined) {
    answer = { statusCode: 200, body: typeof answer === "string" ? answer : JSON.stringify(answer ?? null) };
  }
  const status = /^\d+$/.test(String(answer?.statusCode)) ? Number(answer.statusCode) : NaN;
  if (!(status >= 100 && status <= 599)) return [{}, "no proxy response: an object with statusCode"];
  const isText = answer.body === undefined || answer.body === null || typeof answer.body === "string";
  if (!isText) return [{}, "no proxy response: its body is no text"];
  const kept = ["headers", "multiValueHeaders", "body", "isBase64Encoded"].filter((name) => answer[name] != null);
  return [{ statusCode: status, ...Object.fromEntries(kept.map((name) => [name, answer[name]])) }, ""];
}

/** Why a request failed; "" where it was done. */
function failedBy(known, answer, why) {
  const status = answer.statusCode;
  const done = (known.success ?? "100-499").split(",").some((range) => {
    const [least, most = least] = range.split("-").map(Number);
    return least <= status && status <= most;
  });
  return why || (done ? "" : `status ${status}`);
}

// ---- The entry points

/** An entry point that prints the invocation's one line, as `orders.logged` does. */
const logged = (handle) => async (event, context) => {
  const started = now();
  const wasCold = cold;
  cold = false;
  if ("warm_up" in event) {
    await new Promise((resolve) => setTimeout(resolve, event.warm_up.hold_ms));
    write("{}\n");
    return {};
  }
  if ("clock" in event) {
    const stamp = now();
    logLine({ lab: 1, invocation: context.awsRequestId });
    return { now_ns: Number(stamp) };
  }
  const records = [];
  const record = (id, result, details) => records.push({ id, result, ns: digits(now()), ...details });
  const response = await handle(event, context, record);
  logLine({
    archduel: 1,
    invocation: context.awsRequestId,
    started_ns: digits(started),
    ended_ns: digits(now()),
    cold: wasCold,
    environment: ENVIRONMENT,
    records,
  });
  return response;
};

/** A request that warms up: stored, so that it shows that functions reach the table. */
async function warmed(known, record) {
  const { request_id: requestId, order_id: orderId } = known;
  const text = known.operation === "query" ? "answered" : await store(orderId, requestId, { status: { S: "placed" } });
  record(requestId, text, {});
  return { statusCode: 201, body: "" };
}

/** What is known of the request that a message is: of one of its users, its first line; its id is the message's. */
function knownOf(message) {
  if (!ADOPTED) return parse(message.body);
  const [head] = message.body.split("\n", 1);
  return { ...object(head), request_id: message.messageId, details: message.body.slice(head.length + 1) };
}

async function adopted(event, context) {
  const known = { method: event.httpMethod, path: event.path };
  return (await called(proxyEvent(known, event.body, event, context.awsRequestId), context))[0];
}

const served = (done) => ADOPTED ? adopted : logged(async (event, context, record) => {
  const known = asked(event);
  if (own(known)) return warmed(done === "answered" ? { ...known, operation: "query" } : known, record);
  const [answer, why, worked] = await called(proxyEvent(known, event.body, event, context.awsRequestId), context);
  const failed = failedBy(known, answer, why);
  const details = { worked_us: worked, ...(failed ? { error: failed } : {}) };
  if (done === "answered" && !failed) details.found = answer.statusCode !== 404;
  record(known.request_id, failed ? "failed" : done, details);
  return answer;
});

export const command = served("committed");
export const query = served("answered");

/** One message from the queue: returns whether it was carried out. */
async function carriedOut(message, context, record) {
  const known = knownOf(message);
  const details = { receive_count: Number(message.attributes.ApproximateReceiveCount) };
  try {
    if (own(known)) {
      await warmed({ ...known, operation: "command" }, record);
      return true;
    }
    const [answer, why, worked] = await called(proxyEvent(known, known.details, {}, context.awsRequestId), context);
    details.worked_us = worked;
    let result = "committed";
    const failed = failedBy(known, answer, why);
    if (failed) {
      result = "failed";
      details.error = failed;
    } else if (known.operation === "query") {
      details.found = answer.statusCode !== 404;
      const kept = { status: { S: String(answer.statusCode) }, found: { BOOL: details.found } };
      result = await store(`answer/${known.request_id}`, known.request_id, kept);
    }
    record(known.request_id, result, details);
    return result !== "failed";
  } catch (error) {
    record(known.request_id ?? "unreadable", "failed", { ...details, error: error.name });
    return false;
  }
}

/** Deliver a marked message again, as `delivery.py` does; returns whether that worked. */
async function copied(message, body, delayS) {
  const { delivery: _, ...copy } = body;
  const name = message.eventSourceARN.split(":").pop();
  try {
    const { QueueUrl } = await call("sqs", "AmazonSQS.GetQueueUrl", { QueueName: name });
    await call("sqs", "AmazonSQS.SendMessage", { QueueUrl, MessageBody: JSON.stringify(copy), DelaySeconds: delayS });
    return true;
  } catch {
    return false;
  }
}

function marked(body) {
  const { kind, delay_s: delayS } = body.delivery ?? {};
  const valid = ["twice", "late"].includes(kind) && Number.isInteger(delayS) && delayS >= 0 && delayS <= MAX_DELAY_S;
  return valid ? [kind, delayS] : ["", 0];
}

export const consumer = logged(async (event, context, record) => {
  const failures = [];
  for (const message of event.Records) {
    const body = knownOf(message);
    const [kind, delayS] = marked(body);
    const fine =
      kind === "late"
        ? await copied(message, body, delayS)
        : (await carriedOut(message, context, record)) && (kind !== "twice" || (await copied(message, body, delayS)));
    if (!fine) failures.push({ itemIdentifier: message.messageId });
  }
  return { batchItemFailures: failures };
});
