import { choice, milliseconds, origins, serviceName, tagNames, text, webAddress } from "./setting-kinds.ts";
import type { Setting } from "./setting.ts";

const pem = (path: string, flag: string, description: string): Setting => ({
  path,
  kind: text("a file in PEM", "<file>"),
  default: undefined,
  flag,
  description,
  isPath: true,
});

const name = (path: string, flag: string, description: string): Setting => ({
  path,
  kind: text("a name", "<name>"),
  default: undefined,
  flag,
  description,
});

/** How the daemon registers itself, and how it reaches Consul. */
export const discoverySettings: readonly Setting[] = [
  {
    path: "discovery.provider",
    kind: choice(["embedded", "consul", "static"]),
    default: "embedded",
    flag: "discovery",
    description:
      "where the models are registered; embedded and static: in this process, which others see if they ask it",
  },
  {
    path: "discovery.daemons",
    kind: origins(),
    default: [],
    flag: "discovery-daemons",
    description:
      "daemons that are known beforehand and asked for their models, where the provider is static; separated by commas",
  },
  {
    path: "discovery.checkIntervalMs",
    kind: milliseconds(100),
    default: 1000,
    flag: "discovery-check-interval",
    description: "time between two requests to one of discovery.daemons",
  },
  {
    path: "discovery.serviceName",
    kind: serviceName(),
    default: "infernode",
    flag: "service-name",
    description: "name under which the models are registered",
  },
  {
    path: "discovery.advertiseAddress",
    kind: text("an address or host name", "<address>"),
    default: undefined,
    flag: "advertise-address",
    description: "address at which others reach this daemon; by default the one it listens on",
  },
  {
    path: "discovery.tags",
    kind: tagNames(),
    default: [],
    flag: "service-tags",
    description: "tags of each registration, besides openai and model-…, separated by commas",
  },
  {
    path: "discovery.updateIntervalMs",
    kind: milliseconds(100),
    default: 1000,
    flag: "registry-update-interval",
    description: "time between updates of the load in the registry; changes of the state are told at once",
  },
  {
    path: "consul.url",
    kind: webAddress(),
    default: "http://127.0.0.1:8500",
    flag: "consul-url",
    description: "HTTP address of the local agent",
  },
  {
    path: "consul.tokenFile",
    kind: text("a file", "<file>"),
    default: undefined,
    flag: "consul-token-file",
    description:
      "file that has the token and nothing else; by default the token of CONSUL_HTTP_TOKEN, or none",
    isPath: true,
  },
  name(
    "consul.datacenter",
    "consul-datacenter",
    "where services are looked for; by default that of the agent",
  ),
  name("consul.namespace", "consul-namespace", "of Consul Enterprise; by default that of the token"),
  name("consul.partition", "consul-partition", "of Consul Enterprise; by default that of the agent"),
  pem(
    "consul.caFile",
    "consul-ca-file",
    "certificates of the authorities that are trusted; by default those of Node.js",
  ),
  pem(
    "consul.certFile",
    "consul-cert-file",
    "certificate of this daemon for Consul, with keyFile; by default none",
  ),
  pem("consul.keyFile", "consul-key-file", "key of certFile"),
  name(
    "consul.serverName",
    "consul-server-name",
    "name in Consul's certificate; by default the host of the URL",
  ),
  {
    path: "consul.ttlMs",
    kind: milliseconds(1000),
    default: 10_000,
    flag: "consul-ttl",
    description:
      "a registration that is not confirmed for this long turns critical, and so does one whose engine has work and makes no step for this long",
  },
  {
    path: "consul.criticalTimeoutMs",
    kind: milliseconds(60_000),
    default: 600_000,
    flag: "consul-critical-timeout",
    description: "Consul removes what is critical for this long",
  },
];
