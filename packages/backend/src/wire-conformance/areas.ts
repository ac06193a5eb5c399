import type { ConformanceArea } from "./shared/conformance-case.ts";
import { abort } from "./areas/abort.ts";
import { answers } from "./areas/answers.ts";
import { chunks } from "./areas/chunks.ts";
import { completions } from "./areas/completions.ts";
import { embeddings } from "./areas/embeddings.ts";
import { errors } from "./areas/errors.ts";
import { messages } from "./areas/messages.ts";
import { messageStreams } from "./areas/message-streams.ts";
import { models } from "./areas/models.ts";
import { parameters } from "./areas/parameters.ts";
import { requests } from "./areas/requests.ts";
import { responses } from "./areas/responses.ts";
import { responseStreams } from "./areas/response-streams.ts";
import { toolStreams } from "./areas/tool-streams.ts";
import { structured } from "./areas/structured.ts";
import { tokenize } from "./areas/tokenize.ts";
import { tools } from "./areas/tools.ts";
import { transport } from "./areas/transport.ts";

/** All areas, in the order in which they run. */
export const conformanceAreas: readonly ConformanceArea[] = [
  transport,
  chunks,
  answers,
  requests,
  parameters,
  errors,
  tools,
  toolStreams,
  structured,
  completions,
  models,
  embeddings,
  tokenize,
  responses,
  responseStreams,
  messages,
  messageStreams,
  abort,
];
