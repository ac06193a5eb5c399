import { afterAll, beforeAll, expect, test } from "vitest";
import { modelId } from "./fake-engine.ts";
import { openConnection, postRequest } from "./raw-connection.ts";
import { startServer, type TestServer } from "./start-server.ts";

const path = "/v1/completions";
const fields = `"model":"${modelId}","max_tokens":1`;
const body = `{${fields},"prompt":"a"}`;
let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => server.close());

/** Sends the bytes and resolves with everything up to the end of the next JSON object. */
async function exchange(...parts: readonly string[]): Promise<string> {
  const { socket, waitFor } = await openConnection(server.port);
  for (const part of parts) socket.write(part);
  const text = await waitFor("}}");
  socket.destroy();
  return text;
}

function request(headers: string, text: string): string {
  return `POST ${path} HTTP/1.1\r\nhost: localhost\r\n${headers}\r\n${text}`;
}

const json = "content-type: application/json\r\n";
const length = `content-length: ${body.length}\r\n`;

test("a body in chunks is one body, however it is cut", async () => {
  const chunks = Array.from(body, (character) => `1\r\n${character}\r\n`).join("");
  const text = await exchange(request(`${json}transfer-encoding: chunked\r\n`, `${chunks}0\r\n\r\n`));
  expect(text).toContain("HTTP/1.1 200 OK");
});

test.each([
  ["a broken chunk", "transfer-encoding: chunked\r\n", "zz\r\n"],
  ["two lengths", `transfer-encoding: chunked\r\n${length}`, "0\r\n\r\n"],
])("%s is 400 as JSON", async (_name, headers, text) => {
  expect(await exchange(request(json + headers, text))).toMatch(/^HTTP\/1\.1 400 [^]*"code":"bad_request"/);
});

test("a client that asks before it sends its body is told to go on", async () => {
  const { socket, waitFor } = await openConnection(server.port);
  socket.write(request(`${json}${length}expect: 100-continue\r\n`, ""));
  await waitFor("HTTP/1.1 100 Continue\r\n\r\n");
  socket.write(body);
  expect(await waitFor('"text_completion"')).toContain("HTTP/1.1 200 OK");
  socket.destroy();
});

test("a client that asks whether to send too much is told before it does", async () => {
  const { socket, closed } = await openConnection(server.port);
  socket.write(request(`${json}content-length: 99999999\r\nexpect: 100-continue\r\n`, ""));
  const text = await closed();
  expect(text).toMatch(/^HTTP\/1\.1 413 [^]*"code":"request_too_large"/);
});

test("another expectation is no reason to reject", async () => {
  expect(await exchange(request(`${json}${length}expect: the-best\r\n`, body))).toContain("HTTP/1.1 200 OK");
});

test.each([
  ["application/json", 200],
  ["APPLICATION/JSON; charset=utf-8", 200],
  ['application/json;charset="UTF-8"', 200],
  ["text/plain", 415],
  ["application/x-www-form-urlencoded", 415],
  ["application/jsonl", 415],
  [";;;", 415],
])("a body of type %s is %i", async (type, status) => {
  expect(await exchange(request(`content-type: ${type}\r\n${length}`, body))).toContain(
    `HTTP/1.1 ${status} `,
  );
});

test.each([
  ["gzip", 415],
  ["Identity", 200],
])("a body encoded as %s is %i", async (encoding, status) => {
  const text = await exchange(request(`${json}${length}content-encoding: ${encoding}\r\n`, body));
  expect(text).toContain(`HTTP/1.1 ${status} `);
});

test.each([
  ["HEAD", "/v1/completions", 405],
  ["HEAD", "/v1/nothing", 404],
])("%s %s is %i without a body", async (method, url, status) => {
  const { socket, waitFor } = await openConnection(server.port);
  socket.write(
    `${method} ${url} HTTP/1.1\r\nhost: localhost\r\n\r\nGET /version HTTP/1.1\r\nhost: localhost\r\n\r\n`,
  );
  const text = await waitFor('{"version"');
  expect(text).toContain(`HTTP/1.1 ${status} `);
  expect(text.match(/\r\n\r\n(\S+)/)?.[1]).toBe("HTTP/1.1");
  socket.destroy();
});

