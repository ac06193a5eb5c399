import { ApiError } from "../../shared/api-error.ts";
import { toApiError } from "../../shared/to-api-error.ts";

/** What chat completions call a field, and what responses call it. */
const names: readonly (readonly [RegExp, string])[] = [
  [/^(?:max_tokens|max_completion_tokens|n)$/, "max_output_tokens"],
  [/^messages\b.*/, "input"],
  [/^reasoning_effort$/, "reasoning.effort"],
  [/^response_format\.json_schema\b/, "text.format"],
  [/^response_format\b/, "text.format"],
  [/^tools\[(\d+)\]\.function\b/, "tools[$1]"],
  [/^tool_choice\.function\b/, "tool_choice"],
];

function ownName(param: string): string {
  const found = names.find(([chatName]) => chatName.test(param));
  return found === undefined ? param : param.replace(...found);
}

/** Names the fields of the errors that are thrown meanwhile as responses do. */
export function catchWithOwnNames<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw withOwnNames(toApiError(error));
  }
}

/** Names the fields of an error as responses do. */
export function withOwnNames(error: ApiError): ApiError {
  const { code, message, param, retryAfterMs, status, cause } = error;
  const own = param === undefined ? undefined : ownName(param);
  if (param === undefined || own === param) return error;
  const named = ["`", ": "].reduce(
    (text, end) => text.replaceAll(`\`${param}${end}`, `\`${own}${end}`),
    message,
  );
  return new ApiError(code, named, {
    param: own,
    status,
    cause,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}
