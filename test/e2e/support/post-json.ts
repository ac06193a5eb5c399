export interface JsonAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: {
    readonly error?: { readonly code: string; readonly param: string | null; readonly message: string };
    readonly [field: string]: unknown;
  };
}

/** Posts JSON and reads the JSON answer. */
export async function postJson(url: string, body: unknown, signal?: AbortSignal): Promise<JsonAnswer> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as JsonAnswer["body"],
  };
}