test.each(["TRACE", "PROPFIND", "DELETE", "PUT", "PATCH"])(
  "%s is 405 as JSON, with a body too",
  async (method) => {
    const text = await exchange(
      `${method} /v1/models HTTP/1.1\r\nhost: localhost\r\n${json}content-length: 2\r\n\r\n{}`,
    );
    expect(text).toMatch(/^HTTP\/1\.1 405 [^]*allow: GET, HEAD, OPTIONS[^]*"code":"method_not_allowed"/);
  },
);

test.each(["/v1", "/v1/", "/v1/embeddings", "/v1/assistants", "/v1/completions/", "//v1//models"])(
  "%s is 404 as JSON",
  async (url) => {
    expect(await exchange(postRequest(url, body).replace(/^POST \S+/, `POST ${url}`))).toMatch(
      /^HTTP\/1\.1 404 [^]*content-type: application\/json[^]*"code":"unknown_url"/,
    );
  },
);

test.each([
  ['"temperature":1e400', "temperature", "got Infinity"],
  ['"seed":-1e400', "seed", "got -Infinity"],
  ['"seed":18446744073709551616', "seed", "from -9223372036854775808 to 18446744073709551615"],
  ['"seed":18446744073709551616', "seed", "got 18446744073709551616"],
  ['"n":1e15', "n", "from 1 to 128, got 1000000000000000"],
  ['"best_of":9007199254740991', "best_of", "got 9007199254740991"],
  ['"logit_bias":{"1":1e400}', "logit_bias.1", "got Infinity"],
  ['"logit_bias":{"1.0":1}', "logit_bias", 'got "1.0"'],
  ['"logit_bias":{"4294967297":1}', "logit_bias", "from 0 to 1023"],
  ['"stop":["a",""]', "stop[1]", "a string that is not empty"],
  ['"stop":"\\ud83d"', "stop", "half of a surrogate pair"],
])("%s is rejected with its value", async (field, param, words) => {
  const response = await server.post(path, `{${fields},"prompt":"a",${field}}`);
  expect(response.status).toBe(400);
  const { error } = (await response.json()) as { error: { message: string; param: string } };
  expect(error.param).toBe(param);
  expect(error.message).toContain(words);
});

test("numbers are what they are worth, however they are written, and the last of two keys counts", async () => {
  const ran = server.engine.nextRun();
  const numbers = '"n":1.0,"seed":1e2,"top_k":-0,"temperature":-0.0,"logit_bias":{"1":-100,"2":100}';
  const response = await server.post(
    path,
    `{${fields},"prompt":"a","max_tokens":2.0,${numbers},"prompt":"b"}`,
  );
  expect(response.status).toBe(200);
  const { request: sent } = await ran;
  expect(sent).toMatchObject({ n: 1, stopping: { maxTokens: 2 }, prompt: { kind: "text", text: "b" } });
  expect(sent.sampling).toMatchObject({
    seed: 100,
    logitBias: new Map([
      [1, -100],
      [2, 100],
    ]),
  });
  expect(Math.abs(sent.sampling?.temperature ?? 1)).toBe(0);
});

test("NUL, a byte order mark and all of Unicode are text like other text", async () => {
  const ran = server.engine.nextRun();
  const response = await server.post(
    path,
    `\ufeff{${fields},"prompt":"a\\u0000\u{1f98a}\\ud83e\\udd8a","stop":"\\u0000"}`,
  );
  expect(response.status).toBe(200);
  expect((await ran).request).toMatchObject({
    prompt: { text: "a\u0000\u{1f98a}\u{1f98a}" },
    stopping: { stop: ["\u0000"] },
  });
});

test("a model's name may be any text, in a body and in a path", async () => {
  const name = "模型\u{1f98a}/ü v1";
  server.engine.model = { ...server.engine.model!, id: name };
  try {
    expect(await (await fetch(`${server.url}/v1/models/${encodeURIComponent(name)}`)).json()).toMatchObject({
      id: name,
    });
    const stream = await server.post(path, { model: name, prompt: "a", max_tokens: 1, stream: true });
    expect(await stream.text()).toContain(`"model":${JSON.stringify(name)}`);
  } finally {
    server.engine.model = { ...server.engine.model, id: modelId };
  }
});
