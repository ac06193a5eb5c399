/*
 * The AI SDK tells its errors by marks that all copies of it share, so no copy of it is needed to make them.
 * @see https://github.com/vercel/ai, packages/provider/src/errors
 */

function mark(error: Error, name: string): Error {
  error.name = name;
  return Object.assign(error, {
    [Symbol.for("vercel.ai.error")]: true,
    [Symbol.for(`vercel.ai.error.${name}`)]: true,
  });
}

/** Creates the AI SDK's error for a model that there is not (`NoSuchModelError`). */
export function noSuchModel(modelId: string, modelType: string, why: string): Error {
  const error = new Error(`No such ${modelType}: ${modelId}: ${why}`);
  return Object.assign(mark(error, "AI_NoSuchModelError"), { modelId, modelType });
}

/** Creates the AI SDK's error for what a model cannot do (`UnsupportedFunctionalityError`). */
export function unsupportedFunctionality(functionality: string, why: string): Error {
  const error = new Error(`${functionality} is not supported: ${why}`);
  return Object.assign(mark(error, "AI_UnsupportedFunctionalityError"), { functionality });
}
