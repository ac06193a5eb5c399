import { expect } from "vitest";

import { ModelError } from "../../src/index.ts";
import type { ModelErrorCode } from "../../src/index.ts";

/** Runs `action`, expects it to throw a ModelError of `code`, and returns the error. */
export async function expectModelError(code: ModelErrorCode, action: () => unknown): Promise<ModelError> {
  let caught: unknown;
  try {
    await action();
  } catch (error) {
    caught = error;
  }
  expect(caught).toBeInstanceOf(ModelError);
  const error = caught as ModelError;
  expect({ code: error.code, message: error.message }).toMatchObject({ code });
  return error;
}
