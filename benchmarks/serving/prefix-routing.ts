// How much of the prompts of conversations a gateway's policies bring to where their beginning is cached: counts of
// servers that only pretend to compute. `npm run bench -- serving/prefix-routing --help`
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { json } from "node:stream/consumers";
import { findFreePort, startDaemonProcess } from "../lib/daemon-process.ts";
import { parseOptions } from "../lib/parse-options.ts";
import { createPromptCache } from "../lib/prompt-cache.ts";
import { createRandom } from "../lib/random.ts";
import { writeReport } from "../lib/report.ts";
import { formatTable } from "../lib/table.ts";

const { values } = parseOptions(
  {
    options: {
      backends: { type: "string", default: "3" },
      conversations: { type: "string", default: "120" },
      turns: { type: "string", default: "6" },
      systems: { type: "string", default: "6" },
      "cache-blocks": { type: "string", default: "4000" },
      clients: { type: "string", default: "8" },
      seed: { type: "string", default: "1" },
      output: { type: "string" },
      help: { type: "boolean", default: false },
    },
  },
  { least: { seed: 0 } },
);
if (values.help) {
  process.stdout.write(
    "options: --backends 3  --conversations 120  --turns 6  --systems <different system prompts> 6\n" +
      "  --cache-blocks <of 64 characters, of each backend> 4000  --clients 8  --seed 1  --output <file.json>\n",
  );
  process.exit(0);
}

interface Message {
  readonly role: string;
  readonly content: string;
}

interface Counted {
  promptCharacters: number;
  cachedCharacters: number;
  requestCount: number;
}

/** A server that counts what of each prompt it would have had to compute. */
async function startBackend(counted: Counted): Promise<Server> {
  const cache = createPromptCache(Number(values["cache-blocks"]));
  const server = createServer(async (request, response) => {
    response.setHeader("content-type", "application/json");
    if (request.method === "GET") {
      response.end('{"object":"list","data":[{"id":"m","object":"model"}]}');
      return;
    }
    const { messages } = (await json(request)) as { readonly messages: readonly Message[] };
    const prompt = messages.map(({ role, content }) => `<${role}>${content}`).join("\n");
    counted.requestCount += 1;
    counted.promptCharacters += prompt.length;
    counted.cachedCharacters += cache.compute(prompt);
    response.end('{"choices":[]}');
  });
  server.listen(await findFreePort(), "127.0.0.1");
  await once(server, "listening");
  return server;
}

function urlOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("expected a port, got none");
  return `http://127.0.0.1:${address.port}`;
}

const letters = "abcdefghijklmnopqrstuvwxyz     ";

/** The requests of each conversation, in their order: each has all before it. */
function makeConversations(): (readonly Message[])[][] {
  const random = createRandom(Number(values.seed));
  const text = (length: number): string =>
    Array.from({ length }, () => letters[Math.floor(random() * letters.length)]).join("");
  const systems = Array.from({ length: Number(values.systems) }, () => text(3000));
  return Array.from({ length: Number(values.conversations) }, (_, index) => {
    const messages: Message[] = [{ role: "system", content: systems[index % systems.length] ?? "" }];
    return Array.from({ length: Number(values.turns) }, () => {
      messages.push({ role: "user", content: text(200 + Math.floor(random() * 400)) });
      const asked = [...messages];
      messages.push({ role: "assistant", content: text(300 + Math.floor(random() * 600)) });
      return asked;
    });
  });
}

/** Clients take the next turn of any conversation that is not being answered, at random. */
async function runClients(url: string): Promise<void> {
  const random = createRandom(Number(values.seed) + 1);
  const waiting = makeConversations();
  const client = async (): Promise<void> => {
    while (waiting.length > 0) {
      const [conversation = []] = waiting.splice(Math.floor(random() * waiting.length), 1);
      const messages = conversation.shift();
      const answer = await fetch(`${url}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: "m", messages }),
      });
      await answer.arrayBuffer();
      if (!answer.ok) throw new Error(`expected status 200, got ${answer.status}`);
      if (conversation.length > 0) waiting.push(conversation);
    }
  };
  await Promise.all(Array.from({ length: Number(values.clients) }, client));
}

interface Result {
  readonly policy: string;
  readonly requestCount: number;
  readonly cachedShare: number;
  /** Of the backend with the most, beside an even share. */
  readonly mostRequests: number;
}

async function measure(policy: string): Promise<Result> {
  const counts = Array.from({ length: Number(values.backends) }, () => ({
    promptCharacters: 0,
    cachedCharacters: 0,
    requestCount: 0,
  }));
  const servers = await Promise.all(counts.map(startBackend));
  const flags = servers.flatMap((server, index) => ["--backend", `b${index}=${urlOf(server)}`]);
  await using gateway = await startDaemonProcess(["--policy", policy, ...flags], undefined, "gateway");
  await runClients(gateway.url);
  for (const server of servers) server.close().closeAllConnections();
  const sum = (pick: (each: Counted) => number): number => counts.reduce((all, each) => all + pick(each), 0);
  const requestCount = sum((each) => each.requestCount);
  return {
    policy,
    requestCount,
    cachedShare: sum((each) => each.cachedCharacters) / sum((each) => each.promptCharacters),
    mostRequests: (Math.max(...counts.map((each) => each.requestCount)) * counts.length) / requestCount,
  };
}

const results: Result[] = [];
for (const policy of ["round-robin", "least-loaded", "prefix-aware"]) results.push(await measure(policy));
if (values.output !== undefined) {
  const { output, help: _help, ...options } = values;
  writeReport(output, "prefix-routing", { ...options, results });
}
const rows = results.map(({ policy, cachedShare, mostRequests, requestCount }) => [
  policy,
  String(requestCount),
  `${(100 * cachedShare).toFixed(1)} %`,
  mostRequests.toFixed(2),
]);
process.stdout.write(`${formatTable(["", "requests", "of prompts cached", "most / even share"], rows)}\n`);
